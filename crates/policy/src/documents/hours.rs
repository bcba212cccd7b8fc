//! Times of the week, as they are told in one place of the world.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::reader::Reader;
use super::yaml::Node;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const MINUTES_OF_DAY: u16 = 24 * 60;

/// UTC nanoseconds of a time as RFC 3339 writes it. `None` for other texts, and for times before 1970.
pub fn utc_ns(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

/// From a minute of the day to another, on some days of the week. Equal and ordered by what was written.
#[derive(Clone, Debug, Serialize)]
pub struct Hours {
    /// Days on which it begins, Monday is 1.
    days: Vec<i8>,
    /// Minutes after midnight; the minute itself belongs to it.
    from: u16,
    /// Minutes after midnight; the minute itself does not belong to it. Not later than `from` means the next day.
    to: u16,
    /// Name in the IANA database.
    zone: String,
    /// What the name stands for.
    #[serde(skip)]
    rules: TimeZone,
}

impl Hours {
    /// All that it says: what the zone's name stands for follows from it.
    fn said(&self) -> (&[i8], u16, u16, &str) {
        (&self.days, self.from, self.to, &self.zone)
    }

    /// Whether it holds at this time, UTC nanoseconds. A time that no calendar can tell is outside.
    pub fn contain(&self, utc_ns: u64) -> bool {
        let Ok(time) = Timestamp::from_nanosecond(i128::from(utc_ns)) else {
            return false;
        };
        let local = time.to_zoned(self.rules.clone());
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let (from, to) = (i32::from(self.from), i32::from(self.to));
        let today = local.weekday();
        let begins = |day: Weekday| self.days.contains(&day.to_monday_one_offset());
        if from < to {
            return begins(today) && (from..to).contains(&minute);
        }
        (begins(today) && minute >= from) || (begins(today.previous()) && minute < to)
    }

    pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        const WHAT: &str = "`hours`";
        let fields = reader.fields(node, WHAT, &["days", "from", "to", "zone"])?;
        let from = reader.needed(&fields, "from", WHAT);
        let to = reader.needed(&fields, "to", WHAT);
        let zone = reader.needed(&fields, "zone", WHAT);
        let mut days = Vec::new();
        for item in fields
            .get("days")
            .map_or_else(Vec::new, |node| reader.list(node, "`days`"))
        {
            let day = reader.word(item, "a day", &DAYS)?;
            days.push(day.to_monday_one_offset());
        }
        if fields.get("days").is_none() {
            days = (1..=7).collect();
        }
        days.sort_unstable();
        days.dedup();
        let from = minute_of_day(reader, from?)?;
        let to = minute_of_day(reader, to?)?;
        if from == to {
            reader.say(node.at, "`hours` that end when they begin never hold");
            return None;
        }
        let node = zone?;
        let zone = reader.text(node, "`zone`")?.to_owned();
        let Ok(rules) = TimeZone::get(&zone) else {
            let message =
                format!("`{zone}` is no time zone: write a name such as `Europe/Berlin` or `UTC`");
            reader.say(node.at, message);
            return None;
        };
        Some(Self {
            days,
            from,
            to,
            zone,
            rules,
        })
    }
}

fn minute_of_day(reader: &mut Reader<'_>, node: &Node) -> Option<u16> {
    let text = reader.text(node, "a time of the day")?;
    let minute = parse_minute(text);
    if minute.is_none() {
        reader.say(
            node.at,
            format!("`{text}` is no time of the day: write `09:00` or `17:30`"),
        );
    }
    minute
}

fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| {
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<u16>().ok())
            .flatten()
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    let sum = hour * 60 + minute;
    (minute < 60 && sum < MINUTES_OF_DAY).then_some(sum)
}

impl PartialEq for Hours {
    fn eq(&self, other: &Self) -> bool {
        self.said() == other.said()
    }
}

impl Eq for Hours {}

