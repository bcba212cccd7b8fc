//! `CancelRequest`.

use std::fmt;

use super::super::backend::CANCEL_KEY_BYTES;
use super::super::writer;
use super::{CANCEL_REQUEST, Reader, WireError};

const NAME: &str = "CancelRequest";

/// Asks to interrupt a statement of another connection. The key is not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CancelRequest<'a> {
    /// The number from that connection's `BackendKeyData`.
    pub process_id: i32,
    /// The secret from that connection's `BackendKeyData`, 4 to 256 bytes. Compare it in constant time.
    pub key: &'a [u8],
}

impl<'a> CancelRequest<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(NAME, body);
        let process_id = reader.i32()?;
        let key = check(reader.rest())?;
        Ok(Self { process_id, key })
    }

    /// Appends the packet.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        check(self.key)?;
        writer::frame(out, None, NAME, |out| {
            out.extend(CANCEL_REQUEST.to_be_bytes());
            out.extend(self.process_id.to_be_bytes());
            out.extend_from_slice(self.key);
            Ok(())
        })
    }
}

impl fmt::Debug for CancelRequest<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct(NAME)
            .field("process_id", &self.process_id)
            .finish_non_exhaustive()
    }
}

fn check(key: &[u8]) -> Result<&[u8], WireError> {
    if CANCEL_KEY_BYTES.contains(&key.len()) {
        return Ok(key);
    }
    Err(WireError::Invalid {
        message: NAME,
        problem: "a cancel key has 4 to 256 bytes",
    })
}
