//! What is wrong with bytes from the wire.

/// A message that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A value runs past the end of its message.
    #[error("the message ends inside a value")]
    Truncated,
    /// Something stands after the last value.
    #[error("the message goes on after its last value")]
    Trailing,
    /// A text is not in its encoding.
    #[error("a text is not in its encoding")]
    NotUtf8,
    /// A value is none of those that there are.
    #[error("a value is not known")]
    Unknown,
    /// A value is longer than it may be.
    #[error("{0} is too long")]
    TooLong(&'static str),
}

/// Why a connection cannot go on. The texts are fit for the peer to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A message cannot be read.
    #[error("malformed {0}: {1}")]
    Malformed(&'static str, #[source] WireError),
    /// The first line is not that of SSH 2.0.
    #[error("no identification of SSH 2.0")]
    Identification,
    /// A packet's length is not one that there is.
    #[error("bad packet length {0}")]
    PacketLength(u32),
    /// A packet is not authentic, or was altered.
    #[error("packet integrity check failed")]
    Integrity,
    /// The peer's algorithms and ours have none in common.
    #[error("no {what} in common; the peer offers {offered}")]
    NothingInCommon {
        /// Kind of algorithm.
        what: &'static str,
        /// What the peer offered.
        offered: String,
    },
    /// The cipher is safe with strict key exchange only, which the peer does not know.
    #[error("{0} needs strict key exchange, which the peer does not know")]
    NotStrict(&'static str),
    /// A message that must not come now.
    #[error("message {0} is not expected here")]
    Unexpected(u8),
    /// A key exchange gave no key.
    #[error("key exchange failed")]
    KeyExchange,
    /// The server's key is not the one that it should have.
    #[error("host key verification failed")]
    HostKey,
    /// The peer has disconnected.
    #[error("the peer disconnected: {description}")]
    Disconnected {
        /// Code of RFC 4253 section 11.1.
        reason: u32,
        /// What it said, without control characters, at most 1024 bytes.
        description: String,
    },
    /// The crypto library failed.
    #[error("cryptography is not available")]
    Crypto,
    /// Too much was to be sent while keys were exchanged.
    #[error("too much waits for the end of a key exchange")]
    Backlog,
}

impl Broken {
    /// The code for the peer (RFC 4253 section 11.1).
    pub fn disconnect_reason(&self) -> u32 {
        match self {
            Self::Integrity => 5,
            Self::NothingInCommon { .. } | Self::NotStrict(_) | Self::KeyExchange => 3,
            Self::HostKey => 9,
            Self::Identification => 8,
            Self::Crypto | Self::Backlog => 11,
            _ => 2,
        }
    }
}

/// For messages that cannot be read.
pub(crate) fn malformed(what: &'static str) -> impl FnOnce(WireError) -> Broken {
    move |error| Broken::Malformed(what, error)
}
