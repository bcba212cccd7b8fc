//! base64url without padding (RFC 7515 section 2), one spelling for each value.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The bytes, or nothing if the text has padding, white space, a foreign letter or bits left over at its end.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn one_spelling() {
        assert_eq!(decode("-_8").as_deref(), Some(&[0xfb, 0xff][..]));
        assert_eq!(encode([0xfb, 0xff]), "-_8");
        for other in ["-_8=", "+/8", "-_9", "-_8 ", " -_8", "-_\n8", "-", "-_8\0"] {
            assert_eq!(decode(other), None, "{other:?}");
        }
    }
}
