//! Operations that were held, and those who agreed to them, as a log and its files.

use serde_json::{Value, json};

use crate::approver::{Approver, BOB, sha256};
use crate::writer::{Fixture, Key, NODE, NOVEMBER, Session, Writer, canonical};

/// Changes what is written; `step` names it: `enrolled`, `intent`, `opened`, `statement`, `decided`, `approved`, `outcome`,
/// `granted`, `under`.
pub(crate) type Change = fn(step: &str, members: &mut Value);

pub(crate) const REQUEST: &str = "01932f5a-7c1e-7abc-8def-00000000a001";
pub(crate) const OTHER_REQUEST: &str = "01932f5a-7c1e-7abc-8def-00000000a002";
pub(crate) const APPROVAL: &str = "01932f5a-7c1e-7abc-8def-00000000b001";
pub(crate) const SECOND: &str = "01932f5a-7c1e-7abc-8def-00000000b002";

/// A node with one session, while it is written.
pub(crate) struct Scene {
    pub(crate) writer: Writer,
    pub(crate) session: Session,
    change: Change,
}

/// 0 `log.open`, 1 `node.start`, 2 `approver.enrolled`, 3 `session.start`, 4 the intent, 5 `request.opened`,
/// 6 `approval.decided`, 7 `operation.approved`, 8 the outcome, 9 `request.ended`, 10 `session.end`.
pub(crate) fn standard(approver: &Approver, change: Change) -> Fixture {
    let mut scene = Scene::new(&[approver], change);
    scene.hold();
    scene.open(REQUEST);
    scene.decide(REQUEST, APPROVAL, approver);
    scene.approve(REQUEST, &[APPROVAL]);
    scene.finish()
}

/// As [`standard`], by Bob.
pub(crate) fn by_bob(change: Change) -> Fixture {
    standard(&BOB, change)
}

/// 0 to 2 as [`standard`], 3 `session.start`, 4 `request.opened`, 5 `approval.decided`, 6 `grant.started`,
/// 7 an intent under it, 8 its outcome, 9 `grant.ended`, 10 `session.end`.
pub(crate) fn granted(change: Change) -> Fixture {
    let mut scene = Scene::new(&[&BOB], change);
    scene.open_grant(REQUEST);
    scene.decide(REQUEST, APPROVAL, &BOB);
    scene.grant(REQUEST, "grant", &[APPROVAL]);
    scene.under(REQUEST);
    scene.outcome();
    scene.end_grant(REQUEST);
    scene.end()
}

impl Scene {
    pub(crate) fn new(approvers: &[&Approver], change: Change) -> Self {
        let mut writer = Writer::new("2026-11-21");
        writer.open_log(NOVEMBER, &Key::new(NODE, 7), None);
        Self::in_log(writer, approvers, change)
    }

    /// In a log that is open.
    pub(crate) fn in_log(mut writer: Writer, approvers: &[&Approver], change: Change) -> Self {
        writer.plain("node.start");
        for approver in approvers {
            enrol(&mut writer, approver, change);
        }
        let session = writer.start();
        Self {
            writer,
            session,
            change,
        }
    }

    pub(crate) fn enrol(&mut self, approver: &Approver) {
        enrol(&mut self.writer, approver, self.change);
    }

    pub(crate) fn revoke(&mut self, approver: &Approver) {
        let detail =
            json!({"key": approver.fingerprint(), "issuer": "custos", "subject": approver.name});
        let members = json!({"actor": operator(), "detail": detail, "reason": "lost"});
        self.writer.record("approver.revoked", members);
    }

    /// An intent that is held.
    pub(crate) fn hold(&mut self) {
        let number = self.session.next_operation();
        self.of_session(
            "intent",
            "operation.intent",
            json!({
                "outcome": "pending",
                "op": {"n": number, "verb": "query", "effect": "destroy", "text": "drop table orders", "commit": commit()},
                "verdict": {"effect": "hold", "rules": ["drops"]},
            }),
        );
    }

    /// An intent under a grant.
    pub(crate) fn under(&mut self, grant: &str) {
        let number = self.session.next_operation();
        let members = json!({
            "outcome": "pending", "approval": {"id": grant}, "op": {"n": number},
            "verdict": {"effect": "allow", "rules": ["drops"]},
        });
        self.of_session("under", "operation.intent", members);
    }

    /// Asks for the operation that was held last.
    pub(crate) fn open(&mut self, request: &str) {
        let mut members = asked(request, "operation");
        members["approval"]["commit"] = commit().into();
        members["detail"]["session"] = self.session.id().into();
        members["detail"]["operation"] = self.session.operation().into();
        self.record("opened", "request.opened", members);
    }

    pub(crate) fn open_grant(&mut self, request: &str) {
        self.record("opened", "request.opened", asked(request, "grant"));
    }

    /// A decision on a request that was opened.
    pub(crate) fn decide(&mut self, request: &str, approval: &str, approver: &Approver) {
        let mut statement = self.statement(request, approval, approver);
        (self.change)("statement", &mut statement);
        let statement = canonical(&statement);
        let signature = approver.sign(&statement);
        self.decided(request, approval, approver, statement, signature);
    }

    /// A decision with these files.
    pub(crate) fn decided(
        &mut self,
        request: &str,
        approval: &str,
        approver: &Approver,
        statement: Vec<u8>,
        signature: Vec<u8>,
    ) {
        let mut detail = json!({
            "request": request, "approval": approval, "decision": "approve", "method": approver.method(),
            "justification": "checked", "statement_sha256": sha256(&statement),
            "sign_in": "01932f5a-7c1e-7abc-8def-00000000c001",
        });
        if approver.method() != "attested" {
            detail["key"] = approver.fingerprint().into();
            detail["signature_sha256"] = sha256(&signature).into();
            self.file(approval, approver.extension(), signature);
        }
        self.file(approval, "json", statement);
        let members = json!({"actor": approver.actor(), "detail": detail});
        self.record("decided", "approval.decided", members);
    }

