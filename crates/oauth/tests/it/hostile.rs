//! Requests that are refused, each with its exact answer.

use custos_oauth::{ErrorCode, Reason};

use crate::world::{Seen, World};
use crate::{hostile_authorization, hostile_token};

/// One hostile request.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) error: ErrorCode,
    pub(crate) reason: Reason,
    /// The parameter, or the token verifier's word.
    pub(crate) detail: Option<&'static str>,
    pub(crate) run: fn(&mut World) -> Seen,
}

pub(crate) fn all() -> impl Iterator<Item = Case> {
    hostile_authorization::CASES
        .iter()
        .chain(hostile_token::CASES)
        .chain(hostile_token::EXCHANGES)
        .copied()
}

#[test]
fn each_hostile_request_has_its_exact_answer() {
    let mut wrong = Vec::new();
    for case in all() {
        let seen = (case.run)(&mut World::new());
        let status = match seen.body["redirect"].as_str() {
            Some(_) => 303,
            None => case.error.status(),
        };
        let expected = (status, case.error.as_str(), case.reason, case.detail);
        let (error, reason) = seen.refused();
        let found = (seen.status, error, reason, seen.detail);
        if found != expected {
            wrong.push(format!("{}: {found:?}, not {expected:?}", case.name));
        }
        assert_eq!(seen.codes().last(), Some(&"refused"), "{}", case.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all().count() >= 100, "{}", all().count());
}

#[test]
fn case_names_are_distinct() {
    let mut names: Vec<_> = all().map(|case| case.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}
