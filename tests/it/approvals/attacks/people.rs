//! Who decides.

use std::path::PathBuf;

use custos_testkit::{PATIENCE, Person, Psql, run, start, wait_for};
use tempfile::TempDir;

use super::refuses;
use crate::approvals::{Extras, POLICY, REASON, World, said};
use crate::machines::Key;

/// An agent that acts for somebody of the world.
struct Agent {
    world: World,
    key: Key,
    files: TempDir,
}

impl Agent {
    fn new(database: &str) -> Self {
        let files = tempfile::tempdir().expect("a directory can be made");
        let key = Key::new(files.path(), "helper");
        let extras = Extras {
            tables: key.settings("helper", "agent"),
            ..Extras::default()
        };
        let world = World::with(database, POLICY, &extras);
        Self { world, key, files }
    }

    /// A machine where it acts for somebody.
    fn acting_for(&self, person: &Person) -> Person {
        let token: PathBuf = self.files.path().join(person.name());
        let token = token.to_str().expect("paths here are text");
        let delegate = [
            "delegate", "--to", "helper", "--ttl", "30m", "--output", token,
        ];
        person.run(&delegate).success();
        let agent = self.world.newcomer("helper");
        let key = self.key.private.to_str().expect("paths here are text");
        let login = [
            "login",
            "--gateway",
            self.world.url(),
            "--machine",
            "helper",
        ];
        let login = [&login[..], &["--key", key, "--on-behalf-of", token]].concat();
        agent.run(&login).success();
        agent
    }
}

/// Enters the token that is offered on the gateway's host.
fn become_administrator(world: &World, person: &Person) {
    let file = world.custos.directory().join("state/administrator.token");
    let token = wait_for("the token", PATIENCE, || {
        std::fs::read_to_string(&file).ok()
    });
    let mut claim = start(&mut person.command(&["administrator", "claim"]));
    claim.write(&token);
    claim.close_stdin();
    claim.finish(PATIENCE).success();
}

#[test]
fn only_others_who_are_in_the_group_decide() {
    let extras = Extras {
        second_provider: true,
        ..Extras::default()
    };
    let world = World::with("attacks_people", POLICY, &extras);
    world.each(&[
        ("whoever asks", whoever_asks),
        (
            "whoever asks, as administrator",
            whoever_asks_as_administrator,
        ),
        ("somebody in no group", somebody_in_no_group),
        ("her name at another provider", her_name_at_another_provider),
        ("one person at two providers", one_person_at_two_providers),
        ("one person in two groups", one_person_in_two_groups),
        ("somebody else's key", somebody_elses_key),
        ("a key that nobody accepted", a_key_that_nobody_accepted),
        ("accepting a key of one's own", accepting_ones_own_key),
        ("without a signature", without_a_signature),
    ]);
    world.finish();
}

/// Alice is in the group.
fn whoever_asks(world: &World) {
    let (psql, request) = world.held_drop("own");
    let answer = world.alice().statement(&request, "approve");
    refuses(world, &answer, &request, "requester");
    assert_ne!(world.alice().approve(&request).code(), 0);
    world.bob().approve(&request).success();
    assert_ne!(world.alice().approve(&request).code(), 0);
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
    assert_eq!(world.runs("drop table own"), 0);
}

