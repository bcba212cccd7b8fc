//! What rules mean together.

use std::sync::Arc;

use custos_model::{Principal, PrincipalKind};
use custos_policy::documents::{
    Approve, BreakGlass, Durability, Escalate, Meanwhile, Per, Ruling, Verdict,
};
use serde_json::json;

use crate::world::{
    FRIDAY_TEN, HOUR, decide, environment, of_kind, person, question, resource, rules, shown,
};

fn asks(text: &str, principal: &Principal, what: &str) -> String {
    shown(&decide(
        &rules(text),
        principal,
        "postgres/shop env=prod",
        &environment(""),
        what,
    ))
}

/// The verdict on alice's `sql.delete`, which waits.
fn held(text: &str) -> Arc<Verdict> {
    let (set, around) = (rules(text), environment(""));
    let verdict = decide(&set, &alice(), "postgres/shop", &around, "sql.delete");
    assert_eq!(verdict.ruling, Ruling::Hold);
    verdict
}

fn alice() -> Principal {
    person("alice", &["dev", "ops"])
}

const READ: &str =
    "- {id: read, who: 'group:dev', on: postgres/shop, may: sql.select, mask: [pii, pay]}\n";

#[test]
fn nothing_is_allowed_without_a_rule() {
    assert_eq!(
        asks(READ, &alice(), "sql.read"),
        "allow by read masking pay, pii"
    );
    assert_eq!(asks(READ, &alice(), "sql.delete"), "deny by default-deny");
    assert_eq!(
        asks(READ, &alice(), "sql.read sql.delete"),
        "deny by default-deny"
    );
    assert_eq!(asks(READ, &alice(), ""), "deny by default-deny");
    assert_eq!(
        asks(READ, &person("bob", &[]), "sql.read"),
        "deny by default-deny"
    );
    let verdict = decide(
        &rules(READ),
        &alice(),
        "oracle/shop",
        &environment(""),
        "sql.read",
    );
    assert_eq!(verdict.ruling, Ruling::Deny);
}

#[test]
fn who_proved_nothing_is_denied() {
    let everybody = "- {id: all, who: '*', on: '*', may: [session.open, sql.select]}\n";
    let unknown = Principal {
        groups: vec!["dev".to_owned()],
        ..Principal::unknown("alice")
    };
    assert_eq!(asks(everybody, &alice(), "sql.read"), "allow by all");
    assert_eq!(
        asks(everybody, &unknown, "sql.read"),
        "deny by default-deny"
    );
    let agent = Principal {
        on_behalf_of: vec![unknown],
        ..of_kind("helper", "local", PrincipalKind::Agent)
    };
    assert_eq!(
        asks(everybody, &agent, "session.open"),
        "deny by default-deny"
    );
}

#[test]
fn names_mean_what_the_operator_named() {
    let text = "- {id: ci, who: 'workload:ci', on: '*', may: sql.insert}\n\
                - {id: backup, who: 'machine:backup', on: '*', may: sql.select}\n\
                - {id: one, who: {issuer: 'https://idp.example', subject: id-of-carol}, on: '*', may: sql.update}\n";
    let of =
        |name: &str, issuer: &str, kind, what: &str| asks(text, &of_kind(name, issuer, kind), what);
    let (human, workload, agent) = (
        PrincipalKind::Human,
        PrincipalKind::Workload,
        PrincipalKind::Agent,
    );
    assert_eq!(
        of("ci", "https://ci.example", workload, "sql.insert"),
        "allow by ci"
    );
    assert_eq!(
        of("ci", "https://ci.example", human, "sql.insert"),
        "deny by default-deny"
    );
    assert_eq!(
        of("backup", "local", workload, "sql.read"),
        "allow by backup"
    );
    assert_eq!(of("backup", "local", agent, "sql.read"), "allow by backup");
    assert_eq!(
        of("backup", "local", human, "sql.read"),
        "deny by default-deny"
    );
    assert_eq!(
        of("backup", "https://ci.example", workload, "sql.read"),
        "allow by backup"
    );
    assert_eq!(
        asks(text, &person("carol", &[]), "sql.update"),
        "allow by one"
    );
    assert_eq!(
        of("carol", "https://other.example", human, "sql.update"),
        "deny by default-deny"
    );
    let nasty = "- {id: g, who: 'group:a\"] || true || \"\\b', on: '*', may: sql.update}\n";
    assert_eq!(
        asks(nasty, &person("dave", &["a"]), "sql.update"),
        "deny by default-deny"
    );
    assert_eq!(
        asks(
            nasty,
            &person("dave", &["a\"] || true || \"\\b"]),
            "sql.update"
        ),
        "allow by g"
    );
}

