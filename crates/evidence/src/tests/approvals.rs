//! A held operation from intent to outcome, as the writer records it and the verifier wants it.

use custos_model::{Decision, Outcome, Verdict};
use serde_json::json;

use super::gateway::*;
use crate::{Approval, IntentApproval, NodeRecord, RecordOutcome, RecordType, Target};

const REQUEST: &str = "01932f5a-7c1e-7abc-8def-000000000001";
const APPROVAL: &str = "01932f5a-7c1e-7abc-8def-000000000002";
const EXPIRES: &str = "2026-11-21T04:46:27.000000Z";

/// With its members in order, whatever features of serde_json other crates ask for.
fn sorted(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members = members.into_iter();
            members
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect()
        }
        Value::Array(all) => all.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// What somebody who is signed in decides, with nobody's signature.
fn statement(session: &str, commit: &str) -> Vec<u8> {
    let alternative =
        json!({"attested": true, "count": 1, "of": "dba", "per": "statement", "rule": "drops"});
    let request = json!({
        "approve": [[alternative]], "commit": commit, "expires": EXPIRES, "id": REQUEST, "kind": "operation",
        "justification": "table replaced", "operation": 1, "policy": "0".repeat(64), "requested": "2026-11-21T03:46:27.000000Z",
        "requester": {"issuer": "local", "kind": "human", "name": "alice", "subject": "alice"},
        "resource": "postgres/shop", "rules": ["drops"], "session": session, "uses": 1, "verbs": ["sql.destroy"],
    });
    let statement = json!({
        "approver": {"issuer": "local", "name": "bob", "subject": "bob"}, "decision": "approve", "id": APPROVAL,
        "justification": "checked", "log": "custos/gw1/2026-11", "method": "attested", "nonce": "ab".repeat(32),
        "request": request, "time": "2026-11-21T03:46:28.000000Z", "type": "custos.approval.v1",
    });
    // Without `preserve_order` keys are sorted, and there is nothing else to make canonical.
    sorted(&statement).to_string().into_bytes()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let hex =
        |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from_digit(half.into(), 16).unwrap());
    digest.as_ref().iter().flat_map(hex).collect()
}

#[test]
fn a_held_operation_that_was_approved_verifies() {
    let site = Site::new();
    let commit = "c".repeat(64);
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        let held = Verdict {
            decision: Decision::Hold,
            ..allow()
        };
        let under = IntentApproval {
            commit: Some(&commit),
            grant: None,
        };
        let (op, _) = log
            .intent_under(&super::gateway::statement("drop table t"), &held, &under)
            .unwrap();
        let session = log.id().to_string();
        let request = Approval {
            id: REQUEST,
            commit: Some(&commit),
            by: &[],
        };
        let target = Target {
            resource: "postgres/shop",
            ..Target::default()
        };
        let opened = NodeRecord {
            actor: Some(&alice()),
            target: Some(target),
            verdict: Some(&held),
            approval: Some(request),
            detail: &[
                ("request", REQUEST.into()),
                ("kind", "operation".into()),
                ("expires", EXPIRES.into()),
                ("session", (&session).into()),
                ("operation", op.0.into()),
            ],
            ..NodeRecord::new(RecordType::RequestOpened, RecordOutcome::Pending)
        };
        evidence.append(&opened).unwrap();
        let statement = statement(&session, &commit);
        let name = format!("{APPROVAL}.json");
        evidence.keep_approval(&name, &statement).unwrap();
        let bob = custos_model::Principal {
            subject: "bob".into(),
            name: "bob".into(),
            groups: vec!["dba".into()],
            ..alice()
        };
        let hash = sha256(&statement);
        let decided = NodeRecord {
            actor: Some(&bob),
            approval: Some(request),
            detail: &[
                ("request", REQUEST.into()),
                ("approval", APPROVAL.into()),
                ("decision", "approve".into()),
                ("method", "attested".into()),
                ("justification", "checked".into()),
                ("statement_sha256", (&hash).into()),
            ],
            ..NodeRecord::new(RecordType::ApprovalDecided, RecordOutcome::Ok)
        };
        evidence.append(&decided).unwrap();
        let by = [APPROVAL.to_owned()];
        let position = log.approved(op, &Approval { by: &by, ..request }).unwrap();
        evidence.sync(position).await.unwrap();
        log.outcome(op, &Outcome::default()).unwrap();
        end(&log).await.unwrap();
        evidence.shutdown().await.unwrap();
    });
    let (_, records) = site.assert_good("an approved operation");
    assert_eq!(count(&records, "operation.approved"), 1);
    let (_, report) = site.verify();
    assert_eq!(report.approvals_attested, 1);
}
