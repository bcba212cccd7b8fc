//! Lower-case hexadecimal, without a table look-up by secret values.

use zeroize::Zeroizing;

/// Two digits for each byte. The result is wiped when dropped.
pub(crate) fn encode(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0x0f));
    }
    text
}

/// The bytes of exactly `N` pairs of digits of either case.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = value(high)? << 4 | value(low)?;
    }
    Some(bytes)
}

fn digit(nibble: u8) -> char {
    char::from(if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    })
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn every_byte_survives() {
        for byte in 0..=u8::MAX {
            assert_eq!(decode::<2>(&encode(&[byte, !byte])), Some([byte, !byte]));
        }
        assert_eq!(*encode(&[0x00, 0x9a, 0xff]), *"009aff");
        assert_eq!(decode::<3>("009AfF"), Some([0x00, 0x9a, 0xff]));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "0", "00 ", "0g", "000", "é"] {
            assert_eq!(decode::<1>(text), None, "{text}");
        }
    }
}
