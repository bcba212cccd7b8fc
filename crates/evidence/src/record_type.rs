//! The names of records and of their outcomes.

macro_rules! record_types {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// Type of a record (`docs/evidence-format.md` section 3). What each has is in [`crate::catalogue`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RecordType {
            $(#[doc = concat!("`", $name, "`")] $variant,)+
        }

        impl RecordType {
            /// Every type, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in records.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

record_types! {
    LogOpen = "log.open",
    LogClose = "log.close",
    LogHeartbeat = "log.heartbeat",
    NodeStart = "node.start",
    NodeStop = "node.stop",
    ConfigChanged = "config.changed",
    EvidenceFailed = "evidence.failed",
    EvidenceRecovered = "evidence.recovered",
    ConnectionRefused = "connection.refused",
    LoginFailed = "login.failed",
    SessionDenied = "session.denied",
    SessionStart = "session.start",
    SessionEnd = "session.end",
    OperationIntent = "operation.intent",
    OperationApproved = "operation.approved",
    OperationOutcome = "operation.outcome",
    OperationError = "operation.error",
    OperationTransfer = "operation.transfer",
    SegmentClosed = "segment.closed",
    CancelRequested = "cancel.requested",
    CredentialIssued = "credential.issued",
    CredentialRevoked = "credential.revoked",
    CertificateIssued = "certificate.issued",
    ResourceAdded = "resource.added",
    ResourceRemoved = "resource.removed",
    RecordingRead = "recording.read",
    IssuerKeys = "issuer.keys",
    SignInStarted = "sign_in.started",
    SignInFailed = "sign_in.failed",
    SignInChanged = "sign_in.changed",
    SignInUnchecked = "sign_in.unchecked",
    SignInEnded = "sign_in.ended",
    AuthorizationGranted = "authorization.granted",
    AuthorizationRefused = "authorization.refused",
    AuthorizationRevoked = "authorization.revoked",
    ProvisioningChanged = "provisioning.changed",
    ProvisioningRefused = "provisioning.refused",
    AdministratorOffered = "administrator.offered",
    AdministratorClaimed = "administrator.claimed",
    AdministratorRemoved = "administrator.removed",
    FindingStanding = "finding.standing",
    RequestOpened = "request.opened",
    RequestJustified = "request.justified",
    RequestNotified = "request.notified",
    RequestViewed = "request.viewed",
    RequestEscalated = "request.escalated",
    RequestEnded = "request.ended",
    ApprovalDecided = "approval.decided",
    ApprovalRefused = "approval.refused",
    ApprovalVoided = "approval.voided",
    GrantStarted = "grant.started",
    GrantEnded = "grant.ended",
    ReviewOverdue = "review.overdue",
    ApproverRequested = "approver.requested",
    ApproverEnrolled = "approver.enrolled",
    ApproverRevoked = "approver.revoked",
}

impl RecordType {
    /// Whether records of this type belong to a session and carry `sess`.
    pub const fn has_session(self) -> bool {
        matches!(
            self,
            Self::SessionStart
                | Self::SessionEnd
                | Self::OperationIntent
                | Self::OperationApproved
                | Self::OperationOutcome
                | Self::OperationError
                | Self::OperationTransfer
                | Self::SegmentClosed
        )
    }

    /// Whether [`crate::Evidence::append`] takes it. The rest is written by the writer itself or through a session.
    pub const fn is_for_callers(self) -> bool {
        matches!(
            self,
            Self::ConfigChanged
                | Self::ConnectionRefused
                | Self::LoginFailed
                | Self::SessionDenied
                | Self::CancelRequested
                | Self::CredentialIssued
                | Self::CredentialRevoked
                | Self::CertificateIssued
                | Self::ResourceAdded
                | Self::ResourceRemoved
                | Self::RecordingRead
                | Self::IssuerKeys
                | Self::SignInStarted
                | Self::SignInFailed
                | Self::SignInChanged
                | Self::SignInUnchecked
                | Self::SignInEnded
                | Self::AuthorizationGranted
                | Self::AuthorizationRefused
                | Self::AuthorizationRevoked
                | Self::ProvisioningChanged
                | Self::ProvisioningRefused
                | Self::AdministratorOffered
                | Self::AdministratorClaimed
                | Self::AdministratorRemoved
                | Self::FindingStanding
                | Self::RequestOpened
                | Self::RequestJustified
                | Self::RequestNotified
                | Self::RequestViewed
                | Self::RequestEscalated
                | Self::RequestEnded
                | Self::ApprovalDecided
                | Self::ApprovalRefused
                | Self::ApprovalVoided
                | Self::GrantStarted
                | Self::GrantEnded
                | Self::ReviewOverdue
                | Self::ApproverRequested
                | Self::ApproverEnrolled
                | Self::ApproverRevoked
        )
    }
}

/// The `outcome` of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordOutcome {
    /// It happened as asked.
    Ok,
    /// The gateway refused it.
    Denied,
    /// It was tried and did not work.
    Failed,
    /// It was cut off.
    Interrupted,
    /// Not known yet: the record of an intent.
    Pending,
}

impl RecordOutcome {
    /// The word in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Pending => "pending",
        }
    }
}
