//! Turns errors into PostgreSQL's own error messages, with nothing internal in them.

use custos_model::SessionId;
use custos_session::{Interrupt, SessionError, UpstreamError};

/// An error as the client will see it; its severity is FATAL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// SQLSTATE (PostgreSQL documentation, appendix A).
    pub(crate) sqlstate: String,
    /// The text.
    pub(crate) message: String,
    /// What the person in front of it can do.
    pub(crate) hint: Option<String>,
}

/// What the client may know of an error; `None` when there is nobody left to tell.
pub(crate) fn report(error: &SessionError, login_name: &str, id: SessionId) -> Option<Report> {
    let (sqlstate, message) = match error {
        SessionError::Client(_) | SessionError::ClientTls(_) => return None,
        SessionError::ClientProtocol { what, code } => (*code, what.clone()),
        SessionError::Unsupported(what) => ("0A000", what.clone()),
        SessionError::LoginFailed => (
            "28P01",
            format!("password authentication failed for user \"{login_name}\""),
        ),
        SessionError::BearerRefused { .. } => (
            "28000",
            format!("OAuth bearer authentication failed for user \"{login_name}\""),
        ),
        SessionError::Denied { resource, rules } => (
            "28000",
            format!("access to {resource} is denied by policy: {rules}"),
        ),
        SessionError::NeedsGrant { resource, rules } => (
            "28000",
            format!(
                "access to {resource} needs approval ({rules}): ask with `custos request {resource} --reason …`"
            ),
        ),
        SessionError::WrongDatabase { resource, only } => (
            "3D000",
            format!("{resource} opens database \"{only}\" only"),
        ),
        SessionError::Limit(what) => ("53300", format!("connection refused: {what}")),
        SessionError::Timeout(what) => ("08006", format!("timeout: {what} took too long")),
        SessionError::Upstream(UpstreamError::Refused { code, message }) => {
            (code.as_str(), message.clone())
        }
        SessionError::Upstream(error) => upstream(error),
        SessionError::Evidence(error) => (
            evidence_code(&error.to_string()),
            "evidence cannot be written, so nothing may pass".to_owned(),
        ),
        SessionError::Interrupted(Interrupt::EvidenceFailing { what }) => (
            evidence_code(what),
            "evidence cannot be written, so nothing may pass".to_owned(),
        ),
        SessionError::Interrupted(Interrupt::Draining) => {
            ("57P01", "the gateway is stopping".to_owned())
        }
        SessionError::Interrupted(Interrupt::Cut { reason }) => {
            ("57P01", format!("session ended by the gateway: {reason}"))
        }
        SessionError::Approval(_) | SessionError::Store(_) | SessionError::Internal(_) => {
            ("XX000", "internal error of the gateway".to_owned())
        }
    };
    let hint = wants_reference(error).then(|| format!("tell your operator: session {id}"));
    Some(Report {
        sqlstate: sqlstate.to_owned(),
        message,
        hint,
    })
}

fn upstream(error: &UpstreamError) -> (&'static str, String) {
    match error {
        UpstreamError::Connect { .. } => ("08001", "the target cannot be reached".to_owned()),
        UpstreamError::TlsNotOffered
        | UpstreamError::Tls(_)
        | UpstreamError::TlsSettings(_)
        | UpstreamError::HostKey
        | UpstreamError::HostKeyUnknown => (
            "08001",
            "no verified TLS connection to the target".to_owned(),
        ),
        UpstreamError::Authentication(_) => (
            "08004",
            "the target refused the gateway's own sign-in".to_owned(),
        ),
        UpstreamError::Protocol(_) => (
            "08P01",
            "the target sent what the protocol does not allow".to_owned(),
        ),
        UpstreamError::Refused { .. } | UpstreamError::Io(_) | UpstreamError::Closed => {
            ("08006", "the target closed the connection".to_owned())
        }
    }
}

/// A full disk is the one cause that a client is told apart, because it passes.
fn evidence_code(what: &str) -> &'static str {
    if what.contains("No space left") {
        "53100"
    } else {
        "58030"
    }
}

fn wants_reference(error: &SessionError) -> bool {
    !matches!(
        error,
        SessionError::LoginFailed
            | SessionError::BearerRefused { .. }
            | SessionError::ClientProtocol { .. }
            | SessionError::Unsupported(_)
            | SessionError::Upstream(UpstreamError::Refused { .. })
    )
}
