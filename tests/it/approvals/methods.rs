//! How people decide: with a passkey, by their word alone where a rule allows it, later, and at some hours. SSH keys are
//! everywhere else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_signatures::approval_challenge;
use custos_testkit::{Answer, Passkey, Person, Psql};
use serde_json::{Value, json};

use super::attacks::refuses;
use super::{Extras, POLICY, World, trail};

/// `DAY` is none of today's.
const RULES: &str = "
  - id: small-work
    who: \"*\"
    on: [postgres/attested, postgres/escalated, postgres/hours]
    may: [session.open, sql.select]
  - id: small-drops
    who: \"*\"
    on: postgres/attested
    may: sql.destroy
    approve: {of: dba, per: statement, expires: 10m, attested: true}
  - id: escalated
    who: \"*\"
    on: postgres/escalated
    may: sql.destroy
    approve: {of: leads, per: statement, expires: 10m, escalate: {after: 3s, of: dba}}
  - id: at-hours
    who: \"*\"
    on: postgres/hours
    may: sql.destroy
    approve:
      of: dba
      per: statement
      expires: 10m
      hours: {days: [DAY], from: \"09:00\", to: \"17:00\", zone: Europe/Berlin}
";

#[test]
fn people_decide_in_every_way() {
    let extras = Extras {
        named: true,
        ..Extras::default()
    };
    let rules = RULES.replace("DAY", three_days_on());
    let world = World::with("methods", &format!("{POLICY}{rules}"), &extras);
    for name in ["attested", "escalated", "hours"] {
        world.add(&format!("postgres/{name}"));
    }
    world.each(&[
        ("a passkey", a_passkey),
        ("her word", her_word),
        ("those who are asked later", those_who_are_asked_later),
        ("outside of the hours", outside_of_the_hours),
    ]);
    world.finish();
}

fn three_days_on() -> &'static str {
    // The epoch began on a Thursday.
    const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    let days = custos_testkit::now_utc().as_secs() / 86_400;
    DAYS[usize::try_from((days + 3) % 7).expect("it is small")]
}

/// Alice's psql at a resource holds the drop of a table that is made for it; with the request.
fn held_drop_at(world: &World, resource: &str, table: &str) -> (Psql, String) {
    world.table(table);
    let mut psql = world.psql_of(world.alice(), resource);
    psql.send(&format!("drop table {table};"));
    let request = psql.held();
    (psql, request)
}

/// What a page would do: the challenge of a statement, and the assertion over it.
fn assertion(passkey: &mut Passkey, statement: &str) -> Value {
    let challenge = approval_challenge(statement.as_bytes());
    passkey.sign(&URL_SAFE_NO_PAD.encode(challenge))
}

fn signed(assertion: &Value) -> Value {
    json!({"signature": {"method": "webauthn", "signature": assertion}})
}

fn hand_in(person: &Person, approval: &str, assertion: &Value) -> Answer {
    let path = format!("/v1/approvals/{approval}");
    person.call("POST", &path, Some(&signed(assertion)))
}

/// Enrols a passkey, and the operator accepts it; its fingerprint.
fn enrol(world: &World, person: &Person, passkey: &mut Passkey) -> String {
    let wanted = json!({"key": {"method": "webauthn", "key": passkey.key()}});
    let begun = person.call("POST", "/v1/approver-keys", Some(&wanted));
    assert_eq!(begun.status, 201, "{begun:?}");
    let text = |name: &str| begun.body[name].as_str().expect("a text");
    let proof = signed(&assertion(passkey, text("statement")));
    let path = format!("/v1/approver-keys/{}/proof", text("enrolment"));
    let proved = person.call("POST", &path, Some(&proof));
    assert_eq!(proved.status, 200, "{proved:?}");
    let key = proved.body["key"]
        .as_str()
        .expect("a fingerprint")
        .to_owned();
    let accept = ["approver", "accept", "--operator", &key];
    world.custos.cli(&accept).success();
    key
}

