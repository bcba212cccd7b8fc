//! SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7) of the three kinds of keys that passkeys have here.

use super::crypto::PublicKey;

/// What stands before the uncompressed point of a P-256 key (RFC 5480 section 2).
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// What stands before an Ed25519 key (RFC 8410 section 4).
const ED25519: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// `rsaEncryption` with NULL (RFC 3279 section 2.3.1), as a whole SEQUENCE.
const RSA: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The key, if it is of a known kind and well formed.
pub(super) fn parse(der: &[u8]) -> Option<PublicKey> {
    if let Some(point) = der.strip_prefix(P256) {
        return PublicKey::p256(point);
    }
    if let Some(key) = der.strip_prefix(ED25519) {
        return PublicKey::ed25519(key);
    }
    let bits = only(der, SEQUENCE)?.strip_prefix(RSA)?;
    let key = only(bits, BIT_STRING)?.strip_prefix(&[0])?;
    let (modulus, rest) = next(only(key, SEQUENCE)?, INTEGER)?;
    let exponent = only(rest, INTEGER)?;
    PublicKey::rsa(positive(modulus)?, positive(exponent)?)
}

/// The content of a value, and what follows it.
fn next(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&length, rest) = rest.split_first()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    // The shortest form only.
    let shortest = match first {
        0x81 => length > 0x7f,
        0x82 => length > 0xff,
        _ => true,
    };
    (found == tag && shortest).then_some(())?;
    rest.split_at_checked(length)
}

fn only(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (content, rest) = next(der, tag)?;
    rest.is_empty().then_some(content)
}

/// A positive number in its shortest form, without the zero before it.
fn positive(number: &[u8]) -> Option<&[u8]> {
    match number {
        [0, rest @ ..] if rest.first().is_some_and(|byte| *byte >= 0x80) => Some(rest),
        [1..=0x7f, ..] => Some(number),
        _ => None,
    }
}
