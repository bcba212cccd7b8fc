//! Arrays: `{…}` in text (PostgreSQL documentation, "Array Input and Output Syntax"), and `array_send` in binary.

use super::mask::Masked;
use super::pg_type::{Format, PgType};
use super::quoted::{piece, quote};
use super::reader::{Reader, write_field};
use super::rewrite::Rewrite;
use super::work::Work;
use crate::detect::near::at;

/// Dimensions at most (MAXDIM).
const MAX_DIMENSIONS: usize = 6;

pub(crate) fn mask(work: Work<'_>, element: &PgType, format: Format, value: &[u8]) -> Masked {
    let masked = match format {
        Format::Text => text(work, element, value),
        Format::Binary => binary(work, element, value),
    };
    masked.unwrap_or(Masked::Null)
}

fn text(work: Work<'_>, element: &PgType, source: &[u8]) -> Option<Masked> {
    let mut out = Rewrite::new(source);
    let mut index = body(source)?;
    let mut depth = 0_usize;
    loop {
        match source.get(index)? {
            b'{' => {
                depth += 1;
                index += 1;
                (depth <= MAX_DIMENSIONS).then_some(())?;
            }
            b'}' => {
                depth = depth.checked_sub(1)?;
                index += 1;
                if depth == 0 {
                    break;
                }
            }
            b',' | b' ' => index += 1,
            _ => {
                (depth > 0).then_some(())?;
                let found = piece(source, index, false, |byte| {
                    matches!(byte, b',' | b'{' | b'}')
                })?;
                index = found.range.end;
                if !found.is_quoted && found.text.eq_ignore_ascii_case(b"NULL") {
                    continue;
                }
                match work.value(element, Format::Text, &found.text) {
                    Masked::Unchanged => {}
                    Masked::Null => out.replace(found.range, b"NULL"),
                    Masked::Value(masked) => out.replace(found.range, &quote(&masked)),
                }
            }
        }
    }
    (index == source.len()).then(|| out.finish())
}

/// Where the braces begin: behind `[1:3]=`, where bounds are written.
fn body(source: &[u8]) -> Option<usize> {
    if at(source, 0) != b'[' {
        return Some(0);
    }
    let equals = memchr::memchr(b'=', source)?;
    let bounds = source.get(..equals)?;
    let known =
        |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'[' | b']' | b':' | b'-' | b'+');
    bounds.iter().all(known).then_some(equals + 1)
}

fn binary(work: Work<'_>, element: &PgType, value: &[u8]) -> Option<Masked> {
    let mut reader = Reader::new(value);
    let dimensions = usize::try_from(reader.int32()?).ok()?;
    let _has_null = reader.int32()?;
    let oid: [u8; 4] = reader.array()?;
    (dimensions <= MAX_DIMENSIONS).then_some(())?;
    let mut count = usize::from(dimensions > 0);
    let mut bounds = Vec::with_capacity(8 * dimensions);
    for _ in 0..dimensions {
        let length: [u8; 4] = reader.array()?;
        count = count.checked_mul(usize::try_from(i32::from_be_bytes(length)).ok()?)?;
        bounds.extend_from_slice(&length);
        bounds.extend_from_slice(&reader.array::<4>()?);
    }
    // Each element has a length, so there cannot be more of them than bytes.
    (count <= reader.remaining()).then_some(())?;
    let mut elements = Vec::with_capacity(value.len());
    let (mut changed, mut has_null) = (false, false);
    for _ in 0..count {
        let original = reader.field()?.0;
        let masked = match original {
            None => Masked::Unchanged,
            Some(original) => work.value(element, Format::Binary, original),
        };
        changed |= masked != Masked::Unchanged;
        let kept = match &masked {
            Masked::Unchanged => original,
            Masked::Value(masked) => Some(masked.as_slice()),
            Masked::Null => None,
        };
        has_null |= kept.is_none();
        write_field(&mut elements, kept)?;
    }
    reader.is_empty().then_some(())?;
    if !changed {
        return Some(Masked::Unchanged);
    }
    let mut out = Vec::with_capacity(12 + bounds.len() + elements.len());
    out.extend_from_slice(&i32::try_from(dimensions).ok()?.to_be_bytes());
    out.extend_from_slice(&i32::from(has_null).to_be_bytes());
    out.extend_from_slice(&oid);
    out.extend_from_slice(&bounds);
    out.extend_from_slice(&elements);
    Some(Masked::Value(out))
}
