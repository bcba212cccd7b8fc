//! `xs:dateTime` as SAML writes it: UTC, with a `Z` (SAML core, section 1.3.3).

use custos_model::Rfc3339;

/// How far the clocks of the two sides may be apart.
pub(crate) const SKEW_NS: u64 = 60 * SECOND_NS;
pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// Longest fraction of a second that is read.
const FRACTION_DIGITS_MAX: usize = 12;

/// Nanoseconds since 1970. What lies beyond the year 2554 becomes the greatest value. `None`: another spelling than
/// `YYYY-MM-DDThh:mm:ss[.f]Z`, or no such time.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (year, month_day) = date.split_once('-')?;
    let (month, day) = month_day.split_once('-')?;
    let (hour, minute_second) = time.split_once(':')?;
    let (minute, second) = minute_second.split_once(':')?;
    let (second, fraction) = second.split_once('.').unwrap_or((second, "0"));
    let days = days_from_civil(number(year, 4)?, number(month, 2)?, number(day, 2)?)?;
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    Some(
        seconds
            .saturating_mul(SECOND_NS)
            .saturating_add(nanoseconds(fraction)?),
    )
}

/// Whole seconds, which every implementation reads.
pub(crate) fn format(utc_ns: u64) -> String {
    let text = Rfc3339(utc_ns).to_string();
    let whole = text.split('.').next().unwrap_or(&text);
    format!("{whole}Z")
}

fn number(text: &str, digits: usize) -> Option<u64> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

fn nanoseconds(fraction: &str) -> Option<u64> {
    let digits = fraction.len();
    if digits == 0 || digits > FRACTION_DIGITS_MAX {
        return None;
    }
    let nine: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    number(fraction, digits)?;
    number(&nine, 9)
}

/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days_in_month = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if year < 1970 || day == 0 || day > days_in_month {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted / 400, shifted % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn reads_what_it_writes() {
        for seconds in [0_u64, 951_782_400, 1_795_232_787, 4_102_444_799] {
            let text = format(seconds * 1_000_000_000);
            assert_eq!(parse(&text), Some(seconds * 1_000_000_000), "{text}");
        }
        assert_eq!(format(1_795_232_787_999_999_999), "2026-11-21T03:46:27Z");
    }

    #[test]
    fn fractions_and_the_far_future() {
        assert_eq!(parse("1970-01-01T00:00:00.5Z"), Some(500_000_000));
        assert_eq!(parse("1970-01-01T00:00:00.1234567891Z"), Some(123_456_789));
        assert_eq!(parse("9999-12-31T23:59:59Z"), Some(u64::MAX));
        assert_eq!(
            parse("2024-02-29T00:00:00Z"),
            Some(1_709_164_800_000_000_000)
        );
    }

    #[test]
    fn refuses_every_other_spelling() {
        for text in [
            "",
            "Z",
            "2026-11-21",
            "2026-11-21T03:46:27",
            "2026-11-21T03:46:27+00:00",
            "2026-11-21t03:46:27Z",
            "2026-11-21T03:46:27z",
            "2026-11-21 03:46:27Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T03:60:27Z",
            "2026-11-21T03:46:60Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-21T03:46:27.Z",
            "2026-11-21T03:46:27.1234567890123Z",
            "2026-11-21T03:46:2\u{0661}Z",
            "+026-11-21T03:46:27Z",
            "2026-11-21T03:46:27.+1Z",
            " 2026-11-21T03:46:27Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
