//! `hstore`: `"key"=>"value"` in text, pairs of fields in binary (`hstore_send`). Keys are masked like values by
//! detectors; a mask of the whole leaves them.

use super::mask::Masked;
use super::pg_type::Format;
use super::quoted::{piece, quote};
use super::reader::{Reader, write_field};
use super::rewrite::Rewrite;
use super::work::Work;
use crate::detect::near::{at, run};

pub(crate) fn mask(work: Work<'_>, format: Format, value: &[u8]) -> Masked {
    if !work.is_detecting() {
        // Keys may be as sensitive as values, and cannot be NULL.
        return Masked::Null;
    }
    let masked = match format {
        Format::Text => text(work, value),
        Format::Binary => binary(work, value),
    };
    masked.unwrap_or(Masked::Null)
}

fn text(work: Work<'_>, source: &[u8]) -> Option<Masked> {
    let mut out = Rewrite::new(source);
    let mut index = spaces(source, 0);
    while index < source.len() {
        let key = piece(source, index, false, |byte| matches!(byte, b'=' | b','))?;
        index = key.range.end;
        replace(work, &mut out, &key.text, key.range)?;
        index += run(source, index, usize::MAX, |byte| byte == b' ');
        source.get(index..)?.starts_with(b"=>").then_some(())?;
        index = spaces(source, index + 2);
        let value = piece(source, index, false, |byte| byte == b',')?;
        index = value.range.end;
        if value.is_quoted || !value.text.eq_ignore_ascii_case(b"NULL") {
            replace(work, &mut out, &value.text, value.range)?;
        }
        if at(source, index) == b',' {
            index = spaces(source, index + 1);
        }
    }
    Some(out.finish())
}

fn spaces(source: &[u8], index: usize) -> usize {
    index + run(source, index, usize::MAX, |byte| byte.is_ascii_whitespace())
}

fn replace(
    work: Work<'_>,
    out: &mut Rewrite<'_>,
    text: &[u8],
    range: std::ops::Range<usize>,
) -> Option<()> {
    match work.text(text) {
        Masked::Unchanged => Some(()),
        Masked::Null => None,
        Masked::Value(masked) => {
            out.replace(range, &quote(&masked));
            Some(())
        }
    }
}

fn binary(work: Work<'_>, value: &[u8]) -> Option<Masked> {
    let mut reader = Reader::new(value);
    let count = reader.uint32()?;
    let mut out = count.to_be_bytes().to_vec();
    let mut changed = false;
    for _ in 0..count {
        for is_key in [true, false] {
            let original = reader.field()?.0;
            if is_key && original.is_none() {
                return None;
            }
            let masked = original.map_or(Masked::Unchanged, |original| work.text(original));
            changed |= masked != Masked::Unchanged;
            write_field(
                &mut out,
                match &masked {
                    Masked::Unchanged => original,
                    Masked::Value(masked) => Some(masked),
                    Masked::Null => return None,
                },
            )?;
        }
    }
    reader.is_empty().then_some(())?;
    Some(if changed {
        Masked::Value(out)
    } else {
        Masked::Unchanged
    })
}
