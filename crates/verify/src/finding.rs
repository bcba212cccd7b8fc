//! What is bad, and where.

use std::fmt;

/// How many findings of one kind are kept: the first and twenty more.
pub(crate) const KEPT_FINDINGS: usize = 21;

macro_rules! codes {
    ($($name:ident $text:literal $meaning:literal,)*) => {
        /// Stable failure codes, `docs/evidence-format.md` section 5.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }
        impl Code {
            /// All codes, in the order of the specification.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as text and JSON print it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    CheckpointMissing "checkpoint-missing" "A log has no checkpoint, or there is no log at all.",
    CheckpointMalformed "checkpoint-malformed" "The checkpoint is no signed note of three lines.",
    CheckpointSignature "checkpoint-signature" "No pinned key signed the checkpoint.",
    CheckpointOrigin "checkpoint-origin" "The checkpoint is that of another log.",
    EntriesMissing "entries-missing" "An entry bundle is absent.",
    EntriesMalformed "entries-malformed" "An entry bundle does not hold exactly the records it should.",
    TileMissing "tile-missing" "A hash tile is absent.",
    TileMalformed "tile-malformed" "A hash tile has the wrong length.",
    TileMismatch "tile-mismatch" "A record or tile does not hash to what the tree says.",
    RootMismatch "root-mismatch" "The tree does not hash to the signed root.",
    RecordMalformed "record-malformed" "A record is no JSON object.",
    RecordNotCanonical "record-not-canonical" "A record is not in canonical form.",
    RecordTooLarge "record-too-large" "A record is longer than 65,535 bytes.",
    RecordSchema "record-schema" "A record's members are not those of its type.",
    LogOpen "log-open" "The log does not begin with its own `log.open`, or has a second one.",
    LogClose "log-close" "`log.close` is not the last record, or closes another log.",
    HeartbeatGap "heartbeat-gap" "More than 90 seconds without a record while the gateway ran.",
    TimeOrder "time-order" "Monotonic time runs backwards, or the boot changes without a start.",
    SessionOrder "session-order" "A session's records are not numbered without gap from its start to its end.",
    SessionOpenAfterRestart "session-open-after-restart" "A session survived a restart of the gateway.",
    OperationOrder "operation-order" "Intents and outcomes do not match.",
    SegmentOrder "segment-order" "A session's segments are not numbered without gap.",
    SegmentMissing "segment-missing" "A segment that a record names is absent.",
    SegmentMismatch "segment-mismatch" "A segment is not the file that its record names.",
    SegmentUnknown "segment-unknown" "A segment that no record names.",
    ApprovalMissing "approval-missing" "A statement or signature that a record names is absent.",
    ApprovalMismatch "approval-mismatch" "A statement or signature is not the file that its record names.",
    ApprovalMalformed "approval-malformed" "A statement or signature has another form than it must.",
    ApprovalStatement "approval-statement" "A statement says something else than the records.",
    ApprovalSignature "approval-signature" "A signature is not the approver's over the statement, for this purpose.",
    ApprovalKey "approval-key" "A key was not enrolled for the approver, or was revoked.",
    ApprovalRequest "approval-request" "What was approved is not what a request asked for.",
    ApprovalDecision "approval-decision" "What is named as an approval is none of the request.",
    ApprovalApprover "approval-approver" "Somebody agreed who does not count.",
    ApprovalDemand "approval-demand" "Those who agreed are not those whom the request needs.",
    ApprovalExpired "approval-expired" "The request had expired.",
    ApprovalReused "approval-reused" "A request, a decision or a nonce is used a second time.",
    ApprovalOperation "approval-operation" "What was approved is not an operation that was held.",
    ApprovalAbsent "approval-absent" "An operation that was held ran without approval.",
    GrantUse "grant-use" "An operation ran under a grant that was not in force for it.",
    LogLink "log-link" "A log does not continue the one before it.",
    Rollback "rollback" "The log lost records that it had when its head was remembered.",
    UnexpectedFile "unexpected-file" "A file or link that has no place in the layout.",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record, named as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRef {
    /// Place in the log, from 0.
    pub index: u64,
    /// The record's type.
    pub kind: Option<&'static str>,
    /// The session it says it belongs to, and its number in it.
    pub session: Option<(String, u64)>,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One record of the log.
    Record(RecordRef),
    /// A file, relative to the log's directory, or to the evidence directory when the finding has no origin.
    File(String),
}

/// One thing that is bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// The log it was found in; none for files under `segments/`.
    pub origin: Option<String>,
    /// Where.
    pub place: Place,
    /// One sentence for a person.
    pub message: String,
}

impl Finding {
    pub(crate) fn record(
        code: Code,
        origin: &str,
        at: &RecordRef,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            origin: Some(origin.to_owned()),
            place: Place::Record(at.clone()),
            message: message.into(),
        }
    }

    pub(crate) fn file(
        code: Code,
        origin: Option<&str>,
        path: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            origin: origin.map(str::to_owned),
            place: Place::File(path.to_owned()),
            message: message.into(),
        }
    }

    /// The index of the record that is bad, where one can be named.
    pub fn record_index(&self) -> Option<u64> {
        match &self.place {
            Place::Record(at) => Some(at.index),
            Place::File(_) => None,
        }
    }
}

