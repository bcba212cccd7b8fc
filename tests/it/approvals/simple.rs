//! A held statement of the simple protocol, and every way in which its wait ends.

use custos_testkit::{PATIENCE, Psql, Terminal};
use serde_json::json;

use super::{REASON, World, said, trail};

#[test]
fn a_wait_ends_in_every_way_and_is_on_record() {
    let world = World::new("held_simple");
    world.add("postgres/quick");
    world.each(&[
        ("approved", approved),
        ("unjustified at first", unjustified_at_first),
        ("denied", denied),
        ("denied after a yes", denied_after_a_yes),
        ("cancelled", cancelled),
        ("withdrawn", withdrawn),
        ("vanished", vanished),
        ("expired", expired),
        ("statement timeout", statement_timeout),
        ("statements behind it wait", statements_behind_it_wait),
    ]);
    let evidence = world.finish().evidence;
    assert_eq!(
        evidence.of_type("request.opened").count(),
        evidence.of_type("request.ended").count()
    );
}

/// The session is usable, and nothing of it came twice.
fn goes_on(mut psql: Psql) {
    psql.send("select 'it goes ' || 'on';");
    psql.wait_for("it goes on");
    psql.finish().success();
}

fn approved(world: &World) {
    let (mut psql, request) = world.held_drop("approved");
    world.bob().approve(&request).success();
    assert!(world.has_table("approved"), "one of two is not enough");
    world.carol().approve(&request).success();
    psql.wait_for("DROP TABLE");
    goes_on(psql);
    assert!(!world.has_table("approved"));
    assert_eq!(world.runs("drop table approved"), 1);
    assert_eq!(world.ending(&request), "executed");

    let evidence = world.custos.evidence();
    let seen_and_decided = ["request.viewed", "approval.decided"];
    let mut expected = vec!["request.opened"];
    expected.extend(seen_and_decided.iter().chain(&seen_and_decided));
    expected.extend(["operation.approved", "request.ended"]);
    assert_eq!(trail(&evidence, &request), expected);
    let about = |kind| {
        let records = evidence.of_type(kind);
        let records = records.filter(|record| record["approval"]["id"] == request.as_str());
        records.collect::<Vec<_>>()
    };
    let opened = about("request.opened")[0];
    assert_eq!(opened["detail"]["justification"], REASON, "{opened}");
    assert_eq!(opened["verdict"]["rules"], json!(["drops"]), "{opened}");
    let ran = about("operation.approved")[0];
    let decided = about("approval.decided");
    let by: Vec<_> = decided.iter().map(|it| &it["detail"]["approval"]).collect();
    assert_eq!(ran["approval"]["by"], json!(by), "{ran}");
    assert_eq!(decided[0]["actor"]["name"], "bob", "{}", decided[0]);
    assert_eq!(decided[1]["actor"]["name"], "carol", "{}", decided[1]);
    let intent = evidence
        .of_type("operation.intent")
        .find(|record| record["op"]["text"] == "drop table approved;")
        .expect("the intent");
    assert_eq!(intent["verdict"]["effect"], "hold", "{intent}");
    assert_eq!(intent["op"]["commit"], opened["approval"]["commit"]);
    assert_eq!(ran["approval"]["commit"], opened["approval"]["commit"]);
    let outcome = evidence.outcome_of("drop table approved;");
    assert_eq!(outcome["outcome"], "ok", "{outcome}");
    world.verify_decisions(&request);
}

fn unjustified_at_first(world: &World) {
    world.table("unjustified");
    let endpoint = world.endpoint_of(world.alice(), "postgres/shop");
    let mut psql = Psql::start(&endpoint, "");
    psql.send("drop table unjustified;");
    let request = psql.held();
    let refused = world.bob().statement(&request, "approve");
    assert_eq!(refused.code(), "unjustified", "{refused:?}");
    world.refused(&request, "unjustified");
    let why = ["request", "reason", &request, "said later"];
    world.alice().run(&why).success();
    psql.wait_for_error("still waiting for approval");
    world.bob().approve(&request).success();
    world.carol().approve(&request).success();
    psql.wait_for("DROP TABLE");
    goes_on(psql);
    assert_eq!(world.ending(&request), "executed");
}

fn denied(world: &World) {
    let (mut psql, request) = world.held_drop("denied");
    world.bob().deny(&request).success();
    psql.wait_for_error("was not approved: it was denied");
    assert!(psql.stderr().contains("42501"), "{}", psql.stderr());
    goes_on(psql);
    assert_eq!(world.ending(&request), "denied");
    assert_eq!(world.runs("drop table denied"), 0);
    assert!(world.has_table("denied"));
    let evidence = world.custos.evidence();
    let outcome = evidence.outcome_of("drop table denied;");
    assert_eq!(outcome["outcome"], "denied", "{outcome}");
    world.verify_decisions(&request);
}

fn denied_after_a_yes(world: &World) {
    let (mut psql, request) = world.held_drop("denied_late");
    world.bob().approve(&request).success();
    world.carol().deny(&request).success();
    psql.wait_for_error("it was denied");
    // It is over for whoever comes too late.
    assert_ne!(world.dan().approve(&request).code(), 0);
    goes_on(psql);
    assert_eq!(world.ending(&request), "denied");
    assert_eq!(world.runs("drop table denied_late"), 0);
}

