//! An approver's passkey, and the verification of its assertions (WebAuthn Level 3 section 7.2).

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;
use serde::{Deserialize, Serialize};

use crate::assertion::{Assertion, MAX_CREDENTIAL_BYTES};
use crate::authenticator_data::{self, Facts};
use crate::client_data;
use crate::encoding::{decode, encode, fingerprint, sha256};
use crate::error::SignatureError;
use crate::spki::PasskeyAlgorithm;

/// Longest relying party and host (RFC 1035 section 2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// The public key of a passkey, and the one site where it signs. Serialized with bytes in base64url.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "Plain", try_from = "Plain")]
pub struct PasskeyKey {
    credential_id: Vec<u8>,
    spki: Vec<u8>,
    algorithm: PasskeyAlgorithm,
    rp_id: String,
    origin: String,
    key: ParsedPublicKey,
}

impl PasskeyKey {
    /// From what a page was given when it made the passkey: `rawId`, `getPublicKey()` and `getPublicKeyAlgorithm()`.
    ///
    /// `rp_id` is a host in lower case; `origin` is `https://` (or `http://` for `localhost` alone), that host or one below
    /// it, and perhaps a port. Attestation is not asked for: an assertion proves that somebody has the key.
    pub fn new(
        credential_id: Vec<u8>,
        spki: Vec<u8>,
        algorithm: PasskeyAlgorithm,
        rp_id: &str,
        origin: &str,
    ) -> Result<Self, SignatureError> {
        if credential_id.is_empty() || credential_id.len() > MAX_CREDENTIAL_BYTES {
            return Err(SignatureError::KeyMalformed);
        }
        if !belongs(origin, rp_id) {
            return Err(SignatureError::KeyOrigin);
        }
        Ok(Self {
            key: algorithm.parse(&spki)?,
            credential_id,
            spki,
            algorithm,
            rp_id: rp_id.to_owned(),
            origin: origin.to_owned(),
        })
    }

    /// By which the browser finds it: goes into `allowCredentials`.
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    /// SubjectPublicKeyInfo, DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// What it signs with.
    pub fn algorithm(&self) -> PasskeyAlgorithm {
        self.algorithm
    }

    /// The relying party.
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// The origin of the page on which it signs.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `SHA256:` and base64 of SHA-256 of the SubjectPublicKeyInfo.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.spki)
    }

    /// Whether the assertion is this passkey's about `challenge`, made on our own page, by somebody who touched the
    /// authenticator and was verified by it. The steps of section 7.2 about accounts and counters are the caller's.
    pub fn verify(
        &self,
        challenge: &[u8; 32],
        assertion: &Assertion,
    ) -> Result<Facts, SignatureError> {
        if assertion.credential_id() != self.credential_id {
            return Err(SignatureError::CredentialOther);
        }
        let client_data = assertion.client_data_json();
        client_data::check(client_data, challenge, &self.origin)?;
        let data = assertion.authenticator_data();
        let facts = authenticator_data::check(data, &self.rp_id)?;
        let signed = [data, &sha256(&[client_data])].concat();
        self.key
            .verify_sig(&signed, assertion.signature())
            .map_err(|_| SignatureError::SignatureWrong)?;
        Ok(facts)
    }
}

/// Whether a page of this origin may use passkeys of this relying party (WebAuthn section 5.1.4.1, step 8).
fn belongs(origin: &str, rp_id: &str) -> bool {
    let (rest, plain) = match (
        origin.strip_prefix("https://"),
        origin.strip_prefix("http://"),
    ) {
        (Some(rest), _) => (rest, false),
        (None, Some(rest)) => (rest, true),
        (None, None) => return false,
    };
    let (host, port) = rest.split_once(':').unwrap_or((rest, "443"));
    let port_good = port.bytes().all(|digit| digit.is_ascii_digit())
        && !port.starts_with('0')
        && port.parse::<u16>().is_ok();
    let below = host
        .strip_suffix(rp_id)
        .is_some_and(|above| above.is_empty() || above.ends_with('.'));
    is_host(host) && is_host(rp_id) && port_good && below && (!plain || host == "localhost")
}

fn is_host(host: &str) -> bool {
    let good =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    host.len() <= MAX_HOST_BYTES
        && host
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(good))
}

impl PartialEq for PasskeyKey {
    fn eq(&self, other: &Self) -> bool {
        Plain::from(self.clone()) == Plain::from(other.clone())
    }
}

impl Eq for PasskeyKey {}

impl fmt::Debug for PasskeyKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PasskeyKey")
            .field("fingerprint", &self.fingerprint())
            .field("algorithm", &self.algorithm)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    credential_id: String,
    spki: String,
    algorithm: PasskeyAlgorithm,
    rp_id: String,
    origin: String,
}

impl TryFrom<Plain> for PasskeyKey {
    type Error = SignatureError;

    fn try_from(plain: Plain) -> Result<Self, SignatureError> {
        Self::new(
            decode(&plain.credential_id).ok_or(SignatureError::KeyMalformed)?,
            decode(&plain.spki).ok_or(SignatureError::KeyMalformed)?,
            plain.algorithm,
            &plain.rp_id,
            &plain.origin,
        )
    }
}

impl From<PasskeyKey> for Plain {
    fn from(key: PasskeyKey) -> Self {
        Self {
            credential_id: encode(&key.credential_id),
            spki: encode(&key.spki),
            algorithm: key.algorithm,
            rp_id: key.rp_id,
            origin: key.origin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::belongs;

    #[test]
    fn origins_of_a_relying_party() {
        for (origin, rp_id) in [
            ("https://custos.example.com", "custos.example.com"),
            ("https://custos.example.com", "example.com"),
            ("https://custos.example.com:8443", "custos.example.com"),
            ("http://localhost:8080", "localhost"),
            ("https://localhost", "localhost"),
        ] {
            assert!(belongs(origin, rp_id), "{origin} {rp_id}");
        }
        for (origin, rp_id) in [
            ("http://custos.example.com", "custos.example.com"),
            ("http://a.localhost", "localhost"),
            ("https://badexample.com", "example.com"),
            ("https://example.com", "custos.example.com"),
            ("https://example.com.evil.net", "example.com"),
            ("https://example.com/", "example.com"),
            ("https://example.com:", "example.com"),
            ("https://example.com:0", "example.com"),
            ("https://example.com:65536", "example.com"),
            ("https://example.com:443:1", "example.com"),
            ("https://user@example.com", "example.com"),
            ("https://Example.com", "Example.com"),
            ("https://example.com", ""),
            ("https://example.com.", "com."),
            ("https://example..com", "com"),
            ("https://", ""),
            ("ftp://example.com", "example.com"),
            ("example.com", "example.com"),
        ] {
            assert!(!belongs(origin, rp_id), "{origin} {rp_id}");
        }
    }
}
