//! Answers to questions as people ask them.

use custos_model::{Principal, PrincipalKind};
use custos_policy::documents::PolicySet;

use crate::world::{environment, of_kind, person, question, resource, set};

fn explain(
    set: &PolicySet,
    who: &Principal,
    on: &str,
    around: &str,
    what: &str,
    object: &str,
) -> String {
    let mut question = question(what);
    question.objects = vec![object.to_owned()];
    set.explain(who, &resource(on), &environment(around), &question)
}

#[test]
fn denials_say_what_would_have_allowed() {
    let platform = set(include_str!(
        "../../../../examples/policies/platform-team.yaml"
    ));
    let (bob, alice) = (
        person("bob", &["engineers"]),
        person("alice", &["analysts"]),
    );
    let production = "postgres/shop env=production";
    let delete = explain(&platform, &bob, production, "", "sql.delete", "shop.orders");
    insta::assert_snapshot!("why-was-bob-denied-delete", delete);
    let forbidden = explain(
        &platform,
        &bob,
        production,
        "reason",
        "sql.escape",
        "COPY PROGRAM",
    );
    insta::assert_snapshot!("why-was-bob-denied-escape", forbidden);
    let truncate = explain(
        &platform,
        &alice,
        "postgres/dw warehouse",
        "",
        "sql.truncate",
        "dw.facts",
    );
    insta::assert_snapshot!("why-was-alice-denied-truncate", truncate);
    let nobody = explain(&platform, &alice, "mcp/tools", "", "mcp.call", "deploy");
    insta::assert_snapshot!("nobody-may", nobody);
}

#[test]
fn guards_say_which_rules_mask() {
    let small = set(include_str!(
        "../../../../examples/policies/small-team.yaml"
    ));
    let alice = person("alice", &["developers"]);
    let text = explain(
        &small,
        &alice,
        "postgres/shop-staging env=staging",
        "",
        "sql.destroy sees:pii.phone",
        "people",
    );
    insta::assert_snapshot!("guarded", text);
    let bob = person("bob", &["support"]);
    let text = explain(
        &small,
        &bob,
        "postgres/shop",
        "",
        "sql.read compares:pii.phone",
        "people",
    );
    insta::assert_snapshot!("compared", text);
}

#[test]
fn what_is_allowed_says_by_what_and_with_what() {
    let bank = set(include_str!("../../../../examples/policies/bank.yaml"));
    let (alice, carol) = (
        person("alice", &["tellers"]),
        person("carol", &["operations"]),
    );
    let core = "postgres/core tier=core";
    let allowed = explain(
        &bank,
        &alice,
        core,
        "from:10.1.1.1",
        "sql.read",
        "core.customers",
    );
    insta::assert_snapshot!("allowed", allowed);
    let around = "acr:phishing-resistant amr:hwk reason from:10.1.1.1";
    let held = explain(&bank, &carol, core, around, "sql.update", "core.customers");
    insta::assert_snapshot!("held", held);
    let agent = Principal {
        on_behalf_of: vec![alice],
        ..of_kind("helper", "local", PrincipalKind::Agent)
    };
    let denied = explain(
        &bank,
        &agent,
        core,
        "from:10.1.1.1",
        "sql.read",
        "core.customers",
    );
    insta::assert_snapshot!("agent", denied);
}

#[test]
fn what_is_held_says_who_must_agree_and_what_takes_its_place() {
    let platform = set(include_str!(
        "../../../../examples/policies/platform-team.yaml"
    ));
    let (dana, bob) = (person("dana", &["data"]), person("bob", &["sre"]));
    let production = "postgres/shop env=production";
    let ask = "session.open sql.read";
    let asked = explain(&platform, &dana, production, "reason", ask, "shop.orders");
    insta::assert_snapshot!("on-request", asked);
    let around = "acr:phishing-resistant reason";
    let glass = explain(
        &platform,
        &bob,
        production,
        around,
        "sql.destroy",
        "shop.old",
    );
    insta::assert_snapshot!("break-glass", glass);
}

#[test]
fn who_proved_nothing_learns_nothing() {
    let bank = set(include_str!("../../../../examples/policies/bank.yaml"));
    let text = explain(
        &bank,
        &Principal::unknown("alice"),
        "postgres/core",
        "",
        "sql.read",
        "x",
    );
    assert_eq!(
        text,
        "alice may not sql.read on postgres/core (x)\n  who has not signed in may do nothing.\n"
    );
}
