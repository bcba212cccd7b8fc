//! Tokens and hashes as text.

/// Letters of a token: 128 bits, five in each.
const TOKEN_LETTERS: usize = 26;

/// A prefix and base32 (RFC 4648 section 6) in small letters, without padding: 26 characters.
pub(crate) fn token(prefix: &str, code: [u8; 16]) -> Vec<u8> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bits = u128::from_be_bytes(code);
    let letter = |five: u128| {
        let place = usize::try_from(five & 31).unwrap_or(0);
        LETTERS.get(place).copied().unwrap_or_default()
    };
    let mut out = Vec::with_capacity(prefix.len() + TOKEN_LETTERS);
    out.extend_from_slice(prefix.as_bytes());
    out.extend((1..TOKEN_LETTERS).map(|place| letter(bits >> (128 - 5 * place))));
    // The last letter holds the three bits that are left.
    out.push(letter(bits << 2));
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
        let mut code = [0; 16];
        code[..6].copy_from_slice(b"foobar");
        assert_eq!(&token("t_", code)[..11], b"t_mzxw6ytbo");
        assert_eq!(token("", code).len(), 26);
        // As Python's base64.b32encode has it.
        let code = std::array::from_fn(|place| u8::try_from(place * 8 + 7).unwrap_or(255));
        let expected = b"a4hrohzhf43t6r2pk5pwo33xp4";
        assert_eq!(token("", code), expected);
        assert_eq!(hexadecimal(&[0x0f, 0xa9]), b"0fa9");
    }
}
