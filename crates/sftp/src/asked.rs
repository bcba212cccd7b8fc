//! Requests on their way to the server, and those that never get there.

use bytes::Bytes;

use crate::action::{Action, Fault};
use crate::number;
use crate::reader::{LENGTH_BYTES, Reader};
use crate::request::{Request, RequestId, RequestKind};

/// A request that waits to be [forwarded](crate::Conversation::forward) or [refused](crate::Conversation::refuse). One of
/// both has to happen, or its client waits for ever.
#[must_use = "its client waits for an answer"]
#[derive(Debug)]
pub struct Asked {
    pub(crate) packet: Bytes,
    pub(crate) id: RequestId,
    pub(crate) action: Action,
}

impl Asked {
    /// Its number.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// What it does.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// The packet as it came.
    pub fn packet(&self) -> &Bytes {
        &self.packet
    }

    /// All that stands in it.
    pub fn request(&self) -> Request<'_> {
        Request::parse(&self.packet).unwrap_or_else(|_| {
            // It was read before, so this is never reached; if it were, it would be the riskiest that there is.
            let kind = Reader::new(&self.packet).map_or(number::EXTENDED, |reader| reader.kind());
            let body = self.packet.get(LENGTH_BYTES + 1..).unwrap_or_default();
            Request {
                id: self.id,
                kind: RequestKind::Unknown { kind, body },
            }
        })
    }
}

/// A request that the gateway has answered itself, because nobody could follow what it would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its number.
    pub id: RequestId,
    /// The packet as it came.
    pub packet: Bytes,
    /// Why.
    pub fault: Fault,
    /// The answer, for the client.
    pub answer: Bytes,
}
