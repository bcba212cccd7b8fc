//! Why a conversation cannot be followed.

/// Why a conversation cannot be followed any more. The channel is to be closed: what one side meant and what the other will
/// understand may differ from here on.
///
/// The texts hold names, numbers and lengths, never content, so that either side may read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SftpError {
    /// A packet without even a type.
    #[error("a packet is empty")]
    PacketEmpty,
    /// A packet is longer than [`crate::MAX_PACKET_BYTES`].
    #[error("a packet of {bytes} bytes is larger than the limit of {limit} bytes")]
    PacketTooLarge {
        /// What its length word says.
        bytes: u32,
        /// What is allowed.
        limit: u32,
    },
    /// A value runs past the end of its packet.
    #[error("{packet} ends inside a value")]
    Truncated {
        /// The packet's name in the draft.
        packet: &'static str,
    },
    /// Something stands after the last value.
    #[error("{packet} goes on for {bytes} bytes after its last value")]
    Trailing {
        /// The packet's name in the draft.
        packet: &'static str,
        /// How many are left.
        bytes: usize,
    },
    /// A request before SSH_FXP_INIT, or an answer before SSH_FXP_VERSION.
    #[error("a packet of type {kind} comes before there is a version")]
    TooEarly {
        /// The packet's type.
        kind: u8,
    },
    /// A second SSH_FXP_INIT or SSH_FXP_VERSION.
    #[error("{packet} comes out of turn")]
    OutOfTurn {
        /// The packet's name in the draft.
        packet: &'static str,
    },
    /// The sides would speak another version than 3.
    #[error("version {version} of SFTP cannot be followed, only 3 can")]
    Version {
        /// The version.
        version: u32,
    },
    /// A client used a request id again before its first request was answered: it would not be known which one an answer is
    /// for.
    #[error("request id {id} is used again before it was answered")]
    IdInUse {
        /// The id.
        id: u32,
    },
    /// A server answered what was not asked, was answered already, or was never forwarded to it.
    #[error("request {id}, which does not wait for an answer, was answered")]
    NotAsked {
        /// The id.
        id: u32,
    },
    /// A server's packet is none that there is.
    #[error("a packet of type {kind} is no answer")]
    UnknownAnswer {
        /// The packet's type.
        kind: u8,
    },
    /// A request was answered with something that its answer cannot be.
    #[error("{answer} does not answer {request}")]
    WrongAnswer {
        /// The request's name in the draft.
        request: &'static str,
        /// The answer's name in the draft.
        answer: &'static str,
    },
    /// A read was answered with more than was asked for.
    #[error("{bytes} bytes of data came where {asked} were asked for")]
    MoreThanAsked {
        /// Bytes asked for.
        asked: u32,
        /// Bytes that came.
        bytes: usize,
    },
    /// A server gave a handle of more than [`crate::MAX_HANDLE_BYTES`].
    #[error("a handle of {bytes} bytes is too long")]
    HandleTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A server gave a handle that is that of another open file.
    #[error("a handle was given twice")]
    HandleInUse,
}

impl SftpError {
    /// The word in records. Never changes its meaning.
    pub fn code(self) -> &'static str {
        match self {
            Self::PacketEmpty => "packet_empty",
            Self::PacketTooLarge { .. } => "packet_too_large",
            Self::Truncated { .. } => "truncated",
            Self::Trailing { .. } => "trailing",
            Self::TooEarly { .. } => "too_early",
            Self::OutOfTurn { .. } => "out_of_turn",
            Self::Version { .. } => "version",
            Self::IdInUse { .. } => "id_in_use",
            Self::NotAsked { .. } => "not_asked",
            Self::UnknownAnswer { .. } => "unknown_answer",
            Self::WrongAnswer { .. } => "wrong_answer",
            Self::MoreThanAsked { .. } => "more_than_asked",
            Self::HandleTooLong { .. } => "handle_too_long",
            Self::HandleInUse => "handle_in_use",
        }
    }
}
