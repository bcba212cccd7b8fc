//! Values of fixed form: each is written as text, masked as such, and written back.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::mask::Masked;
use super::numeric::{self, Decimal};
use super::pg_type::{Format, PgType};
use super::reader::Reader;
use super::work::Work;
use crate::transform::Range;

/// Whole numbers that a double can tell apart.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The masked value. Nothing where it is not of its type: it is withheld then.
pub(crate) fn mask(work: Work<'_>, kind: &PgType, format: Format, value: &[u8]) -> Option<Masked> {
    match kind {
        PgType::Int2 => whole::<2>(
            work,
            format,
            value,
            Range::Whole(i16::MAX.unsigned_abs().into()),
        ),
        PgType::Int4 => whole::<4>(
            work,
            format,
            value,
            Range::Whole(i32::MAX.unsigned_abs().into()),
        ),
        PgType::Int8 => whole::<8>(work, format, value, Range::Whole(i64::MAX.unsigned_abs())),
        PgType::Oid => object_id(work, format, value),
        PgType::Money => money(work, format, value),
        PgType::Numeric => numeric_value(work, format, value),
        PgType::Float4 => float(work, format, value, 4),
        PgType::Float8 => float(work, format, value, 8),
        PgType::Uuid => uuid(work, format, value),
        PgType::Inet => Some(work.withheld(inet(format, value)?.as_bytes())),
        _ => Some(work.withheld(hardware_address(format, value)?.as_bytes())),
    }
}

fn whole<const N: usize>(
    work: Work<'_>,
    format: Format,
    value: &[u8],
    range: Range,
) -> Option<Masked> {
    let text = match format {
        Format::Text => number_text(value)?.to_owned(),
        Format::Binary => signed::<N>(value)?.to_string(),
    };
    Some(match (work.number(&text, range), format) {
        (Masked::Value(number), Format::Binary) => {
            let number: i64 = std::str::from_utf8(&number).ok()?.parse().ok()?;
            let bytes = number.to_be_bytes();
            Masked::Value(bytes.get(bytes.len() - N..)?.to_vec())
        }
        (masked, _) => masked,
    })
}

/// A big-endian number of N bytes, no more than eight.
fn signed<const N: usize>(value: &[u8]) -> Option<i64> {
    let bytes: [u8; N] = value.try_into().ok()?;
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if negative { -1 } else { 0 };
    Some(
        bytes
            .iter()
            .fold(start, |sum: i64, byte| (sum << 8) | i64::from(*byte)),
    )
}

fn object_id(work: Work<'_>, format: Format, value: &[u8]) -> Option<Masked> {
    let range = Range::Whole(u32::MAX.into());
    if format == Format::Text {
        return Some(work.number(number_text(value)?, range));
    }
    let number = u32::from_be_bytes(value.try_into().ok()?);
    Some(match work.number(&number.to_string(), range) {
        Masked::Value(number) => {
            let number: u32 = std::str::from_utf8(&number).ok()?.parse().ok()?;
            Masked::Value(number.to_be_bytes().to_vec())
        }
        masked => masked,
    })
}

/// `-?digits(.digits)?`, and nothing else.
fn number_text(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (front, back) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (all_digits(front) && all_digits(back)).then_some(text)
}

/// In text its form depends on the server's locale, so it cannot be written back there.
fn money(work: Work<'_>, format: Format, value: &[u8]) -> Option<Masked> {
    match format {
        Format::Text => Some(work.withheld(value)),
        Format::Binary => {
            let cents = i64::from_be_bytes(value.try_into().ok()?);
            Some(work.withheld(cents.to_string().as_bytes()))
        }
    }
}

fn numeric_value(work: Work<'_>, format: Format, value: &[u8]) -> Option<Masked> {
    if format == Format::Text {
        return Some(match value {
            b"NaN" | b"Infinity" | b"-Infinity" => work.featureless(),
            _ => work.number(number_text(value)?, Range::Decimal),
        });
    }
    let Decimal::Number(text) = numeric::read(value)? else {
        return Some(work.featureless());
    };
    Some(match work.number(&text, Range::Decimal) {
        Masked::Value(number) => Masked::Value(numeric::write(std::str::from_utf8(&number).ok()?)?),
        masked => masked,
    })
}

