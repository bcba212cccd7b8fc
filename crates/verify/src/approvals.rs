//! Approvals: what was held ran only after people had agreed to just that (`docs/evidence-format.md` section 6).
//!
//! Of each request, decision and grant a few hundred bytes are kept for as long as a node's logs are read, and of each
//! operation that is held until its outcome.

mod agreed;
mod crypto;
mod decided;
mod demands;
mod files;
mod grants;
mod keys;
mod members;
mod passkey;
mod signature;
mod spki;
mod ssh;
mod statement;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::error::Error;
use crate::files::EvidenceDir;
use crate::finding::Code;
use crate::record::{Kind, Record, Uuid};

pub(crate) use files::ApprovalFiles;

use decided::Decision;
use grants::Grant;
use keys::Keys;
use members::{Person, actor, approval_id, chain, detail, detail_id, within};

/// `reason` of an outcome that says that the operation never ran.
const SKIPPED: &str = "the target did not execute it, because of an earlier error";

/// Why something does not pass.
#[derive(Debug)]
enum Problem {
    Bad(Code, String),
    /// It depends on a record that was not given.
    Unseen,
}

type Judged = Result<(), Problem>;

fn bad(code: Code, message: impl Into<String>) -> Judged {
    Err(Problem::Bad(code, message.into()))
}

/// A request, from its `request.opened`.
#[derive(Debug)]
struct Request {
    requester: Person,
    chain: Vec<Person>,
    resource: Option<String>,
    commit: Option<String>,
    kind: String,
    policy: Option<String>,
    session: Option<String>,
    operation: Option<u64>,
    /// Ended in a way after which nothing may come of it.
    refused: bool,
    /// An operation was approved by it.
    used: bool,
}

/// An intent that was held and has no outcome yet.
#[derive(Debug)]
struct Held {
    commit: Option<String>,
    policy: Option<String>,
    approved: bool,
}

/// What approvals depend on, of one node.
#[derive(Debug, Default)]
pub(crate) struct Approvals {
    /// Records are missing, so what is not known may have been in them.
    partial: bool,
    keys: Keys,
    requests: BTreeMap<Uuid, Request>,
    decisions: BTreeMap<Uuid, Decision>,
    nonces: BTreeSet<String>,
    held: BTreeMap<(Uuid, u64), Held>,
    grants: BTreeMap<Uuid, Grant>,
}

impl Approvals {
    /// Records are missing here.
    pub(crate) fn lose_track(&mut self) {
        self.partial = true;
    }

    /// Takes the next record, and says what is wrong with it.
    pub(crate) fn observe(
        &mut self,
        files: &mut ApprovalFiles,
        dir: &mut EvidenceDir,
        (origin, index): (&str, u64),
        record: &Record,
    ) -> Result<Option<(Code, String)>, Error> {
        let Some(members) = record.members.as_deref() else {
            return Ok(None);
        };
        let judged = match record.kind {
            Kind::ApprovalDecided => self.decided(files, dir, origin, record, members)?,
            Kind::GrantStarted => self.grant_started(files, (origin, index), record, members),
            _ => self.follow(record, members),
        };
        Ok(match judged {
            Ok(()) => None,
            Err(Problem::Bad(code, message)) => Some((code, message)),
            Err(Problem::Unseen) => {
                files.unseen += 1;
                None
            }
        })
    }

    fn follow(&mut self, record: &Record, members: &Map<String, Value>) -> Judged {
        match record.kind {
            Kind::ApproverEnrolled => self.keys.enrol(members),
            Kind::ApproverRevoked => self.revoke(members),
            Kind::RequestOpened => return self.request_opened(members),
            Kind::RequestEnded => self.request_ended(members),
            Kind::ApprovalVoided => self.void(members),
            Kind::GrantEnded => self.grant_ended(members),
            Kind::OperationIntent => return self.intent(record, members),
            Kind::OperationApproved => return self.operation_approved(record, members),
            Kind::OperationOutcome => return self.outcome(record, members),
            Kind::SessionEnd => self.session_ended(record),
            _ => {}
        }
        Ok(())
    }

    /// Something is not known: it was never there, or it was in records that are missing.
    fn unknown(&self, code: Code, message: impl Into<String>) -> Problem {
        if self.partial {
            Problem::Unseen
        } else {
            Problem::Bad(code, message.into())
        }
    }

