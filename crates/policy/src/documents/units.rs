//! Durations, sizes and rates, always with their unit.

use serde::Serialize;

use super::reader::{Reader, is_digits};
use super::yaml::Node;

/// So many in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// In which time.
    pub seconds: u64,
}

/// Longest duration: thirty days.
const DURATION_SECONDS_MAX: u64 = 30 * 86_400;

/// `30s`, `15m`, `1h` or `7d` in seconds.
pub(super) fn duration(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<u64> {
    let text = reader.text(node, what)?;
    let seconds = with_unit(text, &[("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]);
    let seconds = seconds.filter(|seconds| (1..=DURATION_SECONDS_MAX).contains(seconds));
    if seconds.is_none() {
        reader.say(
            node.at,
            format!("{what} is a duration such as `30s`, `15m`, `1h` or `7d`"),
        );
    }
    seconds
}

/// `64KiB`, `10MiB` or `1GiB` in bytes.
pub(super) fn size(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<u64> {
    let text = reader.text(node, what)?;
    let units = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("B", 1),
    ];
    let bytes = with_unit(text, &units).filter(|bytes| *bytes > 0);
    if bytes.is_none() {
        reader.say(
            node.at,
            format!("{what} is a size such as `64KiB`, `10MiB` or `1GiB`"),
        );
    }
    bytes
}

/// `100/s`, `600/m` or `5000/h`.
pub(super) fn rate(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<Rate> {
    let text = reader.text(node, what)?;
    let found = [("/s", 1), ("/m", 60), ("/h", 3600)]
        .into_iter()
        .find_map(|(unit, seconds)| {
            let count = with_unit(text, &[(unit, 1)])?;
            (count > 0).then_some(Rate { count, seconds })
        });
    if found.is_none() {
        reader.say(
            node.at,
            format!("{what} is a rate such as `100/s`, `600/m` or `5000/h`"),
        );
    }
    found
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    units.iter().find_map(|(unit, factor)| {
        let digits = text.strip_suffix(unit).filter(|digits| is_digits(digits))?;
        digits.parse::<u64>().ok()?.checked_mul(*factor)
    })
}

/// The largest unit that fits without a rest.
pub(super) fn show_duration(seconds: u64) -> String {
    for (unit, factor) in [("d", 86_400_u64), ("h", 3600), ("m", 60)] {
        if seconds > 0 && seconds.is_multiple_of(factor) {
            return format!("{}{unit}", seconds / factor);
        }
    }
    format!("{seconds}s")
}

/// The largest unit that fits without a rest.
pub(super) fn show_size(bytes: u64) -> String {
    for (unit, factor) in [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes > 0 && bytes.is_multiple_of(factor) {
            return format!("{}{unit}", bytes / factor);
        }
    }
    format!("{bytes}B")
}

impl std::fmt::Display for Rate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} in {}", self.count, show_duration(self.seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::{show_duration, show_size, with_unit};

    #[test]
    fn numbers_carry_their_unit() {
        let units = [("s", 1), ("m", 60)];
        assert_eq!(with_unit("90s", &units), Some(90));
        assert_eq!(with_unit("2m", &units), Some(120));
        for bad in [
            "90",
            "m",
            "1.5m",
            "-1s",
            "01m",
            "1 m",
            "99999999999999999999s",
            "18446744073709551615m",
        ] {
            assert_eq!(with_unit(bad, &units), None, "{bad}");
        }
        assert_eq!([show_duration(90), show_duration(7200)], ["90s", "2h"]);
        assert_eq!([show_size(10 << 20), show_size(1000)], ["10MiB", "1000B"]);
    }
}