    pub(crate) fn statement(&self, request: &str, approval: &str, approver: &Approver) -> Value {
        let opened = self.writer.records.iter().rev();
        let opened: Value = opened
            .map(|record| serde_json::from_slice::<Value>(record).unwrap())
            .find(|record| {
                record["type"] == "request.opened" && record["detail"]["request"] == request
            })
            .expect("the request was opened");
        let mut asked = json!({
            "approve": [[{"count": 1, "of": "dba", "per": "statement", "rule": "drops"}]],
            "expires": "2026-11-21T02:00:00.000000Z", "requested": "2026-11-21T01:00:00.000000Z",
            "id": request, "justification": "table replaced in March", "kind": opened["detail"]["kind"],
            "objects": ["shop.orders"], "policy": "b".repeat(64),
            "requester": {"issuer": "custos", "kind": "human", "name": "Alice", "subject": "alice"},
            "resource": "postgres/shop", "rules": ["drops"], "uses": 1, "verbs": ["sql.destroy"],
        });
        if opened["detail"]["kind"] == "operation" {
            asked["commit"] = commit().into();
            asked["session"] = self.session.id().into();
            asked["operation"] = opened["detail"]["operation"].clone();
            asked["text"] = "drop table orders".into();
        } else {
            asked["seconds"] = 3600.into();
        }
        let mut statement = json!({
            "approver": approver.in_statement(), "decision": "approve", "id": approval, "justification": "checked",
            "log": NOVEMBER, "method": approver.method(), "nonce": sha256(approval.as_bytes()), "request": asked,
            "time": "2026-11-21T01:00:05.000000Z", "type": "custos.approval.v1",
        });
        if approver.method() != "attested" {
            statement["key"] = approver.fingerprint().into();
        }
        statement
    }

    pub(crate) fn approve(&mut self, request: &str, by: &[&str]) {
        let approval = json!({"by": by, "commit": commit(), "id": request});
        let members = json!({"approval": approval, "op": {"n": self.session.operation()}});
        self.of_session("approved", "operation.approved", members);
    }

    pub(crate) fn outcome(&mut self) {
        let members = json!({"op": {"n": self.session.operation(), "bytes": 12}});
        self.of_session("outcome", "operation.outcome", members);
    }

    pub(crate) fn grant(&mut self, request: &str, kind: &str, by: &[&str]) {
        let detail = json!({"request": request, "until": "2026-11-21T01:30:00.000000Z", "rules": "drops", "kind": kind, "justification": "night work"});
        let mut members =
            json!({"actor": alice(), "target": {"resource": "postgres/shop"}, "detail": detail});
        members["approval"] = json!({"by": by, "id": request});
        self.record("granted", "grant.started", members);
    }

    pub(crate) fn end_grant(&mut self, request: &str) {
        let detail = json!({"request": request, "ending": "time", "sessions": 0});
        self.writer.record("grant.ended", json!({"detail": detail}));
    }

    pub(crate) fn end_request(&mut self, request: &str, ending: &str) {
        let detail = json!({"request": request, "ending": ending});
        self.writer
            .record("request.ended", json!({"detail": detail}));
    }

    pub(crate) fn void(&mut self, request: &str, approval: &str) {
        let detail = json!({"request": request, "approval": approval});
        let members =
            json!({"outcome": "denied", "reason": "she left the group", "detail": detail});
        self.writer.record("approval.voided", members);
    }

    /// The outcome, the ends, and all of it as a directory.
    pub(crate) fn finish(mut self) -> Fixture {
        self.outcome();
        self.end_request(REQUEST, "executed");
        self.end()
    }

    pub(crate) fn end(mut self) -> Fixture {
        self.writer.end(&mut self.session, 0);
        Fixture::of(self.writer)
    }

    pub(crate) fn file(&mut self, approval: &str, extension: &str, content: Vec<u8>) {
        let path = format!("approvals/{approval}.{extension}");
        self.writer.segments.insert(path, content);
    }

    fn record(&mut self, step: &str, kind: &str, mut members: Value) {
        (self.change)(step, &mut members);
        self.writer.record(kind, members);
    }

    fn of_session(&mut self, step: &str, kind: &str, mut members: Value) {
        (self.change)(step, &mut members);
        self.writer.of_session(&mut self.session, kind, members);
    }
}

fn enrol(writer: &mut Writer, approver: &Approver, change: Change) {
    let mut members = json!({"actor": operator(), "detail": approver.enrolment()});
    change("enrolled", &mut members);
    writer.record("approver.enrolled", members);
}

fn asked(request: &str, kind: &str) -> Value {
    json!({
        "outcome": "pending", "actor": alice(), "target": {"resource": "postgres/shop"}, "approval": {"id": request},
        "verdict": {"effect": "hold", "rules": ["drops"]},
        "detail": {"request": request, "kind": kind, "verbs": "sql.destroy", "expires": "2026-11-21T02:00:00.000000Z", "policy": "b".repeat(64)},
    })
}

fn alice() -> Value {
    json!({"iss": "custos", "kind": "human", "name": "Alice", "sub": "alice", "groups": ["dba"]})
}

fn operator() -> Value {
    json!({"iss": "local", "kind": "operator", "name": "root", "sub": "0"})
}

fn commit() -> String {
    "c".repeat(64)
}
