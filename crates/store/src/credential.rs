//! A connection credential as it is stored: what is needed to check it, never the secret itself.

use std::fmt;
use std::str::FromStr;

use custos_model::{Authentication, Principal, ResourceName, SignInId};
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::network::SourceNetwork;

/// A connection credential's public name. UUID version 7 (RFC 9562 section 5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CredentialId(Uuid);

/// Text that is not a credential id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a credential id (UUID)")]
pub struct CredentialIdError(String);

/// One connection credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCredential {
    /// Its public name.
    pub id: CredentialId,
    /// Whom it signs in. `principal.name` is the login name.
    pub principal: Principal,
    /// The one resource that it opens.
    pub resource: ResourceName,
    /// Since when, UTC nanoseconds.
    pub issued_utc_ns: u64,
    /// Until when, UTC nanoseconds, that moment excluded.
    pub expires_utc_ns: u64,
    /// When it was revoked, if it was.
    pub revoked_utc_ns: Option<u64>,
    /// Where it may be used from; empty: anywhere.
    pub source_networks: Vec<SourceNetwork>,
    /// What a presented secret is checked against.
    pub verifier: StoredVerifier,
    /// How the principal was authenticated.
    pub authentication: Authentication,
    /// The sign-in that it was issued under and ends with; `None` where the operator issued it.
    pub sign_in: Option<SignInId>,
    /// How often it may be presented; `None`: as often as wanted.
    pub uses_max: Option<u64>,
    /// How often it was presented.
    pub uses: u64,
}

/// SCRAM-SHA-256 verifier (RFC 5802 section 3).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredVerifier {
    /// Salt of the key derivation.
    pub salt: Vec<u8>,
    /// Iterations of the key derivation.
    pub iterations: u32,
    /// SHA-256 of the client key.
    pub stored_key: [u8; 32],
    /// The server key.
    pub server_key: [u8; 32],
}

impl CredentialId {
    /// A new id from the time and ten random bytes.
    pub fn new(utc_ns: u64, random: [u8; 10]) -> Self {
        Self(Builder::from_unix_timestamp_millis(utc_ns / 1_000_000, &random).into_uuid())
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(out)
    }
}

impl FromStr for CredentialId {
    type Err = CredentialIdError;

    fn from_str(text: &str) -> Result<Self, CredentialIdError> {
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| CredentialIdError(text.to_owned()))
    }
}

impl fmt::Debug for StoredVerifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "StoredVerifier {{ iterations: {}, … }}",
            self.iterations
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{CredentialId, StoredVerifier};

    #[test]
    fn ids_are_version_7_and_survive_as_text() {
        let id = CredentialId::new(1_795_232_787_123_456_789, [0xff; 10]);
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("alice".parse::<CredentialId>().is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let verifier = StoredVerifier {
            salt: vec![201],
            iterations: 1,
            stored_key: [202; 32],
            server_key: [203; 32],
        };
        let text = format!("{verifier:?}");
        assert!(!text.contains("20"), "{text}");
    }
}
