//! Why nothing was fetched.

use crate::address::AddressClass;

/// Why nothing was fetched. The texts name no secret: neither a header nor a body.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// An extra CA certificate cannot be used, or there is none to verify with.
    #[error("the CA certificates cannot be used")]
    Authorities,
    /// TLS cannot be set up at all.
    #[error("TLS cannot be set up")]
    TlsSettings(#[source] rustls::Error),
    /// Not an absolute `http` or `https` URL without user, password and fragment, of at most 2048 bytes.
    #[error("the URL is not one that is fetched")]
    Url,
    /// A header name or value that HTTP does not allow, or one that the client sets itself.
    #[error("a header of the request is not allowed")]
    Header,
    /// `http` to something else than a loopback address, or to one where that is not allowed.
    #[error("plain HTTP is not allowed to that address")]
    Plain,
    /// The name has no addresses, or too many.
    #[error("the host has no address, or too many")]
    Addresses,
    /// The name could not be resolved.
    #[error("the host's name could not be resolved")]
    Resolve(#[source] std::io::Error),
    /// One of the host's addresses is not allowed.
    #[error("one of the host's addresses is not allowed: {}", .0.as_str())]
    Address(AddressClass),
    /// No connection could be made.
    #[error("no connection to the host")]
    Connect(#[source] std::io::Error),
    /// The TLS handshake failed, for example because of the certificate.
    #[error("the TLS handshake with the host failed")]
    Tls(#[source] std::io::Error),
    /// The answer is not HTTP, or broke off.
    #[error("the host's answer is not complete")]
    Http(#[source] hyper::Error),
    /// The answer is a redirect, which is never followed.
    #[error("the host answered with a redirect ({status}), which is not followed")]
    Redirect {
        /// 300 to 399.
        status: u16,
    },
    /// A status below 200 or from 600 on: no final answer of HTTP (RFC 9110 section 15).
    #[error("the host answered with a status that ends no request ({status})")]
    Status {
        /// The status.
        status: u16,
    },
    /// The answer's body is longer than asked for.
    #[error("the host's answer is longer than {limit} bytes")]
    TooLarge {
        /// The limit of the request.
        limit: usize,
    },
    /// The body is compressed, which was not asked for.
    #[error("the host's answer is encoded")]
    Encoded,
    /// Not connected in time.
    #[error("the host was not connected in time")]
    ConnectTimeout,
    /// No whole answer in time.
    #[error("the host did not answer in time")]
    Timeout,
}

impl FetchError {
    /// A word that stays the same, for records and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Authorities => "authorities",
            Self::TlsSettings(_) => "tls_settings",
            Self::Url => "url",
            Self::Header => "header",
            Self::Plain => "plain_http",
            Self::Addresses => "addresses",
            Self::Resolve(_) => "resolve",
            Self::Address(_) => "address",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Http(_) => "http",
            Self::Redirect { .. } => "redirect",
            Self::Status { .. } => "status",
            Self::TooLarge { .. } => "too_large",
            Self::Encoded => "encoded",
            Self::ConnectTimeout => "connect_timeout",
            Self::Timeout => "timeout",
        }
    }
}
