//! Reads nodes as what a field must be, and gathers everything that is wrong.

use std::collections::{BTreeMap, BTreeSet};

use custos_model::is_shown_as_it_is;

use super::problem::Problem;
use super::yaml::{At, Node, Value};

/// Entries of one list at most.
const LIST_MAX: usize = 1000;
/// Problems told of one document at most; nobody reads more, and a document of mistakes would fill the memory.
const PROBLEMS_MAX: usize = 100;
/// Bytes of one text at most.
const TEXT_MAX: usize = 512;

pub(super) struct Reader<'a> {
    pub(super) file: &'a str,
    pub(super) problems: Vec<Problem>,
}

/// The known fields of a mapping that are there.
pub(super) struct Fields<'n> {
    pub(super) at: At,
    entries: BTreeMap<&'n str, &'n Node>,
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.get(name).copied()
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        Self {
            file,
            problems: Vec::new(),
        }
    }

    pub(super) fn say(&mut self, at: At, message: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem::new(self.file, at, message));
        }
    }

    /// A mapping with these fields and no other.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let Value::Map(found) = &node.value else {
            let known = known.join(", ");
            self.say(node.at, format!("{what} is a mapping of: {known}"));
            return None;
        };
        let mut entries = BTreeMap::new();
        for (key, value) in found {
            if known.contains(&key.text.as_str()) {
                entries.insert(key.text.as_str(), value);
            } else {
                let name = key.text.escape_debug();
                let known = known.join(", ");
                self.say(
                    key.at,
                    format!("{what} has no field `{name}`; known here: {known}"),
                );
            }
        }
        Some(Fields {
            at: node.at,
            entries,
        })
    }

    /// A field that must be there.
    pub(super) fn needed<'n>(
        &mut self,
        fields: &Fields<'n>,
        name: &str,
        what: &str,
    ) -> Option<&'n Node> {
        let node = fields.get(name);
        if node.is_none() {
            self.say(fields.at, format!("{what} needs `{name}`"));
        }
        node
    }

    /// A text that says something and shows itself as it is.
    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let Value::Text(text, quoted) = &node.value else {
            self.say(node.at, format!("{what} is one text"));
            return None;
        };
        if text.is_empty() || (text == "~" && !quoted) {
            self.say(node.at, format!("{what} has no value"));
        } else if text.len() > TEXT_MAX {
            self.say(node.at, format!("{what} is longer than {TEXT_MAX} bytes"));
        } else if !is_shown_as_it_is(text, TEXT_MAX) || text.trim() != text {
            let message = format!("{what} has blanks around it, or characters that do not show");
            self.say(node.at, message);
        } else {
            return Some(text);
        }
        None
    }

    /// A list, or the one thing that would be its only entry.
    pub(super) fn list<'n>(&mut self, node: &'n Node, what: &str) -> Vec<&'n Node> {
        let Value::List(items) = &node.value else {
            return vec![node];
        };
        if items.is_empty() {
            self.say(node.at, format!("{what} is an empty list"));
        }
        if items.len() > LIST_MAX {
            self.say(node.at, format!("{what} has more than {LIST_MAX} entries"));
        }
        items.iter().take(LIST_MAX).collect()
    }

    /// Texts that differ from each other.
    pub(super) fn texts(&mut self, node: &Node, what: &str) -> BTreeSet<String> {
        let mut texts = BTreeSet::new();
        for item in self.list(node, what) {
            let Some(text) = self.text(item, what) else {
                continue;
            };
            if !texts.insert(text.to_owned()) {
                self.say(item.at, format!("`{text}` stands in {what} twice"));
            }
        }
        texts
    }

    /// A whole number in plain digits, within bounds.
    pub(super) fn number(&mut self, node: &Node, what: &str, from: u64, to: u64) -> Option<u64> {
        let number = match &node.value {
            Value::Text(text, false) if is_digits(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| (from..=to).contains(number));
        if number.is_none() {
            self.say(node.at, format!("{what} is a number from {from} to {to}"));
        }
        number
    }

    pub(super) fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        match &node.value {
            Value::Text(text, false) if text == "true" => Some(true),
            Value::Text(text, false) if text == "false" => Some(false),
            _ => {
                self.say(node.at, format!("{what} is `true` or `false`"));
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &Node,
        what: &str,
        known: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(node, what)?;
        let found = known.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            let message = format!(
                "{what} cannot be `{text}`; known here: {}",
                known.join(", ")
            );
            self.say(node.at, message);
        }
        found.map(|(_, value)| *value)
    }
}

/// At least one, and no zero in front of others.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

/// Names of rules and labels: `[a-z0-9][a-z0-9._-]{0,62}`.
pub(super) fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
        })
}