    fn revoke(&mut self, members: &Map<String, Value>) {
        self.keys.revoke(members);
        let key = detail(members, "key");
        let text = |name| detail(members, name).unwrap_or_default().to_owned();
        let owner = Person {
            issuer: text("issuer"),
            subject: text("subject"),
        };
        for decision in self.decisions.values_mut() {
            if decision.approver == owner && decision.key.as_deref() == key {
                decision.revoked = true;
            }
        }
    }

    fn void(&mut self, members: &Map<String, Value>) {
        let decision = detail_id(members, "approval");
        if let Some(decision) = decision.and_then(|id| self.decisions.get_mut(&id)) {
            decision.voided = true;
        }
    }

    fn request_opened(&mut self, members: &Map<String, Value>) -> Judged {
        let Some(id) = detail_id(members, "request") else {
            return bad(Code::RecordSchema, "detail.request is no UUID");
        };
        let own = |name| detail(members, name).map(str::to_owned);
        let request = Request {
            requester: actor(members),
            chain: chain(members),
            resource: within(members, "target", "resource").map(str::to_owned),
            commit: within(members, "approval", "commit").map(str::to_owned),
            kind: own("kind").unwrap_or_default(),
            policy: own("policy"),
            session: own("session"),
            operation: operation_of(members),
            refused: false,
            used: false,
        };
        if self.requests.insert(id, request).is_some() {
            return bad(
                Code::ApprovalReused,
                format!("request {id} was opened before"),
            );
        }
        Ok(())
    }

    fn request_ended(&mut self, members: &Map<String, Value>) {
        let good = matches!(
            detail(members, "ending"),
            Some("executed" | "granted" | "reviewed")
        );
        let request = detail_id(members, "request");
        if let Some(request) = request.and_then(|id| self.requests.get_mut(&id)) {
            request.refused = !good;
        }
    }

    fn intent(&mut self, record: &Record, members: &Map<String, Value>) -> Judged {
        if within(members, "verdict", "effect") == Some("hold")
            && let (Some((session, _)), Some(number)) = (record.session, record.operation)
        {
            let held = Held {
                commit: within(members, "op", "commit").map(str::to_owned),
                policy: within(members, "gw", "policy").map(str::to_owned),
                approved: false,
            };
            self.held.insert((session, number), held);
        }
        match approval_id(members) {
            Some(grant) => self.under_grant(grant, record, members),
            None => Ok(()),
        }
    }

    fn outcome(&mut self, record: &Record, members: &Map<String, Value>) -> Judged {
        let operation = record.session.map(|(id, _)| id).zip(record.operation);
        let held = operation.and_then(|operation| self.held.remove(&operation));
        let skipped = members.get("reason").and_then(Value::as_str) == Some(SKIPPED);
        let denied = members.get("outcome").and_then(Value::as_str) == Some("denied");
        if held.is_some_and(|held| !held.approved) && !skipped && !denied {
            return bad(
                Code::ApprovalAbsent,
                "the operation was held, and ran without operation.approved",
            );
        }
        Ok(())
    }

    fn session_ended(&mut self, record: &Record) {
        if let Some((session, _)) = record.session {
            self.held.retain(|(of, _), _| *of != session);
        }
    }
}

impl Request {
    /// Whether a record of what came of it is about the same.
    fn check(&self, kind: &str, members: &Map<String, Value>) -> Judged {
        let problem = if self.kind != kind {
            "is of another kind"
        } else if self.requester != actor(members) {
            "is somebody else's"
        } else if !fits(self.resource.as_deref(), members) {
            "is for another resource"
        } else if self.refused {
            "had ended"
        } else {
            return Ok(());
        };
        bad(Code::ApprovalRequest, format!("the request {problem}"))
    }
}

/// `detail.operation`
fn operation_of(members: &Map<String, Value>) -> Option<u64> {
    members.get("detail")?.get("operation")?.as_u64()
}

/// Whether a record's target is the resource, where both name one.
fn fits(resource: Option<&str>, members: &Map<String, Value>) -> bool {
    let target = within(members, "target", "resource");
    resource.is_none() || target.is_none() || resource == target
}
