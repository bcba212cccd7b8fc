//! How people decide: with a passkey, and where a rule allows it, by their word alone. SSH keys are everywhere else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_signatures::approval_challenge;
use custos_testkit::{Answer, Passkey, Person};
use serde_json::{Value, json};

use super::attacks::refuses;
use super::{Extras, POLICY, World, trail};

const ATTESTED: &str = "
  - id: small-work
    who: \"*\"
    on: postgres/attested
    may: [session.open, sql.select]
  - id: small-drops
    who: \"*\"
    on: postgres/attested
    may: sql.destroy
    approve: {of: dba, per: statement, expires: 10m, attested: true}
";

#[test]
fn people_decide_with_passkeys_and_by_their_word() {
    let extras = Extras {
        named: true,
        ..Extras::default()
    };
    let world = World::with("methods", &format!("{POLICY}{ATTESTED}"), &extras);
    world.add("postgres/attested");
    world.each(&[("a passkey", a_passkey), ("her word", her_word)]);
    world.finish();
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
    world.table("by_word");
    let mut psql = world.psql_of(world.alice(), "postgres/attested");
    psql.send("drop table by_word;");
    let request = psql.held();
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
