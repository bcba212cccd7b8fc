//! JSON text, appended to a byte buffer.

use std::io::Write as _;

use base64_simd::STANDARD;

/// Every byte has its high bit set.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
/// Values below this are strings whatever control characters are in them.
const CONTROL_FROM_BYTES: usize = 64;
/// Every byte is one.
const ONES: u64 = 0x0101_0101_0101_0101;

pub(super) fn push_number(buffer: &mut Vec<u8>, number: u64) {
    if number < 10 {
        buffer.push(b'0' + number as u8);
        return;
    }
    // Writing to a vector cannot fail.
    let _ = write!(buffer, "{number}");
}

/// A value in the form of `docs/transcript-format.md`: string, `{"b64": …}` or null.
pub(super) fn push_value(buffer: &mut Vec<u8>, value: Option<&[u8]>, text: bool) {
    let Some(bytes) = value else {
        buffer.extend_from_slice(b"null");
        return;
    };
    if text {
        if push_plain(buffer, bytes) {
            return;
        }
        if let Ok(valid) = std::str::from_utf8(bytes)
            && !is_mostly_control(bytes)
        {
            push_string(buffer, valid);
            return;
        }
    }
    buffer.extend_from_slice(b"{\"b64\":\"");
    push_base64(buffer, bytes);
    buffer.extend_from_slice(b"\"}");
}

/// Whether a string would be more than twice as long for its escapes: zero bytes, for example, are valid UTF-8.
fn is_mostly_control(bytes: &[u8]) -> bool {
    let escaped =
        |byte: &u8| usize::from(*byte < 0x20 && *byte != b'\n' && *byte != b'\r' && *byte != b'\t');
    bytes.len() >= CONTROL_FROM_BYTES && bytes.iter().map(escaped).sum::<usize>() > bytes.len() / 4
}

/// Writes the string if it is ASCII that needs no escape, which is the common case.
fn push_plain(buffer: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let (words, tail) = bytes.as_chunks::<8>();
    if words.iter().any(|word| special(u64::from_le_bytes(*word))) {
        return false;
    }
    if tail
        .iter()
        .any(|&byte| !(0x20..0x80).contains(&byte) || byte == b'"' || byte == b'\\')
    {
        return false;
    }
    buffer.reserve(bytes.len() + 2);
    buffer.push(b'"');
    buffer.extend_from_slice(bytes);
    buffer.push(b'"');
    true
}

/// Whether any of eight bytes is above 0x7f, below 0x20, a quote or a backslash.
/// May say yes for a word that has none (borrow of a neighbouring byte), never no for one that has.
fn special(word: u64) -> bool {
    let below_space = word.wrapping_sub(ONES * 0x20);
    let quote = (word ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
    (word | below_space | quote | backslash) & HIGH_BITS != 0
}

pub(super) fn push_string(buffer: &mut Vec<u8>, text: &str) {
    buffer.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(position) = rest
        .iter()
        .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        let (clean, special) = rest.split_at(position);
        buffer.extend_from_slice(clean);
        let Some((&byte, after)) = special.split_first() else {
            break;
        };
        push_escape(buffer, byte);
        rest = after;
    }
    buffer.extend_from_slice(rest);
    buffer.push(b'"');
}

fn push_escape(buffer: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let _ = write!(buffer, "\\u{byte:04x}");
            return;
        }
    };
    buffer.extend_from_slice(&[b'\\', short]);
}

fn push_base64(buffer: &mut Vec<u8>, bytes: &[u8]) {
    // It reserves what it needs and no more, which line after line is a copy of all before.
    buffer.reserve(STANDARD.encoded_length(bytes.len()));
    STANDARD.encode_append(bytes, buffer);
}

/// How many bytes of `value` the next part takes: at most `limit`, and for text not in the middle of a
/// UTF-8 sequence.
pub(super) fn part_length(value: &[u8], limit: usize, text: bool) -> usize {
    if value.len() <= limit {
        return value.len();
    }
    if !text {
        return limit;
    }
    (0..4)
        .map(|back| limit - back)
        .find(|&cut| value.get(cut).is_some_and(|&byte| byte & 0xc0 != 0x80))
        .unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::{push_value, special};

    #[test]
    fn special_never_misses() {
        for position in 0..8 {
            for byte in 0..=255_u8 {
                let mut word = *b"abcdefgh";
                word[position] = byte;
                let needs = !(0x20..0x80).contains(&byte) || byte == b'"' || byte == b'\\';
                if needs {
                    assert!(special(u64::from_le_bytes(word)), "{byte:#x} at {position}");
                }
            }
        }
        assert!(!special(u64::from_le_bytes(*b"abc 123~")));
    }

    #[test]
    fn values_are_json() {
        for bytes in [
            &b"plain"[..],
            b"with \"quotes\" and \\ and \n\t\x01 end",
            "gr\u{fc}n 1234567".as_bytes(),
            b"",
        ] {
            let mut buffer = Vec::new();
            push_value(&mut buffer, Some(bytes), true);
            let back: String = serde_json::from_slice(&buffer).unwrap();
            assert_eq!(back.as_bytes(), bytes);
        }
        let mut buffer = Vec::new();
        push_value(&mut buffer, Some(b"\xff\xfe\xfd"), true);
        assert_eq!(buffer, b"{\"b64\":\"//79\"}");
        buffer.clear();
        push_value(&mut buffer, Some(&[0; 64]), true);
        assert!(buffer.starts_with(b"{\"b64\":\"AAAA"));
        buffer.clear();
        push_value(&mut buffer, Some(&[0; 63]), true);
        assert!(buffer.starts_with(b"\"\\u0000"));
        buffer.clear();
        push_value(&mut buffer, None, true);
        assert_eq!(buffer, b"null");
    }
}
