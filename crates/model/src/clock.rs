//! Time as an argument.

use std::fmt;

/// A point in time as evidence needs it: wall clock and monotonic clock read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub utc_ns: u64,
    /// Nanoseconds since the clock was made (the gateway's boot); never decreases.
    pub mono_ns: u64,
}

/// Where the time comes from. The binary passes the machine's clock, tests pass their own.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Instant;
}

/// Shows nanoseconds since the epoch as RFC 3339 UTC with nine fractional digits.
#[derive(Clone, Copy, Debug)]
pub struct Rfc3339(pub u64);

impl Rfc3339 {
    /// Year, month (1–12) and day (1–31) in UTC.
    pub fn date(self) -> (u32, u32, u32) {
        civil_from_days(self.0 / 86_400_000_000_000)
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let nanos = self.0 % 1_000_000_000;
        let second_of_day = self.0 / 1_000_000_000 % 86_400;
        let (hour, minute, second) = (
            second_of_day / 3600,
            second_of_day / 60 % 60,
            second_of_day % 60,
        );
        write!(
            out,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z"
        )
    }
}

/// Proleptic Gregorian date of a day number counted from 1970-01-01.
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil_from_days(days: u64) -> (u32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year as u32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::Rfc3339;

    #[test]
    fn formats_known_instants() {
        assert_eq!(Rfc3339(0).to_string(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(
            Rfc3339(951_782_400_000_000_001).to_string(),
            "2000-02-29T00:00:00.000000001Z"
        );
        assert_eq!(
            Rfc3339(1_795_232_787_123_456_789).to_string(),
            "2026-11-21T03:46:27.123456789Z"
        );
    }
}
