//! Canonical JSON (RFC 8785) written by hand: members in the order they are pushed, so callers push them sorted.

/// The largest integer that a record may hold (I-JSON, RFC 7493 section 2.2).
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Appends `text` as a JSON string.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text);
    out.push(b'"');
}

/// Appends the longest beginning of `text` whose JSON string takes at most `limit_bytes` between its quotes,
/// and says whether that was all of it. The cut is between characters.
pub(crate) fn push_string_capped(out: &mut Vec<u8>, text: &str, limit_bytes: usize) -> bool {
    let fitting = fitting_prefix(text, limit_bytes);
    push_string(out, fitting);
    fitting.len() == text.len()
}

/// The longest beginning of `text` of at most `limit_bytes` that ends between two characters.
pub(crate) fn prefix_at_character(text: &str, limit_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(limit_bytes))
        .unwrap_or(text)
}

/// Appends an unsigned integer; what is beyond 2^53 − 1 is written as that.
pub(crate) fn push_unsigned(out: &mut Vec<u8>, number: u64) {
    push_decimal(out, number.min(MAX_INTEGER));
}

/// Appends a signed integer within ±(2^53 − 1).
pub(crate) fn push_signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    push_unsigned(out, number.unsigned_abs());
}

/// Appends all digits of a number, for decimal text.
pub(crate) fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        used += 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// What RFC 8785 section 3.2.2.2 writes for a byte that cannot stand for itself; 0 for those that can.
/// `u` stands for the six-character form.
#[expect(
    clippy::indexing_slicing,
    reason = "computed by the compiler, which refuses an index that is out of bounds"
)]
const ESCAPES: [u8; 256] = {
    let mut table = [0_u8; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

fn escape_of(byte: u8) -> u8 {
    ESCAPES.get(usize::from(byte)).copied().unwrap_or(0)
}

fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| escape_of(*byte) != 0) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, tail)) = tail.split_first() else {
            return;
        };
        push_escape(out, *byte);
        rest = tail;
    }
    out.extend_from_slice(rest);
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match escape_of(byte) {
        b'u' => {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0xf)]);
        }
        short => out.extend_from_slice(&[b'\\', short]),
    }
}

fn fitting_prefix(text: &str, limit_bytes: usize) -> &str {
    // Six bytes is the longest escape, so short texts need no counting.
    if text.len() <= limit_bytes / 6 {
        return text;
    }
    let mut used = 0;
    let mut end = 0;
    for byte in text.bytes() {
        used += match escape_of(byte) {
            0 => 1,
            b'u' => 6,
            _ => 2,
        };
        if used > limit_bytes {
            break;
        }
        end += 1;
    }
    prefix_at_character(text, end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn string(text: &str) -> String {
        let mut out = Vec::new();
        push_string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_serde_json_writes_it(text in any::<String>()) {
            prop_assert_eq!(string(&text), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn capped_text_is_a_prefix_within_its_limit(text in "[\\x00-\\x22a\u{e9}\u{1f600}]{0,40}", limit in 0_usize..200) {
            let mut out = Vec::new();
            let whole = push_string_capped(&mut out, &text, limit);
            prop_assert!(out.len() <= limit + 2);
            let read: String = serde_json::from_slice(&out).unwrap();
            prop_assert!(text.starts_with(&read));
            prop_assert_eq!(whole, read == text);
        }

        #[test]
        fn numbers_are_decimal(number in any::<u64>()) {
            let mut out = Vec::new();
            push_decimal(&mut out, number);
            prop_assert_eq!(out, number.to_string().into_bytes());
        }
    }

    #[test]
    fn every_control_character_is_escaped_as_rfc_8785_wants() {
        let all: String = (0_u8..0x80).map(char::from).collect();
        assert_eq!(string(&all), serde_json::to_string(&all).unwrap());
        assert_eq!(string("\u{8}\u{1f}\""), "\"\\b\\u001f\\\"\"");
    }

    #[test]
    fn integers_stay_where_every_reader_can_hold_them() {
        let mut out = Vec::new();
        push_signed(&mut out, i64::MIN);
        push_unsigned(&mut out, u64::MAX);
        assert_eq!(out, b"-90071992547409919007199254740991");
    }
}