#[test]
fn forbid_wins_and_covers_what_was_not_understood() {
    let text = format!(
        "{READ}- {{id: any, who: 'group:dev', on: '*', may: [sql.dml, sql.unknown]}}\n\
         - {{id: no, who: '*', on: {{label: env=prod}}, deny: sql.delete}}\n"
    );
    assert_eq!(asks(&text, &alice(), "sql.insert"), "allow by any");
    assert_eq!(asks(&text, &alice(), "sql.delete"), "deny by no");
    assert_eq!(asks(&text, &alice(), "sql.unknown"), "deny by no");
    let elsewhere = decide(
        &rules(&text),
        &alice(),
        "postgres/shop env=test",
        &environment(""),
        "sql.unknown sql.delete",
    );
    assert_eq!(shown(&elsewhere), "allow by any");
    let by_shape = "- {id: any, who: '*', on: '*', may: [sql.dml, sql.unknown]}\n\
                    - {id: no, who: '*', on: '*', deny: sql.delete, conditions: {without_where: deny}}\n";
    assert_eq!(asks(by_shape, &alice(), "sql.delete"), "allow by any");
    assert_eq!(
        asks(by_shape, &alice(), "sql.delete no-where"),
        "deny by no"
    );
    assert_eq!(
        asks(by_shape, &alice(), "sql.unknown"),
        "deny by no",
        "its shape is not known"
    );
}

#[test]
fn masks_unite_and_only_unmask_removes_one() {
    let text = "- {id: a, who: 'group:dev', on: '*', may: sql.select, mask: pii}\n\
                - {id: b, who: 'group:ops', on: '*', may: sql.select, mask: pay}\n";
    assert_eq!(
        asks(text, &alice(), "sql.read sees:pii sees:pay"),
        "allow by a, b masking pay, pii"
    );
    assert_eq!(
        asks(text, &person("bob", &["dev"]), "sql.read sees:pii"),
        "allow by a masking pii"
    );
    assert_eq!(
        asks(text, &person("bob", &["dev"]), "sql.read sees:pay"),
        "deny by guard:pay"
    );
    assert_eq!(
        asks(text, &person("bob", &["dev"]), "sql.read in-doubt"),
        "deny by guard:pay"
    );
    assert_eq!(
        asks(text, &alice(), "sql.read in-doubt"),
        "allow by a, b masking pay, pii"
    );
    let clear = format!("{text}- {{id: c, who: 'group:ops', on: '*', may: 'unmask:pii'}}\n");
    assert_eq!(
        asks(&clear, &alice(), "sql.read sees:pii sees:pay"),
        "allow by a, b masking pay"
    );
    assert_eq!(
        asks(&clear, &person("eve", &["ops"]), "sql.delete"),
        "deny by default-deny",
        "unmask allows no verb"
    );
}

#[test]
fn labels_that_nobody_defined_are_denied() {
    assert_eq!(
        asks(READ, &alice(), "sql.read sees:other"),
        "deny by default-deny"
    );
    assert_eq!(
        asks(READ, &alice(), "sql.read compares:other"),
        "deny by default-deny"
    );
}

#[test]
fn comparing_tells_values_apart() {
    assert_eq!(
        asks(READ, &alice(), "sql.read compares:pay"),
        "allow by read masking pay, pii"
    );
    assert_eq!(
        asks(READ, &alice(), "sql.read compares:pii"),
        "deny by predicates:pii"
    );
    let clear = "- {id: c, who: '*', on: '*', may: [sql.select, 'unmask:pii']}\n";
    assert_eq!(
        asks(clear, &alice(), "sql.read compares:pii sees:pii"),
        "allow by c"
    );
}

#[test]
fn approvals_are_alternatives_and_a_free_rule_beats_them() {
    let held = "- {id: a, who: '*', on: '*', may: sql.delete, approve: {of: leads, per: statement}}\n\
                - {id: b, who: '*', on: '*', may: sql.delete, approve: {count: 2, of: 'group:dba', per: window, window: 1h}}\n";
    let verdict = decide(
        &rules(held),
        &alice(),
        "postgres/shop",
        &environment(""),
        "sql.delete",
    );
    assert_eq!(verdict.ruling, Ruling::Hold);
    let [alternatives] = verdict.approvals.as_slice() else {
        panic!("{verdict:?}");
    };
    let texts: Vec<_> = alternatives
        .any_of
        .iter()
        .map(|(rule, approve)| format!("{rule}: {approve}"))
        .collect();
    assert_eq!(
        texts,
        [
            "a: approval by 1 of leads for the statement",
            "b: approval by 2 of dba for 1h"
        ]
    );
    let free = format!("{held}- {{id: c, who: 'group:ops', on: '*', may: sql.delete}}\n");
    assert_eq!(asks(&free, &alice(), "sql.delete"), "allow by a, b, c");
    assert_eq!(
        asks(&free, &person("bob", &[]), "sql.delete"),
        "hold by a, b"
    );
}

