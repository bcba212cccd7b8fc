//! One record: types, and the checks that need no neighbour.

use serde_json::{Map, Value};

use crate::finding::{Code, RecordRef};
use crate::time::Day;
use crate::{json, schema};

/// Longest record, in bytes: what the length of an entry can say.
const MAX_RECORD_BYTES: usize = 65_535;

macro_rules! kinds {
    ($($name:ident $text:literal,)*) => {
        /// Record types, `docs/evidence-format.md` section 3.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $text, "`")] $name,)*
        }
        impl Kind {
            /// The type's name in records.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
            pub(crate) fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    LogOpen "log.open",
    LogClose "log.close",
    LogHeartbeat "log.heartbeat",
    NodeStart "node.start",
    NodeStop "node.stop",
    ConfigChanged "config.changed",
    EvidenceFailed "evidence.failed",
    EvidenceRecovered "evidence.recovered",
    ConnectionRefused "connection.refused",
    LoginFailed "login.failed",
    SessionDenied "session.denied",
    SessionStart "session.start",
    SessionEnd "session.end",
    OperationIntent "operation.intent",
    OperationApproved "operation.approved",
    OperationOutcome "operation.outcome",
    OperationError "operation.error",
    OperationTransfer "operation.transfer",
    SegmentClosed "segment.closed",
    CancelRequested "cancel.requested",
    CredentialIssued "credential.issued",
    CredentialRevoked "credential.revoked",
    CertificateIssued "certificate.issued",
    ResourceAdded "resource.added",
    ResourceRemoved "resource.removed",
    RecordingRead "recording.read",
    IssuerKeys "issuer.keys",
    SignInStarted "sign_in.started",
    SignInFailed "sign_in.failed",
    SignInChanged "sign_in.changed",
    SignInUnchecked "sign_in.unchecked",
    SignInEnded "sign_in.ended",
    AuthorizationGranted "authorization.granted",
    AuthorizationRefused "authorization.refused",
    AuthorizationRevoked "authorization.revoked",
    ProvisioningChanged "provisioning.changed",
    ProvisioningRefused "provisioning.refused",
    AdministratorOffered "administrator.offered",
    AdministratorClaimed "administrator.claimed",
    AdministratorRemoved "administrator.removed",
    FindingStanding "finding.standing",
    RequestOpened "request.opened",
    RequestJustified "request.justified",
    RequestNotified "request.notified",
    RequestViewed "request.viewed",
    RequestEscalated "request.escalated",
    RequestEnded "request.ended",
    ApprovalDecided "approval.decided",
    ApprovalRefused "approval.refused",
    ApprovalVoided "approval.voided",
    GrantStarted "grant.started",
    GrantEnded "grant.ended",
    ReviewOverdue "review.overdue",
    ApproverRequested "approver.requested",
    ApproverEnrolled "approver.enrolled",
    ApproverRevoked "approver.revoked",
}

impl Kind {
    /// The eight types that belong to a session.
    pub(crate) fn has_session(self) -> bool {
        self.has_operation()
            || matches!(
                self,
                Self::SessionStart | Self::SessionEnd | Self::SegmentClosed
            )
    }

    pub(crate) fn has_operation(self) -> bool {
        matches!(
            self,
            Self::OperationIntent
                | Self::OperationApproved
                | Self::OperationOutcome
                | Self::OperationError
                | Self::OperationTransfer
        )
    }

    /// Whether approvals depend on the record.
    fn concerns_approvals(self, members: &Map<String, Value>) -> bool {
        match self {
            Self::OperationIntent => {
                let verdict = members.get("verdict");
                members.contains_key("approval")
                    || verdict.and_then(|verdict| verdict.get("effect")) == Some(&"hold".into())
            }
            Self::OperationApproved
            | Self::OperationOutcome
            | Self::SessionEnd
            | Self::RequestOpened
            | Self::RequestEnded
            | Self::ApprovalDecided
            | Self::ApprovalVoided
            | Self::GrantStarted
            | Self::GrantEnded
            | Self::ApproverEnrolled
            | Self::ApproverRevoked => true,
            _ => false,
        }
    }

    /// Whether approvals depend on who did it.
    pub(crate) fn needs_actor(self) -> bool {
        matches!(
            self,
            Self::RequestOpened | Self::ApprovalDecided | Self::GrantStarted
        )
    }

    /// Texts that `detail` has, because approvals depend on them.
    pub(crate) fn needed_details(self) -> &'static [&'static str] {
        match self {
            Self::RequestOpened => &["kind", "request"],
            Self::RequestEnded => &["ending", "request"],
            Self::ApprovalDecided => &[
                "approval",
                "decision",
                "method",
                "request",
                "statement_sha256",
            ],
            Self::ApprovalVoided => &["approval", "request"],
            Self::GrantStarted => &["kind", "request", "until"],
            Self::GrantEnded => &["request"],
            Self::ApproverEnrolled => &["issuer", "key", "method", "public_key", "subject"],
            Self::ApproverRevoked => &["issuer", "key", "subject"],
            _ => &[],
        }
    }

    /// What recovery may write between a start of the gateway and the end of every interrupted session.
    pub(crate) fn is_recovery(self) -> bool {
        matches!(
            self,
            Self::SessionEnd
                | Self::SegmentClosed
                | Self::EvidenceFailed
                | Self::EvidenceRecovered
                | Self::NodeStart
                | Self::LogOpen
                | Self::LogClose
        )
    }
}

