//! When a delivery is tried again.

use std::time::{Duration, UNIX_EPOCH};

/// How long and how often deliveries are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// After the first failure; doubled with each one more. A quarter of it, at most, is left out at random, so that
    /// deliveries that failed together do not come back together.
    pub first: Duration,
    /// The longest pause, whatever the receiver asks for.
    pub longest: Duration,
    /// From the moment that an event is queued until it is given up.
    pub in_all: Duration,
}

impl Default for Retries {
    /// 5 seconds, 1 hour, 24 hours.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            longest: Duration::from_hours(1),
            in_all: Duration::from_hours(24),
        }
    }
}

impl Retries {
    /// The pause after that many failures. `dice`: any number.
    pub(crate) fn pause(&self, failures: u32, asked: Option<Duration>, dice: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let whole = self.first.saturating_mul(1 << doublings).min(self.longest);
        let less = whole.mul_f64(f64::from(dice) / f64::from(u32::MAX) / 4.0);
        let asked = asked.unwrap_or_default().min(self.longest);
        whole.saturating_sub(less).max(asked)
    }

    /// Whether an event that was queued then is still tried at that moment.
    pub(crate) fn allow(&self, queued_utc_ns: u64, at_utc_ns: u64) -> bool {
        u128::from(at_utc_ns.saturating_sub(queued_utc_ns)) <= self.in_all.as_nanos()
    }
}

/// What `Retry-After` asks for (RFC 9110 section 10.2.3): a number of seconds, or a date.
pub(crate) fn retry_after(text: &str, now_utc_ns: u64) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let since_epoch = date.duration_since(UNIX_EPOCH).ok()?;
    Some(since_epoch.saturating_sub(Duration::from_nanos(now_utc_ns)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Retries, retry_after};

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retries = Retries::default();
        let seconds: Vec<u64> = (1..=12)
            .map(|failures| retries.pause(failures, None, 0).as_secs())
            .collect();
        assert_eq!(
            seconds,
            [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
        );
        assert_eq!(retries.pause(u32::MAX, None, 0), retries.longest);
        let least = retries.pause(1, None, u32::MAX);
        assert_eq!(least, Duration::from_millis(3750));
    }

    #[test]
    fn receivers_can_ask_for_more_and_not_for_ever() {
        let retries = Retries::default();
        let asked = |seconds| retries.pause(1, Some(Duration::from_secs(seconds)), 0);
        assert_eq!(asked(1).as_secs(), 5);
        assert_eq!(asked(120).as_secs(), 120);
        assert_eq!(asked(u64::MAX), retries.longest);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = 784_111_777_000_000_000;
        let read = |text| retry_after(text, now).map(|it| it.as_secs());
        assert_eq!(read("120"), Some(120));
        assert_eq!(read(" 0 "), Some(0));
        assert_eq!(read("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(read("Sun, 06 Nov 1994 08:51:37 GMT"), Some(120));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        for bad in ["", "-1", "1.5", "soon", "Sun, 06 Nov 1894 08:00:00 GMT"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_day_is_the_end() {
        let retries = Retries::default();
        let day = 86_400_000_000_000;
        assert!(retries.allow(7, 7 + day) && !retries.allow(7, 8 + day));
        assert!(retries.allow(7, 0), "a clock that was set back");
    }
}
