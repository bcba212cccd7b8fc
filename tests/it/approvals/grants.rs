//! Rights for some time: asked for, agreed to, taken in need; and their ends.

mod cuts;

use custos_testkit::{Finished, PATIENCE, Person, Psql, wait_for};
use serde_json::Value;

use super::{Extras, REASON, World, said};
use crate::machines::Key;

/// Nobody is in the vault without somebody's word. A cell is open for one session, a hut to whoever breaks the glass.
pub(crate) const POLICY: &str = r#"
version: 1
rules:
  - id: vault
    who: "*"
    on: [postgres/vault, postgres/annex]
    may: [session.open, sql.select, sql.insert, sql.ddl]
    approve: {of: dba, per: window, window: 1h, expires: 10m}
  - id: cell
    who: "*"
    on: postgres/cell
    may: [session.open, sql.select]
    approve: {of: dba, per: session, expires: 10m}
  - id: hut
    who: "*"
    on: postgres/hut
    may: [session.open, sql.select]
    approve: {of: dba, per: window, window: 1h, break_glass: {for: 30m, review: leads, within: 1h}}
  - id: shed
    who: "*"
    on: postgres/shed
    may: [session.open, sql.select]
    approve: {of: dba, per: window, window: 1h, break_glass: {for: 2s, review: leads, within: 3s}}
  - id: vault-drops
    who: "*"
    on: postgres/vault
    may: sql.destroy
    approve: {of: leads, per: statement, expires: 10m}
  - id: open-room
    who: "*"
    on: postgres/shop
    may: [session.open, sql.select]
"#;

const RESOURCES: [&str; 5] = [
    "postgres/vault",
    "postgres/annex",
    "postgres/cell",
    "postgres/hut",
    "postgres/shed",
];

pub(crate) fn world(database: &str, extras: &Extras) -> World {
    let world = World::with(database, POLICY, extras);
    for resource in RESOURCES {
        world.add(resource);
    }
    world
}

#[test]
fn a_grant_is_for_one_person_one_resource_and_some_time() {
    let world = world("granted", &Extras::default());
    world.each(&[
        ("asked and agreed to", asked_and_agreed_to),
        ("what is refused", what_is_refused),
        ("denied and withdrawn", denied_and_withdrawn),
        ("for nobody and nothing else", for_nobody_and_nothing_else),
        ("its time ends", its_time_ends),
        ("revoked by who decides", revoked_by_who_decides),
        ("revoked by who has it", revoked_by_who_has_it),
        ("a revoked key", a_revoked_key),
        ("a single session", a_single_session),
        ("held in a granted session", held_in_a_granted_session),
        ("break glass", break_glass),
        ("a review that says no", a_review_that_says_no),
        ("an overdue review", an_overdue_review),
        ("a late review that says no", a_late_review_that_says_no),
        ("too many reviews", too_many_reviews),
    ]);
    world.finish();
}

/// Asks for a right; its request.
pub(crate) fn ask(person: &Person, resource: &str, lasts: &str) -> String {
    let ask = ["request", resource, "--for", lasts, "--reason", REASON];
    person.run(&ask).success().trim().to_owned()
}

/// Alice asks and bob agrees; the grant.
pub(crate) fn granted(world: &World, resource: &str, lasts: &str) -> String {
    let request = ask(world.alice(), resource, lasts);
    world.bob().approve(&request).success();
    request
}

/// Opens a session and waits until it answers.
pub(crate) fn session(world: &World, resource: &str) -> Psql {
    let mut psql = Psql::start(&world.endpoint_of(world.alice(), resource), &said(REASON));
    psql.send("select 'it is ' || 'open';");
    psql.wait_for("it is open");
    psql
}

/// Whether somebody may open a resource; if not, it is policy that says so.
#[track_caller]
fn opens(world: &World, person: &Person, resource: &str, does: bool) {
    let psql = ["psql", "-XAtq", "-d", world.database(), "-c", "select 42"];
    let tried = person.run(&[&["connect", resource, "--"], &psql[..]].concat());
    let (code, shown) = if does { (0, "42\n") } else { (3, "") };
    assert_eq!(
        (tried.code(), tried.stdout.as_str()),
        (code, shown),
        "{tried}"
    );
}

