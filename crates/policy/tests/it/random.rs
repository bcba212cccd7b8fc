//! Random documents and questions, as plain values that the oracle reads and as YAML that the crate reads.

use std::fmt::Write as _;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use std::collections::BTreeSet;

pub(crate) type Words = BTreeSet<&'static str>;

#[derive(Clone, Debug)]
pub(crate) struct RandomRule {
    pub(crate) id: String,
    pub(crate) forbids: bool,
    pub(crate) who: Words,
    pub(crate) on: Words,
    pub(crate) verbs: Words,
    pub(crate) mask: Words,
    pub(crate) unmask: Words,
    pub(crate) approve: bool,
    pub(crate) reason: bool,
    /// `deny` or `approve`
    pub(crate) without_where: Option<&'static str>,
    /// Only ever `deny`.
    pub(crate) bulk_over: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct RandomQuestion {
    pub(crate) groups: Words,
    pub(crate) resource: &'static str,
    pub(crate) verbs: Words,
    pub(crate) visible: Words,
    pub(crate) compared: Words,
    pub(crate) reason: bool,
    pub(crate) no_where: bool,
    pub(crate) rows: Option<u64>,
}

pub(crate) const LABELS: [&str; 2] = ["pii", "pay"];
const VERBS: [&str; 6] = [
    "sql.read",
    "sql.insert",
    "sql.update",
    "sql.delete",
    "sql.unknown",
    "session.open",
];
const APPROVE: [&str; 4] = [
    "",
    ", attested: true",
    ", hours: {from: '09:00', to: '17:00', zone: UTC}, escalate: {after: 5m, of: managers}",
    ", break_glass: {for: 1h, review: security, within: 1d}",
];
const RESOURCES: [&str; 4] = [
    "postgres/shop env=prod",
    "postgres/shop-2",
    "postgres/a env=test",
    "mysql/b env=prod",
];

fn words(of: &'static [&'static str], min: usize, max: usize) -> impl Strategy<Value = Words> {
    btree_set(select(of), min..=max)
}

pub(crate) fn rule() -> impl Strategy<Value = RandomRule> {
    let scope = (
        prop_oneof![
            4 => words(&["group:a", "group:b", "group:c"], 1, 2),
            1 => Just(Words::from(["*"])),
        ],
        words(
            &[
                "*",
                "postgres/shop*",
                "postgres/shop",
                "label:env",
                "label:env=prod",
                "kind:mysql",
                "mysql/b",
            ],
            1,
            2,
        ),
        words(&VERBS, 1, 3),
    );
    let more = (
        words(&LABELS, 0, 2),
        prop_oneof![3 => Just(Words::new()), 1 => words(&LABELS, 1, 2)],
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
        option::weighted(0.3, select(vec!["deny", "approve"])),
        option::weighted(0.3, select(vec![0, 5, 10])),
    );
    (prop::bool::weighted(0.2), scope, more).prop_map(|(forbids, scope, more)| {
        let (who, on, verbs) = scope;
        let (mask, unmask, approve, reason, without_where, bulk_over) = more;
        let mut rule = RandomRule {
            id: String::new(),
            forbids,
            who,
            on,
            verbs,
            mask,
            unmask,
            approve,
            reason,
            without_where,
            bulk_over,
        };
        tidy(&mut rule);
        rule
    })
}

/// Takes out what would be refused, so that few documents are.
fn tidy(rule: &mut RandomRule) {
    if rule.forbids {
        rule.mask.clear();
        rule.unmask.clear();
        (rule.approve, rule.reason) = (false, false);
        if rule.without_where == Some("approve") {
            rule.without_where = Some("deny");
        }
    }
    rule.unmask = rule.unmask.difference(&rule.mask).copied().collect();
    if !rule.unmask.is_empty() {
        rule.approve = false;
    }
    if !rule.approve && rule.without_where == Some("approve") {
        rule.without_where = None;
    }
    let says = |verb: &str| rule.verbs.contains(verb);
    if says("sql.unknown") || !(says("sql.update") || says("sql.delete")) {
        rule.without_where = None;
    }
    if says("sql.unknown") || !says("sql.insert") {
        rule.bulk_over = None;
    }
}

pub(crate) fn document() -> impl Strategy<Value = Vec<RandomRule>> {
    vec(rule(), 0..8).prop_map(|mut rules| {
        for (number, rule) in rules.iter_mut().enumerate() {
            rule.id = format!("r{number}");
        }
        rules
    })
}

pub(crate) fn question() -> impl Strategy<Value = RandomQuestion> {
    let what = (
        words(&["a", "b", "c", "d"], 0, 3),
        select(RESOURCES.to_vec()),
        words(&VERBS, 1, 2),
    );
    let how = (
        words(&LABELS, 0, 2),
        prop_oneof![3 => Just(Words::new()), 1 => words(&LABELS, 1, 2)],
        any::<bool>(),
        any::<bool>(),
        option::of(select(vec![0, 1, 5, 6, 11])),
    );
    (what, how).prop_map(
        |((groups, resource, verbs), (visible, compared, reason, no_where, rows))| RandomQuestion {
            groups,
            resource,
            verbs,
            visible,
            compared,
            reason,
            no_where,
            rows,
        },
    )
}

/// `pay` may be compared, `pii` may not.
pub(crate) fn yaml<'a>(rules: impl IntoIterator<Item = &'a RandomRule>) -> String {
    let mut text = String::new();
    for rule in rules {
        let quoted = |words: &Words| {
            words
                .iter()
                .map(|word| format!("'{word}'"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let on: Vec<String> = rule
            .on
            .iter()
            .map(|word| match word.split_once(':') {
                Some((field, value)) => format!("{{{field}: '{value}'}}"),
                None => format!("'{word}'"),
            })
            .collect();
        let mut verbs: Vec<String> = rule.verbs.iter().map(|word| (*word).to_owned()).collect();
        verbs.extend(rule.unmask.iter().map(|label| format!("'unmask:{label}'")));
        let _ = writeln!(
            text,
            "- id: {}\n  who: [{}]\n  on: [{}]",
            rule.id,
            quoted(&rule.who),
            on.join(", ")
        );
        let _ = writeln!(
            text,
            "  {}: [{}]",
            if rule.forbids { "deny" } else { "may" },
            verbs.join(", ")
        );
        if !rule.mask.is_empty() {
            let _ = writeln!(text, "  mask: [{}]", quoted(&rule.mask));
        }
        if rule.approve {
            // What an approval says beside decides nothing here; who sorts alternatives must sort all of them.
            let more = APPROVE[rule.verbs.len() % APPROVE.len()];
            let _ = writeln!(text, "  approve: {{of: leads, per: session{more}}}");
        }
        if rule.reason {
            text.push_str("  require: {reason: true}\n");
        }
        let mut conditions = Vec::new();
        conditions.extend(
            rule.without_where
                .map(|then| format!("without_where: {then}")),
        );
        conditions.extend(
            rule.bulk_over
                .map(|rows| format!("bulk_insert_over: {rows}")),
        );
        if !conditions.is_empty() {
            let _ = writeln!(text, "  conditions: {{{}}}", conditions.join(", "));
        }
    }
    if text.is_empty() {
        " []\n".to_owned()
    } else {
        text
    }
}
