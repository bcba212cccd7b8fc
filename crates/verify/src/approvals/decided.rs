//! One decision of an approver: its statement and its signature, compared with its record.

use serde_json::{Map, Value};

use super::files::ApprovalFiles;
use super::members::{Person, actor, detail, detail_id, is_same_text, texts, within};
use super::signature::Wrong;
use super::statement::{self, Statement};
use super::{Approvals, Judged, Problem, Request, bad, files, signature};
use crate::error::Error;
use crate::files::EvidenceDir;
use crate::finding::Code;
use crate::record::{Record, Uuid};

const ATTESTED: &str = "attested";

/// `approval.decided`
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) request: Uuid,
    pub(super) approves: bool,
    pub(super) approver: Person,
    pub(super) is_human: bool,
    pub(super) groups: Vec<String>,
    pub(super) attested: bool,
    /// The key's fingerprint; none in what is attested.
    pub(super) key: Option<String>,
    pub(super) time_ns: i128,
    pub(super) voided: bool,
    pub(super) revoked: bool,
    /// The request as it was signed; none when the statement was bad or not given.
    pub(super) stated: Option<statement::Request>,
}

impl Approvals {
    pub(super) fn decided(
        &mut self,
        results: &mut ApprovalFiles,
        dir: &mut EvidenceDir,
        origin: &str,
        record: &Record,
        members: &Map<String, Value>,
    ) -> Result<Judged, Error> {
        let ids = detail_id(members, "approval").zip(detail_id(members, "request"));
        let Some((id, request)) = ids else {
            let message = "detail.approval or detail.request is no UUID";
            return Ok(bad(Code::RecordSchema, message));
        };
        if self.decisions.contains_key(&id) {
            return Ok(bad(
                Code::ApprovalReused,
                format!("approval {id} was decided before"),
            ));
        }
        let groups = members.get("actor").and_then(|actor| actor.get("groups"));
        let mut decision = Decision {
            request,
            approves: detail(members, "decision") == Some("approve"),
            approver: actor(members),
            is_human: within(members, "actor", "kind") == Some("human"),
            groups: texts(groups),
            attested: detail(members, "method") == Some(ATTESTED),
            key: detail(members, "key").map(str::to_owned),
            time_ns: record.time.utc_ns,
            voided: false,
            revoked: false,
            stated: None,
        };
        let judged = if results.is_given() {
            match files::read(dir, id, "json", detail(members, "statement_sha256"))? {
                Ok(bytes) => {
                    let judged = self.stated(&mut decision, id, origin, members, &bytes);
                    match judged {
                        Ok(()) => self.signed(&decision, results, dir, id, members, &bytes)?,
                        judged => judged,
                    }
                }
                Err(problem) => Err(problem),
            }
        } else {
            results.unchecked += 1;
            Ok(())
        };
        self.decisions.insert(id, decision);
        Ok(judged)
    }

    /// Reads the statement and compares it with its record and the request.
    fn stated(
        &mut self,
        decision: &mut Decision,
        id: Uuid,
        origin: &str,
        members: &Map<String, Value>,
        bytes: &[u8],
    ) -> Judged {
        let statement = match statement::read(bytes) {
            Ok(statement) => statement,
            Err(message) => return bad(Code::ApprovalMalformed, message),
        };
        if let Some(name) = other_than_recorded(&statement, decision, id, members, origin) {
            let message = format!("{name} of the statement is not what is recorded");
            return bad(Code::ApprovalStatement, message);
        }
        let Some(request) = self.requests.get(&decision.request) else {
            let message = format!("{} was not asked for", decision.request);
            return Err(self.unknown(Code::ApprovalRequest, message));
        };
        if let Some(name) = other_than_asked(&statement.request, request) {
            let message = format!("request.{name} of the statement is not what was asked for");
            return bad(Code::ApprovalStatement, message);
        }
        if !self.nonces.insert(statement.nonce) {
            return bad(
                Code::ApprovalReused,
                "the nonce is that of another statement",
            );
        }
        decision.stated = Some(statement.request);
        Ok(())
    }