/// An idle psql hears of its end with its next statement.
fn wait_until_cut(mut psql: Psql, words: &str) {
    wait_for("the end of the session", PATIENCE, || {
        psql.send("select 'still ' || 'here';");
        psql.stderr().contains(words).then_some(())
    });
    psql.finish();
}

/// The record of the end of a grant.
fn ended(world: &World, grant: &str, ending: &str) -> Value {
    world
        .custos
        .wait_for_record("the end of the grant", |record| {
            record["type"] == "grant.ended"
                && record["approval"]["id"] == grant
                && record["detail"]["ending"] == ending
        })
}

fn revoke(person: &Person, grant: &str) -> Finished {
    person.run(&["grant", "revoke", grant, "--reason", "done with it"])
}

fn asked_and_agreed_to(world: &World) {
    opens(world, world.alice(), "postgres/vault", false);
    let request = ask(world.alice(), "postgres/vault", "30m");
    opens(world, world.alice(), "postgres/vault", false);
    let listed = world.bob().run(&["request", "ls"]).success();
    assert!(listed.contains(&request), "{listed}");
    world.bob().approve(&request).success();
    assert_eq!(world.ending(&request), "granted");
    let listed = world.alice().run(&["grant", "ls", "--json"]).success();
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["id"], request.as_str(), "{listed}");
    assert_eq!(listed[0]["resource"], "postgres/vault", "{listed}");
    let psql = session(world, "postgres/vault");
    psql.finish().success();
    let intent = world.custos.wait_for_record("the intent", |record| {
        record["type"] == "operation.intent" && record["approval"]["id"] == request.as_str()
    });
    assert_eq!(intent["verdict"]["effect"], "allow", "{intent}");
    world.verify_decisions(&request);
    let started = world.custos.wait_for_record("the beginning", |record| {
        record["type"] == "grant.started" && record["approval"]["id"] == request.as_str()
    });
    assert_eq!(started["actor"]["name"], "alice", "{started}");
    assert_eq!(started["detail"]["rules"], "vault", "{started}");
    revoke(world.alice(), &request).success();
}

fn what_is_refused(world: &World) {
    let ask = |more: &[&str]| {
        let asked = [&["request"], more, &["--reason", "x"]].concat();
        let asked = world.alice().run(&asked);
        assert_ne!(asked.code(), 0, "{more:?}: {asked}");
        asked.stderr
    };
    let too_long = ask(&["postgres/vault", "--for", "2h"]);
    assert!(
        too_long.contains("longer than the rule allows"),
        "{too_long}"
    );
    let needless = ask(&["postgres/shop"]);
    assert!(needless.contains("without a request"), "{needless}");
    let each = ask(&["postgres/vault", "--verbs", "sql.destroy"]);
    assert!(each.contains("approval for each statement"), "{each}");
    let never = ask(&["postgres/vault", "--verbs", "sql.escape"]);
    assert!(never.contains("policy does not allow"), "{never}");
    ask(&["postgres/nowhere"]);
    let no_glass = ask(&["postgres/vault", "--break-glass"]);
    assert!(no_glass.contains("no rule lets you"), "{no_glass}");
    let too_long = ask(&["postgres/hut", "--break-glass", "--for", "31m"]);
    assert!(
        too_long.contains("longer than the rule allows"),
        "{too_long}"
    );
    assert!(world.bob().requests().is_empty());
}

fn denied_and_withdrawn(world: &World) {
    let request = ask(world.alice(), "postgres/vault", "30m");
    let own = world.alice().statement(&request, "approve");
    assert_eq!(own.code(), "requester", "{own:?}");
    world.bob().deny(&request).success();
    assert_eq!(world.ending(&request), "denied");
    let request = ask(world.alice(), "postgres/vault", "30m");
    world
        .alice()
        .run(&["request", "withdraw", &request])
        .success();
    assert_eq!(world.ending(&request), "withdrawn");
    assert_ne!(world.bob().approve(&request).code(), 0);
    opens(world, world.alice(), "postgres/vault", false);
}

