//! How often somebody may guess at user codes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::call::ns;
use crate::cookie::BrowserSession;

/// Wrong codes that one browser session may enter.
pub(crate) const MAX_WRONG: u32 = 5;
/// Browser sessions whose wrong codes are counted at a time.
const MAX_COUNTED: usize = 4096;
/// No browser session lasts longer.
const COUNTED_FOR: Duration = Duration::from_hours(12);
/// Wrong codes of all browsers together: as many at once,
const BURST: u64 = 30;
/// and one more in that time. In the ten minutes of a code's life that makes 180 guesses at 1024 codes among
/// 25.6 thousand million: one in 139,000 of finding any.
const REFILL: Duration = Duration::from_secs(4);

/// Counts wrong codes, for each browser session and for all together.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    wrong: BTreeMap<BrowserSession, Count>,
    /// When the allowance of all will be whole again.
    whole_mono_ns: u64,
}

#[derive(Debug)]
struct Count {
    wrong: u32,
    since_mono_ns: u64,
}

/// May somebody enter a code now?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// Yes.
    Granted,
    /// This browser session has used up its own.
    UsedUp,
    /// All together have, for the moment; or there is no room to count.
    Busy,
}

impl Attempts {
    /// To be asked before a code is looked at, so that a right one among too many is not found either.
    pub(crate) fn allowance(&mut self, browser: &BrowserSession, mono_ns: u64) -> Allowance {
        self.wrong
            .retain(|_, count| mono_ns < count.since_mono_ns.saturating_add(ns(COUNTED_FOR)));
        match self.wrong.get(browser) {
            Some(count) if count.wrong >= MAX_WRONG => return Allowance::UsedUp,
            None if self.wrong.len() >= MAX_COUNTED => return Allowance::Busy,
            _ => {}
        }
        let owed = self.whole_mono_ns.saturating_sub(mono_ns);
        if owed > (BURST - 1) * ns(REFILL) {
            Allowance::Busy
        } else {
            Allowance::Granted
        }
    }

    /// Counts a wrong code and tells how many are left.
    pub(crate) fn wrong(&mut self, browser: &BrowserSession, mono_ns: u64) -> u32 {
        self.whole_mono_ns = self.whole_mono_ns.max(mono_ns) + ns(REFILL);
        let count = self.wrong.entry(*browser).or_insert(Count {
            wrong: 0,
            since_mono_ns: mono_ns,
        });
        count.wrong = count.wrong.saturating_add(1);
        MAX_WRONG.saturating_sub(count.wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, Attempts, BURST, BrowserSession, MAX_COUNTED, MAX_WRONG};

    const SECOND: u64 = 1_000_000_000;

    fn browser(number: u64) -> BrowserSession {
        BrowserSession::of_text(&number.to_string())
    }

    #[test]
    fn a_browser_has_five() {
        let mut attempts = Attempts::default();
        for left in (0..MAX_WRONG).rev() {
            assert_eq!(attempts.allowance(&browser(1), 0), Allowance::Granted);
            assert_eq!(attempts.wrong(&browser(1), 0), left);
        }
        assert_eq!(
            attempts.allowance(&browser(1), 3600 * SECOND),
            Allowance::UsedUp
        );
        assert_eq!(
            attempts.allowance(&browser(2), 3600 * SECOND),
            Allowance::Granted
        );
        assert_eq!(
            attempts.allowance(&browser(1), 12 * 3600 * SECOND),
            Allowance::Granted
        );
    }

    #[test]
    fn all_together_have_a_rate() {
        let mut attempts = Attempts::default();
        for number in 0..BURST {
            assert_eq!(attempts.allowance(&browser(number), 0), Allowance::Granted);
            attempts.wrong(&browser(number), 0);
        }
        assert_eq!(attempts.allowance(&browser(1000), 0), Allowance::Busy);
        assert_eq!(
            attempts.allowance(&browser(1000), 4 * SECOND - 1),
            Allowance::Busy
        );
        assert_eq!(
            attempts.allowance(&browser(1000), 4 * SECOND),
            Allowance::Granted
        );
    }

    #[test]
    fn without_room_to_count_nobody_new_may_guess() {
        let mut attempts = Attempts::default();
        for number in 0..MAX_COUNTED as u64 {
            attempts.wrong(&browser(number), number * 4 * SECOND);
        }
        let later = MAX_COUNTED as u64 * 4 * SECOND;
        assert_eq!(attempts.allowance(&browser(9999), later), Allowance::Busy);
        assert_eq!(attempts.allowance(&browser(1), later), Allowance::Granted);
    }
}
