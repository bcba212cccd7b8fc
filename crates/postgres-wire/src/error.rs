//! What can be wrong with bytes on the wire.

use std::fmt;

/// Bytes that are not the protocol, or more of them than is allowed.
///
/// The text of an error holds tags, lengths and names of messages, and never content, so it may be shown to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The length word is below its minimum; it counts itself, and it is signed.
    #[error("message {tag} has the impossible length {length}")]
    Length {
        /// The message.
        tag: Tag,
        /// The length as received.
        length: i32,
    },
    /// The message is longer than is allowed here.
    #[error("message {tag} of {bytes} bytes is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The message.
        tag: Tag,
        /// Its whole size, tag and length included.
        bytes: u64,
        /// What was allowed.
        limit: u64,
    },
    /// A frontend message that the protocol does not have.
    #[error("frontend message type {0} is not known")]
    UnknownFrontendTag(Tag),
    /// A backend message that the protocol does not have.
    #[error("backend message type {0} is not known")]
    UnknownBackendTag(Tag),
    /// The message ends before its content does.
    #[error("{message} ends too early")]
    Truncated {
        /// The message's name in the specification.
        message: &'static str,
    },
    /// The message goes on after its content.
    #[error("{message} has {bytes} bytes too many")]
    TrailingBytes {
        /// The message's name in the specification.
        message: &'static str,
        /// How many are left.
        bytes: usize,
    },
    /// A text without its terminating zero.
    #[error("{message} has a text that is not terminated")]
    Unterminated {
        /// The message's name in the specification.
        message: &'static str,
    },
    /// A value's length is negative and is not −1, which stands for NULL.
    #[error("{message} has a value of the impossible length {length}")]
    ValueLength {
        /// The message's name in the specification.
        message: &'static str,
        /// The length as received.
        length: i32,
    },
    /// Anything else that the specification forbids.
    #[error("{message}: {problem}")]
    Invalid {
        /// The message's name in the specification.
        message: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The first packet is shorter or longer than any can be.
    #[error("the startup packet has the impossible length {0}")]
    StartupLength(i32),
    /// The first packet asks for a major version other than 3.
    #[error("protocol version {major}.{minor} is not supported; 3.0 to 3.2 are")]
    UnsupportedProtocol {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// To be sent: a text with a zero byte inside, which the protocol cannot carry.
    #[error("{message} cannot carry a text with a zero byte inside")]
    EmbeddedZero {
        /// The message's name in the specification.
        message: &'static str,
    },
    /// To be sent: more bytes or elements than the protocol can count.
    #[error("{message} is too long to be sent")]
    Oversized {
        /// The message's name in the specification.
        message: &'static str,
    },
}

impl WireError {
    /// The SQLSTATE to answer with: `08P01` (protocol violation), `54000` (limit exceeded), or
    /// `0A000` (feature not supported) for a foreign protocol version.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::Oversized { .. } => "54000",
            Self::UnsupportedProtocol { .. } => "0A000",
            _ => "08P01",
        }
    }

    /// A text that may be sent to the peer.
    pub fn public_text(&self) -> String {
        self.to_string()
    }
}

/// A message's type byte, shown so that any byte is readable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tag(pub u8);

impl fmt::Display for Tag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "'{}'", self.0.escape_ascii())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::{Tag, WireError};

    #[test]
    fn states_and_texts_are_stable() {
        let too_large = WireError::TooLarge {
            tag: Tag(b'Q'),
            bytes: 9,
            limit: 8,
        };
        assert_eq!(too_large.sqlstate(), "54000");
        assert_eq!(
            too_large.public_text(),
            "message 'Q' of 9 bytes is larger than the limit of 8 bytes"
        );
        let unknown = WireError::UnknownFrontendTag(Tag(0));
        assert_eq!(unknown.sqlstate(), "08P01");
        assert_eq!(
            unknown.public_text(),
            "frontend message type '\\x00' is not known"
        );
        let version = WireError::UnsupportedProtocol { major: 2, minor: 0 };
        assert_eq!(version.sqlstate(), "0A000");
    }
}
