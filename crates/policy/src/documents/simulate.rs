//! What documents would have said to operations of the past.

use std::collections::BTreeMap;

use custos_model::Principal;
use serde::Serialize;

use super::question::{Environment, Question};
use super::set::PolicySet;
use super::target::Resource;
use super::verdict::Ruling;

/// One operation as it was on record.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Who asked.
    pub principal: Principal,
    /// About which resource.
    pub resource: Resource,
    /// How they were here.
    pub environment: Environment,
    /// For what.
    pub question: Question,
}

/// Of how many operations policy would have said what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All.
    pub operations: u64,
    /// Would have gone on.
    pub allowed: u64,
    /// Would have waited for people.
    pub held: u64,
    /// Would not have gone on.
    pub denied: u64,
    /// Of those not denied, how many with a mask.
    pub masked: u64,
    /// In how many each rule would have decided, by its id.
    pub by_rule: BTreeMap<String, u64>,
}

/// Asks the documents about each. Operations of one session in a row share a slice.
pub fn simulate(set: &PolicySet, operations: impl IntoIterator<Item = Recorded>) -> Counts {
    let mut counts = Counts::default();
    let mut last = None;
    for recorded in operations {
        let Recorded {
            principal,
            resource,
            environment,
            question,
        } = recorded;
        let session = (principal, resource, environment);
        let slice = match last.take() {
            Some((known, slice)) if known == session => slice,
            _ => set.slice(&session.0, &session.1, &session.2),
        };
        let verdict = slice.decide(&question);
        counts.operations += 1;
        match verdict.ruling {
            Ruling::Allow => counts.allowed += 1,
            Ruling::Hold => counts.held += 1,
            Ruling::Deny => counts.denied += 1,
        }
        counts.masked += u64::from(!verdict.masks.is_empty());
        for rule in &verdict.rules {
            *counts.by_rule.entry(rule.clone()).or_default() += 1;
        }
        last = Some((session, slice));
    }
    counts
}
