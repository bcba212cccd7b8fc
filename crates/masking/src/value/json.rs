//! `json` and `jsonb`: one pass over the text (RFC 8259), replacing as it goes. What does not parse is withheld.

use std::ops::Range;

use super::json_path::{JsonPath, Live};
use super::json_text::{decode, quote};
use super::mask::{Masked, What};
use super::pg_type::Format;
use super::rewrite::Rewrite;
use super::work::Work;
use crate::detect::near::{at, digits, run};
use crate::transform::{self, Transform};

/// Arrays in objects in arrays; deeper documents are withheld.
const MAX_DEPTH: usize = 256;
/// The version that `jsonb_send` writes first.
const JSONB_VERSION: u8 = 1;

/// A path that is the document.
static DOCUMENT: JsonPath = JsonPath {
    segments: Vec::new(),
};

pub(crate) fn mask(work: Work<'_>, source: &[u8]) -> Masked {
    let (paths, transform, is_whole) = match work.what() {
        What::Whole(transform) => (std::slice::from_ref(&DOCUMENT), Some(transform), true),
        What::Paths { paths, transform } => (paths.as_slice(), Some(transform), false),
        What::Detected { .. } => (&[][..], None, false),
    };
    let mut editor = Editor {
        work,
        source,
        position: 0,
        out: Rewrite::new(source),
        paths,
        transform,
        is_whole,
    };
    let live = Live::start(paths);
    let parsed = editor
        .value(live, true, 0)
        .filter(|()| editor.next_byte().is_none());
    match parsed {
        Some(()) => editor.out.finish(),
        None => Masked::Null,
    }
}

/// In binary a version, then the same text.
pub(crate) fn jsonb(work: Work<'_>, format: Format, value: &[u8]) -> Masked {
    if format == Format::Text {
        return mask(work, value);
    }
    let Some((&JSONB_VERSION, text)) = value.split_first() else {
        return Masked::Null;
    };
    match mask(work, text) {
        Masked::Value(mut masked) => {
            masked.insert(0, JSONB_VERSION);
            Masked::Value(masked)
        }
        masked => masked,
    }
}

struct Editor<'w, 's> {
    work: Work<'w>,
    source: &'s [u8],
    position: usize,
    out: Rewrite<'s>,
    paths: &'w [JsonPath],
    transform: Option<&'w Transform>,
    is_whole: bool,
}

impl Editor<'_, '_> {
    /// One value. Nothing where the document is to be withheld. Without `edits` it is only passed over.
    fn value(&mut self, mut live: Live, edits: bool, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let first = self.next_byte()?;
        let start = self.position;
        let selected = edits && !live.is_empty() && live.arrive(self.paths, first == b'[');
        let inside = edits && !selected;
        match first {
            b'{' => self.object(&live, inside, depth)?,
            b'[' => self.array(&live, inside, depth)?,
            b'"' => {
                let range = self.string()?;
                if inside {
                    self.detect_string(range)?;
                }
            }
            b'-' | b'0'..=b'9' => {
                let range = self.number()?;
                if inside {
                    self.detect_number(range)?;
                }
            }
            _ => self.literal()?,
        }
        if selected {
            self.replace_selected(start..self.position)?;
        }
        Some(())
    }

    fn object(&mut self, live: &Live, edits: bool, depth: usize) -> Option<()> {
        self.position += 1;
        if self.next_byte()? == b'}' {
            self.position += 1;
            return Some(());
        }
        loop {
            (self.next_byte()? == b'"').then_some(())?;
            let key = self.string()?;
            let child = if live.is_empty() {
                Live::default()
            } else {
                live.member(self.paths, &decode(self.inside(&key)?)?)
            };
            if edits {
                self.detect_string(key)?;
            }
            (self.next_byte()? == b':').then_some(())?;
            self.position += 1;
            self.value(child, edits, depth + 1)?;
            if self.closes(b'}')? {
                return Some(());
            }
        }
    }

    fn array(&mut self, live: &Live, edits: bool, depth: usize) -> Option<()> {
        self.position += 1;
        if self.next_byte()? == b']' {
            self.position += 1;
            return Some(());
        }
        let mut index = 0;
        loop {
            let child = if live.is_empty() {
                Live::default()
            } else {
                live.element(self.paths, index)
            };
            self.value(child, edits, depth + 1)?;
            index += 1;
            if self.closes(b']')? {
                return Some(());
            }
        }
    }

