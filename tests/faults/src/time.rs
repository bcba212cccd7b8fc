//! Moments as the gateway and PostgreSQL write them.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

/// Milliseconds since 1970, now.
pub(crate) fn now_unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        since.as_secs() * 1000 + u64::from(since.subsec_millis())
    })
}

/// Milliseconds since 1970 of `2026-11-21T03:46:27.123456789Z` or `2026-11-21 03:46:27.123 UTC`, the rest cut off.
pub(crate) fn unix_millis(text: &str) -> anyhow::Result<u64> {
    let moment = text
        .strip_suffix('Z')
        .or_else(|| text.strip_suffix(" UTC"))
        .or_else(|| text.strip_suffix(" GMT"))
        .with_context(|| format!("{text:?} is not in UTC"))?;
    parse(moment).with_context(|| format!("{text:?} is not a moment"))
}

fn parse(moment: &str) -> Option<u64> {
    let (date, clock) = moment.split_once(['T', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, fraction) = clock.split_once('.')?;
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let millis: i64 = fraction.get(..3)?.parse().ok()?;
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    u64::try_from(seconds * 1000 + millis).ok()
}

/// Days of the Gregorian calendar; a year is taken to begin in March, so that the leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::unix_millis;

    #[test]
    fn both_notations_are_the_same_moment() {
        assert_eq!(
            unix_millis("2026-11-21T03:46:27.123456789Z").unwrap(),
            1_795_232_787_123
        );
        assert_eq!(
            unix_millis("2026-11-21 03:46:27.123 UTC").unwrap(),
            1_795_232_787_123
        );
        assert_eq!(unix_millis("1970-01-01 00:00:00.000 GMT").unwrap(), 0);
        assert_eq!(
            unix_millis("2024-02-29T12:00:00.5000Z").unwrap(),
            1_709_208_000_500
        );
    }

    #[test]
    fn other_time_zones_are_refused() {
        assert!(unix_millis("2026-11-21 03:46:27.123 CET").is_err());
    }
}
