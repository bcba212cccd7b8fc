//! `BackendKeyData`, tag `K`.

use std::fmt;
use std::ops::RangeInclusive;

use super::super::writer;
use super::{Reader, WireError, tag};

const NAME: &str = "BackendKeyData";

/// Sizes of a cancel key: four bytes in protocol 3.0, up to 256 in 3.2.
pub const CANCEL_KEY_BYTES: RangeInclusive<usize> = 4..=256;

/// What a later cancel request must present. The key is not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BackendKeyData<'a> {
    /// The server's process, or whatever number it gave.
    pub process_id: i32,
    /// The secret; its size is in [`CANCEL_KEY_BYTES`].
    pub key: &'a [u8],
}

impl<'a> BackendKeyData<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(NAME, body);
        let process_id = reader.i32()?;
        let key = check(reader.rest())?;
        Ok(Self { process_id, key })
    }

    /// Appends the message. A client of protocol 3.0 must be given a key of four bytes.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        check(self.key)?;
        writer::frame(out, Some(tag::BACKEND_KEY_DATA), NAME, |out| {
            out.extend(self.process_id.to_be_bytes());
            out.extend_from_slice(self.key);
            Ok(())
        })
    }
}

impl fmt::Debug for BackendKeyData<'_> {
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

#[cfg(test)]
mod tests {
    use super::BackendKeyData;

    #[test]
    fn keys_have_4_to_256_bytes() {
        for (bytes, good) in [(3, false), (4, true), (32, true), (256, true), (257, false)] {
            let key = vec![7; bytes];
            let data = BackendKeyData {
                process_id: -2,
                key: &key,
            };
            let mut out = Vec::new();
            assert_eq!(data.encode(&mut out).is_ok(), good, "{bytes}");
            let body = [&(-2_i32).to_be_bytes(), &key[..]].concat();
            assert_eq!(BackendKeyData::parse(&body).is_ok(), good, "{bytes}");
            if good {
                assert_eq!(out[5..], body);
                assert_eq!(BackendKeyData::parse(&body), Ok(data));
                assert!(!format!("{data:?}").contains('7'));
            } else {
                assert!(out.is_empty());
            }
        }
    }
}
