//! Approvals that are not what they seem, on records that the genuine key signed.

use serde_json::{Value, json};

use crate::approver::{Approver, BOB, CAROL, Signer, sha256};
use crate::scene::{APPROVAL, OTHER_REQUEST, REQUEST, SECOND, Scene, by_bob, granted, standard};
use crate::writer::{Fixture, canonical};

/// One test for each case: its name, the first finding's code and record, and what makes it.
macro_rules! cases {
    ($($name:ident: $code:ident at $record:expr, $fixture:expr;)*) => {
        pub(crate) const COVERED: &[custos_verify::Code] = &[$(custos_verify::Code::$code,)*];
        $(
            #[test]
            fn $name() {
                crate::verifiers::judge(&$fixture).assert_first(custos_verify::Code::$code, $record);
            }
        )*
    };
}

/// Changes a member of the statement before it is signed.
macro_rules! stating {
    ($($path:tt)*) => {
        by_bob(|step, members| if step == "statement" { members$($path)*; })
    };
}

/// Changes a member of one record.
macro_rules! recording {
    ($step:literal: $($path:tt)*) => {
        by_bob(|step, members| if step == $step { members$($path)*; })
    };
}

cases! {
    // Files.
    a_flipped_byte_in_a_statement: ApprovalMismatch at Some(6), with_file("json", false, |bytes| bytes[30] ^= 1);
    a_flipped_byte_in_a_signature: ApprovalMismatch at Some(6), with_file("sshsig", false, |bytes| bytes[90] ^= 1);
    a_missing_statement: ApprovalMissing at Some(6), without_file("json");
    a_missing_signature: ApprovalMissing at Some(6), without_file("sshsig");
    a_space_in_a_statement: ApprovalMalformed at Some(6), with_file("json", true, |bytes| bytes.insert(1, b' '));
    a_newline_after_a_statement: ApprovalMalformed at Some(6), with_file("json", true, |bytes| bytes.push(b'\n'));
    a_signature_without_armor: ApprovalMalformed at Some(6), with_file("sshsig", true, |bytes| drop(bytes.drain(..31)));
    a_signature_with_a_line_feed_more: ApprovalMalformed at Some(6), with_file("sshsig", true, |bytes| bytes.push(b'\n'));
    a_file_of_another_name: UnexpectedFile at None, {
        let fixture = by_bob(|_, _| {});
        crate::writer::put(&fixture.dir().join("approvals/readme"), b"");
        fixture
    };

    // Statements.
    an_unknown_member: ApprovalMalformed at Some(6), stating!(["extra"] = 1.into());
    an_unknown_member_of_the_request: ApprovalMalformed at Some(6), stating!(["request"]["extra"] = 1.into());
    an_unknown_member_of_a_demand: ApprovalMalformed at Some(6), stating!(["request"]["approve"][0][0]["any"] = 1.into());
    a_member_of_another_form: ApprovalMalformed at Some(6), stating!(["request"]["expires"] = "tomorrow".into());
    a_statement_of_another_type: ApprovalMalformed at Some(6), stating!(["type"] = "custos.approver.v1".into());
    a_statement_with_another_id: ApprovalStatement at Some(6), stating!(["id"] = SECOND.into());
    a_statement_of_another_person: ApprovalStatement at Some(6), stating!(["approver"]["subject"] = "carol".into());
    a_statement_that_denies: ApprovalStatement at Some(6), stating!(["decision"] = "deny".into());
    a_statement_with_another_reason: ApprovalStatement at Some(6), stating!(["justification"] = "unseen".into());
    a_statement_of_another_log: ApprovalStatement at Some(6), stating!(["log"] = "custos/gw2/2026-11".into());
    a_statement_of_another_method: ApprovalStatement at Some(6), stating!(["method"] = "webauthn".into());
    a_statement_of_another_key: ApprovalStatement at Some(6), stating!(["key"] = "SHA256:x".into());
    a_statement_of_another_request: ApprovalStatement at Some(6), stating!(["request"]["id"] = OTHER_REQUEST.into());
    a_statement_of_another_session: ApprovalStatement at Some(6), stating!(["request"]["session"] = OTHER_REQUEST.into());
    a_statement_of_another_operation: ApprovalStatement at Some(6), stating!(["request"]["operation"] = 2.into());
    a_statement_of_another_commitment: ApprovalStatement at Some(6), stating!(["request"]["commit"] = "d".repeat(64).into());
    a_statement_of_another_requester: ApprovalStatement at Some(6), stating!(["request"]["requester"]["subject"] = "mallory".into());
    a_statement_of_another_resource: ApprovalStatement at Some(6), stating!(["request"]["resource"] = "postgres/test".into());
    a_statement_of_another_kind: ApprovalStatement at Some(6), stating!(["request"]["kind"] = "grant".into());
    a_statement_of_another_policy: ApprovalStatement at Some(6), stating!(["request"]["policy"] = "d".repeat(64).into());
    a_policy_that_changed_meanwhile: ApprovalStatement at Some(7), recording!("intent": ["gw"] = json!({"build": "0.1.0", "node": "gw1", "config": "a".repeat(64), "policy": "d".repeat(64)}));
    statements_about_different_requests: ApprovalStatement at Some(9), two(&BOB, &CAROL, |step, members| {
        if step == "statement" && members["approver"]["name"] == "carol" {
            members["request"]["text"] = "drop table customers".into();
        }
    });

    // Signatures.
    a_signature_by_another_key: ApprovalSignature at Some(6), signed(|statement| OTHER.sshsig("custos-approval", statement));
    a_signature_over_another_statement: ApprovalSignature at Some(6), signed(|statement| BOB.sign(&[statement, b" "].concat()));
    a_signature_for_another_purpose: ApprovalSignature at Some(6), signed(|statement| BOB.sshsig("git", statement));
    a_passkey_on_another_page: ApprovalSignature at Some(6), asserted(|s| CAROL.assertion(s, |c| c["origin"] = "https://custos.example.org".into(), |_| {}));
    a_passkey_in_a_frame: ApprovalSignature at Some(6), asserted(|s| CAROL.assertion(s, |c| c["crossOrigin"] = true.into(), |_| {}));
    a_passkey_that_is_made: ApprovalSignature at Some(6), asserted(|s| CAROL.assertion(s, |c| c["type"] = "webauthn.create".into(), |_| {}));
    a_passkey_for_another_challenge: ApprovalSignature at Some(6), asserted(|s| CAROL.assertion(&s[1..], |_| {}, |_| {}));
    a_padded_challenge: ApprovalSignature at Some(6), asserted(|s| CAROL.assertion(s, |c| {
        c["challenge"] = format!("{}=", c["challenge"].as_str().unwrap()).into();
    }, |_| {}));
    a_passkey_of_another_site: ApprovalSignature at Some(6), asserted(|s| CAROL.assertion(s, |_| {}, |a| a[0] ^= 1));
    a_user_who_was_not_verified: ApprovalSignature at Some(6), asserted(|s| CAROL.assertion(s, |_| {}, |a| a[32] = 1));
    a_user_who_was_not_there: ApprovalSignature at Some(6), asserted(|s| CAROL.assertion(s, |_| {}, |a| a[32] = 4));
    authenticator_data_with_more: ApprovalMalformed at Some(6), asserted(|s| CAROL.assertion(s, |_| {}, |a| a.push(0)));
    another_passkey: ApprovalSignature at Some(6), asserted(|s| Approver { name: "mallory", ..CAROL }.sign(s));
    a_forged_assertion: ApprovalSignature at Some(6), asserted(|s| Approver { signer: Signer::Passkey(99), ..CAROL }.sign(s));
    an_assertion_that_is_none: ApprovalMalformed at Some(6), asserted(|_| b"{}".to_vec());

    // Keys.
    a_key_that_is_not_enrolled: ApprovalKey at Some(5), told(&[], |_| {}, |_| {});
    a_key_of_somebody_else: ApprovalKey at Some(6), recording!("enrolled": ["detail"]["subject"] = "carol".into());
    a_key_enrolled_later: ApprovalKey at Some(5), told(&[], |_| {}, |scene| scene.enrol(&BOB));
    a_key_revoked_before: ApprovalKey at Some(7), told(&[&BOB], |scene| scene.revoke(&BOB), |_| {});
    a_key_revoked_meanwhile: ApprovalKey at Some(8), told(&[&BOB], |_| {}, |scene| scene.revoke(&BOB));
    a_key_revoked_and_enrolled_again: ApprovalKey at Some(9), told(&[&BOB], |_| {}, |scene| {
        scene.revoke(&BOB);
        scene.enrol(&BOB);
    });
    a_key_of_another_fingerprint: ApprovalKey at Some(6), recording!("enrolled": ["detail"]["public_key"] = OTHER.enrolment()["public_key"].clone());
    a_key_for_another_method: ApprovalKey at Some(6), recording!("enrolled": ["detail"]["method"] = "webauthn".into());
    no_key_where_one_signs: ApprovalKey at Some(6), by_bob(|step, members| match step {
        "statement" => drop(members.as_object_mut().unwrap().remove("key")),
        "decided" => drop(members["detail"].as_object_mut().unwrap().remove("key")),
        _ => {}
    });

    // Requests.
    a_request_that_was_not_opened: ApprovalRequest at Some(6), {
        let mut fixture = by_bob(|_, _| {});
        fixture.edit(5, |record| record["detail"]["request"] = OTHER_REQUEST.into());
        fixture
    };
    a_request_of_somebody_else: ApprovalRequest at Some(7), recording!("approved": ["actor"] = BOB.actor());
    a_request_for_another_resource: ApprovalRequest at Some(7), recording!("approved": ["target"] = json!({"resource": "postgres/test"}));
    a_request_that_had_ended: ApprovalRequest at Some(8), told(&[&BOB], |_| {}, |scene| scene.end_request(REQUEST, "withdrawn"));
    a_request_for_another_operation: ApprovalRequest at Some(7), by_bob(|step, members| match step {
        "opened" => members["detail"]["operation"] = 2.into(),
        "statement" => members["request"]["operation"] = 2.into(),
        _ => {}
    });
    a_request_with_another_commitment: ApprovalRequest at Some(7), by_bob(|step, members| match step {
        "opened" => members["approval"]["commit"] = "d".repeat(64).into(),
        "statement" => members["request"]["commit"] = "d".repeat(64).into(),
        _ => {}
    });
    a_commitment_that_was_not_held: ApprovalOperation at Some(7), recording!("approved": ["approval"]["commit"] = "d".repeat(64).into());
    a_held_commitment_that_was_not_approved: ApprovalOperation at Some(7), recording!("intent": ["op"]["commit"] = "d".repeat(64).into());
    an_approval_without_commitment: ApprovalOperation at Some(7), recording!("approved": ["approval"] = json!({"by": [APPROVAL], "id": REQUEST}));
    an_operation_that_was_not_held: ApprovalOperation at Some(7), recording!("intent": ["verdict"]["effect"] = "allow".into());
    an_operation_without_approval: ApprovalAbsent at Some(7), {
        let mut scene = Scene::new(&[&BOB], |_, _| {});
        scene.hold();
        scene.open(REQUEST);
        scene.decide(REQUEST, APPROVAL, &BOB);
        scene.finish()
    };
    a_failed_operation_without_approval: ApprovalAbsent at Some(4), {
        let mut scene = Scene::new(&[], |step, members| if step == "outcome" { members["outcome"] = "failed".into() });
        scene.hold();
        scene.finish()
    };

    // Who agreed.
    a_refusal_taken_for_an_approval: ApprovalDecision at Some(7), by_bob(|step, members| match step {
        "statement" => members["decision"] = "deny".into(),
        "decided" => {
            members["outcome"] = "denied".into();
            members["detail"]["decision"] = "deny".into();
        }
        _ => {}
    });
    an_approval_that_is_nowhere: ApprovalDecision at Some(7), recording!("approved": ["approval"]["by"] = json!([SECOND]));
    an_approval_of_another_request: ApprovalDecision at Some(10), {
        let mut scene = Scene::new(&[&BOB], |_, _| {});
        scene.hold();
        scene.open(REQUEST);
        scene.decide(REQUEST, APPROVAL, &BOB);
        scene.approve(REQUEST, &[APPROVAL]);
        scene.hold();
        scene.open(OTHER_REQUEST);
        scene.approve(OTHER_REQUEST, &[APPROVAL]);
        scene.finish()
    };
    an_approval_that_was_voided: ApprovalDecision at Some(8), told(&[&BOB], |_| {}, |scene| scene.void(REQUEST, APPROVAL));
    an_approval_by_the_requester: ApprovalApprover at Some(7), standard(&ALICE, |_, _| {});
    an_approval_by_somebody_she_acts_for: ApprovalApprover at Some(7), by_bob(|step, members| match step {
        "opened" => members["actor"]["on_behalf_of"] = json!([BOB.actor()]),
        "statement" => members["request"]["on_behalf_of"] = json!([{"issuer": "custos", "kind": "human", "subject": "bob"}]),
        _ => {}
    });
    an_approval_by_an_agent: ApprovalApprover at Some(7), recording!("decided": ["actor"]["kind"] = "agent".into());
    the_same_person_twice: ApprovalApprover at Some(9), two(&BOB, &Approver { signer: Signer::Ssh(23), ..BOB }, |_, _| {});
    nobody_agreed: ApprovalDemand at Some(7), recording!("approved": ["approval"]["by"] = json!([]));
    nothing_is_demanded: ApprovalDemand at Some(7), stating!(["request"]["approve"] = json!([]));
    a_group_that_is_missing: ApprovalDemand at Some(7), recording!("decided": ["actor"]["groups"] = json!(["support"]));
    fewer_than_are_needed: ApprovalDemand at Some(7), stating!(["request"]["approve"][0][0]["count"] = 2.into());
    one_person_for_two_demands: ApprovalDemand at Some(7), stating!(["request"]["approve"] = {
        let one = |of: &str| json!([{"count": 1, "of": of, "per": "statement", "rule": "drops"}]);
        json!([one("dba"), one("dba")])
    });
    others_before_it_is_their_turn: ApprovalDemand at Some(7), by_bob(|step, members| match step {
        "statement" => members["request"]["approve"][0][0]["escalate"] = json!({"after": 600, "of": "managers"}),
        "decided" => members["actor"]["groups"] = json!(["managers"]),
        _ => {}
    });
    a_word_where_a_signature_is_needed: ApprovalDemand at Some(6), {
        let nobody = Approver { name: "erin", signer: Signer::Attested };
        let mut scene = Scene::new(&[], |_, _| {});
        scene.hold();
        scene.open(REQUEST);
        scene.decide(REQUEST, APPROVAL, &nobody);
        scene.approve(REQUEST, &[APPROVAL]);
        scene.finish()
    };
    a_request_that_had_expired: ApprovalExpired at Some(7), stating!(["request"]["expires"] = "2026-11-21T01:00:08.000000Z".into());

    // Used twice.
    an_approval_used_twice: ApprovalReused at Some(8), told(&[&BOB], |_| {}, |scene| scene.approve(REQUEST, &[APPROVAL]));
    a_request_opened_twice: ApprovalReused at Some(6), told(&[&BOB], |scene| scene.open(REQUEST), |_| {});
    a_decision_made_twice: ApprovalReused at Some(7), told(&[&BOB], |_| {}, |scene| scene.decide(REQUEST, APPROVAL, &BOB));
    a_nonce_used_twice: ApprovalReused at Some(8), two(&BOB, &CAROL, |step, members| {
        if step == "statement" {
            members["nonce"] = "e".repeat(64).into();
        }
    });

    // Grants.
    a_grant_that_nobody_agreed_to: ApprovalDemand at Some(6), granted(|step, members| if step == "granted" { members["approval"]["by"] = json!([]) });
    a_grant_that_was_not_asked_for: ApprovalRequest at Some(3), {
        let mut scene = Scene::new(&[], |_, _| {});
        scene.grant(REQUEST, "grant", &[]);
        scene.end()
    };
    a_grant_of_another_kind: ApprovalRequest at Some(6), granted(|step, members| if step == "granted" { members["detail"]["kind"] = "operation".into() });
    a_grant_begun_twice: ApprovalReused at Some(7), {
        let mut scene = Scene::new(&[&BOB], |_, _| {});
        scene.open_grant(REQUEST);
        scene.decide(REQUEST, APPROVAL, &BOB);
        scene.grant(REQUEST, "grant", &[APPROVAL]);
        scene.grant(REQUEST, "grant", &[APPROVAL]);
        scene.end()
    };
    a_grant_that_has_not_begun: GrantUse at Some(7), granted(|step, members| if step == "under" { members["approval"]["id"] = OTHER_REQUEST.into() });
    a_grant_whose_time_is_over: GrantUse at Some(7), granted(|step, members| if step == "granted" { members["detail"]["until"] = "2026-11-21T00:59:50Z".into() });
    a_grant_of_somebody_else: GrantUse at Some(7), granted(|step, members| if step == "under" { members["actor"] = BOB.actor() });
    a_grant_for_another_resource: GrantUse at Some(7), granted(|step, members| if step == "under" { members["target"] = json!({"resource": "postgres/test"}) });
    a_grant_that_ended: GrantUse at Some(5), {
        let mut scene = Scene::new(&[], |_, _| {});
        scene.grant(REQUEST, "break_glass", &[]);
        scene.end_grant(REQUEST);
        scene.under(REQUEST);
        scene.outcome();
        scene.end()
    };

    // Records.
    a_decision_without_its_hash: RecordSchema at Some(6), recording!("decided": ["detail"]["statement_sha256"] = 1.into());
    a_decision_by_nobody: RecordSchema at Some(6), by_bob(|step, members| {
        if step == "decided" {
            members.as_object_mut().unwrap().remove("actor");
        }
    });
    an_approval_that_is_no_id: RecordSchema at Some(7), recording!("approved": ["approval"]["by"] = json!(["bob"]));
    an_approval_of_nothing: RecordSchema at Some(7), by_bob(|step, members| {
        if step == "approved" {
            members.as_object_mut().unwrap().remove("approval");
        }
    });
    an_approval_without_intent: OperationOrder at Some(7), recording!("approved": ["op"]["n"] = 2.into());
}

