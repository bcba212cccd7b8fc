//! What would make it so: sessions and operations asked for in advance.

use std::collections::BTreeSet;

use custos_model::{Decision, Principal};
use custos_policy::documents::{Alternatives, Environment, Ruling, Verb};
use custos_policy::{AccessRule, AccessRules, Policy};

use crate::world::{FRIDAY_TEN, HOUR, environment, person, resource, rules};

/// Engineers may open the shop once approved, support freely, and nobody may open the vault.
const TEXT: &str = "- {id: on-request, who: 'group:engineers', on: postgres/shop, may: [session.open, sql.select], \
                    require: {reason: true, hours: {from: '09:00', to: '12:00', zone: UTC}}, \
                    approve: {of: sre, per: window, window: 2h}}\n\
                    - {id: by-the-lead, who: 'group:engineers', on: postgres/shop, may: session.open, \
                    require: {reason: true}, approve: {of: leads, per: session}}\n\
                    - {id: support, who: 'group:support', on: postgres/shop, may: [session.open, sql.select]}\n\
                    - {id: changes, who: 'group:support', on: postgres/shop, may: sql.dml, approve: {of: leads, per: statement}}\n\
                    - {id: closed, who: '*', on: postgres/vault, deny: session.open}\n\
                    - {id: vault, who: 'group:vault', on: '*', may: session.open, approve: {of: sre, per: session}}\n";

fn documents() -> Policy {
    Policy::Documents(rules(TEXT))
}

fn verbs(words: &str) -> BTreeSet<Verb> {
    let words = words.split_whitespace();
    words.map(|word| Verb::named(word).unwrap()).collect()
}

/// `session.open: by-the-lead or on-request`
fn needed(approvals: &[Alternatives]) -> Vec<String> {
    let shown = approvals.iter().map(|one| {
        let rules: Vec<&str> = one.any_of.iter().map(|(rule, _)| rule.as_str()).collect();
        format!("{}: {}", one.verb, rules.join(" or "))
    });
    shown.collect()
}

fn opening(
    who: &Principal,
    on: &str,
    around: &Environment,
    hours: u64,
) -> (Decision, String, Vec<String>) {
    let (policy, on) = (documents(), resource(on));
    let utc_ns = FRIDAY_TEN + hours * HOUR;
    let opening = policy.opening(who, &on, around, utc_ns);
    assert_eq!(policy.session(who, &on, around, utc_ns).0, opening.verdict);
    (
        opening.verdict.decision,
        opening.verdict.rules.join(", "),
        needed(&opening.approvals),
    )
}

#[test]
fn a_session_that_waits_is_denied_and_says_for_what() {
    let alice = person("alice", &["engineers"]);
    let (none, reason) = (environment(""), environment("reason"));
    let word = str::to_owned;
    assert_eq!(
        opening(&alice, "postgres/shop", &reason, 0),
        (
            Decision::Deny,
            word("by-the-lead, on-request"),
            vec![word("session.open: by-the-lead or on-request")]
        )
    );
    assert_eq!(
        opening(&alice, "postgres/shop", &reason, 3),
        (
            Decision::Deny,
            word("by-the-lead"),
            vec![word("session.open: by-the-lead")]
        ),
        "the other rule's hours are over"
    );
    for (who, on, around) in [
        (&alice, "postgres/shop", &none),
        (&alice, "postgres/other", &reason),
        (&Principal::unknown("alice"), "postgres/shop", &reason),
    ] {
        let denied = (Decision::Deny, word("default-deny"), vec![]);
        assert_eq!(opening(who, on, around, 0), denied, "{on}");
    }
    let vault = person("carol", &["vault"]);
    assert_eq!(
        opening(&vault, "postgres/vault", &reason, 0),
        (Decision::Deny, word("closed"), vec![]),
        "no approval helps against a rule that denies"
    );
    assert_eq!(
        opening(&person("bob", &["support"]), "postgres/shop", &none, 0),
        (Decision::Allow, word("support"), vec![])
    );
}

#[test]
fn whoever_asks_in_advance_learns_what_is_needed() {
    let policy = documents();
    let ask = |who: &Principal, around: &str, words: &str| {
        let shop = resource("postgres/shop");
        let verdict = policy.ask(who, &shop, &environment(around), &verbs(words), FRIDAY_TEN);
        (verdict.ruling, needed(&verdict.approvals).join(", "))
    };
    let (alice, bob) = (person("alice", &["engineers"]), person("bob", &["support"]));
    let word = str::to_owned;
    assert_eq!(
        ask(&alice, "reason", "sql.read"),
        (
            Ruling::Hold,
            word("session.open: by-the-lead or on-request, sql.read: on-request")
        )
    );
    assert_eq!(ask(&alice, "", "sql.read"), (Ruling::Deny, word("")));
    assert_eq!(
        ask(&alice, "reason", "sql.read sql.destroy"),
        (Ruling::Deny, word(""))
    );
    assert_eq!(ask(&bob, "", "sql.read"), (Ruling::Allow, word("")));
    assert_eq!(ask(&bob, "", ""), (Ruling::Allow, word("")));
    assert_eq!(
        ask(&bob, "", "sql.read sql.update"),
        (Ruling::Hold, word("sql.update: changes"))
    );
}

#[test]
fn access_rules_have_no_approvals() {
    let rule = AccessRule {
        name: "staff".to_owned(),
        principals: vec!["group:staff".to_owned()],
        resources: vec!["postgres/shop".to_owned()],
    };
    let policy = Policy::Access(AccessRules::new(vec![rule]).unwrap());
    let around = environment("");
    let (alice, bob) = (person("alice", &["staff"]), person("bob", &[]));
    let shop = resource("postgres/shop");
    for (who, decision, ruling, rules) in [
        (&alice, Decision::Allow, Ruling::Allow, "staff"),
        (&bob, Decision::Deny, Ruling::Deny, "default-deny"),
    ] {
        let opening = policy.opening(who, &shop, &around, FRIDAY_TEN);
        assert_eq!(
            (opening.verdict.decision, opening.approvals),
            (decision, vec![])
        );
        let verdict = policy.ask(who, &shop, &around, &verbs("sql.destroy"), FRIDAY_TEN);
        assert_eq!(
            (verdict.ruling, verdict.rules.join(", ")),
            (ruling, rules.to_owned())
        );
        assert!(verdict.approvals.is_empty());
    }
}
