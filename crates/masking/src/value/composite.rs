//! Composite values: `(…)` in text (PostgreSQL documentation, "Composite Type Input and Output Syntax"), and
//! `record_send` in binary.

use super::mask::Masked;
use super::pg_type::{Format, PgType};
use super::quoted::piece;
use super::reader::{Reader, write_field};
use super::rewrite::Rewrite;
use super::work::Work;
use crate::detect::near::at;

/// Without columns their types are what a binary value says, and in text unknown.
pub(crate) fn mask(
    work: Work<'_>,
    columns: Option<&[PgType]>,
    format: Format,
    value: &[u8],
) -> Masked {
    let masked = match format {
        Format::Text => text(work, columns, value),
        Format::Binary => binary(work, columns, value),
    };
    masked.unwrap_or(Masked::Null)
}

fn text(work: Work<'_>, columns: Option<&[PgType]>, source: &[u8]) -> Option<Masked> {
    (at(source, 0) == b'(').then_some(())?;
    let mut out = Rewrite::new(source);
    let (mut index, mut column) = (1, 0);
    loop {
        let found = piece(source, index, true, |byte| matches!(byte, b',' | b')'))?;
        index = found.range.end;
        let is_null = found.range.is_empty();
        if !is_null {
            let kind = columns.map_or(&PgType::Opaque, |columns| {
                columns.get(column).unwrap_or(&PgType::Opaque)
            });
            match work.value(kind, Format::Text, &found.text) {
                Masked::Unchanged => {}
                Masked::Null => out.replace(found.range, b""),
                Masked::Value(masked) => out.replace(found.range, &quote(&masked)),
            }
        }
        column += 1;
        let byte = *source.get(index)?;
        index += 1;
        if byte == b')' {
            break;
        }
    }
    let all = columns
        .is_none_or(|columns| columns.len() == column || (columns.is_empty() && column == 1));
    (index == source.len() && all).then(|| out.finish())
}

/// In quotes, which are doubled inside, as backslashes are.
fn quote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'"');
    out
}

fn binary(work: Work<'_>, columns: Option<&[PgType]>, value: &[u8]) -> Option<Masked> {
    let mut reader = Reader::new(value);
    let count = usize::try_from(reader.int32()?).ok()?;
    let expected = columns.is_none_or(|columns| columns.len() == count);
    (expected && count <= reader.remaining()).then_some(())?;
    let mut out = Vec::with_capacity(value.len());
    out.extend_from_slice(&i32::try_from(count).ok()?.to_be_bytes());
    let mut changed = false;
    for column in 0..count {
        let oid = reader.uint32()?;
        let own;
        let kind = if let Some(kind) = columns.and_then(|columns| columns.get(column)) {
            kind
        } else {
            own = PgType::from_oid(oid);
            &own
        };
        let original = reader.field()?.0;
        let masked = match original {
            None => Masked::Unchanged,
            Some(original) => work.value(kind, Format::Binary, original),
        };
        changed |= masked != Masked::Unchanged;
        out.extend_from_slice(&oid.to_be_bytes());
        write_field(
            &mut out,
            match &masked {
                Masked::Unchanged => original,
                Masked::Value(masked) => Some(masked),
                Masked::Null => None,
            },
        )?;
    }
    reader.is_empty().then_some(())?;
    Some(if changed {
        Masked::Value(out)
    } else {
        Masked::Unchanged
    })
}
