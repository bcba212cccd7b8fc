//! What a good token says.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::class::ClassName;

/// A token whose signature, times and audience are good for its class. Made by [`crate::IssuerKeys::verify`] only.
#[derive(Clone, PartialEq)]
pub struct Verified {
    pub(crate) class: ClassName,
    pub(crate) issuer: String,
    pub(crate) subject: Option<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) token_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: Option<u64>,
    pub(crate) authenticated_at: Option<u64>,
    pub(crate) key_thumbprint: String,
    pub(crate) key_age: Duration,
    pub(crate) claims: Map<String, Value>,
}

impl Verified {
    /// What it was taken for.
    pub fn class(&self) -> ClassName {
        self.class
    }

    /// `iss`, the exact name of the issuer's record.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`, 1 to 255 printable ASCII characters. Only logout tokens and security events may have none.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `aud`, at least one.
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// `jti`, at most 255 bytes.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// `sid`, the session at the issuer (Back-Channel Logout 1.0 section 2.1), at most 255 bytes.
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// `client_id` (RFC 9068 section 2.2), at most 255 bytes.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// `iat`, in seconds since 1970-01-01T00:00:00Z.
    pub fn issued_at(&self) -> u64 {
        self.issued_at
    }

    /// `exp`, in seconds since 1970-01-01T00:00:00Z. Only security events may have none.
    pub fn expires_at(&self) -> Option<u64> {
        self.expires_at
    }

    /// `auth_time`, in seconds since 1970-01-01T00:00:00Z.
    pub fn authenticated_at(&self) -> Option<u64> {
        self.authenticated_at
    }

    /// The key that signed it, by its RFC 7638 thumbprint.
    pub fn key_thumbprint(&self) -> &str {
        &self.key_thumbprint
    }

    /// How long ago the issuer's keys were fetched. [`crate::MAX_AGE_FOR_LOGINS`] is for whatever begins a person's
    /// session; [`crate::MAX_AGE_FOR_SESSIONS`] is enforced already.
    pub fn key_age(&self) -> Duration {
        self.key_age
    }

    /// All claims but `iss`, `sub`, `aud`, `exp`, `nbf`, `iat` and `jti`, as they came. The types of those without a
    /// method here are the caller's to check.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Verified")
            .field("class", &self.class)
            .field("issuer", &self.issuer)
            .field("issued_at", &self.issued_at)
            .finish_non_exhaustive()
    }
}
