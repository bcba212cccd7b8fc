//! Texts in quotes, with the escapes of arrays, composites and `hstore`.

use std::borrow::Cow;
use std::ops::Range;

use crate::detect::near::at;

/// An element: where it stands, and what it says.
pub(crate) struct Piece<'a> {
    pub(crate) range: Range<usize>,
    pub(crate) text: Cow<'a, [u8]>,
    pub(crate) is_quoted: bool,
}

/// Reads one up to a byte that ends it, outside of quotes. `doubled`: two quotes inside of quotes are one.
pub(crate) fn piece(
    source: &[u8],
    start: usize,
    doubled: bool,
    ends: impl Fn(u8) -> bool,
) -> Option<Piece<'_>> {
    let mut decoded: Option<Vec<u8>> = None;
    let (mut index, mut in_quotes, mut is_quoted) = (start, false, false);
    loop {
        let Some(&byte) = source.get(index) else {
            (!in_quotes).then_some(())?;
            break;
        };
        let mut said = Some(byte);
        let mut step = 1;
        match byte {
            b'\\' => {
                said = Some(*source.get(index + 1)?);
                step = 2;
            }
            b'"' if in_quotes && doubled && at(source, index + 1) == b'"' => step = 2,
            b'"' => {
                in_quotes = !in_quotes;
                is_quoted = true;
                said = None;
            }
            _ if !in_quotes && ends(byte) => break,
            _ => {}
        }
        if step == 2 || said.is_none() {
            let front = source.get(start..index).unwrap_or(&[]);
            decoded.get_or_insert_with(|| front.to_vec());
        }
        if let (Some(decoded), Some(said)) = (&mut decoded, said) {
            decoded.push(said);
        }
        index += step;
    }
    let text = match decoded {
        Some(decoded) => Cow::Owned(decoded),
        None => Cow::Borrowed(source.get(start..index)?),
    };
    Some(Piece {
        range: start..index,
        text,
        is_quoted,
    })
}

/// In quotes, with a backslash before quotes and backslashes.
pub(crate) fn quote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    out
}
