//! What can be wrong with a pattern's text.

use crate::Reason;

/// Why a text is not a pattern. Columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing but blanks. What stands for anything is `...`.
    #[error("the pattern is empty; `...` stands for anything")]
    Empty,
    /// More than [`MAX_PATTERN_BYTES`](crate::MAX_PATTERN_BYTES).
    #[error("the pattern is longer than {} bytes", crate::MAX_PATTERN_BYTES)]
    TooLong,
    /// Something that no command which a pattern can match has either.
    #[error("column {column}: the pattern has {reason}")]
    Text {
        /// Where it is.
        column: usize,
        /// What it is.
        reason: Reason,
    },
    /// The first word is fixed, and a command that begins with it is never matched.
    #[error("column {column}: no command can match, because it would begin with {reason}")]
    NeverRuns {
        /// Where the word begins.
        column: usize,
        /// Why such a command is complex.
        reason: Reason,
    },
    /// `...` stands for all further words and must be the last.
    #[error("column {column}: `...` can only be the last word")]
    EllipsisNotLast {
        /// Where the `...` is.
        column: usize,
    },
    /// `***`, or two wildcards with nothing between them.
    #[error("column {column}: only `*` and `**` are wildcards")]
    Stars {
        /// Where the wildcard is.
        column: usize,
    },
    /// Wildcards never match a word with `..` in its path, so this word would match nothing.
    #[error("column {column}: a word with a wildcard cannot have `.` or `..` as a directory")]
    Dots {
        /// Where the word begins.
        column: usize,
    },
    /// More than [`MAX_WILDCARD_WORD`](crate::MAX_WILDCARD_WORD).
    #[error(
        "column {column}: a word with a wildcard is longer than {} characters",
        crate::MAX_WILDCARD_WORD
    )]
    WildcardTooLong {
        /// Where the word begins.
        column: usize,
    },
}

impl PatternError {
    /// The column, counted from 1; `None` where it is about the whole text.
    pub fn column(&self) -> Option<usize> {
        match *self {
            Self::Empty | Self::TooLong => None,
            Self::Text { column, .. }
            | Self::NeverRuns { column, .. }
            | Self::EllipsisNotLast { column }
            | Self::Stars { column }
            | Self::Dots { column }
            | Self::WildcardTooLong { column } => Some(column),
        }
    }
}
