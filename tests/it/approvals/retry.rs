//! `meanwhile: retry`: the client is told at once to come again, and does with a token.

use custos_testkit::{Person, Psql};

use super::{Extras, POLICY, REASON, World, said};

#[test]
fn a_token_is_good_once_for_one_statement_of_one_person() {
    let extras = Extras {
        provider: "check_interval = \"1s\"\n".to_owned(),
        ..Extras::default()
    };
    let world = World::with("retried", POLICY, &extras);
    world.add("postgres/retry");
    for name in ["parameterised", "once", "by_another", "elsewhere"] {
        world.table(name);
    }
    world.each(&[
        ("once", once),
        ("another statement", another_statement),
        ("another person", another_person),
        ("not approved yet", not_approved_yet),
        ("denied", denied),
        ("a made-up token", a_made_up_token),
        ("without a token", without_a_token),
        (
            "a key revoked after the last vote",
            a_key_revoked_after_the_last_vote,
        ),
        (
            "a sign-in ended after the last vote",
            a_sign_in_ended_after_the_last_vote,
        ),
        (
            "out of the group after the last vote",
            out_of_the_group_after_the_last_vote,
        ),
        (
            "another policy after the last vote",
            another_policy_after_the_last_vote,
        ),
    ]);
    world.finish();
}

/// What somebody is told who comes for the first time: the request and the token.
struct Told {
    request: String,
    token: String,
}

fn options(token: &str) -> String {
    format!("{} -c custos.approval={token}", said(REASON))
}

fn with_token(world: &World, person: &Person, token: &str) -> Psql {
    Psql::start(
        &world.endpoint_of(person, "postgres/retry"),
        &options(token),
    )
}

fn told(psql: &mut Psql) -> Told {
    psql.wait_for_error("-c custos.approval=cua_");
    let all = psql.stderr();
    let after = |mark: &str, bytes: usize| {
        let rest = all.rsplit(mark).next().expect("it is there");
        rest[..bytes].to_owned()
    };
    Told {
        request: after("needs approval: request ", 36),
        token: after("-c custos.approval=", 36),
    }
}

/// Alice tries, and is sent away; her session goes on.
fn sent_away(world: &World, sql: &str) -> Told {
    let mut psql = world.psql_of(world.alice(), "postgres/retry");
    psql.send(&format!("{sql};"));
    let told = told(&mut psql);
    psql.send("select 'it goes ' || 'on';");
    psql.wait_for("it goes on");
    psql.finish().success();
    told
}

/// Comes again with a token; what psql says until it ends.
fn come_again(world: &World, person: &Person, token: &str, sql: &str) -> String {
    let mut psql = with_token(world, person, token);
    psql.send(&format!("{sql};"));
    let finished = psql.finish();
    finished.stdout + &finished.stderr
}

fn once(world: &World) {
    let told = sent_away(world, "drop table once");
    world.bob().approve(&told.request).success();
    assert!(world.has_table("once"), "it waits for its client");
    let said = come_again(world, world.alice(), &told.token, "drop table once");
    assert!(said.contains("DROP TABLE"), "{said}");
    assert_eq!(world.ending(&told.request), "executed");
    assert_eq!(world.agreed(&told.request), ["bob"]);
    // The token is used up.
    world.table("once");
    let said = come_again(world, world.alice(), &told.token, "drop table once");
    assert!(said.contains("needs approval"), "{said}");
    assert!(!said.contains(&told.request), "{said}");
    assert_eq!(world.runs("drop table once"), 1);
}

fn another_statement(world: &World) {
    let told = sent_away(world, "delete from parameterised where id = 1");
    world.bob().approve(&told.request).success();
    let others = [
        "delete from parameterised where id = 2",
        "delete from parameterised where id = 1 ",
        "delete from parameterised where id = 1 or true",
        "drop table parameterised",
    ];
    for other in others {
        let said = come_again(world, world.alice(), &told.token, other);
        assert!(said.contains("needs approval"), "{other}: {said}");
        assert!(!said.contains(&told.request), "{other}: {said}");
    }
    assert_eq!(world.at_target("select count(*) from parameterised"), "1");
    // It is there yet for what it was for.
    let said = come_again(
        world,
        world.alice(),
        &told.token,
        "delete from parameterised where id = 1",
    );
    assert!(said.contains("DELETE 1"), "{said}");
}

fn another_person(world: &World) {
    let told = sent_away(world, "drop table by_another");
    world.bob().approve(&told.request).success();
    let said = come_again(world, world.dan(), &told.token, "drop table by_another");
    assert!(said.contains("needs approval"), "{said}");
    assert!(!said.contains(&told.request), "{said}");
    assert_eq!(world.runs("drop table by_another"), 0);
    let shop = world.endpoint_of(world.alice(), "postgres/shop");
    let mut psql = Psql::start(&shop, &options(&told.token));
    psql.send("drop table by_another;");
    let other = psql.held();
    assert_ne!(other, told.request, "another resource is another question");
    psql.kill();
    assert_eq!(world.ending(&other), "withdrawn");
    assert!(world.has_table("by_another"));
}

