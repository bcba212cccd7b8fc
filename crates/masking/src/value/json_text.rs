//! Strings of JSON (RFC 8259 section 7).

use std::borrow::Cow;

/// What stands between the quotes, with escapes decoded. A lone surrogate becomes the replacement character.
pub(crate) fn decode(inside: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(first) = memchr::memchr(b'\\', inside) else {
        return Some(Cow::Borrowed(inside));
    };
    let (front, mut rest) = inside.split_at_checked(first)?;
    let mut out = Vec::with_capacity(inside.len());
    out.extend_from_slice(front);
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'\\' {
            out.push(byte);
            rest = tail;
            continue;
        }
        let (&letter, tail) = tail.split_first()?;
        rest = tail;
        match letter {
            b'"' | b'\\' | b'/' => out.push(letter),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let (decoded, tail) = unicode(rest)?;
                rest = tail;
                out.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return None,
        }
    }
    Some(Cow::Owned(out))
}

/// What follows `\u`: four hexadecimal digits, or two units of UTF-16.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let (high, rest) = unit(text)?;
    if let 0xd800..=0xdbff = high
        && let Some(second) = rest.strip_prefix(b"\\u")
        && let Some((low @ 0xdc00..=0xdfff, rest)) = unit(second)
    {
        let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return char::from_u32(code).map(|letter| (letter, rest));
    }
    Some((char::from_u32(high).unwrap_or('\u{fffd}'), rest))
}

fn unit(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<4>()?;
    let mut value = 0;
    for digit in digits {
        value = value * 16 + char::from(*digit).to_digit(16)?;
    }
    Some((value, rest))
}

/// A string with its quotes.
pub(crate) fn quote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
    out
}