/// What the order of records depends on, of a record that is good by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The record's type.
    pub kind: Kind,
    pub(crate) time: Time,
    pub(crate) session: Option<(Uuid, u64)>,
    /// `op.n`
    pub(crate) operation: Option<u64>,
    /// `detail.unfinished`, 0 when absent.
    pub(crate) unfinished: i64,
    /// `body`, in `segment.closed`.
    pub(crate) segment: Option<SegmentClaim>,
    /// `log`, in `log.open` and `log.close`.
    pub(crate) log: Option<LogClaim>,
    /// All of it, where approvals depend on it.
    pub(crate) members: Option<Box<Map<String, Value>>>,
}

impl Record {
    pub(crate) fn reference(&self, index: u64) -> RecordRef {
        RecordRef {
            index,
            kind: Some(self.kind.as_str()),
            session: self.session.map(|(id, n)| (id.to_string(), n)),
        }
    }
}

/// `time`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) boot: Uuid,
    pub(crate) mono_ns: u64,
    pub(crate) utc_ns: i128,
    pub(crate) utc_day: Day,
    pub(crate) utc_text: String,
}

/// What `segment.closed` says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentClaim {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// `log`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogClaim {
    pub(crate) origin: String,
    pub(crate) key: Option<String>,
    pub(crate) previous: Option<Previous>,
}

/// `log.previous`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Previous {
    pub(crate) origin: String,
    pub(crate) root: crate::hash::Hash,
    pub(crate) size: u64,
}

/// A UUID, as its 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Uuid(u128);

impl Uuid {
    /// Reads the lower-case hyphenated form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        let mut bits = 0_u128;
        for (place, byte) in text.bytes().enumerate() {
            let digit = match (place, byte) {
                (8 | 13 | 18 | 23, b'-') => continue,
                (8 | 13 | 18 | 23, _) => return None,
                (_, b'0'..=b'9') => byte - b'0',
                (_, b'a'..=b'f') => byte - b'a' + 10,
                _ => return None,
            };
            bits = bits << 4 | u128::from(digit);
        }
        Some(Self(bits))
    }

    /// Version 7 and the variant of RFC 9562.
    pub(crate) fn is_version_7(self) -> bool {
        self.0 >> 76 & 0xf == 7 && self.0 >> 62 & 0b11 == 0b10
    }
}

impl std::fmt::Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bits = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            bits >> 80 & 0xffff,
            bits >> 64 & 0xffff,
            bits >> 48 & 0xffff,
            bits & 0xffff_ffff_ffff
        )
    }
}

/// A record that is bad by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct BadRecord {
    /// One of the `record-…` codes.
    pub code: Code,
    /// One sentence for a person.
    pub message: String,
}

impl BadRecord {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn schema(message: impl Into<String>) -> Self {
        Self::new(Code::RecordSchema, message)
    }
}

/// Checks all that one record's bytes can show: length, JSON, canonical form, and the members of its type.
///
/// # Errors
/// [`BadRecord`] with one of the four `record-…` codes (`docs/evidence-format.md` sections 3 and 5).
pub fn check_record(bytes: &[u8]) -> Result<Record, BadRecord> {
    if bytes.len() > MAX_RECORD_BYTES {
        return Err(BadRecord::new(
            Code::RecordTooLarge,
            format!("{} bytes, of at most {MAX_RECORD_BYTES}", bytes.len()),
        ));
    }
    let members = json::parse_canonical(bytes)?;
    let mut record = schema::read(&members)?;
    if record.kind.concerns_approvals(&members) {
        record.members = Some(Box::new(members));
    }
    Ok(record)
}

/// Names a record as well as its bytes allow, whatever else is wrong with it.
pub(crate) fn describe(index: u64, bytes: &[u8]) -> RecordRef {
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let kind = value
        .get("type")
        .and_then(|text| Kind::parse(text.as_str()?));
    let session = value.get("sess").and_then(|session| {
        let id = Uuid::parse(session.get("id")?.as_str()?)?;
        Some((id.to_string(), session.get("n")?.as_u64()?))
    });
    RecordRef {
        index,
        kind: kind.map(Kind::as_str),
        session: session.filter(|_| kind.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_read_and_written() {
        let text = "01932f5a-7c1e-7abc-8def-0123456789ab";
        let uuid = Uuid::parse(text).unwrap();
        assert_eq!(uuid.to_string(), text);
        assert!(uuid.is_version_7());
        assert!(
            !Uuid::parse("01932f5a-7c1e-4abc-8def-0123456789ab")
                .unwrap()
                .is_version_7()
        );
        for bad in [
            "01932F5A-7c1e-7abc-8def-0123456789ab",
            "01932f5a7c1e7abc8def0123456789ab",
            "01932f5a-7c1e-7abc-8def-0123456789a",
            "01932f5a-7c1e-7abc-8def_0123456789ab",
        ] {
            assert_eq!(Uuid::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_record_may_not_be_longer_than_an_entry_can_say() {
        let bytes = vec![b' '; MAX_RECORD_BYTES + 1];
        assert_eq!(check_record(&bytes).unwrap_err().code, Code::RecordTooLarge);
        assert_eq!(
            check_record(&bytes[1..]).unwrap_err().code,
            Code::RecordMalformed
        );
    }
}
