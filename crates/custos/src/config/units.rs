//! Durations and sizes as people write them: a whole number and a unit.

use std::fmt::Write as _;
use std::time::Duration;

use toml::value::Datetime;
use x509_cert::der::DateTime;

const DURATION_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];
const SIZE_UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// What a duration looks like, for messages.
pub(crate) const DURATION_EXAMPLES: &str = r#""500ms", "10s", "5m", "1h30m" or "7d""#;
/// What a size looks like, for messages.
pub(crate) const SIZE_EXAMPLES: &str = r#""512B", "64KiB", "8MiB" or "1GiB""#;

/// Reads `10s`, `500ms`, `1h30m`. The error says what is wrong with the text.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text, &DURATION_UNITS).map(Duration::from_millis)
}

/// Reads `64MiB`, in bytes. The error says what is wrong with the text.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    parse(text, &SIZE_UNITS)
}

/// The shortest text that `parse_duration` reads back; fractions of a millisecond are dropped.
pub(crate) fn show_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, millis) in DURATION_UNITS {
        if rest >= millis {
            let _ = write!(text, "{}{unit}", rest / millis);
            rest %= millis;
        }
    }
    text
}

/// When a day begins, UTC nanoseconds; `None` for what is more or less than a day.
pub(crate) fn begin_of_day(date: &Datetime) -> Option<u64> {
    let (Some(day), None, None) = (date.date, date.time, date.offset) else {
        return None;
    };
    let begins = DateTime::new(day.year, day.month, day.day, 0, 0, 0).ok()?;
    u64::try_from(begins.unix_duration().as_nanos()).ok()
}

/// A size in the largest unit that divides it.
pub(crate) fn show_size(bytes: u64) -> String {
    let (unit, factor) = SIZE_UNITS
        .into_iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        .unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

fn parse(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (amount, after) = split_where(rest, |byte| !byte.is_ascii_digit());
        let (unit, after) = split_where(after, |byte| byte.is_ascii_digit());
        let amount: u64 = amount
            .parse()
            .map_err(|_| "is not a whole number followed by a unit".to_owned())?;
        if unit.is_empty() {
            return Err("has no unit".to_owned());
        }
        let factor = units
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, factor)| *factor)
            .ok_or_else(|| format!("has the unknown unit `{unit}`"))?;
        total = amount
            .checked_mul(factor)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| "is too large".to_owned())?;
        rest = after;
    }
    Ok(total)
}

fn split_where(text: &str, stop: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(stop).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_units() {
        assert_eq!(parse_duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("10"), Err("has no unit".to_owned()));
        assert_eq!(
            parse_duration("10é"),
            Err("has the unknown unit `é`".to_owned())
        );
        assert_eq!(
            parse_duration("-1s"),
            Err("is not a whole number followed by a unit".to_owned())
        );
        assert_eq!(parse_duration(""), Err("is empty".to_owned()));
        assert_eq!(
            parse_duration("99999999999999999d"),
            Err("is too large".to_owned())
        );
    }

    #[test]
    fn sizes_carry_binary_units() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("512B"), Ok(512));
        assert_eq!(
            parse_size("64MB"),
            Err("has the unknown unit `MB`".to_owned())
        );
    }

    #[test]
    fn what_is_shown_reads_back() {
        for millis in [0, 1, 999, 1_000, 61_001, 5_400_000, 90_061_001] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }
        for bytes in [0, 1, 1024, 1025, 64 << 20] {
            assert_eq!(parse_size(&show_size(bytes)), Ok(bytes));
        }
        assert_eq!(show_duration(Duration::from_mins(90)), "1h30m");
        assert_eq!(show_size(64 << 20), "64MiB");
    }
}
