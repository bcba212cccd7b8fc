//! `bytea`: masked by what it holds, and written in the form in which it came.

use std::borrow::Cow;

use super::mask::Masked;
use super::pg_type::Format;
use super::work::Work;

pub(crate) fn mask(work: Work<'_>, format: Format, value: &[u8]) -> Masked {
    if format == Format::Binary {
        return work.text(value);
    }
    let is_hex = value.starts_with(b"\\x");
    let decoded = if is_hex {
        read_hex(value.get(2..).unwrap_or(&[])).map(Cow::Owned)
    } else {
        read_escaped(value)
    };
    let Some(decoded) = decoded else {
        return Masked::Null;
    };
    match work.text(&decoded) {
        Masked::Value(masked) if is_hex => Masked::Value(write_hex(&masked)),
        Masked::Value(masked) => Masked::Value(write_escaped(&masked)),
        masked => masked,
    }
}

fn read_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    let mut out = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        out.push(value(*high)? << 4 | value(*low)?);
    }
    Some(out)
}

fn write_hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |value: u8| {
        DIGITS
            .get(usize::from(value))
            .map_or(b'0', |digit| *digit as u8)
    };
    let mut out = Vec::with_capacity(2 + 2 * bytes.len());
    out.extend_from_slice(b"\\x");
    for byte in bytes {
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    out
}

/// `\\` and `\ooo` (three octal digits).
fn read_escaped(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.contains(&b'\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match tail {
            [b'\\', tail @ ..] => {
                out.push(b'\\');
                rest = tail;
            }
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => return None,
        }
    }
    Some(Cow::Owned(out))
}

fn write_escaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x20..=0x7e => out.push(byte),
            _ => {
                let digit = |shift: u8| b'0' + ((byte >> shift) & 7);
                out.extend([b'\\', digit(6), digit(3), digit(0)]);
            }
        }
    }
    out
}
