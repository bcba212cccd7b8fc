//! What parsing and deciding cost, by number of rules: `cargo run --release -p custos-policy --example decision_cost`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use custos_model::{Principal, PrincipalKind};
use custos_policy::documents::{
    Document, Environment, PolicySet, Question, Resource, Ruling, Touched, Verb,
};

fn main() {
    println!("rules     parse     slice   first decision   later decisions");
    for rules in [10, 100, 1000] {
        measure(rules);
    }
}

fn measure(rules: usize) {
    let text = document(rules);
    let documents = [Document {
        name: "cost",
        text: &text,
    }];
    let mut set = None;
    let parse = timed(3, || set = PolicySet::parse(&documents).ok());
    let Some(set) = set else {
        println!("the document was refused");
        return;
    };
    let principal = Principal {
        issuer: "https://idp.example".to_owned(),
        subject: "1".to_owned(),
        kind: PrincipalKind::Human,
        groups: vec!["g1".to_owned(), "everyone".to_owned()],
        ..Principal::unknown("alice")
    };
    let resource = Resource::named("postgres/db-1");
    let environment = Environment::default();
    let slice = timed(20, || {
        drop(black_box(set.slice(&principal, &resource, &environment)));
    });
    let question = Question {
        verbs: BTreeSet::from([Verb::SQL_READ]),
        touched: Touched {
            visible: BTreeSet::from(["pii".to_owned()]),
            ..Touched::default()
        },
        ..Question::default()
    };
    let slices: Vec<_> = (0..20)
        .map(|_| set.slice(&principal, &resource, &environment))
        .collect();
    let mut fresh = slices.iter();
    let first = timed(20, || {
        drop(black_box(fresh.next().map(|slice| slice.decide(&question))));
    });
    let mut denied = 0_u64;
    let kept = slices.first();
    let later = timed(100_000, || {
        denied +=
            u64::from(kept.is_none_or(|slice| slice.decide(&question).ruling == Ruling::Deny));
    });
    println!(
        "{rules:5} {parse:>9.1?} {slice:>9.1?} {first:>16.1?} {later:>17.0?}   ({denied} denied)"
    );
}

/// Each rule is for a group of its own, as with a company's teams; every tenth is for everybody.
fn document(rules: usize) -> String {
    let mut text =
        "version: 1\nlabels: {pii: {columns: ['*.*.ssn'], mask: redact}}\nrules:\n".to_owned();
    for number in 0..rules {
        let group = if number % 10 == 0 {
            "everyone".to_owned()
        } else {
            format!("g{number}")
        };
        let _ = writeln!(
            text,
            "- {{id: r{number}, who: 'group:{group}', on: postgres/db-{}, may: [sql.select, sql.dml], mask: pii}}",
            number % 50
        );
    }
    text
}

#[expect(
    clippy::disallowed_methods,
    reason = "this measures how long things take"
)]
fn timed(times: u32, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        work();
    }
    start.elapsed() / times
}