fn not_approved_yet(world: &World) {
    let told_first = sent_away(world, "drop table elsewhere");
    let mut psql = with_token(world, world.alice(), &told_first.token);
    psql.send("drop table elsewhere;");
    let again = told(&mut psql);
    psql.finish().success();
    assert_eq!(again.request, told_first.request);
    assert_eq!(again.token, told_first.token);
    let withdraw = ["request", "withdraw", &told_first.request];
    world.alice().run(&withdraw).success();
    assert_eq!(world.ending(&told_first.request), "withdrawn");
    let said = come_again(
        world,
        world.alice(),
        &told_first.token,
        "drop table elsewhere",
    );
    assert!(!said.contains(&told_first.request), "{said}");
}

fn denied(world: &World) {
    let told = sent_away(world, "drop table elsewhere");
    world.bob().deny(&told.request).success();
    assert_eq!(world.ending(&told.request), "denied");
    let said = come_again(world, world.alice(), &told.token, "drop table elsewhere");
    assert!(said.contains("needs approval"), "{said}");
    assert_eq!(world.runs("drop table elsewhere"), 0);
}

/// A token is no password: what counts is who comes, and for what. It only says which of several requests is meant.
fn a_made_up_token(world: &World) {
    let told = sent_away(world, "drop table elsewhere");
    world.bob().approve(&told.request).success();
    let last = if told.token.ends_with('0') { "1" } else { "0" };
    let made_up = told.token[..told.token.len() - 1].to_owned() + last;
    for token in [made_up.as_str(), "", "cua_", "x"] {
        let said = come_again(world, world.dan(), token, "drop table elsewhere");
        assert!(!said.contains("DROP TABLE"), "{said}");
        let said = come_again(world, world.alice(), token, "drop table elsewhere ");
        assert!(!said.contains("DROP TABLE"), "{said}");
    }
    assert_eq!(world.runs("drop table elsewhere"), 0);
    let withdraw = ["request", "withdraw", &told.request];
    world.alice().run(&withdraw).success();
}

/// Who asks for the same again without the token is asking the same.
fn without_a_token(world: &World) {
    world.table("tokenless");
    let first = sent_away(world, "drop table tokenless");
    let again = sent_away(world, "drop table tokenless");
    assert_eq!(
        (&first.request, &first.token),
        (&again.request, &again.token)
    );
    world.bob().approve(&first.request).success();
    let mut psql = world.psql_of(world.alice(), "postgres/retry");
    psql.send("drop table tokenless;");
    psql.wait_for("DROP TABLE");
    psql.finish().success();
    assert_eq!(world.ending(&first.request), "executed");
    assert_eq!(world.runs("drop table tokenless"), 1);
}

/// Something happens when bob has agreed; nothing runs, and the request is over.
fn does_not_run_after(world: &World, table: &str, happens: impl FnOnce()) {
    world.table(table);
    let statement = format!("drop table {table}");
    let told = sent_away(world, &statement);
    world.bob().approve(&told.request).success();
    happens();
    let said = come_again(world, world.alice(), &told.token, &statement);
    assert!(!said.contains("DROP TABLE"), "{said}");
    assert_eq!(world.runs(&statement), 0);
    let approved = world.custos.evidence();
    let mut approved = approved.of_type("operation.approved");
    assert!(!approved.any(|record| record["approval"]["id"] == told.request.as_str()));
}

fn a_key_revoked_after_the_last_vote(world: &World) {
    does_not_run_after(world, "key_gone", || {
        let revoke = ["approver", "revoke", &world.bob().fingerprint()];
        world.bob().run(&revoke).success();
    });
    world.bob().enrol(&world.custos);
}

fn a_sign_in_ended_after_the_last_vote(world: &World) {
    does_not_run_after(world, "signed_out", || {
        world.bob().run(&["logout"]).success();
    });
    world.sign_in(world.bob(), "okta", "bob");
}

fn out_of_the_group_after_the_last_vote(world: &World) {
    does_not_run_after(world, "out_of_it", || world.regroup(world.bob(), &["sre"]));
    world.regroup(world.bob(), &["dba"]);
}

fn another_policy_after_the_last_vote(world: &World) {
    does_not_run_after(world, "under_another_policy", || {
        world.reload(&POLICY.replace("expires: 3s", "expires: 4s"));
    });
}

#[test]
fn a_restart_makes_tokens_worthless() {
    let mut world = World::new("retried_later");
    world.add("postgres/retry");
    world.table("restarted");
    let told = sent_away(&world, "drop table restarted");
    world.bob().approve(&told.request).success();
    world.custos.stop();
    world.custos.restart();
    assert_eq!(world.ending(&told.request), "restarted");
    let said = come_again(&world, world.alice(), &told.token, "drop table restarted");
    assert!(said.contains("needs approval"), "{said}");
    assert_eq!(world.runs("drop table restarted"), 0);
    world.finish();
}
