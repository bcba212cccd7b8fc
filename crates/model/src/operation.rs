//! The smallest thing that policy judges.

/// What an operation does to its target. Of several the last in this order is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Only reads.
    Read,
    /// Changes data.
    Write,
    /// Makes or alters objects.
    Define,
    /// Drops objects, or empties them.
    Destroy,
    /// Changes rights, or how the target works.
    Administer,
    /// Leaves the protocol's own control.
    Escape,
    /// Not understood.
    Unknown,
}

impl Effect {
    /// The word used in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Define => "define",
            Self::Destroy => "destroy",
            Self::Administer => "administer",
            Self::Escape => "escape",
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
    /// It is not proven that it only reads, so it is treated as one that can change something.
    pub may_change: bool,
    /// What it acts on, for people to read.
    pub objects: &'a [String],
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
    /// Columns of its results that were masked for their labels.
    pub masked_fields: u64,
    /// Values of them that were changed for the client.
    pub masked_values: u64,
    /// SQLSTATE or the protocol's own code, and the message, when it failed.
    pub error: Option<(String, String)>,
    /// The gateway refused it.
    pub denied: bool,
    /// The target never executed it, because of an earlier error in the same pipeline.
    pub skipped: bool,
}
