//! The binary form of `numeric` (`numeric_send`): digits of base 10,000, the weight of the first, a sign, and how many
//! decimal digits stand behind the point.

use super::reader::Reader;

const NEGATIVE: u16 = 0x4000;
/// Decimal digits at most, before and behind the point together. Larger numbers are withheld.
const MAX_DIGITS: usize = 2000;

/// What a value is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decimal {
    /// A number, as text.
    Number(String),
    /// NaN or an infinity.
    Other,
}

/// Reads one. Nothing for malformed bytes and for numbers that are too long.
pub(crate) fn read(value: &[u8]) -> Option<Decimal> {
    let mut reader = Reader::new(value);
    let count = usize::try_from(reader.int16()?).ok()?;
    let weight = i32::from(reader.int16()?);
    let sign = u16::from_be_bytes(reader.array()?);
    let scale = usize::from(u16::from_be_bytes(reader.array()?));
    if !matches!(sign, 0 | NEGATIVE) {
        return matches!(sign, 0xc000 | 0xd000 | 0xf000).then_some(Decimal::Other);
    }
    if reader.remaining() != 2 * count
        || 4 * count + scale > MAX_DIGITS
        || !(-500..=500).contains(&weight)
    {
        return None;
    }
    let mut digits = Vec::with_capacity(count);
    for _ in 0..count {
        digits.push(u16::from_be_bytes(reader.array()?));
    }
    if digits.iter().any(|digit| *digit > 9999) {
        return None;
    }
    let digit = |place: i32| {
        let index = usize::try_from(weight - place).ok();
        index
            .and_then(|index| digits.get(index))
            .copied()
            .unwrap_or(0)
    };
    let mut front = String::new();
    for place in (0..=weight.max(0)).rev() {
        push_group(&mut front, digit(place));
    }
    let zeros = front
        .bytes()
        .take_while(|byte| *byte == b'0')
        .count()
        .min(front.len() - 1);
    front.drain(..zeros);
    let mut back = String::new();
    let mut place = -1;
    while back.len() < scale {
        push_group(&mut back, digit(place));
        place -= 1;
    }
    back.truncate(scale);
    let minus = if sign == NEGATIVE { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    Some(Decimal::Number(format!("{minus}{front}{point}{back}")))
}

/// Four decimal digits.
fn push_group(out: &mut String, group: u16) {
    for divisor in [1000, 100, 10, 1] {
        out.extend(char::from_digit(u32::from(group / divisor % 10), 10));
    }
}

/// The binary form of `-?digits(.digits)?`.
pub(crate) fn write(number: &str) -> Option<Vec<u8>> {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => (NEGATIVE, digits),
        None => (0, number),
    };
    let (front, back) = digits.split_once('.').unwrap_or((digits, ""));
    let lead = (4 - front.len() % 4) % 4;
    let trail = (4 - back.len() % 4) % 4;
    let padded: Vec<u8> = std::iter::repeat_n(b'0', lead)
        .chain(front.bytes())
        .chain(back.bytes())
        .chain(std::iter::repeat_n(b'0', trail))
        .collect();
    let mut groups: Vec<u16> = Vec::with_capacity(padded.len() / 4);
    for group in padded.as_chunks::<4>().0 {
        let group = std::str::from_utf8(group).ok()?;
        groups.push(group.parse().ok()?);
    }
    let mut weight = i16::try_from((front.len() + lead) / 4).ok()? - 1;
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    weight = weight.checked_sub(i16::try_from(zeros).ok()?)?;
    let mut kept = groups.split_off(zeros);
    while kept.last() == Some(&0) {
        kept.pop();
    }
    if kept.is_empty() {
        weight = 0;
    }
    let sign = if kept.is_empty() { 0 } else { sign };
    let mut out = Vec::with_capacity(8 + 2 * kept.len());
    out.extend_from_slice(&i16::try_from(kept.len()).ok()?.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&u16::try_from(back.len()).ok()?.to_be_bytes());
    for group in kept {
        out.extend_from_slice(&group.to_be_bytes());
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{Decimal, read, write};

    #[test]
    fn what_is_written_is_read() {
        for number in [
            "0",
            "1",
            "9999",
            "10000",
            "-1.5",
            "0.00001",
            "4111111111111111",
            "123456789.1000",
            "-0.0001",
            "100000000000000000000.000000000001",
        ] {
            let bytes = write(number).unwrap();
            assert_eq!(read(&bytes), Some(Decimal::Number(number.to_owned())));
        }
        assert_eq!(read(&[0, 0, 0, 0, 0xc0, 0, 0, 0]), Some(Decimal::Other));
        assert_eq!(read(&[0, 1, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(read(&[0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), None);
    }
}