/// Every field of an approval reaches whoever asks people, and is told.
#[test]
fn what_an_approval_says_stands_in_the_verdict() {
    let text = "- {id: a, who: '*', on: '*', may: sql.delete, approve: {count: 2, of: dba, per: window, window: 2h, expires: 1h, \
                hours: {days: [mon, fri], from: '09:00', to: '17:00', zone: Europe/Berlin}, \
                escalate: {after: 10m, of: 'group:managers'}, attested: true, meanwhile: retry, \
                break_glass: {for: 30m, review: 'group:security', within: 1d}}}\n";
    let verdict = held(text);
    let [(rule, approve)] = verdict.approvals[0].any_of.as_slice() else {
        panic!("{verdict:?}");
    };
    assert_eq!(
        (rule.as_str(), approve.per, approve.expires),
        ("a", Per::Window, 3600)
    );
    let hours = approve.hours.as_ref().unwrap();
    assert!(hours.contain(FRIDAY_TEN) && !hours.contain(FRIDAY_TEN + 6 * HOUR));
    let (after, of) = (600, "managers".to_owned());
    assert_eq!(approve.escalate, Some(Escalate { after, of }));
    assert_eq!(
        (approve.attested, approve.meanwhile),
        (true, Meanwhile::Retry)
    );
    let glass = BreakGlass {
        window: 1800,
        review: "security".to_owned(),
        within: 86_400,
    };
    assert_eq!(approve.break_glass, Some(glass));
    assert_eq!(
        approve.to_string(),
        "approval by 2 of dba for 2h, after 10m also of managers, or by attestation, \
         given from 09:00 to 17:00 Europe/Berlin on mon, fri, for which the client comes again, \
         or taken for 30m without it and reviewed by security within 1d"
    );
    assert_eq!(verdict.obligations["a"].approve.as_ref(), Some(approve));
    let json = json!({
        "count": 2, "of": "dba", "per": "window", "window": 7200, "expires": 3600,
        "hours": {"days": [1, 5], "from": 540, "to": 1020, "zone": "Europe/Berlin"},
        "escalate": {"after": 600, "of": "managers"},
        "attested": true,
        "meanwhile": "retry",
        "break_glass": {"window": 1800, "review": "security", "within": 86_400},
    });
    assert_eq!(serde_json::to_value(approve).unwrap(), json);
    let matrix = serde_json::to_value(rules(text).matrix()).unwrap();
    assert_eq!(
        matrix["cells"][0]["notes"],
        json!([approve
            .to_string()
            .replace(", or taken", ", within 1h, or taken")])
    );
}

#[test]
fn what_an_approval_does_not_say_is_off() {
    let text = "- {id: a, who: '*', on: '*', may: sql.delete, approve: {of: dba, per: session}}\n";
    let approve = Approve {
        count: 1,
        of: "dba".to_owned(),
        per: Per::Session,
        window: None,
        expires: 1800,
        hours: None,
        escalate: None,
        attested: false,
        meanwhile: Meanwhile::Wait,
        break_glass: None,
    };
    let json = json!({"count": 1, "of": "dba", "per": "session", "window": null, "expires": 1800});
    assert_eq!(serde_json::to_value(&approve).unwrap(), json);
    assert_eq!(held(text).approvals[0].any_of, [("a".to_owned(), approve)]);
}

/// Approvals of several rules stay apart, whatever tells them apart; each verb needs one of its own.
#[test]
fn approvals_that_differ_in_anything_are_alternatives() {
    let rule = |id: &str, verbs: &str, more: &str| {
        format!(
            "- {{id: {id}, who: '*', on: '*', may: {verbs}, approve: {{of: dba, per: session{more}}}}}\n"
        )
    };
    let text = [
        rule("b", "sql.delete", ", attested: true"),
        rule(
            "c",
            "sql.delete",
            ", hours: {from: '09:00', to: '17:00', zone: UTC}",
        ),
        rule(
            "a",
            "[sql.delete, sql.insert]",
            ", break_glass: {for: 1h, review: s, within: 1h}",
        ),
    ]
    .concat();
    let verdict = decide(
        &rules(&text),
        &alice(),
        "postgres/shop",
        &environment(""),
        "sql.delete sql.insert",
    );
    let asked: Vec<(&str, Vec<&str>)> = verdict
        .approvals
        .iter()
        .map(|one| {
            let rules = one.any_of.iter().map(|(rule, _)| rule.as_str());
            (one.verb.as_str(), rules.collect())
        })
        .collect();
    assert_eq!(
        asked,
        [
            ("sql.insert", vec!["a"]),
            ("sql.delete", vec!["a", "b", "c"])
        ]
    );
}

