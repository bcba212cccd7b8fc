//! RFC 3339 UTC times with nine decimals, and UTC days.

use std::fmt;

const NANOSECONDS: i128 = 1_000_000_000;

/// A UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day {
    year: u16,
    month: u8,
    of_month: u8,
}

impl Day {
    /// The day, if the calendar has it.
    pub(crate) fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let fits = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        fits.then_some(Self {
            year,
            month,
            of_month: day,
        })
    }

    /// Days since 1970-01-01 (proleptic Gregorian).
    fn since_epoch(self) -> i128 {
        // Counting years from March puts the leap day at the end of the year.
        let year = i128::from(self.year) - i128::from(self.month <= 2);
        let month = (i128::from(self.month) + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + i128::from(self.of_month) - 1;
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
            - 719_468
    }
}

impl fmt::Display for Day {
    /// `yyyy/mm/dd`, as under `segments/`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}/{:02}/{:02}", self.year, self.month, self.of_month)
    }
}

/// Reads `2026-11-21T03:46:27.123456789Z`: the UTC day, and nanoseconds since 1970.
pub(crate) fn parse_utc(text: &str) -> Option<(Day, i128)> {
    let &[
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T',
        h0,
        h1,
        b':',
        i0,
        i1,
        b':',
        s0,
        s1,
        b'.',
        ref decimals @ ..,
        b'Z',
    ] = text.as_bytes()
    else {
        return None;
    };
    if decimals.len() != 9 {
        return None;
    }
    let two = |bytes: [u8; 2]| digits(&bytes).and_then(|number| u8::try_from(number).ok());
    let year = u16::try_from(digits(&[y0, y1, y2, y3])?).ok()?;
    let day = Day::new(year, two([m0, m1])?, two([d0, d1])?)?;
    let (hour, minute, second) = (two([h0, h1])?, two([i0, i1])?, two([s0, s1])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = day.since_epoch() * 86_400
        + i128::from(hour) * 3600
        + i128::from(minute) * 60
        + i128::from(second);
    Some((day, seconds * NANOSECONDS + i128::from(digits(decimals)?)))
}

/// Reads a time of a statement or of `detail`, with up to nine decimals: nanoseconds since 1970.
pub(crate) fn parse_instant(text: &str) -> Option<i128> {
    let (seconds, decimals) = match text.strip_suffix('Z')?.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text.strip_suffix('Z')?, ""),
    };
    parse_utc(&format!("{seconds}.{decimals:0<9}Z")).map(|(_, nanoseconds)| nanoseconds)
}

/// A number written in ASCII digits only.
pub(crate) fn digits(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn days_in_month(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let (day, nanoseconds) = parse_utc("2026-11-21T03:46:27.123456789Z").unwrap();
        assert_eq!(day.to_string(), "2026/11/21");
        assert_eq!(nanoseconds, 1_795_232_787_123_456_789);
        assert_eq!(parse_utc("1970-01-01T00:00:00.000000001Z").unwrap().1, 1);
        assert_eq!(
            parse_utc("2000-03-01T00:00:00.000000000Z").unwrap().1
                - parse_utc("2000-02-29T23:59:59.000000000Z").unwrap().1,
            1_000_000_000
        );
    }

    #[test]
    fn times_with_fewer_decimals_are_read() {
        let whole = parse_utc("2026-11-21T03:46:27.120000000Z").unwrap().1;
        for text in ["2026-11-21T03:46:27.12Z", "2026-11-21T03:46:27.120000Z"] {
            assert_eq!(parse_instant(text), Some(whole), "{text}");
        }
        assert_eq!(
            parse_instant("2026-11-21T03:46:27Z"),
            Some(whole - 120_000_000)
        );
        for text in [
            "2026-11-21T03:46:27.Z",
            "2026-11-21T03:46:27.1234567890Z",
            "2026-11-21T03:46:27.1",
            "2026-11-21T03:46:27.1+00:00",
            "",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "2026-11-21T03:46:27Z",
            "2026-11-21T03:46:27.1Z",
            "2026-11-21T03:46:27.123456789+00:00",
            "2026-02-29T03:46:27.123456789Z",
            "2026-11-21T24:00:00.000000000Z",
            "2026-11-21T03:46:60.000000000Z",
            "2026-11-21t03:46:27.123456789Z",
            "+026-11-21T03:46:27.123456789Z",
            "",
        ] {
            assert!(parse_utc(text).is_none(), "{text}");
        }
    }
}