impl PartialOrd for Hours {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hours {
    fn cmp(&self, other: &Self) -> Ordering {
        self.said().cmp(&other.said())
    }
}

impl Hash for Hours {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.said().hash(state);
    }
}

impl std::fmt::Display for Hours {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(
            out,
            "{} to {} {}",
            time(self.from),
            time(self.to),
            self.zone
        )?;
        if self.days.len() < 7 {
            let names = DAYS
                .iter()
                .filter(|(_, day)| self.days.contains(&day.to_monday_one_offset()));
            let names: Vec<&str> = names.map(|(name, _)| *name).collect();
            write!(out, " on {}", names.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Hours;
    use crate::documents::reader::Reader;
    use crate::documents::yaml;

    fn hours(text: &str) -> Hours {
        let mut reader = Reader::new("p");
        let hours = Hours::read(&mut reader, &yaml::read("p", text).unwrap());
        assert_eq!(reader.problems, []);
        hours.unwrap()
    }

    fn ns(text: &str) -> u64 {
        super::utc_ns(text).unwrap()
    }

    #[test]
    fn the_zone_decides_and_summer_time_counts() {
        let office = hours(
            "{days: [mon, tue, wed, thu, fri], from: 09:00, to: '17:30', zone: Europe/Berlin}",
        );
        for (time, inside) in [
            ("2026-11-20T07:59:59Z", false),
            ("2026-11-20T08:00:00Z", true),
            ("2026-11-20T16:29:59Z", true),
            ("2026-11-20T16:30:00Z", false),
            ("2026-07-17T07:00:00Z", true),
            ("2026-07-17T15:30:00Z", false),
            ("2026-11-21T10:00:00Z", false),
        ] {
            assert_eq!(office.contain(ns(time)), inside, "{time}");
        }
        assert_eq!(
            office.to_string(),
            "09:00 to 17:30 Europe/Berlin on mon, tue, wed, thu, fri"
        );
    }

    #[test]
    fn they_are_equal_when_they_say_the_same() {
        let one = hours("{days: [fri, mon], from: '09:00', to: '17:00', zone: UTC}");
        let same = hours("{days: [mon, fri], from: '09:00', to: '17:00', zone: UTC}");
        let elsewhere =
            hours("{days: [mon, fri], from: '09:00', to: '17:00', zone: Europe/Berlin}");
        assert!(one == same && one != elsewhere && elsewhere < one);
    }

    #[test]
    fn over_midnight_belongs_to_the_day_it_began() {
        let night = hours("{days: fri, from: '22:00', to: '02:00', zone: UTC}");
        for (time, inside) in [
            ("2026-11-20T21:59:00Z", false),
            ("2026-11-20T22:00:00Z", true),
            ("2026-11-21T01:59:00Z", true),
            ("2026-11-21T02:00:00Z", false),
            ("2026-11-21T22:00:00Z", false),
            ("2026-11-20T01:00:00Z", false),
        ] {
            assert_eq!(night.contain(ns(time)), inside, "{time}");
        }
        assert!(!night.contain(u64::MAX));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (text, why) in [
            ("{from: '09:00', to: '17:00'}", "needs `zone`"),
            (
                "{from: '9:00', to: '17:00', zone: UTC}",
                "`9:00` is no time of the day",
            ),
            (
                "{from: '24:00', to: '17:00', zone: UTC}",
                "`24:00` is no time",
            ),
            ("{from: '09:00', to: '09:00', zone: UTC}", "never hold"),
            (
                "{from: '09:00', to: '17:00', zone: Mars/Olympus}",
                "no time zone",
            ),
            (
                "{days: [], from: '09:00', to: '17:00', zone: UTC}",
                "empty list",
            ),
            (
                "{days: [monday], from: '09:00', to: '17:00', zone: UTC}",
                "known here: mon",
            ),
        ] {
            let mut reader = Reader::new("p");
            Hours::read(&mut reader, &yaml::read("p", text).unwrap());
            let said = format!("{:?}", reader.problems);
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
