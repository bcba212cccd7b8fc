//! The part of YAML that documents may use, read into nodes that know where they stand.
//!
//! What makes one text mean another, or much more than it shows, is refused: anchors and aliases, merge keys, tags, a
//! second document, repeated keys. No scalar is given a type here: whoever reads a field knows what it must be, so
//! that `no` is never a boolean by accident.

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::Problem;

/// Bytes of one document at most.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// Lists and mappings inside each other at most.
const DEPTH_MAX: usize = 16;

/// A place in a document, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// The text; whether it stood in quotes.
    Text(String, bool),
    List(Vec<Node>),
    /// Keys differ from each other.
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) at: At,
    pub(super) text: String,
}

/// What is being built.
enum Open {
    List(At, Vec<Node>),
    Map {
        at: At,
        entries: Vec<(Key, Node)>,
        seen: HashSet<String>,
        key: Option<Key>,
    },
}

/// Reads a document. The first problem ends it, since what follows would be guesswork.
pub(super) fn read(file: &str, text: &str) -> Result<Node, Problem> {
    let start = At { line: 1, column: 1 };
    if text.len() > DOCUMENT_BYTES_MAX {
        let message = format!("the document is larger than {DOCUMENT_BYTES_MAX} bytes");
        return Err(Problem::new(file, start, message));
    }
    if let Some(at) = marker_inside(text) {
        let message =
            "`---` and `...` are refused behind the first line: write one document to a file";
        return Err(Problem::new(file, at, message));
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            let at = place(marker.line(), marker.col());
            Problem::new(file, at, format!("this is not YAML: {}", error.info()))
        })?;
        let at = place_of(&span);
        builder
            .take(event, at)
            .map_err(|(at, message)| Problem::new(file, at, message))?;
    }
    builder
        .root
        .ok_or_else(|| Problem::new(file, start, "the document is empty"))
}

/// Where a marker of documents stands behind the first line that says something. A file is one document, and the
/// parser does not come back from such a marker within brackets.
fn marker_inside(text: &str) -> Option<At> {
    let mut said = false;
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if said && is_marker(line) {
            return Some(place(number + 1, 0));
        }
        said |= !trimmed.is_empty() && !trimmed.starts_with('#');
    }
    None
}

fn is_marker(line: &str) -> bool {
    ["---", "..."].iter().any(|marker| {
        line.strip_prefix(marker)
            .is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace))
    })
}

fn place(line: usize, column_from_0: usize) -> At {
    At {
        line: line.max(1),
        column: column_from_0 + 1,
    }
}

fn place_of(span: &Span) -> At {
    place(span.start.line(), span.start.col())
}

type Refusal = (At, String);

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: At) -> Result<(), Refusal> {
        match event {
            Event::Alias(_) => Err(refusal(
                at,
                "aliases (`*name`) are refused: repeat the text",
            )),
            Event::DocumentStart(_) if self.root.is_some() => Err(refusal(
                at,
                "a second document is refused: write another file",
            )),
            Event::Scalar(text, style, anchor, tag) => {
                plain(at, anchor, tag.is_some())?;
                let quoted = style != ScalarStyle::Plain;
                self.complete(Node {
                    at,
                    value: Value::Text(text.into_owned(), quoted),
                })
            }
            Event::SequenceStart(anchor, tag) => {
                plain(at, anchor, tag.is_some())?;
                self.begin(at, Open::List(at, Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                plain(at, anchor, tag.is_some())?;
                let map = Open::Map {
                    at,
                    entries: Vec::new(),
                    seen: HashSet::new(),
                    key: None,
                };
                self.begin(at, map)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(at, items)) => self.complete(Node {
                    at,
                    value: Value::List(items),
                }),
                Some(Open::Map { at, entries, .. }) => self.complete(Node {
                    at,
                    value: Value::Map(entries),
                }),
                None => Err(refusal(at, "a list or mapping ends that never began")),
            },
            _ => Ok(()),
        }
    }

    fn begin(&mut self, at: At, open: Open) -> Result<(), Refusal> {
        if self.open.len() >= DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} lists and mappings inside each other");
            return Err((at, message));
        }
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err(refusal(at, "a key must be a text"));
        }
        self.open.push(open);
        Ok(())
    }

    fn complete(&mut self, node: Node) -> Result<(), Refusal> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map {
                entries, seen, key, ..
            }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(as_key(node, seen)?),
            },
        }
        Ok(())
    }
}

fn as_key(node: Node, seen: &mut HashSet<String>) -> Result<Key, Refusal> {
    let Value::Text(text, quoted) = node.value else {
        return Err(refusal(node.at, "a key must be a text"));
    };
    if text == "<<" && !quoted {
        return Err(refusal(
            node.at,
            "merge keys (`<<`) are refused: repeat the text",
        ));
    }
    if !seen.insert(text.clone()) {
        return Err((
            node.at,
            format!("`{}` stands here twice", text.escape_debug()),
        ));
    }
    Ok(Key { at: node.at, text })
}

fn plain(at: At, anchor: usize, tagged: bool) -> Result<(), Refusal> {
    if anchor != 0 {
        return Err(refusal(
            at,
            "anchors (`&name`) are refused: repeat the text",
        ));
    }
    if tagged {
        return Err(refusal(at, "tags (`!name`) are refused"));
    }
    Ok(())
}

fn refusal(at: At, message: &str) -> Refusal {
    (at, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, DOCUMENT_BYTES_MAX, Value, read};

    fn refused(text: &str) -> String {
        read("p.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn nodes_know_where_they_stand() {
        let node = read("p.yaml", "# first\na: 1\nb:\n  - 'x'\n").unwrap();
        let Value::Map(entries) = &node.value else {
            panic!("{node:?}");
        };
        let places: Vec<_> = entries
            .iter()
            .map(|(key, value)| (key.at.line, key.at.column, value.at.line, value.at.column))
            .collect();
        assert_eq!(places, [(2, 1, 2, 4), (3, 1, 4, 3)]);
        let Value::List(items) = &entries[1].1.value else {
            panic!("{node:?}");
        };
        assert!(matches!(&items[0].value, Value::Text(text, true) if text == "x"));
    }

    #[test]
    fn what_hides_its_meaning_is_refused() {
        for (text, why) in [
            ("a: &x 1\nb: *x\n", "p.yaml:1:"),
            ("a: &x 1\n", "anchors"),
            ("a: *x\n", "p.yaml:1:4: "),
            ("<<: {a: 1}\n", "merge keys"),
            ("a: !!str 1\n", "tags"),
            ("a: !mine {}\n", "tags"),
            ("a: 1\n---\nb: 2\n", "2:1: `---`"),
            ("a: 1\n...\n", "2:1: `---`"),
            ("{a: 1,\n--- }", "2:1: `---`"),
            ("a: 1\na: 2\n", "2:1: `a` stands here twice"),
            ("? [a]\n: 1\n", "a key must be a text"),
            ("a: [", "not YAML"),
            ("{---", "not YAML"),
            ("", "empty"),
            ("# nothing\n", "empty"),
        ] {
            let said = refused(text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn size_and_depth_have_limits() {
        assert!(refused(&"#".repeat(DOCUMENT_BYTES_MAX + 1)).contains("larger"));
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read("p", &nested(DEPTH_MAX)).is_ok());
        assert!(refused(&nested(DEPTH_MAX + 1)).contains("inside each other"));
        // The parser has a limit of its own, since it reads ahead.
        assert!(refused(&nested(100_000)).contains("recursion limit"));
    }
}