/// Ctrl-C at a terminal, where psql sends a cancel request and goes on.
fn cancelled(world: &World) {
    world.table("cancelled");
    let endpoint = world.endpoint_of(world.alice(), "postgres/shop");
    let mut psql = endpoint.psql(&["-v", "ON_ERROR_STOP=0", "-v", "VERBOSITY=verbose"]);
    let mut terminal = Terminal::start(psql.env("PGOPTIONS", said(REASON)));
    terminal.keys("drop table cancelled;\n");
    let told = terminal.expect_after(0, "waits for approval", PATIENCE);
    let request = world.request_of("drop table cancelled;");
    world.bob().approve(&request).success();
    terminal.keys("\x03");
    let told = terminal.expect_after(told, "57014", PATIENCE);
    assert_eq!(world.ending(&request), "withdrawn");
    assert_ne!(world.carol().approve(&request).code(), 0);
    terminal.keys("select 'it goes ' || 'on';\n");
    terminal.expect_after(told, "it goes on", PATIENCE);
    terminal.keys("\\q\n");
    terminal.finish(PATIENCE).success();
    assert_eq!(world.runs("drop table cancelled"), 0);
}

fn withdrawn(world: &World) {
    let (mut psql, request) = world.held_drop("taken_back");
    let taken = world.bob().run(&["request", "withdraw", &request]);
    assert_ne!(taken.code(), 0, "it is not his: {taken}");
    world
        .alice()
        .run(&["request", "withdraw", &request])
        .success();
    psql.wait_for_error("it was taken back");
    goes_on(psql);
    assert_eq!(world.ending(&request), "withdrawn");
    assert_eq!(world.runs("drop table taken_back"), 0);
}

fn vanished(world: &World) {
    let (psql, request) = world.held_drop("vanished");
    world.bob().approve(&request).success();
    psql.kill();
    assert_eq!(world.ending(&request), "withdrawn");
    assert_ne!(world.carol().approve(&request).code(), 0);
    assert_eq!(world.runs("drop table vanished"), 0);
    assert!(world.has_table("vanished"));
}

fn expired(world: &World) {
    world.table("expired");
    let mut psql = world.psql_of(world.alice(), "postgres/quick");
    psql.send("drop table expired;");
    let request = psql.held();
    psql.wait_for_error("nobody decided in time");
    goes_on(psql);
    assert_eq!(world.ending(&request), "expired");
    assert_ne!(world.bob().approve(&request).code(), 0);
    assert_eq!(world.runs("drop table expired"), 0);
}

fn statement_timeout(world: &World) {
    world.table("slow");
    let mut psql = world.psql();
    psql.send("set statement_timeout = '700ms';");
    psql.send("drop table slow;");
    let request = psql.held();
    psql.wait_for_error("57014");
    assert_eq!(world.ending(&request), "withdrawn");
    goes_on(psql);
    assert_eq!(world.runs("drop table slow"), 0);
}

/// What the client sends meanwhile is done afterwards, in order.
fn statements_behind_it_wait(world: &World) {
    let (mut psql, request) = world.held_drop("in_order");
    psql.send("select 'behind ' || 'it', to_regclass('in_order') is null;");
    world.bob().approve(&request).success();
    assert!(!psql.stdout().contains("behind it"), "{}", psql.stdout());
    world.carol().approve(&request).success();
    psql.wait_for("behind it|t");
    psql.finish().success();
}

/// Nothing runs of what waited when the gateway was killed, whoever had agreed.
#[test]
fn a_killed_gateway_forgets_what_waited_and_says_so() {
    let mut world = World::new("held_killed");
    let (psql, request) = world.held_drop("killed");
    world.bob().approve(&request).success();
    world.custos.kill();
    psql.finish();
    world.custos.restart();
    assert_eq!(world.ending(&request), "restarted");
    assert_ne!(world.carol().approve(&request).code(), 0);
    assert_eq!(world.runs("drop table killed"), 0);
    assert!(world.has_table("killed"));
    // Keys and people outlive it.
    let (mut psql, request) = world.held_drop("killed_later");
    world.bob().approve(&request).success();
    world.carol().approve(&request).success();
    psql.wait_for("DROP TABLE");
    psql.finish().success();
    world.finish();
}

#[test]
fn a_gateway_that_stops_ends_what_waits() {
    let mut world = World::new("held_stopped");
    let (psql, request) = world.held_drop("stopped");
    world.bob().approve(&request).success();
    world.custos.stop();
    psql.finish();
    assert_eq!(world.ending(&request), "withdrawn");
    assert_eq!(world.runs("drop table stopped"), 0);
    world.custos.restart();
    let seen = world.bob().requests();
    assert!(seen.is_empty(), "{seen:?}");
    world.finish();
}

/// Whoever has a credential of the operator's is under the same rules.
#[test]
fn a_credential_of_the_operator_waits_too() {
    let world = World::new("held_operator");
    world.table("operators");
    let credential = world.custos.issue("zoe", "postgres/shop");
    let endpoint = world.custos.endpoint(&credential, "held_operator");
    let mut psql = Psql::start(&endpoint, &said("nightly job"));
    psql.send("drop table operators;");
    let request = psql.held();
    assert_eq!(world.request_of("drop table operators;"), request);
    world.bob().approve(&request).success();
    world.carol().approve(&request).success();
    psql.wait_for("DROP TABLE");
    psql.finish().success();
    assert_eq!(world.ending(&request), "executed");
    world.finish();
}
