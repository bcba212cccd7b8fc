//! What a client is told when its session ends.

use custos_model::SessionId;
use custos_session::{Interrupt, SessionError, UpstreamError};

/// `SSH_DISCONNECT_*` (RFC 4253 section 11.1).
const BY_APPLICATION: u32 = 11;
const PROTOCOL_ERROR: u32 = 2;
const NO_MORE_AUTHENTICATION: u32 = 14;
const TOO_MANY_CONNECTIONS: u32 = 12;
const SERVICE_NOT_AVAILABLE: u32 = 7;

/// Code and text. Nothing of the target's or of the gateway's inside is in it.
pub(crate) fn words(error: &SessionError, id: SessionId) -> (u32, String) {
    let (reason, text) = match error {
        SessionError::ClientProtocol { what, .. } => (PROTOCOL_ERROR, what.clone()),
        SessionError::Unsupported(what) => (SERVICE_NOT_AVAILABLE, what.clone()),
        SessionError::LoginFailed | SessionError::BearerRefused { .. } => {
            (NO_MORE_AUTHENTICATION, "login failed".to_owned())
        }
        SessionError::Denied { .. } | SessionError::NeedsGrant { .. } => {
            (BY_APPLICATION, error.to_string())
        }
        SessionError::Limit(what) => (TOO_MANY_CONNECTIONS, format!("limit reached: {what}")),
        SessionError::Timeout(what) => (BY_APPLICATION, format!("{what} took too long")),
        SessionError::Upstream(UpstreamError::HostKey) => (
            BY_APPLICATION,
            "the target's host key is not the one that is known; the gateway's operator was told"
                .to_owned(),
        ),
        SessionError::Upstream(_) => (BY_APPLICATION, "the target is not reachable".to_owned()),
        SessionError::Evidence(_) => (BY_APPLICATION, "evidence cannot be written".to_owned()),
        SessionError::Interrupted(Interrupt::Draining) => {
            (BY_APPLICATION, "the gateway is stopping".to_owned())
        }
        SessionError::Interrupted(Interrupt::Cut { reason }) => (
            BY_APPLICATION,
            format!("session ended by the gateway: {reason}"),
        ),
        SessionError::Interrupted(Interrupt::EvidenceFailing { .. }) => {
            (BY_APPLICATION, "evidence cannot be written".to_owned())
        }
        _ => (BY_APPLICATION, "the session cannot go on".to_owned()),
    };
    (reason, format!("custos: {text} (session {id})"))
}
