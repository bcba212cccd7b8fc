//! What changes between one vote and the next, and between the last and the execution.

use custos_testkit::PATIENCE;
use custos_testkit::wait_for;

use crate::approvals::{Extras, POLICY, World};

#[test]
fn a_vote_counts_for_as_long_as_its_approver_does() {
    let extras = Extras {
        provider: "check_interval = \"1s\"\n".to_owned(),
        ..Extras::default()
    };
    let world = World::with("attacks_changes", POLICY, &extras);
    world.each(&[
        (
            "out of the group before she votes",
            out_of_the_group_before_she_votes,
        ),
        (
            "out of the group after her vote",
            out_of_the_group_after_her_vote,
        ),
        ("a revoked key", a_revoked_key),
        (
            "a revoked key before the signature",
            a_revoked_key_before_the_signature,
        ),
        ("an ended sign-in", an_ended_sign_in),
        (
            "an ended sign-in of the requester",
            an_ended_sign_in_of_the_requester,
        ),
    ]);
    world.finish();
}

fn out_of_the_group_before_she_votes(world: &World) {
    let (psql, request) = world.held_drop("left_early");
    let made = world.bob().statement(&request, "approve").to_sign();
    world.regroup(world.bob(), &["sre"]);
    let signature = world.bob().sign(&made.statement);
    let answer = world.bob().hand_in(&made.approval, &signature);
    super::refuses(world, &answer, &request, "not_in_group");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
    world.regroup(world.bob(), &["dba"]);
}

fn out_of_the_group_after_her_vote(world: &World) {
    let (mut psql, request) = world.held_drop("left_late");
    world.bob().approve(&request).success();
    world.regroup(world.bob(), &["sre"]);
    world.carol().approve(&request).success();
    let shown = world
        .carol()
        .call("GET", &format!("/v1/requests/{request}"), None);
    assert_eq!(shown.body["is_approved"], false, "{shown:?}");
    assert!(world.has_table("left_late"));
    world.dan().approve(&request).success();
    psql.wait_for("DROP TABLE");
    psql.finish().success();
    world.regroup(world.bob(), &["dba"]);
    assert_eq!(world.agreed(&request), ["carol", "dan"]);
    world.voided(&request, "bob");
}

fn a_revoked_key(world: &World) {
    let (mut psql, request) = world.held_drop("key_revoked");
    world.bob().approve(&request).success();
    let revoke = [
        "approver",
        "revoke",
        &world.bob().fingerprint(),
        "--reason",
        "lost",
    ];
    world
        .custos
        .cli(&[&revoke[..], &["--operator"]].concat())
        .success();
    world.carol().approve(&request).success();
    world.voided(&request, "bob");
    assert!(world.has_table("key_revoked"));
    world.dan().approve(&request).success();
    psql.wait_for("DROP TABLE");
    psql.finish().success();
    assert_eq!(world.agreed(&request), ["carol", "dan"]);
    // A key that comes back is one that counts from then on.
    world.bob().enrol(&world.custos);
}

fn a_revoked_key_before_the_signature(world: &World) {
    let (psql, request) = world.held_drop("key_revoked_early");
    let made = world.bob().statement(&request, "approve").to_sign();
    let signature = world.bob().sign(&made.statement);
    let revoke = ["approver", "revoke", &world.bob().fingerprint()];
    world.bob().run(&revoke).success();
    let answer = world.bob().hand_in(&made.approval, &signature);
    super::refuses(world, &answer, &request, "wrong_signature");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
    world.bob().enrol(&world.custos);
}

fn an_ended_sign_in(world: &World) {
    let (mut psql, request) = world.held_drop("signed_out");
    world.bob().approve(&request).success();
    world.bob().run(&["logout"]).success();
    world.carol().approve(&request).success();
    world.voided(&request, "bob");
    assert!(world.has_table("signed_out"));
    world.dan().approve(&request).success();
    psql.wait_for("DROP TABLE");
    psql.finish().success();
    assert_eq!(world.agreed(&request), ["carol", "dan"]);
    world.sign_in(world.bob(), "okta", "bob");
}

/// Her session is cut, and with it goes the question.
fn an_ended_sign_in_of_the_requester(world: &World) {
    let (mut psql, request) = world.held_drop("asker_signed_out");
    world.bob().approve(&request).success();
    world.alice().run(&["logout"]).success();
    psql.wait_for_error("the sign-in has ended");
    assert_eq!(world.ending(&request), "withdrawn");
    assert_ne!(world.carol().approve(&request).code(), 0);
    psql.finish();
    assert_eq!(world.runs("drop table asker_signed_out"), 0);
    world.sign_in(world.alice(), "okta", "alice");
}

#[test]
fn what_was_asked_under_another_policy_does_not_run() {
    let world = World::new("attacks_policy");
    // The rule itself asks for less now: nobody can agree to the old question.
    let (mut psql, request) = world.held_drop("weaker");
    world.bob().approve(&request).success();
    let weaker = POLICY.replace("approve: {count: 2, of: dba", "approve: {count: 1, of: dba");
    assert_ne!(weaker, POLICY);
    world.reload(&weaker);
    let answer = world.carol().statement(&request, "approve");
    super::refuses(&world, &answer, &request, "other_policy");
    assert!(world.has_table("weaker"));
    // A no counts all the same.
    world.carol().deny(&request).success();
    psql.wait_for_error("it was denied");
    world.reload(POLICY);

    // Another rule has changed: it can be agreed to, and does not run.
    let (mut other, request) = world.held_drop("elsewhere");
    world.bob().approve(&request).success();
    world.reload(&POLICY.replace("expires: 3s", "expires: 4s"));
    let last = world.carol().approve(&request);
    other.wait_for_error("was not approved");
    assert_eq!(last.code(), 0, "{last}");
    let ended = wait_for("the end", PATIENCE, || {
        let evidence = world.custos.evidence();
        let mut ended = evidence.of_type("request.ended");
        ended
            .find(|record| record["approval"]["id"] == request.as_str())
            .cloned()
    });
    assert_eq!(ended["detail"]["ending"], "refused", "{ended}");
    let why = ended["reason"].as_str().unwrap_or_default();
    assert!(why.contains("policy has changed"), "{ended}");
    assert_eq!(world.runs("drop table elsewhere"), 0);
    // Both sessions go on.
    for psql in [&mut psql, &mut other] {
        psql.send("select 'still ' || 'here';");
        psql.wait_for("still here");
    }
    psql.finish().success();
    other.finish().success();
    world.finish();
}