const ALICE: Approver = Approver {
    name: "alice",
    signer: Signer::Ssh(24),
};
const OTHER: Approver = Approver {
    name: "bob",
    signer: Signer::Ssh(25),
};

/// A file changed; with its hash in record 6, or without.
fn with_file(extension: &str, recorded: bool, change: fn(&mut Vec<u8>)) -> Fixture {
    let mut fixture = by_bob(|_, _| {});
    let path = format!("approvals/{APPROVAL}.{extension}");
    let content = fixture.segments.get_mut(&path).unwrap();
    change(content);
    let hash = sha256(content);
    fixture.edit(6, |record| {
        let member = if extension == "json" {
            "statement_sha256"
        } else {
            "signature_sha256"
        };
        if recorded {
            record["detail"][member] = hash.into();
        }
    });
    fixture
}

fn without_file(extension: &str) -> Fixture {
    let fixture = by_bob(|_, _| {});
    let path = format!("approvals/{APPROVAL}.{extension}");
    std::fs::remove_file(fixture.dir().join(path)).unwrap();
    fixture
}

/// Bob's decision with another signature.
fn signed(sign: impl Fn(&[u8]) -> Vec<u8>) -> Fixture {
    signed_by(&BOB, sign)
}

/// Carol's decision with another assertion.
fn asserted(sign: impl Fn(&[u8]) -> Vec<u8>) -> Fixture {
    signed_by(&CAROL, sign)
}

