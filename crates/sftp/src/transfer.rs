//! What is told of a file once it is closed.

use crate::action::Direction;
use crate::conversation::Note;
use crate::flow::Flow;
use crate::path::RemotePath;
use crate::status::StatusCode;

/// One file that was open, from its opening to its close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The note of the request that opened it.
    pub opened_by: Note,
    /// As the client named it when it was opened.
    pub path: RemotePath,
    /// What it was opened for; whether anything went is in the flows.
    pub direction: Direction,
    /// What was written; `None`: it was not opened to be written.
    pub upload: Option<Flow>,
    /// What was read; `None`: it was not opened to be read.
    pub download: Option<Flow>,
    /// How it ended.
    pub ending: Ending,
}

/// How a file's being open ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client closed it, and the server said so.
    Closed,
    /// The client closed it, and the server said that this failed: what was written may be lost.
    CloseFailed(StatusCode),
    /// The conversation ended before.
    Unclosed,
}

impl Ending {
    /// The word in records. Never changes its meaning.
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::CloseFailed(_) => "close_failed",
            Self::Unclosed => "unclosed",
        }
    }
}