#[test]
fn shapes_deny_or_ask() {
    let text = "- {id: a, who: '*', on: '*', may: [sql.delete, sql.insert], approve: {of: leads, per: statement}, \
                conditions: {without_where: approve, bulk_insert_over: 10}}\n";
    assert_eq!(asks(text, &alice(), "sql.delete"), "allow by a");
    assert_eq!(asks(text, &alice(), "sql.delete no-where"), "hold by a");
    assert_eq!(asks(text, &alice(), "sql.insert rows:10"), "allow by a");
    assert_eq!(
        asks(text, &alice(), "sql.insert rows:11"),
        "deny by default-deny"
    );
    assert_eq!(
        asks(text, &alice(), "sql.insert rows:?"),
        "deny by default-deny"
    );
}

#[test]
fn requirements_must_be_met() {
    let text = "- {id: a, who: '*', on: '*', may: sql.delete, require: {acr: [strong, stronger], amr: [hwk, pin], \
                reason: true, networks: 10.0.0.0/8, hours: {from: '09:00', to: '12:00', zone: Europe/Berlin}}}\n";
    let set = rules(text);
    let good = "acr:strong amr:hwk amr:pin amr:user reason from:10.1.1.1";
    let at = |environment_text: &str, utc_ns: u64| {
        let slice = set.slice(
            &alice(),
            &resource("postgres/shop"),
            &environment(environment_text),
        );
        let mut question = question("sql.delete");
        question.utc_ns = utc_ns;
        slice.decide(&question).ruling == Ruling::Allow
    };
    assert!(at(good, FRIDAY_TEN));
    for missing in good.split(' ').filter(|word| *word != "amr:user") {
        let rest: Vec<&str> = good.split(' ').filter(|word| *word != missing).collect();
        assert!(!at(&rest.join(" "), FRIDAY_TEN), "{missing}");
    }
    assert!(!at(&good.replace("10.1.1.1", "11.1.1.1"), FRIDAY_TEN));
    assert!(!at(good, FRIDAY_TEN + HOUR), "noon in Berlin");
}

/// One slice is asked at two times: what was cached at one must not be said at the other.
#[test]
fn the_cache_knows_the_time_and_the_shape() {
    let set = rules(
        "- {id: a, who: '*', on: '*', may: [sql.delete, sql.insert], require: {hours: {from: '09:00', to: '12:00', zone: UTC}}, \
         conditions: {without_where: deny, bulk_insert_over: 5}}\n",
    );
    let slice = set.slice(&alice(), &resource("postgres/shop"), &environment(""));
    for _ in 0..2 {
        for (what, hours, allowed) in [
            ("sql.delete", 0, true),
            ("sql.delete", 3, false),
            ("sql.delete no-where", 0, false),
            ("sql.insert rows:5", 0, true),
            ("sql.insert rows:6", 0, false),
            ("sql.insert rows:?", 0, false),
        ] {
            let mut question = question(what);
            question.utc_ns += hours * HOUR;
            assert_eq!(
                slice.decide(&question).ruling == Ruling::Allow,
                allowed,
                "{what} {hours}"
            );
        }
    }
}

