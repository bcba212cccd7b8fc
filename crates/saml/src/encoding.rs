//! Base64 inside documents and forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Base64 that may be broken into lines. `None` when it is not canonical base64 with padding.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let compact: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .collect();
    STANDARD.decode(compact).ok()
}

pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
