//! The smallest thing that policy judges.

/// What an operation does to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Only reads; proven, never guessed.
    Read,
    /// Not proven to be a read: treated as one that can change something.
    Unknown,
}

impl Effect {
    /// The word used in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Unknown => "unknown",
        }
    }
}

/// An operation as its adapter extracted it, before anything was decided.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// The protocol's verb, for example `query` or `execute`.
    pub verb: &'static str,
    /// What it does.
    pub effect: Effect,
    /// The exact command text.
    pub text: &'a str,
    /// How many bound parameters it carries; their values stand in the transcript.
    pub parameters: usize,
}

/// How an operation ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Rows returned or affected, where the protocol tells.
    pub rows: Option<u64>,
    /// Bytes of the response on the wire.
    pub bytes: u64,
    /// SQLSTATE or the protocol's own code, and the message, when it failed.
    pub error: Option<(String, String)>,
    /// The gateway refused it.
    pub denied: bool,
    /// The target never executed it, because of an earlier error in the same pipeline.
    pub skipped: bool,
}
