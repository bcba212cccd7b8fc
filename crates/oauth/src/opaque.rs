//! Opaque secrets: 256 random bits that are stored as their hash only.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_model::Secret;
use zeroize::Zeroizing;

/// 32 bytes in unpadded base64url.
pub(crate) const OPAQUE_TEXT_BYTES: usize = 43;

/// SHA-256 of an opaque secret: what is stored, and what it is found by. Whoever reads it cannot use it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a presented secret.
    pub fn of(text: &str) -> Self {
        Self(sha256(text.as_bytes()))
    }

    /// A hash that was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For storing.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretHash(…)")
    }
}

/// Makes a secret of 32 random bytes.
pub(crate) fn opaque(bytes: [u8; 32]) -> Secret {
    let bytes = Zeroizing::new(bytes);
    Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))
}

/// The 32 bytes of unpadded base64url in its one spelling.
pub(crate) fn decode_32(text: &str) -> Option<[u8; 32]> {
    if text.len() != OPAQUE_TEXT_BYTES {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

pub(crate) fn sha256(message: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, message).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::{SecretHash, decode_32, opaque};

    #[test]
    fn one_spelling_and_no_leak() {
        let secret = opaque([7; 32]);
        assert_eq!(decode_32(secret.expose()), Some([7; 32]));
        let mut other = secret.expose().to_owned();
        // The last character carries two bits that must be zero.
        other.replace_range(42.., "d");
        assert_eq!(decode_32(&other), None);
        assert_eq!(decode_32(&format!("{}=", secret.expose())), None);
        let hash = SecretHash::of(secret.expose());
        assert_eq!(format!("{hash:?}"), "SecretHash(…)");
    }
}
