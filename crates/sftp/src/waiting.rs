//! Requests that wait for their answers.

use crate::conversation::Note;
use crate::files::{FileNumber, Opened};
use crate::number;
use crate::path::RemotePath;
use crate::response::ResponseKind;
use crate::status::StatusCode;

/// What of a request is needed to understand its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// To open something.
    Open {
        path: RemotePath,
        opened: Opened,
    },
    Read {
        offset: u64,
        length: u32,
    },
    Write {
        offset: u64,
        length: u32,
    },
    Close,
    /// The attributes of an open file.
    FileAttributes,
    /// A size for an open file.
    Resize(u64),
    /// To write an open file's content into another one.
    Copy,
    /// Anything that leaves nothing to keep count of.
    Other,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Type of its packet.
    pub(crate) kind: u8,
    pub(crate) asks: Asks,
    /// What it is about, if that is open.
    pub(crate) file: Option<FileNumber>,
    /// The adapter's own, once it has gone to the server; `None`: the server does not know of it.
    pub(crate) sent: Option<Note>,
}

impl Waiting {
    /// Whether it can be answered so (draft section 7). What is not known may be answered with anything but a handle, since
    /// what it opened could not be followed.
    pub(crate) fn takes(&self, answer: &ResponseKind<'_>) -> bool {
        let is_status = matches!(answer, ResponseKind::Status { .. });
        match self.kind {
            number::OPEN | number::OPENDIR => match answer {
                ResponseKind::Status { code, .. } => *code != StatusCode::OK,
                other => matches!(other, ResponseKind::Handle(_)),
            },
            number::READ => is_status || matches!(answer, ResponseKind::Data(_)),
            number::READDIR | number::REALPATH | number::READLINK => {
                is_status || matches!(answer, ResponseKind::Names(_))
            }
            number::STAT | number::LSTAT | number::FSTAT => {
                is_status || matches!(answer, ResponseKind::Attributes(_))
            }
            number::CLOSE
            | number::WRITE
            | number::SETSTAT
            | number::FSETSTAT
            | number::REMOVE
            | number::MKDIR
            | number::RMDIR
            | number::RENAME
            | number::SYMLINK => is_status,
            _ => !matches!(answer, ResponseKind::Handle(_)),
        }
    }
}
