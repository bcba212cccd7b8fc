//! Prepared statements and portals by name, as the target knows them (protocol level).

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use custos_model::Effect;

use crate::judge::Described;
use crate::wire::Format;

/// A prepared statement.
#[derive(Debug)]
pub(crate) struct Statement {
    /// Its text, with what is not UTF-8 replaced.
    pub(crate) text: String,
    /// Nothing was replaced.
    pub(crate) is_utf8: bool,
    pub(crate) effect: Effect,
    /// OIDs of its parameters' types, as far as the client named them.
    pub(crate) types: Box<[u32]>,
    /// Names of its result's columns, once the target described them.
    pub(crate) columns: OnceLock<Columns>,
}

/// A bound portal.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) statement: Arc<Statement>,
    /// Statements that it may be of instead, if what was under way went wrong.
    pub(crate) others: Vec<Arc<Statement>>,
    /// Texts that were prepared in SQL under the statement's name; `None`: more than are known.
    pub(crate) in_sql: Option<Vec<String>>,
    pub(crate) parameters: usize,
    /// The parameters' values, where people may have to approve them; `None`: they were not kept.
    pub(crate) values: Option<Box<[BoundValue]>>,
    /// Format codes as bound: none is text for all, one is for all, else one for each column.
    pub(crate) result_formats: Box<[Format]>,
    pub(crate) columns: OnceLock<Columns>,
}

/// A parameter's value, and its form; `None` is NULL.
pub(crate) type BoundValue = (Format, Option<Box<[u8]>>);

/// Column names and forms of a result.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) names: Arc<[Box<[u8]>]>,
    pub(crate) described: Arc<[Described]>,
}

impl Portal {
    /// Whether column `index` comes in text form.
    pub(crate) fn is_text(&self, index: usize) -> bool {
        is_text(&self.result_formats, index)
    }

    /// What its columns are called, if the target has said so.
    pub(crate) fn column_names(&self) -> Option<&Columns> {
        self.columns.get().or_else(|| self.statement.columns.get())
    }
}

/// The form of a column by Bind's format codes.
pub(crate) fn format_of(formats: &[Format], index: usize) -> Format {
    match formats {
        [] => Format::Text,
        [all] => *all,
        each => each.get(index).copied().unwrap_or(Format::Text),
    }
}

/// The rule of Bind's format codes (protocol documentation, "Bind").
pub(crate) fn is_text(formats: &[Format], index: usize) -> bool {
    match formats {
        [] => true,
        [all] => *all == Format::Text,
        each => each.get(index).is_none_or(|&format| format == Format::Text),
    }
}

/// More than this is held for no session.
const NAMES_AT_MOST: usize = 20_000;
const TEXT_BYTES_AT_MOST: usize = 64 << 20;

/// The names of one kind. Definitions are taken as made when they are sent, and taken back when the target
/// turns out to have refused or skipped them.
#[derive(Debug)]
pub(crate) struct Names<T> {
    entries: HashMap<Box<[u8]>, Arc<T>>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
        }
    }
}

/// How a name was before a change that may have to be taken back.
#[derive(Debug)]
pub(crate) struct Undo<T> {
    name: Box<[u8]>,
    previous: Option<Arc<T>>,
}

/// Bytes of a name that count (`NAMEDATALEN` of the server, less one).
const NAME_BYTES: usize = 63;

/// What counts of a name.
pub(crate) fn clip(name: &[u8]) -> &[u8] {
    name.get(..NAME_BYTES).unwrap_or(name)
}

impl<T> Undo<T> {
    /// Whether it is about this name.
    pub(crate) fn is_of(&self, name: &[u8]) -> bool {
        *self.name == *clip(name)
    }

    /// What stood under the name before.
    pub(crate) fn previous(&self) -> Option<&Arc<T>> {
        self.previous.as_ref()
    }
}

impl<T> Names<T> {
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Arc<T>> {
        self.entries.get(clip(name))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= NAMES_AT_MOST
    }

    pub(crate) fn set(&mut self, name: &[u8], value: Arc<T>) -> Undo<T> {
        let name = clip(name);
        // The unnamed statement and portal are replaced at every use: no new key for them.
        let previous = match self.entries.get_mut(name) {
            Some(entry) => Some(std::mem::replace(entry, value)),
            None => self.entries.insert(name.into(), value),
        };
        Undo {
            name: name.into(),
            previous,
        }
    }

    pub(crate) fn remove(&mut self, name: &[u8]) -> Undo<T> {
        let name = clip(name);
        Undo {
            name: name.into(),
            previous: self.entries.remove(name),
        }
    }

    pub(crate) fn undo(&mut self, undo: Undo<T>) {
        match undo.previous {
            Some(previous) => self.entries.insert(undo.name, previous),
            None => self.entries.remove(&undo.name),
        };
    }
}

impl Names<Statement> {
    /// Whether one more statement of this length would be too much to remember.
    pub(crate) fn would_overflow(&self, text_bytes: usize) -> bool {
        // Counted when asked: statements are prepared rarely, compared with being run.
        self.is_full()
            || (text_bytes > 64 * 1024
                && self
                    .entries
                    .values()
                    .map(|statement| statement.text.len())
                    .sum::<usize>()
                    + text_bytes
                    > TEXT_BYTES_AT_MOST)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Names, is_text};
    use crate::wire::Format;

    #[test]
    fn undoing_in_reverse_order_restores() {
        let mut names = Names::default();
        names.set(b"a", Arc::new(1));
        let first = names.set(b"a", Arc::new(2));
        let second = names.set(b"a", Arc::new(3));
        let third = names.remove(b"a");
        assert!(names.get(b"a").is_none());
        names.undo(third);
        names.undo(second);
        assert_eq!(names.get(b"a").map(|value| **value), Some(2));
        names.undo(first);
        assert_eq!(names.get(b"a").map(|value| **value), Some(1));
    }

    #[test]
    fn format_codes_apply_as_documented() {
        assert!(is_text(&[], 5));
        assert!(!is_text(&[Format::Binary], 5));
        assert!(is_text(&[Format::Binary, Format::Text], 1));
        assert!(!is_text(&[Format::Text, Format::Binary], 1));
    }
}
