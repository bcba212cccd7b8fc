//! Answers on their way to the client.

use bytes::Bytes;

use crate::conversation::Note;
use crate::error::SftpError;
use crate::request::RequestId;
use crate::response::{Response, ResponseKind};
use crate::status::StatusCode;
use crate::transfer::Transfer;

/// A server's answer, which is for the client as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The packet as it came.
    pub packet: Bytes,
    /// Number of the request.
    pub id: RequestId,
    /// The note of the request.
    pub note: Note,
    /// How it went.
    pub outcome: Outcome,
    /// A file that is closed with this.
    pub transfer: Option<Box<Transfer>>,
}

impl Answer {
    /// All that stands in it.
    pub fn response(&self) -> Result<Response<'_>, SftpError> {
        Response::parse(&self.packet)
    }
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and what was asked for is in the answer.
    Done,
    /// There is no more to read.
    End,
    /// It failed.
    Failed(StatusCode),
}

impl Outcome {
    pub(crate) fn of(kind: &ResponseKind<'_>) -> Self {
        match kind {
            ResponseKind::Status {
                code: StatusCode::EOF,
                ..
            } => Self::End,
            ResponseKind::Status { code, .. } if *code != StatusCode::OK => Self::Failed(*code),
            _ => Self::Done,
        }
    }
}
