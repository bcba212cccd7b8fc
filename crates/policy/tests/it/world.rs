//! Principals, resources and questions in few words.

use std::collections::BTreeSet;
use std::sync::Arc;

use custos_model::{Principal, PrincipalKind};
use custos_policy::documents::{
    Document, Environment, InsertedRows, PolicySet, Question, Resource, Shape, Touched, Verb,
    Verdict,
};

/// 2026-11-20 (a Friday), 10:00 UTC.
pub(crate) const FRIDAY_TEN: u64 = 1_795_168_800_000_000_000;
pub(crate) const HOUR: u64 = 3_600_000_000_000;

pub(crate) fn set(text: &str) -> PolicySet {
    parse(text).unwrap()
}

pub(crate) fn parse(text: &str) -> Result<PolicySet, Vec<custos_policy::documents::Problem>> {
    PolicySet::parse(&[Document {
        name: "p.yaml",
        text,
    }])
}

/// A document of these rules, and of the labels `pii` and `pay`.
pub(crate) fn rules(text: &str) -> PolicySet {
    set(&with_labels(text))
}

pub(crate) fn with_labels(text: &str) -> String {
    format!(
        "version: 1\nlabels:\n  pii: {{columns: ['*.*.ssn'], mask: redact}}\n  \
         pay: {{columns: ['*.*.card'], mask: hash, predicates: allow}}\nrules:\n{text}"
    )
}

pub(crate) fn person(name: &str, groups: &[&str]) -> Principal {
    Principal {
        issuer: "https://idp.example".to_owned(),
        subject: format!("id-of-{name}"),
        kind: PrincipalKind::Human,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..Principal::unknown(name)
    }
}

pub(crate) fn of_kind(name: &str, issuer: &str, kind: PrincipalKind) -> Principal {
    Principal {
        issuer: issuer.to_owned(),
        kind,
        ..person(name, &[])
    }
}

/// `postgres/shop env=staging warehouse=`
pub(crate) fn resource(text: &str) -> Resource {
    let mut words = text.split(' ');
    let mut resource = Resource::named(words.next().unwrap());
    resource.labels = words
        .map(|label| label.split_once('=').unwrap_or((label, "yes")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    resource
}

/// `sql.read sees:pii compares:pay no-where rows:7 rows:? in-doubt`
pub(crate) fn question(text: &str) -> Question {
    let mut question = Question {
        utc_ns: FRIDAY_TEN,
        ..Question::default()
    };
    let mut touched = Touched::default();
    let mut shape = Shape::default();
    for word in text.split_whitespace() {
        match word.split_once(':') {
            Some(("sees", label)) => drop(touched.visible.insert(label.to_owned())),
            Some(("compares", label)) => drop(touched.compared.insert(label.to_owned())),
            Some(("stores", label)) => drop(touched.stored.insert(label.to_owned())),
            Some(("rows", "?")) => shape.inserted_rows = InsertedRows::Unknown,
            Some(("rows", rows)) => {
                shape.inserted_rows = InsertedRows::Known(rows.parse().unwrap());
            }
            None if word == "no-where" => shape.without_where = true,
            None if word == "in-doubt" => touched.in_doubt = true,
            _ => drop(
                question
                    .verbs
                    .insert(Verb::named(word).unwrap_or_else(|| panic!("{word}"))),
            ),
        }
    }
    Question {
        touched,
        shape,
        ..question
    }
}

/// `acr:strong amr:hwk reason from:10.0.0.1`
pub(crate) fn environment(text: &str) -> Environment {
    let mut environment = Environment::default();
    let mut amr = BTreeSet::new();
    for word in text.split_whitespace() {
        match word.split_once(':').unwrap_or((word, "")) {
            ("acr", acr) => environment.acr = Some(acr.to_owned()),
            ("amr", method) => drop(amr.insert(method.to_owned())),
            ("reason", "") => environment.reason_given = true,
            ("from", address) => environment.address = Some(address.parse().unwrap()),
            other => panic!("{other:?}"),
        }
    }
    Environment { amr, ..environment }
}

pub(crate) fn decide(
    set: &PolicySet,
    principal: &Principal,
    on: &str,
    environment: &Environment,
    what: &str,
) -> Arc<Verdict> {
    let slice = set.slice(principal, &resource(on), environment);
    slice.decide(&question(what))
}

/// `allow by a, b masking pii` and the like.
pub(crate) fn shown(verdict: &Verdict) -> String {
    let mut text = format!(
        "{} by {}",
        verdict.ruling.as_str(),
        verdict.rules.join(", ")
    );
    if !verdict.masks.is_empty() {
        let labels: Vec<&str> = verdict.masked().into_iter().collect();
        text.push_str(" masking ");
        text.push_str(&labels.join(", "));
    }
    text
}