fn a_passkey(world: &World) {
    let listed = world.bob().call("GET", "/v1/approver-keys", None);
    assert_eq!(listed.body["relying_party"]["id"], "localhost");
    assert_eq!(listed.body["relying_party"]["origin"], world.url());

    let mut passkey = Passkey::new(world.url());
    // One of another site is not taken.
    let mut elsewhere = passkey.key().clone();
    elsewhere["origin"] = "http://localhost:1".into();
    let wanted = json!({"key": {"method": "webauthn", "key": elsewhere}});
    let refused = world.bob().call("POST", "/v1/approver-keys", Some(&wanted));
    assert_eq!(refused.code(), "other_origin", "{refused:?}");

    let key = enrol(world, world.bob(), &mut passkey);
    let (mut psql, request) = world.held_drop("by_passkey");
    let made = world.bob().statement_for(&request, "deny", &key).to_sign();
    let other = assertion(&mut passkey, &made.statement);
    let made = world
        .bob()
        .statement_for(&request, "approve", &key)
        .to_sign();
    // An assertion over another statement says nothing of this one, and what it was for is over.
    let answer = hand_in(world.bob(), &made.approval, &other);
    refuses(world, &answer, &request, "wrong_signature");

    let made = world
        .bob()
        .statement_for(&request, "approve", &key)
        .to_sign();
    let good = assertion(&mut passkey, &made.statement);
    let answer = hand_in(world.bob(), &made.approval, &good);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(world.has_table("by_passkey"), "one of two is not enough");
    world.carol().approve(&request).success();
    psql.wait_for("DROP TABLE");
    psql.finish().success();
    assert_eq!(world.agreed(&request), ["bob", "carol"]);
    assert_eq!(world.runs("drop table by_passkey"), 1);
    passkey.finish();

    // Whoever used a passkey was verified by it, and the log has what verifiers need.
    let evidence = world.custos.evidence();
    let mut enrolled = evidence.of_type("approver.enrolled");
    let enrolled = enrolled.find(|record| record["detail"]["key"] == key.as_str());
    let enrolled = &enrolled.expect("it is on record")["detail"];
    assert_eq!(
        (&enrolled["method"], &enrolled["rp_id"]),
        (&"webauthn".into(), &"localhost".into())
    );
    let kept = format!("{}.webauthn.json", made.approval);
    let kept = world
        .custos
        .evidence_directory()
        .join("approvals")
        .join(kept);
    assert!(kept.exists(), "{}", kept.display());
}

fn her_word(world: &World) {
    let (mut psql, request) = held_drop_at(world, "postgres/attested", "by_word");
    // Nobody's word counts for what she asks herself.
    let wanted = json!({"decision": "approve", "justification": "small"});
    let path = format!("/v1/requests/{request}/statement");
    let answer = world.alice().call("POST", &path, Some(&wanted));
    refuses(world, &answer, &request, "requester");
    let attest = [
        "approve", &request, "--yes", "--attest", "--reason", "small",
    ];
    assert_ne!(world.alice().run(&attest).code(), 0);
    assert!(world.has_table("by_word"));
    world.bob().run(&attest).success();
    psql.wait_for("DROP TABLE");
    psql.finish().success();
    assert_eq!(world.ending(&request), "executed");
    let evidence = world.custos.evidence();
    let mut decided = evidence.of_type("approval.decided");
    let decided = decided.find(|record| record["approval"]["id"] == request.as_str());
    let decided = &decided.expect("it is on record")["detail"];
    assert_eq!(decided["method"], "attested");
    assert!(trail(&evidence, &request).contains(&"operation.approved".to_owned()));
}

/// Bob is in `dba`, which is asked when `leads` have not answered for a while.
fn those_who_are_asked_later(world: &World) {
    let (mut psql, request) = held_drop_at(world, "postgres/escalated", "escalated");
    let early = world.bob().statement(&request, "approve");
    refuses(world, &early, &request, "not_in_group");
    world.custos.wait_for_record("the escalation", |record| {
        record["type"] == "request.escalated" && record["approval"]["id"] == request.as_str()
    });
    assert!(world.has_table("escalated"));
    world.bob().approve(&request).success();
    psql.wait_for("DROP TABLE");
    psql.finish().success();
    assert_eq!(world.agreed(&request), ["bob"]);
}

fn outside_of_the_hours(world: &World) {
    let (mut psql, request) = held_drop_at(world, "postgres/hours", "at_hours");
    let answer = world.bob().statement(&request, "approve");
    refuses(world, &answer, &request, "outside_hours");
    // A no counts at all times.
    world.bob().deny(&request).success();
    psql.wait_for_error("it was denied");
    psql.finish();
    assert_eq!(world.ending(&request), "denied");
    assert!(world.has_table("at_hours"));
}
