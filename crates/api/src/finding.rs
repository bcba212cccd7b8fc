//! What stands against a configuration for as long as it stays so.

use custos_model::Rfc3339;
use serde::{Deserialize, Serialize};

const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// A machine signs in with a static secret: whoever has read it once can be that machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which machine.
    pub machine: String,
    /// Who answers for it.
    pub owner: String,
    /// Until when the secret is taken, UTC nanoseconds.
    pub expires_utc_ns: u64,
}

impl Finding {
    /// The word for it in records.
    pub const WORD: &str = "static_secret";

    /// The end in words, RFC 3339 UTC.
    pub fn expires(&self) -> String {
        Rfc3339(self.expires_utc_ns).to_string()
    }

    /// Whole days until its end; negative when that is over.
    pub fn days_left(&self, now_utc_ns: u64) -> i64 {
        let signed = |utc_ns: u64| i64::try_from(utc_ns).unwrap_or(i64::MAX);
        (signed(self.expires_utc_ns) - signed(now_utc_ns)).div_euclid(DAY_NS)
    }

    /// Whether the secret is refused already.
    pub fn is_over(&self, now_utc_ns: u64) -> bool {
        now_utc_ns >= self.expires_utc_ns
    }

    /// In words.
    pub fn text(&self, now_utc_ns: u64) -> String {
        let Self { machine, owner, .. } = self;
        let end = match self.days_left(now_utc_ns) {
            _ if self.is_over(now_utc_ns) => "is expired and refused".to_owned(),
            1 => "is taken for 1 more day".to_owned(),
            days => format!("is taken for {days} more days"),
        };
        format!("the static secret of machine {machine} (owner: {owner}) {end}")
    }
}

#[cfg(test)]
mod tests {
    use super::Finding;

    #[test]
    fn days_are_counted_to_the_end() {
        let day = 86_400_000_000_000;
        let finding = Finding {
            machine: "batch".to_owned(),
            owner: "ops".to_owned(),
            expires_utc_ns: 10 * day,
        };
        assert_eq!(finding.days_left(8 * day), 2);
        assert_eq!(finding.days_left(10 * day - 1), 0);
        assert!(!finding.is_over(10 * day - 1));
        assert_eq!(finding.days_left(10 * day + 1), -1);
        assert!(finding.is_over(10 * day));
        assert_eq!(finding.days_left(12 * day), -2);
        assert_eq!(
            finding.text(9 * day),
            "the static secret of machine batch (owner: ops) is taken for 1 more day"
        );
        assert!(
            finding.text(10 * day).contains("is expired"),
            "{}",
            finding.text(10 * day)
        );
    }
}