fn whoever_asks_as_administrator(world: &World) {
    become_administrator(world, world.alice());
    let (psql, request) = world.held_drop("as_administrator");
    let answer = world.alice().statement(&request, "approve");
    refuses(world, &answer, &request, "requester");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

fn somebody_in_no_group(world: &World) {
    let entra = world.entra.as_ref().expect("it is there");
    entra.set_groups("dan", &["visitors"]);
    let stranger = world.newcomer("dan of entra");
    world.sign_in(&stranger, "entra", "dan");
    let (psql, request) = world.held_drop("by_a_stranger");
    let answer = stranger.statement(&request, "approve");
    refuses(world, &answer, &request, "not_in_group");
    // She does not see it either.
    assert!(stranger.requests().is_empty());
    let exact = format!("/v1/requests/{request}/exact");
    assert_eq!(stranger.call("GET", &exact, None).code(), "no_such_request");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

fn her_name_at_another_provider(world: &World) {
    let entra = world.entra.as_ref().expect("it is there");
    entra.set_groups("alice", &["dba", "leads"]);
    let twin = world.newcomer("alice of entra");
    world.sign_in(&twin, "entra", "alice");
    twin.enrol(&world.custos);
    let (psql, request) = world.held_drop("by_a_twin");
    let answer = twin.statement(&request, "approve");
    refuses(world, &answer, &request, "requester");
    let answer = twin.statement(&request, "deny");
    refuses(world, &answer, &request, "requester");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

fn one_person_at_two_providers(world: &World) {
    let entra = world.entra.as_ref().expect("it is there");
    entra.set_groups("bob", &["dba"]);
    let twin = world.newcomer("bob of entra");
    world.sign_in(&twin, "entra", "bob");
    twin.enrol(&world.custos);
    let (psql, request) = world.held_drop("by_two_bobs");
    world.bob().approve(&request).success();
    let answer = twin.statement(&request, "approve");
    refuses(world, &answer, &request, "already_decided");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
    assert_eq!(world.runs("drop table by_two_bobs"), 0);
}

/// One of `dba` and one of `leads` must agree, and dan is in both.
fn one_person_in_two_groups(world: &World) {
    let mut psql = world.psql();
    // Made through the gateway, which then knows it.
    psql.send("create table two_demands (id int); insert into two_demands values (1);");
    psql.wait_for("INSERT 0 1");
    psql.send(r"delete from two_demands where id = 1\; truncate two_demands;");
    let request = psql.held();
    world.dan().approve(&request).success();
    let answer = world.dan().statement(&request, "approve");
    refuses(world, &answer, &request, "already_decided");
    assert_eq!(world.at_target("select count(*) from two_demands"), "1");
    world.bob().approve(&request).success();
    psql.wait_for("TRUNCATE TABLE");
    psql.finish().success();
    assert_eq!(world.agreed(&request), ["dan", "bob"]);
}

fn somebody_elses_key(world: &World) {
    let (psql, request) = world.held_drop("by_anothers_key");
    let (bob, carol) = (world.bob(), world.carol());
    let answer = bob.statement_for(&request, "approve", &carol.fingerprint());
    refuses(world, &answer, &request, "unknown_key");
    let made = bob.statement(&request, "approve").to_sign();
    let answer = bob.hand_in(&made.approval, &carol.sign(&made.statement));
    refuses(world, &answer, &request, "wrong_signature");
    // A statement is for whom it was made.
    let made = bob.statement(&request, "approve").to_sign();
    let answer = carol.hand_in(&made.approval, &bob.sign(&made.statement));
    refuses(world, &answer, &request, "other_statement");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

fn a_key_that_nobody_accepted(world: &World) {
    let (psql, request) = world.held_drop("by_a_new_key");
    let key = world.bob().make_key("id_new");
    let file = key.to_str().expect("paths here are text");
    world
        .bob()
        .run(&["approver", "enrol", "--key", file])
        .success();
    let fingerprint = custos_testkit::fingerprint(&key);
    let answer = world.bob().statement_for(&request, "approve", &fingerprint);
    refuses(world, &answer, &request, "unknown_key");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

/// Alice administers, and yet somebody else must accept hers.
fn accepting_ones_own_key(world: &World) {
    let key = world.alice().make_key("id_second");
    let file = key.to_str().expect("paths here are text");
    let alice = world.alice();
    alice.run(&["approver", "enrol", "--key", file]).success();
    let accept = ["approver", "accept", &custos_testkit::fingerprint(&key)];
    let refused = alice.run(&accept);
    assert_ne!(refused.code(), 0, "{refused}");
    assert!(
        refused.stderr.contains("nobody accepts a key of her own"),
        "{refused}"
    );
    // Nobody but administrators accepts any.
    assert_ne!(world.bob().run(&accept).code(), 0);
    world
        .custos
        .cli(&[&accept[..], &["--operator"]].concat())
        .success();
}

fn without_a_signature(world: &World) {
    let (psql, request) = world.held_drop("attested");
    let attest = [
        "approve", &request, "--yes", "--attest", "--reason", "trust me",
    ];
    assert_ne!(world.bob().run(&attest).code(), 0);
    world.refused(&request, "not_attested");
    // Nor by a statement that was to be signed.
    let made = world.bob().statement(&request, "approve").to_sign();
    let path = format!("/v1/approvals/{}", made.approval);
    let answer = world
        .bob()
        .call("POST", &path, Some(&serde_json::json!({})));
    refuses(world, &answer, &request, "not_attested");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
}

/// She sees what is asked, and neither what will run to the byte nor a way to decide.
#[test]
fn an_administrator_in_no_group_does_not_decide() {
    let extras = Extras {
        second_provider: true,
        ..Extras::default()
    };
    let world = World::with("attacks_administrator", POLICY, &extras);
    let entra = world.entra.as_ref().expect("it is there");
    entra.set_groups("dan", &["visitors"]);
    let administrator = world.newcomer("dan of entra");
    world.sign_in(&administrator, "entra", "dan");
    administrator.enrol(&world.custos);
    become_administrator(&world, &administrator);
    let (psql, request) = world.held_drop("administered");
    let seen = administrator.requests();
    assert_eq!(seen[0]["request"]["id"], request.as_str(), "{seen:?}");
    for decision in ["approve", "deny"] {
        let answer = administrator.statement(&request, decision);
        refuses(&world, &answer, &request, "not_in_group");
    }
    let exact = format!("/v1/requests/{request}/exact");
    let answer = administrator.call("GET", &exact, None);
    assert!(answer.status >= 400, "{answer:?}");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
    world.finish();
}

/// Neither the agent nor the person that it acts for agrees to what the agent does; and no agent agrees for anybody.
#[test]
fn agents_do_not_decide() {
    let agent = Agent::new("attacks_agents");
    let world = &agent.world;
    let of_alice = agent.acting_for(world.alice());
    let of_bob = agent.acting_for(world.bob());
    world.table("by_an_agent");
    let endpoint = world.endpoint_of(&of_alice, "postgres/shop");
    let mut psql = Psql::start(&endpoint, &said(REASON));
    psql.send("drop table by_an_agent;");
    let request = psql.held();
    for who in [world.alice(), &of_alice, &of_bob] {
        let answer = who.statement(&request, "approve");
        refuses(world, &answer, &request, "requester");
    }
    world.carol().approve(&request).success();
    world.dan().approve(&request).success();
    psql.wait_for("DROP TABLE");
    psql.finish().success();
    let evidence = world.custos.evidence();
    let opened = evidence.only("request.opened");
    assert_eq!(opened["actor"]["name"], "helper", "{opened}");
    assert_eq!(
        opened["actor"]["on_behalf_of"][0]["name"], "alice",
        "{opened}"
    );

    // What alice asks for herself, bob's agent does not decide, though bob might.
    let (psql, request) = world.held_drop("for_an_agent");
    let answer = of_bob.statement(&request, "approve");
    refuses(world, &answer, &request, "not_human");
    let enrol = run(&mut of_bob.command(&["approver", "enrol"]), PATIENCE);
    assert_ne!(enrol.code(), 0, "{enrol}");
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
    agent.world.finish();
}