#[test]
fn who_acts_for_others_may_what_all_of_them_may() {
    let text = "- {id: agents, who: 'machine:helper', on: '*', may: [sql.select, 'unmask:pii', sql.delete]}\n\
                - {id: people, who: 'group:dev', on: '*', may: sql.select, mask: pii}\n\
                - {id: ask, who: 'group:dev', on: '*', may: sql.delete, approve: {of: leads, per: statement}}\n";
    let agent = |chain: &[Principal]| Principal {
        on_behalf_of: chain.to_vec(),
        ..of_kind("helper", "local", PrincipalKind::Agent)
    };
    let (alice, bob) = (alice(), person("bob", &[]));
    assert_eq!(
        asks(text, &agent(&[]), "sql.read sees:pii"),
        "allow by agents"
    );
    assert_eq!(
        asks(
            text,
            &agent(std::slice::from_ref(&alice)),
            "sql.read sees:pii"
        ),
        "allow by agents, people masking pii"
    );
    assert_eq!(
        asks(text, &agent(std::slice::from_ref(&alice)), "sql.delete"),
        "hold by agents, ask"
    );
    assert_eq!(
        asks(text, &agent(&[alice.clone(), bob.clone()]), "sql.read"),
        "deny by default-deny"
    );
    let nested = Principal {
        on_behalf_of: vec![bob],
        ..alice.clone()
    };
    assert_eq!(
        asks(text, &agent(&[nested]), "sql.read"),
        "deny by default-deny",
        "of the whole chain"
    );
    let long: Vec<Principal> = std::iter::repeat_n(alice, 16).collect();
    assert_eq!(
        asks(text, &agent(&long), "sql.read"),
        "deny by default-deny"
    );
}

#[test]
fn obligations_are_the_strictest_and_keyed_by_rule() {
    let text = "- {id: a, who: '*', on: '*', may: sql.select, record: {durability: buffered}, limit: {rows: 10, bytes: 1MiB}}\n\
                - {id: b, who: '*', on: '*', may: sql.select, record: {durability: strict, sealed: true}, limit: {rows: 20, rate: 5/s}}\n";
    let verdict = decide(
        &rules(text),
        &alice(),
        "postgres/shop",
        &environment(""),
        "sql.read",
    );
    assert_eq!(
        (verdict.record.durability, verdict.record.sealed),
        (Some(Durability::Strict), true)
    );
    assert_eq!(
        (verdict.limit.rows, verdict.limit.bytes),
        (Some(10), Some(1 << 20))
    );
    assert_eq!(verdict.obligations["b"].limit.unwrap().rows, Some(20));
    assert_eq!(verdict.obligations.len(), 2);
}

#[test]
fn labels_of_columns_come_from_patterns() {
    let set = rules(READ);
    let labels = |column: &str| set.labels_of("public", "people", column);
    assert_eq!(labels("SSN"), ["pii".to_owned()].into());
    assert!(labels("name").is_empty());
}

/// What is looked for in values is masked whether a rule says so or not, and is no label of a column in doubt.
#[test]
fn what_is_found_is_masked_without_being_named() {
    let text = "version: 1\nlabels:\n  cards: {detect: [payment_card, {pattern: 'X-[0-9]{4}'}], mask: redact}\n  \
                noted: {commented: true, mask: hash}\nrules:\n\
                - {id: read, who: 'group:dev', on: '*', may: sql.select}\n\
                - {id: see, who: 'group:dev', on: postgres/clear, may: [sql.select, 'unmask:cards', 'unmask:noted']}\n";
    let set = crate::world::set(text);
    let asks = |resource: &str, words: &str| {
        let verdict = decide(&set, &alice(), resource, &environment(""), words);
        let masked: Vec<&str> = verdict.masked().into_iter().collect();
        (verdict.ruling, masked.join(" "), verdict.rules.join(" "))
    };
    let word = str::to_owned;
    assert_eq!(
        asks("postgres/shop", "sql.read"),
        (Ruling::Allow, word("cards"), word("read"))
    );
    assert_eq!(
        asks("postgres/shop", "sql.read in-doubt"),
        (Ruling::Deny, word(""), word("guard:noted"))
    );
    assert_eq!(
        asks("postgres/clear", "sql.read in-doubt"),
        (Ruling::Allow, word(""), word("read see"))
    );
}

#[test]
fn labels_of_columns_come_from_comments() {
    let text = "version: 1\nlabels:\n  pii: {commented: true, mask: redact}\n  pii.more: {commented: true, mask: hash}\n  \
                other: {columns: ['a.b.c'], mask: redact}\nrules: []\n";
    let set = crate::world::set(&text.replace("rules: []\n", ""));
    let labels = |comment: &str| {
        let labels: Vec<String> = set.labels_in_comment(comment).into_iter().collect();
        labels.join(" ")
    };
    assert_eq!(labels("the number. custos:pii"), "pii");
    assert_eq!(labels("(Custos:PII.More), see custos:pii."), "pii pii.more");
    assert_eq!(labels("custom: pii, custos pii"), "");
    // What no such label is called stands for all of them.
    assert_eq!(labels("custos:pij"), "pii pii.more");
    assert_eq!(labels("custos:other"), "pii pii.more");
    assert_eq!(labels("custos: pii"), "pii pii.more");
}
