//! Secrets of 256 random bits, and the hashes that are kept of them.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_model::Secret;
use zeroize::Zeroizing;

use crate::settings::Random;

/// 32 bytes in unpadded base64url.
pub(crate) const SECRET_TEXT_BYTES: usize = 43;

/// SHA-256 of a secret: what it is kept and found by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    pub(crate) fn of(text: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }

    /// A PKCE challenge (RFC 7636 section 4.2) in its one spelling.
    pub(crate) fn from_base64url(text: &str) -> Option<Self> {
        if text.len() != SECRET_TEXT_BYTES {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Takes the same time wherever the two differ.
    pub(crate) fn is(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    /// Base64url of the first `bytes` bytes.
    pub(crate) fn prefix(&self, bytes: usize) -> String {
        URL_SAFE_NO_PAD.encode(self.0.get(..bytes).unwrap_or(&self.0))
    }
}

/// A new secret.
pub(crate) fn secret(random: &Random) -> Secret {
    let mut bytes = Zeroizing::new([0; 32]);
    random(bytes.as_mut_slice());
    Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))
}

/// A new name that is no secret: 128 random bits.
pub(crate) fn identifier(random: &Random) -> String {
    let mut bytes = [0; 16];
    random(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Left half of SHA-256 (OpenID Connect Core 3.1.3.6).
pub(crate) fn access_token_hash(token: &str) -> String {
    Hash::of(token).prefix(16)
}

#[cfg(test)]
mod tests {
    use super::{Hash, access_token_hash};

    /// RFC 7636 appendix B.
    #[test]
    fn a_challenge_is_met_by_its_verifier_only() {
        let challenge =
            Hash::from_base64url("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is(&Hash::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
        assert!(!challenge.is(&Hash::of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl")));
        for other in ["", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN", "E9Mel"] {
            assert!(Hash::from_base64url(other).is_none(), "{other}");
        }
    }

    /// OpenID Connect Core appendix A.4.
    #[test]
    fn the_specification_s_access_token_hash() {
        assert_eq!(
            access_token_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
    }
}