    fn signed(
        &self,
        decision: &Decision,
        results: &mut ApprovalFiles,
        dir: &mut EvidenceDir,
        id: Uuid,
        members: &Map<String, Value>,
        statement: &[u8],
    ) -> Result<Judged, Error> {
        if decision.attested && decision.key.is_none() {
            results.attested += 1;
            return Ok(Ok(()));
        }
        let fingerprint = decision.key.as_deref().unwrap_or_default();
        let method = detail(members, "method").unwrap_or_default();
        let Some(key) = self.keys.of(fingerprint, &decision.approver) else {
            let message = format!("{fingerprint} is not enrolled for this approver");
            return Ok(Err(self.unknown(Code::ApprovalKey, message)));
        };
        if key.method != method {
            let message = format!("{fingerprint} is enrolled for {}", key.method);
            return Ok(bad(Code::ApprovalKey, message));
        }
        let extension = if method == "ssh" {
            "sshsig"
        } else {
            "webauthn.json"
        };
        let recorded = detail(members, "signature_sha256");
        let bytes = match files::read(dir, id, extension, recorded)? {
            Ok(bytes) => bytes,
            Err(problem) => return Ok(Err(problem)),
        };
        Ok(
            match signature::verify(key, fingerprint, statement, &bytes) {
                Ok(()) => {
                    results.verified += 1;
                    Ok(())
                }
                Err(Wrong::Unknown(kind)) => {
                    results.unjudged.insert(kind);
                    Ok(())
                }
                Err(wrong) => {
                    let (code, message) = wrong.finding();
                    Err(Problem::Bad(code, message))
                }
            },
        )
    }
}

/// The first member that is not as the record has it.
fn other_than_recorded(
    statement: &Statement,
    decision: &Decision,
    id: Uuid,
    members: &Map<String, Value>,
    origin: &str,
) -> Option<&'static str> {
    let node = |origin: &str| origin.rsplit_once('/').map(|(node, _)| node.to_owned());
    let justification = detail(members, "justification");
    let word = if decision.approves { "ok" } else { "denied" };
    let outcome = members.get("outcome").and_then(Value::as_str);
    let comparisons = [
        ("id", statement.id == id),
        ("approver", statement.approver == decision.approver),
        (
            "decision",
            Some(statement.decision.as_str()) == detail(members, "decision")
                && outcome == Some(word),
        ),
        (
            "justification",
            is_same_text(justification, statement.justification.as_deref()),
        ),
        (
            "method",
            Some(statement.method.as_str()) == detail(members, "method"),
        ),
        ("key", statement.key == decision.key),
        ("log", node(&statement.log) == node(origin)),
        ("request.id", statement.request.id == decision.request),
    ];
    first_false(&comparisons)
}

/// The first member that is not as `request.opened` has it.
fn other_than_asked(stated: &statement::Request, request: &Request) -> Option<&'static str> {
    let comparisons = [
        ("kind", stated.kind == request.kind),
        ("requester", stated.requester == request.requester),
        // A record holds the nearest of a long chain.
        ("on_behalf_of", stated.chain.starts_with(&request.chain)),
        (
            "resource",
            request
                .resource
                .as_ref()
                .is_none_or(|resource| stated.resource == *resource),
        ),
        ("commit", stated.commit == request.commit),
        ("session", stated.session == request.session),
        ("operation", stated.operation == request.operation),
        (
            "policy",
            request
                .policy
                .as_ref()
                .is_none_or(|policy| stated.policy == *policy),
        ),
    ];
    first_false(&comparisons)
}

fn first_false(comparisons: &[(&'static str, bool)]) -> Option<&'static str> {
    comparisons
        .iter()
        .find_map(|(name, equal)| (!equal).then_some(*name))
}