fn for_nobody_and_nothing_else(world: &World) {
    let grant = granted(world, "postgres/vault", "30m");
    opens(world, world.alice(), "postgres/vault", true);
    // The same rule, another resource.
    opens(world, world.alice(), "postgres/annex", false);
    opens(world, world.dan(), "postgres/vault", false);
    // Bob agreed, and has no right by that.
    opens(world, world.bob(), "postgres/vault", false);
    // A credential that alice got does not carry it to others.
    let mut endpoint = world.endpoint_of(world.alice(), "postgres/vault");
    "dan".clone_into(&mut endpoint.user);
    endpoint.query("select 1").failure();
    revoke(world.alice(), &grant).success();
    opens(world, world.alice(), "postgres/vault", false);
}

fn its_time_ends(world: &World) {
    let grant = granted(world, "postgres/vault", "3s");
    let endpoint = world.endpoint_of(world.alice(), "postgres/vault");
    let psql = session(world, "postgres/vault");
    wait_until_cut(psql, "the grant that it was open by has ended");
    ended(world, &grant, "time");
    // Neither a credential of before nor a new one.
    endpoint.query("select 1").failure();
    opens(world, world.alice(), "postgres/vault", false);
}

fn revoked_by_who_decides(world: &World) {
    let grant = granted(world, "postgres/vault", "30m");
    let psql = session(world, "postgres/vault");
    // Not by somebody who has nothing to do with it.
    let stranger = world.newcomer("dan without groups");
    world.okta.set_groups("dan", &["visitors"]);
    world.sign_in(&stranger, "okta", "dan");
    assert_ne!(revoke(&stranger, &grant).code(), 0);
    world.okta.set_groups("dan", &["dba", "leads"]);
    world.sign_in(&stranger, "okta", "dan");
    let said = revoke(world.carol(), &grant).success();
    assert!(said.contains("1 sessions cut"), "{said}");
    wait_until_cut(psql, "was revoked");
    let record = ended(world, &grant, "revoked");
    assert_eq!(record["actor"]["name"], "carol", "{record}");
    assert_eq!(record["reason"], "done with it", "{record}");
    opens(world, world.alice(), "postgres/vault", false);
}

fn revoked_by_who_has_it(world: &World) {
    let grant = granted(world, "postgres/vault", "30m");
    let psql = session(world, "postgres/vault");
    revoke(world.alice(), &grant).success();
    wait_until_cut(psql, "was revoked");
    assert_ne!(revoke(world.alice(), &grant).code(), 0, "it is over");
}

fn a_revoked_key(world: &World) {
    let grant = granted(world, "postgres/vault", "30m");
    let psql = session(world, "postgres/vault");
    let revoke = [
        "approver",
        "revoke",
        &world.bob().fingerprint(),
        "--operator",
    ];
    let said = world.custos.cli(&revoke).success();
    assert!(said.contains("1 sessions cut"), "{said}");
    wait_until_cut(psql, "a key that approved its grant was revoked");
    ended(world, &grant, "key");
    opens(world, world.alice(), "postgres/vault", false);
    world.bob().enrol(&world.custos);
}

fn a_single_session(world: &World) {
    let request = ask(world.alice(), "postgres/cell", "30m");
    world.bob().approve(&request).success();
    let second = world.endpoint_of(world.alice(), "postgres/cell");
    let mut psql = session(world, "postgres/cell");
    // While it lasts, and when it is over.
    second.query("select 1").failure();
    psql.send("select 'once ' || 'more';");
    psql.wait_for("once more");
    psql.finish().success();
    ended(world, &request, "session");
    second.query("select 1").failure();
    opens(world, world.alice(), "postgres/cell", false);
}

