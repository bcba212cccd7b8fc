//! What policy answers.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::approve::Approve;
use super::label::Transform;
use super::obligation::{Limit, Record};
use super::rule::Obligations;
use super::verb::Verb;

/// Whether an operation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It does.
    Allow,
    /// It waits for people.
    Hold,
    /// It does not.
    Deny,
}

impl Ruling {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Deny => "deny",
        }
    }
}

/// A ruling, the rules behind it and what they ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Of all verbs and all actors, the strictest.
    pub ruling: Ruling,
    /// Ids of the rules that decided, sorted. `default-deny` where none allowed, `guard:LABEL` where a column of that
    /// label would be seen clear, `stored:LABEL` where it would be copied, `predicates:LABEL` where it would be compared.
    pub rules: Vec<String>,
    /// What is shown for columns of these labels. Empty in a denial.
    pub masks: BTreeMap<String, Transform>,
    /// All of these must be fulfilled. Empty but for [`Ruling::Hold`].
    pub approvals: Vec<Alternatives>,
    /// How it is recorded.
    pub record: Record,
    /// How much.
    pub limit: Limit,
    /// What each allowing rule asks for, by its id. The fields above are what that comes to.
    pub obligations: BTreeMap<String, Obligations>,
    /// Why not, a line for each cause; names rules, which a refused client may learn only where the operator wants it.
    pub reasons: Vec<String>,
}

/// One of these approvals must be given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Alternatives {
    /// For which verb.
    pub verb: Verb,
    /// For whom: whoever asks, or one for whom an agent asks.
    pub actor: String,
    /// By rule, sorted.
    pub any_of: Vec<(String, Approve)>,
}

impl Verdict {
    /// Allowed, with nothing asked for.
    pub(crate) fn open() -> Self {
        Self {
            ruling: Ruling::Allow,
            rules: Vec::new(),
            masks: BTreeMap::new(),
            approvals: Vec::new(),
            record: Record::default(),
            limit: Limit::default(),
            obligations: BTreeMap::new(),
            reasons: Vec::new(),
        }
    }

    pub(super) fn denied(rule: &str, reason: String) -> Self {
        Self {
            ruling: Ruling::Deny,
            rules: vec![rule.to_owned()],
            reasons: vec![reason],
            ..Self::open()
        }
    }

    /// Both must agree.
    pub(super) fn and(mut self, other: Self) -> Self {
        if self.ruling != other.ruling && self.ruling.max(other.ruling) == Ruling::Deny {
            return if self.ruling == Ruling::Deny {
                self
            } else {
                other
            };
        }
        self.ruling = self.ruling.max(other.ruling);
        self.rules = sorted(self.rules, other.rules);
        self.approvals = sorted(self.approvals, other.approvals);
        self.masks.extend(other.masks);
        self.record = self.record.and(other.record);
        self.limit = self.limit.and(other.limit);
        self.obligations.extend(other.obligations);
        for reason in other.reasons {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
        self
    }

    /// Labels that are masked.
    pub fn masked(&self) -> BTreeSet<&str> {
        self.masks.keys().map(String::as_str).collect()
    }
}

fn sorted<T: Ord>(mut some: Vec<T>, more: Vec<T>) -> Vec<T> {
    some.extend(more);
    some.sort();
    some.dedup();
    some
}

pub(super) fn recorded(record: Record) -> Vec<String> {
    let durability = record.durability.map(|durability| match durability {
        super::obligation::Durability::Strict => "recorded strictly".to_owned(),
        super::obligation::Durability::Buffered => "recorded buffered".to_owned(),
    });
    durability
        .into_iter()
        .chain(record.sealed.then(|| "original sealed".to_owned()))
        .collect()
}

pub(super) fn limited(limit: Limit) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(limit.rows.map(|rows| format!("at most {rows} rows")));
    words.extend(
        limit
            .bytes
            .map(|bytes| format!("at most {}", super::units::show_size(bytes))),
    );
    words.extend(limit.rate.map(|rate| format!("at most {rate}")));
    words.extend(
        limit
            .rows_changed
            .map(|rows| format!("changing at most {rows} rows")),
    );
    words
}
