//! Why sessions fail. Each error has a kind, which is its metric label, and an adapter turns it into its
//! protocol's own words.

use std::io;
use std::net::SocketAddr;

use custos_approvals::ApprovalsError;
use custos_evidence::EvidenceError;

use crate::Interrupt;

/// A session that did not get to a friendly end.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The client sent what the protocol does not allow.
    #[error("client broke the protocol: {what}")]
    ClientProtocol {
        /// What was wrong, fit for the client to read.
        what: String,
        /// The protocol's code for it.
        code: &'static str,
    },
    /// The client asked for what this gateway does not do.
    #[error("refused: {0}")]
    Unsupported(String),
    /// Reading from or writing to the client failed.
    #[error("connection to the client failed")]
    Client(#[source] io::Error),
    /// The TLS handshake with the client failed.
    #[error("TLS handshake with the client failed")]
    ClientTls(#[source] io::Error),
    /// No credential fits. The reason is on record and not for the client.
    #[error("login failed")]
    LoginFailed,
    /// No OAuth token was brought, or one that is not taken. The reason is on record and not for the client.
    #[error("login with an OAuth token failed")]
    BearerRefused {
        /// The code that the client is told (RFC 7628 section 3.2.2).
        status: &'static str,
    },
    /// Policy does not allow the principal to open the resource.
    #[error("access to {resource} is denied ({rules})")]
    Denied {
        /// The resource that was asked for.
        resource: String,
        /// The rules that decided.
        rules: String,
    },
    /// People have to agree first, and the principal has no grant.
    #[error("access to {resource} needs a grant ({rules})")]
    NeedsGrant {
        /// The resource that was asked for.
        resource: String,
        /// The rules that ask.
        rules: String,
    },
    /// The database asked for is not the resource's.
    #[error("database is not open through {resource}")]
    WrongDatabase {
        /// The resource.
        resource: String,
        /// The only database that it opens.
        only: String,
    },
    /// A limit is reached.
    #[error("limit reached: {0}")]
    Limit(&'static str),
    /// A phase took longer than it may.
    #[error("{0} took too long")]
    Timeout(&'static str),
    /// The target could not be reached, or broke off.
    #[error("target: {0}")]
    Upstream(#[from] UpstreamError),
    /// Evidence cannot be written.
    #[error("evidence is not available")]
    Evidence(#[from] EvidenceError),
    /// Ended from outside.
    #[error("session ended by the gateway")]
    Interrupted(Interrupt),
    /// The control state could not be read.
    #[error("control state is not available")]
    Store(#[from] custos_store::StoreError),
    /// Something about an approval was refused, or failed.
    #[error("approval")]
    Approval(#[source] ApprovalsError),
    /// A defect of this program.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl From<ApprovalsError> for SessionError {
    fn from(error: ApprovalsError) -> Self {
        match error {
            ApprovalsError::Evidence(error) => Self::Evidence(error),
            error => Self::Approval(error),
        }
    }
}

impl SessionError {
    /// A bounded word for metrics and records.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ClientProtocol { .. } | Self::Unsupported(_) => "client_protocol",
            Self::Client(_) | Self::ClientTls(_) => "client_connection",
            Self::LoginFailed | Self::BearerRefused { .. } => "login",
            Self::Denied { .. } | Self::NeedsGrant { .. } | Self::WrongDatabase { .. } => "denied",
            Self::Limit(_) => "limit",
            Self::Timeout(_) => "timeout",
            Self::Upstream(_) => "upstream",
            Self::Evidence(_) => "evidence",
            Self::Interrupted(_) => "interrupted",
            Self::Approval(_) => "approval",
            Self::Store(_) => "store",
            Self::Internal(_) => "internal",
        }
    }

    /// The error with its sources in one line, for the record.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

/// What went wrong between gateway and target. The text is for operators; clients get the adapter's words.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The name did not resolve or nobody answered.
    #[error("cannot connect to {address}")]
    Connect {
        /// Host and port.
        address: String,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// TLS is asked for and the target has none.
    #[error("target does not offer TLS, which its resource requires")]
    TlsNotOffered,
    /// The TLS handshake failed; a certificate that does not verify shows here.
    #[error("TLS handshake with the target failed")]
    Tls(#[source] io::Error),
    /// The resource's TLS settings cannot be used.
    #[error("TLS settings of the resource are not usable: {0}")]
    TlsSettings(String),
    /// The target does not prove itself with the key that its resource has.
    #[error("host key of the target is not the one that its resource has")]
    HostKey,
    /// The resource does not say which key its target has.
    #[error("resource has no host key to know its target by")]
    HostKeyUnknown,
    /// The target refused the gateway's own credential, or asked for what the resource does not allow.
    #[error("target refused the gateway: {0}")]
    Authentication(String),
    /// The target answered with an error while the gateway connected; its own code and text.
    #[error("target answered {code}: {message}")]
    Refused {
        /// The protocol's code.
        code: String,
        /// The target's own text.
        message: String,
    },
    /// The target sent what the protocol does not allow.
    #[error("target broke the protocol: {0}")]
    Protocol(String),
    /// Reading or writing failed.
    #[error("connection to the target failed")]
    Io(#[source] io::Error),
    /// The target closed the connection.
    #[error("target closed the connection")]
    Closed,
}

/// A listener that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Plain text outside of loopback.
    #[error("listener {name} on {address} must use TLS: only loopback addresses may go without")]
    PlainTextOutsideLoopback {
        /// The listener.
        name: String,
        /// Its address.
        address: SocketAddr,
    },
    /// The port could not be bound.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// The certificate or key cannot be used.
    #[error("certificate of listener {name} cannot be used")]
    Identity {
        /// The listener.
        name: String,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
}
