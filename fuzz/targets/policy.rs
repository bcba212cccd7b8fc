//! Policy documents: whatever is accepted compiles, has a matrix and decides; whatever is refused says where.
#![no_main]

use std::collections::BTreeSet;

use custos_model::{Principal, PrincipalKind};
use custos_policy::documents::{
    Document, Environment, PolicySet, Question, Resource, Ruling, Verb, diff,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // YAML ends lines at carriage returns too.
    let lines = text.split(['\n', '\r']).count();
    match PolicySet::parse(&[Document { name: "fuzz", text }]) {
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                // A problem without a place would be one that Cedar has with what we accepted.
                assert!((1..=lines + 1).contains(&problem.line), "{problem}");
            }
        }
        // Everything by everything: larger sets would only take longer.
        Ok(set) if set.rules().count() <= 8 => accepted(&set),
        Ok(_) => {}
    }
});

fn accepted(set: &PolicySet) {
    assert!(diff(set, set).is_empty());
    let _ = set.matrix().to_markdown();
    let question = Question {
        verbs: BTreeSet::from([Verb::SQL_READ]),
        ..Question::default()
    };
    let resource = Resource::named("postgres/shop");
    let environment = Environment::default();
    let unknown = Principal::unknown("alice");
    let slice = set.slice(&unknown, &resource, &environment);
    assert_eq!(slice.decide(&question).ruling, Ruling::Deny);
    let alice = Principal {
        issuer: "local".to_owned(),
        subject: "alice".to_owned(),
        kind: PrincipalKind::Human,
        ..unknown
    };
    let verdict = set.slice(&alice, &resource, &environment).decide(&question);
    assert!(verdict.reasons.iter().all(|reason| !reason.contains("could not be evaluated")), "{verdict:?}");
    let _ = set.explain(&alice, &resource, &environment, &question);
}
