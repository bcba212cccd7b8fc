//! Cutting the client's bytes into messages.

use super::super::HEADER_BYTES;
use super::{Tag, WireError, tag};

/// Largest message, tag and length included, of the kinds that carry at most a name: as in PostgreSQL, 10,000 bytes and the tag.
pub const MAX_SMALL_FRAME_BYTES: usize = 10_001;
/// Largest authentication message, tag and length included: as in PostgreSQL, 65,535 bytes and the tag.
pub const MAX_PASSWORD_FRAME_BYTES: usize = 65_536;

/// What lies at the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole message.
    Complete {
        /// Its type byte, one that the protocol has.
        tag: u8,
        /// Its body, for [`super::FrontendMessage::parse`].
        body: &'a [u8],
        /// Tag, length and body.
        total_bytes: usize,
    },
    /// The beginning of a message, or nothing.
    Partial {
        /// Its type byte, once it is there.
        tag: Option<u8>,
        /// The size of the whole message, once its length is there; within the limit.
        need_total_bytes: Option<usize>,
    },
}

/// Looks at the front of `buffer` for a message of at most `limit_bytes`, tag and length included. Kinds that
/// PostgreSQL keeps small are held to its own limit as well.
///
/// # Errors
/// An unknown type byte, as soon as it is there; an impossible or excessive length, as soon as it is there.
pub fn frame(buffer: &[u8], limit_bytes: usize) -> Result<Frame<'_>, WireError> {
    let Some(&message_tag) = buffer.first() else {
        return Ok(Frame::Partial {
            tag: None,
            need_total_bytes: None,
        });
    };
    let limit = limit_of(message_tag, limit_bytes)?;
    let Some([_, length @ ..]) = buffer.first_chunk::<HEADER_BYTES>() else {
        return Ok(Frame::Partial {
            tag: Some(message_tag),
            need_total_bytes: None,
        });
    };
    let total_bytes = total_bytes(message_tag, i32::from_be_bytes(*length), limit)?;
    Ok(match buffer.get(HEADER_BYTES..total_bytes) {
        Some(body) => Frame::Complete {
            tag: message_tag,
            body,
            total_bytes,
        },
        None => Frame::Partial {
            tag: Some(message_tag),
            need_total_bytes: Some(total_bytes),
        },
    })
}

fn total_bytes(message_tag: u8, length: i32, limit: usize) -> Result<usize, WireError> {
    let body_and_length = usize::try_from(length)
        .ok()
        .filter(|bytes| *bytes >= 4)
        .ok_or(WireError::Length {
            tag: Tag(message_tag),
            length,
        })?;
    let total = body_and_length + 1;
    if total > limit {
        return Err(WireError::TooLarge {
            tag: Tag(message_tag),
            bytes: total as u64,
            limit: limit as u64,
        });
    }
    Ok(total)
}

fn limit_of(message_tag: u8, limit_bytes: usize) -> Result<usize, WireError> {
    match message_tag {
        tag::BIND | tag::COPY_DATA | tag::FUNCTION_CALL | tag::PARSE | tag::QUERY => {
            Ok(limit_bytes)
        }
        tag::PASSWORD => Ok(limit_bytes.min(MAX_PASSWORD_FRAME_BYTES)),
        tag::CLOSE
        | tag::COPY_DONE
        | tag::COPY_FAIL
        | tag::DESCRIBE
        | tag::EXECUTE
        | tag::FLUSH
        | tag::SYNC
        | tag::TERMINATE => Ok(limit_bytes.min(MAX_SMALL_FRAME_BYTES)),
        other => Err(WireError::UnknownFrontendTag(Tag(other))),
    }
}