/// A number of a card fits into a double; written as such it has a point and an exponent.
fn float(work: Work<'_>, format: Format, value: &[u8], bytes: usize) -> Option<Masked> {
    let number = match (format, bytes) {
        (Format::Text, _) => std::str::from_utf8(value).ok()?.parse::<f64>().ok()?,
        (Format::Binary, 4) => f32::from_be_bytes(value.try_into().ok()?).into(),
        (Format::Binary, _) => f64::from_be_bytes(value.try_into().ok()?),
    };
    let exact = number.fract() == 0.0 && number.abs() < MAX_EXACT;
    Some(if exact {
        work.withheld(format!("{number:.0}").as_bytes())
    } else {
        work.withheld(number.to_string().as_bytes())
    })
}

fn uuid(work: Work<'_>, format: Format, value: &[u8]) -> Option<Masked> {
    let uuid: [u8; 16] = match format {
        Format::Binary => value.try_into().ok()?,
        Format::Text => {
            let digits: Vec<u8> = value.iter().copied().filter(|byte| *byte != b'-').collect();
            let text = std::str::from_utf8(&digits)
                .ok()
                .filter(|text| text.len() == 32)?;
            u128::from_str_radix(text, 16).ok()?.to_be_bytes()
        }
    };
    let transform = if work.is_detecting() {
        let written = write_uuid(uuid);
        match work.found(written.as_bytes()).first() {
            None => return Some(Masked::Unchanged),
            Some(finding) => work.transform_for(finding.detector),
        }
    } else {
        work.transform_for(crate::Detector::Custom(0))
    };
    let Some(masked) = transform.uuid(uuid) else {
        return Some(Masked::Null);
    };
    Some(Masked::Value(match format {
        Format::Binary => masked.to_vec(),
        Format::Text => write_uuid(masked).into_bytes(),
    }))
}

fn write_uuid(uuid: [u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(uuid));
    let part = |range| digits.get(range).unwrap_or_default();
    [
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32),
    ]
    .join("-")
}

/// Family (2, 3), bits, whether it is a network, length, address (`inet_send`).
fn inet(format: Format, value: &[u8]) -> Option<String> {
    if format == Format::Text {
        return std::str::from_utf8(value).ok().map(str::to_owned);
    }
    let mut reader = Reader::new(value);
    let [family, bits, _, length] = reader.array()?;
    let address = reader.bytes(length.into()).filter(|_| reader.is_empty())?;
    match family {
        2 => Some(format!(
            "{}/{bits}",
            Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?)
        )),
        3 => Some(format!(
            "{}/{bits}",
            Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?)
        )),
        _ => None,
    }
}

fn hardware_address(format: Format, value: &[u8]) -> Option<String> {
    if format == Format::Text {
        return std::str::from_utf8(value).ok().map(str::to_owned);
    }
    let bytes: Vec<String> = value.iter().map(|byte| format!("{byte:02x}")).collect();
    matches!(value.len(), 6 | 8).then(|| bytes.join(":"))
}

/// A range is passed or withheld: masked bounds might be in the wrong order.
pub(crate) fn range(work: Work<'_>, bound: &PgType, format: Format, value: &[u8]) -> Masked {
    if !work.is_detecting() {
        return Masked::Null;
    }
    match format {
        Format::Text => work.withheld(value),
        Format::Binary => {
            let mut reader = Reader::new(value);
            let passed = binary_range(work, bound, &mut reader).filter(|()| reader.is_empty());
            passed.map_or(Masked::Null, |()| Masked::Unchanged)
        }
    }
}

/// The same for several.
pub(crate) fn multirange(work: Work<'_>, bound: &PgType, format: Format, value: &[u8]) -> Masked {
    if !work.is_detecting() {
        return Masked::Null;
    }
    if format == Format::Text {
        return work.withheld(value);
    }
    let mut reader = Reader::new(value);
    let passed = || -> Option<()> {
        let count = reader.uint32()?;
        for _ in 0..count {
            let one = reader.field()?.0?;
            let mut inside = Reader::new(one);
            binary_range(work, bound, &mut inside).filter(|()| inside.is_empty())?;
        }
        reader.is_empty().then_some(())
    }();
    passed.map_or(Masked::Null, |()| Masked::Unchanged)
}

/// Something if nothing in it is sensitive. Flags and bounds are those of `range_send`.
fn binary_range(work: Work<'_>, bound: &PgType, reader: &mut Reader<'_>) -> Option<()> {
    const EMPTY: u8 = 0x01;
    const LOWER_INFINITE: u8 = 0x08;
    const UPPER_INFINITE: u8 = 0x10;
    let [flags] = reader.array()?;
    for infinite in [LOWER_INFINITE, UPPER_INFINITE] {
        if flags & (EMPTY | infinite) == 0 {
            let value = reader.field()?.0?;
            let masked = work.value(bound, Format::Binary, value);
            (masked == Masked::Unchanged).then_some(())?;
        }
    }
    Some(())
}
