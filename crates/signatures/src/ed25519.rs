//! Ed25519 public keys that are worth verifying with (RFC 8032 section 5.1).

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};

use crate::error::SignatureError;

/// The field's prime 2^255 - 19, little-endian.
const PRIME: [u8; 32] = prime_less(0);

/// The `y` of the two pairs of points of order 8.
const ORDER_8: [[u8; 32]; 2] = [
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

const fn prime_less(less: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed - less;
    bytes[31] = 0x7f;
    bytes
}

const fn small(value: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = value;
    bytes
}

/// The library takes points of small order, under which anybody can make signatures that verify, and a second spelling
/// of a few points. Here both are refused.
pub(crate) fn parse(key: &[u8; 32]) -> Result<ParsedPublicKey, SignatureError> {
    let mut y = *key;
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    // Little-endian, so that the most significant byte is the last.
    if y.iter().rev().ge(PRIME.iter().rev()) {
        return Err(SignatureError::KeyMalformed);
    }
    let weak = [small(0), small(1), prime_less(1)].contains(&y) || ORDER_8.contains(&y);
    if weak {
        return Err(SignatureError::KeyWeak);
    }
    ParsedPublicKey::new(&ED25519, key).map_err(|_| SignatureError::KeyMalformed)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::{ORDER_8, PRIME, parse, prime_less, small};
    use crate::SignatureError;

    #[test]
    fn points_of_small_order_are_refused() {
        let all = [small(0), small(1), prime_less(1), ORDER_8[0], ORDER_8[1]];
        for mut key in all {
            assert_eq!(parse(&key).map(|_| ()), Err(SignatureError::KeyWeak));
            key[31] |= 0x80;
            assert_eq!(parse(&key).map(|_| ()), Err(SignatureError::KeyWeak));
        }
    }

    /// Why it matters: with the neutral element as key, and as R, S = 0 signs everything.
    #[test]
    fn the_library_alone_would_take_them() {
        let mut signature = [0; 64];
        signature[0] = 1;
        let key = UnparsedPublicKey::new(&ED25519, small(1));
        assert!(key.verify(b"anything", &signature).is_ok());
    }

    #[test]
    fn one_spelling_for_each_point() {
        for add in 0..19 {
            let mut key = PRIME;
            key[0] += add;
            assert_eq!(parse(&key).map(|_| ()), Err(SignatureError::KeyMalformed));
        }
        assert_eq!(
            parse(&[0xff; 32]).map(|_| ()),
            Err(SignatureError::KeyMalformed)
        );
    }
}