impl fmt::Display for Finding {
    /// `record 17 of custos/gw1/2026-11 (operation.outcome, session …, n 4): segment-mismatch: …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Record(at) => write!(f, "record {}", at.index)?,
            Place::File(path) => f.write_str(&printable(path))?,
        }
        if let Some(origin) = &self.origin {
            write!(f, " of {origin}")?;
        }
        if let Place::Record(RecordRef {
            kind: Some(kind),
            session,
            ..
        }) = &self.place
        {
            write!(f, " ({kind}")?;
            if let Some((id, n)) = session {
                write!(f, ", session {id}, n {n}")?;
            }
            f.write_str(")")?;
        }
        write!(f, ": {}: {}", self.code, printable(&self.message))
    }
}

/// Names and texts come from the evidence: nothing in them may steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if (' '..='~').contains(&c) { c } else { '?' })
        .collect()
}

/// The first findings in full, and the number of all.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    total: u64,
}

impl Findings {
    pub(crate) fn push(&mut self, finding: Finding) {
        self.total += 1;
        if self.kept.len() < KEPT_FINDINGS {
            self.kept.push(finding);
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        let unseen = other.total - other.kept.len() as u64;
        for finding in other.kept {
            self.push(finding);
        }
        self.total += unseen;
    }

    /// Appends `others` in the order of section 5: those that name a record by index, then the rest.
    /// Each of `others` is in that order by itself, so its first 21 are enough to know the first 21 of all.
    pub(crate) fn append_ordered(&mut self, others: Vec<Self>) {
        let total: u64 = others.iter().map(|one| one.total).sum();
        let mut all: Vec<Finding> = others.into_iter().flat_map(|one| one.kept).collect();
        all.sort_by_key(|finding| finding.record_index().unwrap_or(u64::MAX));
        self.append(Self { kept: all, total });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(crate) fn into_parts(self) -> (Vec<Finding>, u64) {
        (self.kept, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_cannot_steer_the_terminal() {
        let finding = Finding::file(
            Code::UnexpectedFile,
            None,
            "segments/\u{1b}[2J",
            "odd\nname",
        );
        assert_eq!(
            finding.to_string(),
            "segments/?[2J: unexpected-file: odd?name"
        );
    }

    #[test]
    fn only_the_first_findings_are_kept_but_all_are_counted() {
        let mut all = Findings::default();
        for _ in 0..100 {
            all.push(Finding::file(Code::TileMissing, None, "x", "y"));
        }
        let mut sum = Findings::default();
        sum.append_ordered(vec![all]);
        let (kept, total) = sum.into_parts();
        assert_eq!((kept.len(), total), (KEPT_FINDINGS, 100));
    }
}
