//! SSH_FXP_STATUS (draft section 7), also as the gateway itself answers.

use crate::number;
use crate::request::RequestId;

/// What is sent of a message at most.
pub const MAX_MESSAGE_BYTES: usize = 1024;

/// A code of SSH_FXP_STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(pub u32);

impl StatusCode {
    /// It is done.
    pub const OK: Self = Self(0);
    /// There is no more to read.
    pub const EOF: Self = Self(1);
    /// There is no such file.
    pub const NO_SUCH_FILE: Self = Self(2);
    /// It is not allowed.
    pub const PERMISSION_DENIED: Self = Self(3);
    /// Anything else.
    pub const FAILURE: Self = Self(4);
    /// The request is malformed.
    pub const BAD_MESSAGE: Self = Self(5);
    /// Never sent by a server.
    pub const NO_CONNECTION: Self = Self(6);
    /// Never sent by a server.
    pub const CONNECTION_LOST: Self = Self(7);
    /// The server does not know the request.
    pub const OP_UNSUPPORTED: Self = Self(8);

    /// The word in records: the draft's name in lower case.
    pub fn word(self) -> &'static str {
        match self {
            Self::OK => "ok",
            Self::EOF => "eof",
            Self::NO_SUCH_FILE => "no_such_file",
            Self::PERMISSION_DENIED => "permission_denied",
            Self::FAILURE => "failure",
            Self::BAD_MESSAGE => "bad_message",
            Self::NO_CONNECTION => "no_connection",
            Self::CONNECTION_LOST => "connection_lost",
            Self::OP_UNSUPPORTED => "op_unsupported",
            _ => "other",
        }
    }
}

/// A whole SSH_FXP_STATUS packet. A message of more than [`MAX_MESSAGE_BYTES`] is cut.
pub fn status(id: RequestId, code: StatusCode, message: &str) -> Vec<u8> {
    let message = cut(message);
    let mut body = vec![number::STATUS];
    body.extend(id.0.to_be_bytes());
    body.extend(code.0.to_be_bytes());
    string(&mut body, message.as_bytes());
    // The language of the message, which is not told.
    string(&mut body, b"");
    let mut packet = Vec::with_capacity(4 + body.len());
    string(&mut packet, &body);
    packet
}

/// The answer to a request that is not allowed, extended ones included. SSH_FXP_INIT has no id and cannot be refused so.
///
/// [`crate::Conversation::refuse`] gives the same and also knows that the request is answered.
pub fn refusal(id: RequestId, message: &str) -> Vec<u8> {
    status(id, StatusCode::PERMISSION_DENIED, message)
}

fn cut(message: &str) -> &str {
    let end = message.floor_char_boundary(MAX_MESSAGE_BYTES);
    message.get(..end).unwrap_or_default()
}

/// No caller has more than 4 GiB.
fn string(out: &mut Vec<u8>, value: &[u8]) {
    out.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(value);
}

#[cfg(test)]
mod tests {
    use super::{MAX_MESSAGE_BYTES, StatusCode, refusal};
    use crate::request::RequestId;
    use crate::response::{Response, ResponseKind};

    #[test]
    fn a_refusal_is_a_status() {
        let packet = refusal(RequestId(7), "no");
        let expected = b"\0\0\0\x13\x65\0\0\0\x07\0\0\0\x03\0\0\0\x02no\0\0\0\0";
        assert_eq!(packet, expected);
        let long = refusal(RequestId(7), &"ä".repeat(5000));
        let response = Response::parse(&long).unwrap();
        let ResponseKind::Status { code, message } = response.kind else {
            panic!("{response:?}");
        };
        assert_eq!(code, StatusCode::PERMISSION_DENIED);
        assert_eq!(message, "ä".repeat(MAX_MESSAGE_BYTES / 2).as_bytes());
    }
}