fn signed_by(approver: &Approver, sign: impl Fn(&[u8]) -> Vec<u8>) -> Fixture {
    let mut scene = Scene::new(&[approver], |_, _| {});
    scene.hold();
    scene.open(REQUEST);
    let statement = canonical(&scene.statement(REQUEST, APPROVAL, approver));
    let signature = sign(&statement);
    scene.decided(REQUEST, APPROVAL, approver, statement, signature);
    scene.approve(REQUEST, &[APPROVAL]);
    scene.finish()
}

/// Bob's decision, with something before it and something between it and what it is for.
fn told(enrolled: &[&Approver], before: fn(&mut Scene), between: fn(&mut Scene)) -> Fixture {
    let mut scene = Scene::new(enrolled, |_, _| {});
    scene.hold();
    scene.open(REQUEST);
    before(&mut scene);
    scene.decide(REQUEST, APPROVAL, &BOB);
    between(&mut scene);
    scene.approve(REQUEST, &[APPROVAL]);
    scene.finish()
}

/// Decisions of two, records 7 and 8, where two are needed.
fn two(first: &Approver, second: &Approver, change: fn(&str, &mut Value)) -> Fixture {
    let mut scene = Scene::new(&[first, second], change);
    scene.hold();
    scene.open(REQUEST);
    scene.decide(REQUEST, APPROVAL, first);
    scene.decide(REQUEST, SECOND, second);
    scene.approve(REQUEST, &[APPROVAL, SECOND]);
    scene.finish()
}
