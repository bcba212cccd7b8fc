//! Good tokens of every class, and hostile ones that differ from a good one in one thing.

mod flips;
mod forge;
mod good;
mod hostile;
mod hostile_claims;
mod hostile_classes;
mod key_cache;
mod keys;
mod other_library;
mod seeds;
mod world;

use std::collections::BTreeSet;

/// Codes that tests of the key cache and of records without a rule show, not a changed token.
const ELSEWHERE: &[&str] = &[
    "class_not_accepted",
    "keys_expired",
    "keys_stale",
    "keys_unavailable",
    "replay_cache_full",
    "replayed",
];

/// Read from the source, so that a new code without a hostile token is noticed.
#[test]
fn every_rejection_has_a_hostile_token() {
    let source = include_str!("../../src/rejection.rs");
    let words = source.split("=> \"").skip(1);
    let all: BTreeSet<&str> = words.filter_map(|rest| rest.split('"').next()).collect();
    let tables = [
        hostile::CASES,
        hostile_claims::CASES,
        hostile_classes::CASES,
    ];
    let cases = || tables.into_iter().flatten();
    let shown: BTreeSet<&str> = cases().map(|case| case.code).collect();
    let elsewhere = ELSEWHERE.iter().copied().collect();
    assert_eq!(all, shown.union(&elsewhere).copied().collect());
    assert!(all.len() >= 25 && cases().count() >= 60);
    let names: BTreeSet<&str> = cases().map(|case| case.name).collect();
    assert_eq!(names.len(), cases().count(), "names are unique");
}
