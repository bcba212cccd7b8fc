//! Proved claims about one person.

use std::fmt;

use custos_jwt::Verified;
use serde_json::{Map, Value};

use crate::mapping::ClaimSource;
use crate::rejection::Rejection;

/// Proved claims about one person, from one source. Made by verifying an answer of the provider only.
#[derive(Clone, PartialEq)]
pub struct Identity {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) source: ClaimSource,
    pub(crate) claims: Map<String, Value>,
}

impl Identity {
    pub(crate) fn of_token(verified: &Verified) -> Result<Self, Rejection> {
        let subject = verified.subject().ok_or(Rejection::ClaimMalformed("sub"))?;
        let mut claims = verified.claims().clone();
        claims.insert("sub".to_owned(), subject.into());
        Ok(Self {
            issuer: verified.issuer().to_owned(),
            subject: subject.to_owned(),
            source: ClaimSource::IdToken,
            claims,
        })
    }

    /// With [`Identity::subject`] the key of the principal.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The issuer's own stable name for the person.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Where the claims are from.
    pub fn source(&self) -> ClaimSource {
        self.source
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Identity")
            .field("issuer", &self.issuer)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