    /// Behind a member or element: whether it was the last.
    fn closes(&mut self, bracket: u8) -> Option<bool> {
        let byte = self.next_byte()?;
        self.position += 1;
        match byte {
            b',' => Some(false),
            _ if byte == bracket => Some(true),
            _ => None,
        }
    }

    /// The next byte that is no white space; the position is at it then.
    fn next_byte(&mut self) -> Option<u8> {
        let space = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.position += run(self.source, self.position, usize::MAX, space);
        self.source.get(self.position).copied()
    }

    /// From quote to quote.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.position;
        let mut next = start + 1;
        loop {
            let rest = self.source.get(next..)?;
            next += memchr::memchr2(b'"', b'\\', rest)?;
            match at(self.source, next) {
                b'"' => break,
                _ => next += 2,
            }
        }
        self.position = next + 1;
        Some(start..self.position)
    }

    fn number(&mut self) -> Option<Range<usize>> {
        let start = self.position;
        let mut next = start + usize::from(at(self.source, start) == b'-');
        next += self.some_digits(next)?;
        if at(self.source, next) == b'.' {
            next += 1 + self.some_digits(next + 1)?;
        }
        if matches!(at(self.source, next), b'e' | b'E') {
            next += 1 + usize::from(matches!(at(self.source, next + 1), b'+' | b'-'));
            next += self.some_digits(next)?;
        }
        self.position = next;
        Some(start..next)
    }

    fn some_digits(&self, index: usize) -> Option<usize> {
        Some(digits(self.source, index, usize::MAX)).filter(|count| *count > 0)
    }

    fn literal(&mut self) -> Option<()> {
        let rest = self.source.get(self.position..)?;
        let found = [&b"true"[..], b"false", b"null"]
            .into_iter()
            .find(|word| rest.starts_with(word))?;
        self.position += found.len();
        Some(())
    }

    fn inside(&self, string: &Range<usize>) -> Option<&[u8]> {
        self.source
            .get(string.start + 1..string.end.checked_sub(1)?)
    }

    /// With detectors: a string or key, with its escapes decoded.
    fn detect_string(&mut self, string: Range<usize>) -> Option<()> {
        if !self.work.is_detecting() {
            return Some(());
        }
        let decoded = decode(self.inside(&string)?)?;
        match self.work.text(&decoded) {
            Masked::Unchanged => Some(()),
            Masked::Null => None,
            Masked::Value(masked) => {
                self.out.replace(string, &quote(&masked));
                Some(())
            }
        }
    }

    fn detect_number(&mut self, number: Range<usize>) -> Option<()> {
        if !self.work.is_detecting() {
            return Some(());
        }
        let text = self.source.get(number.clone())?;
        let found = self.work.found(text);
        let Some(finding) = found.first() else {
            return Some(());
        };
        let with = scalar(self.work.transform_for(finding.detector), text)?;
        self.out.replace(number, &with);
        Some(())
    }

    /// What a path or the whole mask selected.
    fn replace_selected(&mut self, range: Range<usize>) -> Option<()> {
        let transform = self.transform?;
        let text = self.source.get(range.clone())?;
        let with = match text.first()? {
            b'n' => return Some(()),
            b'"' => {
                let decoded = decode(self.inside(&range)?)?;
                transform.text(&decoded).map(|masked| quote(&masked))
            }
            b'-' | b'0'..=b'9' => scalar(transform, text),
            _ if transform.takes_documents() => transform.text(text).map(|masked| quote(&masked)),
            _ => None,
        };
        if with.is_none() && self.is_whole {
            return None;
        }
        self.out.replace(range, with.as_deref().unwrap_or(b"null"));
        Some(())
    }
}

/// A number: a string where the transform makes texts, else a number without exponent.
fn scalar(transform: &Transform, number: &[u8]) -> Option<Vec<u8>> {
    if transform.takes_documents() {
        return transform.text(number).map(|masked| quote(&masked));
    }
    let text = std::str::from_utf8(number).ok()?;
    if text.contains(['e', 'E']) {
        return None;
    }
    transform
        .number(text, transform::Range::Decimal)
        .map(String::into_bytes)
}