/// A grant opens the session; what destroys is held in it all the same.
fn held_in_a_granted_session(world: &World) {
    let grant = granted(world, "postgres/vault", "30m");
    world.table("in_the_vault");
    let mut psql = session(world, "postgres/vault");
    psql.send("drop table in_the_vault;");
    let request = psql.held();
    let answer = world.bob().statement(&request, "approve");
    assert_eq!(answer.code(), "not_in_group", "{answer:?}");
    world.dan().approve(&request).success();
    psql.wait_for("DROP TABLE");
    // The end of the grant ends what is held in it.
    world.table("in_the_vault");
    psql.send("drop table in_the_vault;");
    let request = psql.held();
    revoke(world.bob(), &grant).success();
    assert_eq!(world.ending(&request), "withdrawn");
    assert!(world.has_table("in_the_vault"));
    psql.finish();
}

fn break_glass(world: &World) {
    opens(world, world.alice(), "postgres/hut", false);
    let ask = [
        "request",
        "postgres/hut",
        "--break-glass",
        "--reason",
        "down",
    ];
    let grant = world.alice().run(&ask).success().trim().to_owned();
    opens(world, world.alice(), "postgres/hut", true);
    opens(world, world.dan(), "postgres/hut", false);
    let psql = session(world, "postgres/hut");
    // The review is asked of another group, and does not go away by itself.
    let listed = world.dan().run(&["request", "ls"]).success();
    assert!(listed.contains(&grant), "{listed}");
    let answer = world.bob().statement(&grant, "approve");
    assert_eq!(answer.code(), "not_in_group", "{answer:?}");
    let answer = world.alice().statement(&grant, "approve");
    assert_eq!(answer.code(), "requester", "{answer:?}");
    let withdraw = ["request", "withdraw", &grant];
    assert_ne!(world.alice().run(&withdraw).code(), 0);
    world.dan().approve(&grant).success();
    assert_eq!(world.ending(&grant), "reviewed");
    let started = world.custos.wait_for_record("the beginning", |record| {
        record["type"] == "grant.started" && record["approval"]["id"] == grant.as_str()
    });
    assert_eq!(started["detail"]["kind"], "break_glass", "{started}");
    assert_eq!(started["detail"]["justification"], "down", "{started}");
    // A review clears what was done, and ends nothing.
    opens(world, world.alice(), "postgres/hut", true);
    revoke(world.dan(), &grant).success();
    wait_until_cut(psql, "was revoked");
    opens(world, world.alice(), "postgres/hut", false);
}

fn a_review_that_says_no(world: &World) {
    let ask = [
        "request",
        "postgres/hut",
        "--break-glass",
        "--reason",
        "fun",
    ];
    let grant = world.alice().run(&ask).success().trim().to_owned();
    let psql = session(world, "postgres/hut");
    world.dan().deny(&grant).success();
    assert_eq!(world.ending(&grant), "denied");
    ended(world, &grant, "revoked");
    wait_until_cut(psql, "was revoked");
    opens(world, world.alice(), "postgres/hut", false);
}

/// A review outlives the right, is told once when it is overdue, and can still be given.
fn an_overdue_review(world: &World) {
    let ask = [
        "request",
        "postgres/shed",
        "--break-glass",
        "--reason",
        "down",
    ];
    let grant = world.alice().run(&ask).success().trim().to_owned();
    ended(world, &grant, "time");
    let overdue = world
        .custos
        .wait_for_record("that it is overdue", |record| {
            record["type"] == "review.overdue" && record["approval"]["id"] == grant.as_str()
        });
    assert_eq!(overdue["outcome"], "failed", "{overdue}");
    let listed = world.dan().run(&["request", "ls"]).success();
    assert!(listed.contains("OVERDUE"), "{listed}");
    world.dan().approve(&grant).success();
    assert_eq!(world.ending(&grant), "reviewed");
    assert!(world.dan().requests().is_empty());
}

