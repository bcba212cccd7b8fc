//! Sets of base columns.

use std::collections::BTreeSet;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseColumn {
    /// The table, by the name that the catalogue gave.
    pub relation: Vec<String>,
    /// The column.
    pub column: String,
}

/// Where a value can come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// These columns and nothing else but the statement itself. Empty: a value that no table holds.
    Columns(BTreeSet<BaseColumn>),
    /// Anything.
    Unknown,
}

impl Default for Origin {
    fn default() -> Self {
        Self::Columns(BTreeSet::new())
    }
}

impl Origin {
    /// Whether it can come from this column.
    pub fn may_be(&self, column: &BaseColumn) -> bool {
        match self {
            Self::Columns(columns) => columns.contains(column),
            Self::Unknown => true,
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Columns(mine), Self::Columns(others)) => mine.extend(others.iter().cloned()),
            _ => *self = Self::Unknown,
        }
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Columns(mine), Self::Columns(mut others)) => mine.append(&mut others),
            _ => *self = Self::Unknown,
        }
    }

    pub(crate) fn without(mut self, column: &BaseColumn) -> Self {
        if let Self::Columns(columns) = &mut self {
            columns.remove(column);
        }
        self
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Columns(columns) => columns.len(),
            Self::Unknown => 0,
        }
    }

    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }
}
