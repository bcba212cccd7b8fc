//! What a rule asks for where it allows.

use std::collections::BTreeSet;

use serde::Serialize;

use super::hours::Hours;
use super::network::{self, Network};
use super::reader::Reader;
use super::units::{self, Rate};
use super::yaml::Node;

/// What must be so for a rule to allow at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Require {
    /// How the sign-in was, by the provider's word: one of these.
    pub acr: BTreeSet<String>,
    /// Methods of the sign-in (RFC 8176): all of these.
    pub amr: BTreeSet<String>,
    /// Whoever asks says why.
    pub reason: bool,
    /// Where the client connects from: one of these.
    pub networks: Vec<Network>,
    /// When.
    pub hours: Option<Hours>,
}

/// What must be on disk before bytes go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Written, but not yet safe from a loss of power.
    Buffered,
    /// Safe.
    Strict,
}

/// How it is recorded. Of several, the stricter holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Record {
    /// `None` leaves it to the resource.
    pub durability: Option<Durability>,
    /// The original is kept too, sealed.
    pub sealed: bool,
}

/// How much. Of several, the lowest holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Rows that one operation returns.
    pub rows: Option<u64>,
    /// Bytes that one operation returns.
    pub bytes: Option<u64>,
    /// Operations.
    pub rate: Option<Rate>,
    /// Rows that one operation changes.
    pub rows_changed: Option<u64>,
}

impl Record {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            durability: self.durability.max(other.durability),
            sealed: self.sealed || other.sealed,
        }
    }
}

impl Limit {
    pub(super) fn and(self, other: Self) -> Self {
        let rate = match (self.rate, other.rate) {
            (Some(mine), Some(theirs)) => Some(slower(mine, theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        Self {
            rows: lower(self.rows, other.rows),
            bytes: lower(self.bytes, other.bytes),
            rate,
            rows_changed: lower(self.rows_changed, other.rows_changed),
        }
    }
}

fn lower(mine: Option<u64>, theirs: Option<u64>) -> Option<u64> {
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
        (mine, theirs) => mine.or(theirs),
    }
}

/// By count for each second; of two that are as fast, the one that allows less at once.
fn slower(mine: Rate, theirs: Rate) -> Rate {
    let fast = |a: Rate, b: Rate| u128::from(a.count) * u128::from(b.seconds);
    if (fast(mine, theirs), mine.count) <= (fast(theirs, mine), theirs.count) {
        mine
    } else {
        theirs
    }
}

pub(super) fn require(reader: &mut Reader<'_>, node: &Node) -> Option<Require> {
    let known = ["acr", "amr", "reason", "networks", "hours"];
    let fields = reader.fields(node, "`require`", &known)?;
    let mut require = Require::default();
    if let Some(node) = fields.get("acr") {
        require.acr = reader.texts(node, "`acr`");
    }
    if let Some(node) = fields.get("amr") {
        require.amr = reader.texts(node, "`amr`");
    }
    if let Some(node) = fields.get("reason") {
        require.reason = reader.boolean(node, "`reason`")?;
    }
    if let Some(node) = fields.get("networks") {
        require.networks = network::read(reader, node);
    }
    if let Some(node) = fields.get("hours") {
        require.hours = Some(Hours::read(reader, node)?);
    }
    if require == Require::default() {
        reader.say(node.at, "`require` asks for nothing");
    }
    Some(require)
}

pub(super) fn record(reader: &mut Reader<'_>, node: &Node) -> Option<Record> {
    let fields = reader.fields(node, "`record`", &["durability", "sealed"])?;
    let words = [
        ("strict", Durability::Strict),
        ("buffered", Durability::Buffered),
    ];
    let durability = match fields.get("durability") {
        Some(node) => Some(reader.word(node, "`durability`", &words)?),
        None => None,
    };
    let sealed = match fields.get("sealed") {
        Some(node) => reader.boolean(node, "`sealed`")?,
        None => false,
    };
    Some(Record { durability, sealed })
}

pub(super) fn limit(reader: &mut Reader<'_>, node: &Node) -> Option<Limit> {
    let fields = reader.fields(node, "`limit`", &["rows", "bytes", "rate", "rows_changed"])?;
    let mut limit = Limit::default();
    if let Some(node) = fields.get("rows") {
        limit.rows = Some(reader.number(node, "`rows`", 1, u64::MAX)?);
    }
    if let Some(node) = fields.get("bytes") {
        limit.bytes = Some(units::size(reader, node, "`bytes`")?);
    }
    if let Some(node) = fields.get("rate") {
        limit.rate = Some(units::rate(reader, node, "`rate`")?);
    }
    if let Some(node) = fields.get("rows_changed") {
        limit.rows_changed = Some(reader.number(node, "`rows_changed`", 1, u64::MAX)?);
    }
    if limit == Limit::default() {
        reader.say(node.at, "`limit` limits nothing");
    }
    Some(limit)
}

#[cfg(test)]
mod tests {
    use super::{Durability, Limit, Record};
    use crate::documents::units::Rate;

    #[test]
    fn the_stricter_holds() {
        let rate = |count, seconds| Limit {
            rate: Some(Rate { count, seconds }),
            ..Limit::default()
        };
        assert_eq!(rate(10, 1).and(rate(100, 60)), rate(100, 60));
        assert_eq!(rate(60, 60).and(rate(1, 1)), rate(1, 1));
        assert_eq!(rate(1, 1).and(Limit::default()), rate(1, 1));
        let strict = Record {
            durability: Some(Durability::Strict),
            sealed: false,
        };
        let sealed = Record {
            durability: Some(Durability::Buffered),
            sealed: true,
        };
        let both = Record {
            durability: Some(Durability::Strict),
            sealed: true,
        };
        assert_eq!((strict.and(sealed), sealed.and(strict)), (both, both));
    }
}
