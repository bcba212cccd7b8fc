//! Unguessable values.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The random bytes of one sign-in, each used for one thing. They must come from a cryptographic generator.
#[derive(Clone)]
pub struct Random {
    pub(crate) state: [u8; 32],
    pub(crate) nonce: [u8; 32],
    pub(crate) verifier: [u8; 32],
    pub(crate) browser: [u8; 32],
}

impl Random {
    /// Takes four values of 256 bits.
    pub fn new(state: [u8; 32], nonce: [u8; 32], verifier: [u8; 32], browser: [u8; 32]) -> Self {
        Self {
            state,
            nonce,
            verifier,
            browser,
        }
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Random(…)")
    }
}

/// base64url without padding: 43 characters for 32 bytes, as RFC 7636 section 4.1 asks of a verifier.
pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256 in base64url: the S256 challenge of RFC 7636 section 4.2, and how a binding value is kept.
pub(crate) fn sha256(value: &str) -> String {
    text(digest::digest(&digest::SHA256, value.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::{sha256, text};

    /// RFC 7636, appendix B.
    #[test]
    fn known_challenge() {
        let octets = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212,
            37, 77, 105, 214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];
        let verifier = text(&octets);
        assert_eq!(verifier, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(
            sha256(&verifier),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