/// A no that comes after the end of the right does not end it again.
fn a_late_review_that_says_no(world: &World) {
    let ask = [
        "request",
        "postgres/shed",
        "--break-glass",
        "--reason",
        "late",
    ];
    let grant = world.alice().run(&ask).success().trim().to_owned();
    ended(world, &grant, "time");
    assert_ne!(revoke(world.alice(), &grant).code(), 0, "it is over");
    world.dan().deny(&grant).success();
    assert_eq!(world.ending(&grant), "denied");
    let evidence = world.custos.evidence();
    let ends = evidence.of_type("grant.ended");
    let ends = ends.filter(|record| record["approval"]["id"] == grant.as_str());
    assert_eq!(ends.count(), 1);
}

/// Whoever breaks glass again and again owes too many reviews to go on.
fn too_many_reviews(world: &World) {
    const OWED_AT_MOST: usize = 20;
    let ask = [
        "request",
        "postgres/hut",
        "--break-glass",
        "--reason",
        "again",
    ];
    for _ in 0..OWED_AT_MOST {
        world.alice().run(&ask).success();
    }
    let refused = world.alice().run(&ask);
    assert_ne!(refused.code(), 0, "{refused}");
    assert!(
        refused.stderr.contains("too many open requests"),
        "{refused}"
    );
    assert_eq!(world.alice().requests().len(), OWED_AT_MOST);
}

/// What a machine was granted is for its job: it ends with the sign-in that asked, and begins with no other.
#[test]
fn a_grant_of_a_machine_ends_with_its_job() {
    let files = tempfile::tempdir().expect("a directory can be made");
    let key = Key::new(files.path(), "backup");
    let extras = Extras {
        tables: key.settings("backup", "service"),
        ..Extras::default()
    };
    let world = world("granted_job", &extras);
    let backup = world.newcomer("backup");
    let file = key.private.to_str().expect("paths here are text");
    let login = ["login", "--gateway", world.url(), "--machine", "backup"];
    let login = [&login[..], &["--key", file]].concat();
    backup.run(&login).success();
    let grant = ask(&backup, "postgres/vault", "30m");
    world.bob().approve(&grant).success();
    let endpoint = world.endpoint_of(&backup, "postgres/vault");
    let mut psql = Psql::start(&endpoint, &said(REASON));
    psql.send("select 'it is ' || 'open';");
    psql.wait_for("it is open");
    backup.run(&["logout"]).success();
    wait_until_cut(psql, "the sign-in has ended");
    ended(&world, &grant, "job");
    backup.run(&login).success();
    opens(&world, &backup, "postgres/vault", false);
    world.finish();
}

/// Windows and what was asked for go on after a restart, single sessions do not; and a policy that changes the rule ends them.
#[test]
fn what_was_granted_is_kept() {
    let mut world = world("granted_kept", &Extras::default());
    let vault = granted(&world, "postgres/vault", "30m");
    let cell = ask(world.alice(), "postgres/cell", "30m");
    world.bob().approve(&cell).success();
    let psql = session(&world, "postgres/cell");
    let waits = ask(world.alice(), "postgres/annex", "30m");
    world.custos.kill();
    psql.finish();
    world.custos.restart();
    ended(&world, &cell, "session");
    opens(&world, world.alice(), "postgres/cell", false);
    opens(&world, world.alice(), "postgres/vault", true);
    world.bob().approve(&waits).success();
    opens(&world, world.alice(), "postgres/annex", true);

    let psql = session(&world, "postgres/vault");
    world.reload(&POLICY.replace("window: 1h, expires: 10m", "window: 2h, expires: 10m"));
    ended(&world, &vault, "policy");
    ended(&world, &waits, "policy");
    wait_until_cut(psql, "FATAL");
    opens(&world, world.alice(), "postgres/vault", false);
    let evidence = world.finish().evidence;
    assert_eq!(evidence.of_type("grant.started").count(), 3);
    assert_eq!(evidence.of_type("grant.ended").count(), 3);
}
