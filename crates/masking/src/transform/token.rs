//! Tokens and hashes as text.

/// Bytes of the MAC that make a token: 128 bits.
const TOKEN_BYTES: usize = 16;

/// A prefix and base32 (RFC 4648 section 6) in small letters, without padding: 26 characters.
pub(crate) fn token(prefix: &str, mac: &[u8; 32]) -> Vec<u8> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut out = prefix.as_bytes().to_vec();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in mac.iter().take(TOKEN_BYTES) {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            out.extend(LETTERS.get((bits >> held) as usize & 31));
        }
        bits &= (1 << held) - 1;
    }
    out.extend(LETTERS.get((bits << (5 - held)) as usize & 31));
    out
}

/// Small hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    let digit = |value: u8| match value {
        0..=9 => b'0' + value,
        _ => b'a' + value - 10,
    };
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{hexadecimal, token};

    #[test]
    fn base32_is_the_standards() {
        let mut mac = [0; 32];
        mac[..6].copy_from_slice(b"foobar");
        assert_eq!(&token("t_", &mac)[..11], b"t_mzxw6ytbo");
        assert_eq!(token("", &mac).len(), 26);
        assert_eq!(hexadecimal(&[0x0f, 0xa9]), b"0fa9");
    }
}
