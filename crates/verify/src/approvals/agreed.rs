//! Whether the approvals that a record names are enough for what it says.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::decided::Decision;
use super::demands::{self, Approver};
use super::members::{approval_id, by, within};
use super::{Approvals, Judged, Problem, Request, bad};
use crate::finding::Code;
use crate::record::{Record, Uuid};

impl Approvals {
    /// `operation.approved`
    pub(super) fn operation_approved(
        &mut self,
        record: &Record,
        members: &Map<String, Value>,
    ) -> Judged {
        let (Some((session, _)), Some(number)) = (record.session, record.operation) else {
            return Ok(());
        };
        let commit = within(members, "approval", "commit");
        let Some(held) = self.held.get_mut(&(session, number)) else {
            return Err(self.unknown(Code::ApprovalOperation, "the operation was not held"));
        };
        held.approved = true;
        let (held_commit, policy) = (held.commit.clone(), held.policy.clone());
        if commit.is_none() || held_commit.as_deref() != commit {
            return bad(
                Code::ApprovalOperation,
                "the commitment is not that of the intent",
            );
        }
        let Some((id, request)) = approval_id(members)
            .and_then(|id| self.requests.get_mut(&id).map(|request| (id, request)))
        else {
            return Err(self.unknown(Code::ApprovalRequest, "no such request was opened"));
        };
        let used = std::mem::replace(&mut request.used, true);
        let request = &*request;
        request.check("operation", members)?;
        let session = session.to_string();
        let place = (request.session.as_deref(), request.operation);
        let here = (Some(session.as_str()), Some(number));
        // One whose client was sent away and came again is of no one session.
        let is_same =
            request.commit.as_deref() == commit && (place == here || place == (None, None));
        if !is_same {
            return bad(
                Code::ApprovalRequest,
                "the request is about another operation",
            );
        }
        if used {
            return bad(
                Code::ApprovalReused,
                format!("request {id} was used for an operation before"),
            );
        }
        let Some(request) = self.requests.get(&id) else {
            return Ok(());
        };
        self.agreed(&by(members), id, request, policy.as_deref(), record)
    }

    /// Whether those who agreed are whom the request needs: see section 6 for the order.
    pub(super) fn agreed(
        &self,
        by: &[Uuid],
        id: Uuid,
        request: &Request,
        policy: Option<&str>,
        record: &Record,
    ) -> Judged {
        if by.is_empty() {
            return bad(Code::ApprovalDemand, "it names no approval");
        }
        let mut people = BTreeSet::new();
        let mut decisions = Vec::with_capacity(by.len());
        for approval in by {
            let decision = self.counting(*approval, id)?;
            check_approver(decision, request, *approval)?;
            if !people.insert(&decision.approver) {
                let message = format!("approval {approval} is a second one by the same person");
                return bad(Code::ApprovalApprover, message);
            }
            if decision.revoked {
                let message = format!("the key of approval {approval} was revoked");
                return bad(Code::ApprovalKey, message);
            }
            decisions.push(decision);
        }
        check_statements(&decisions, policy, record)
    }

    /// A decision to approve this request.
    fn counting(&self, approval: Uuid, request: Uuid) -> Result<&Decision, Problem> {
        let Some(decision) = self.decisions.get(&approval) else {
            let message = format!("there is no approval {approval} before it");
            return Err(self.unknown(Code::ApprovalDecision, message));
        };
        let problem = if decision.request != request {
            "is about another request"
        } else if !decision.approves {
            "is a refusal"
        } else if decision.voided {
            "was voided"
        } else {
            return Ok(decision);
        };
        let message = format!("approval {approval} {problem}");
        Err(Problem::Bad(Code::ApprovalDecision, message))
    }
}

fn check_approver(decision: &Decision, request: &Request, approval: Uuid) -> Judged {
    let problem = if !decision.is_human {
        "by somebody who is no human"
    } else if decision.approver == request.requester {
        "the requester's own"
    } else if request.chain.contains(&decision.approver) {
        "by somebody whom the requester acts for"
    } else {
        return Ok(());
    };
    bad(
        Code::ApprovalApprover,
        format!("approval {approval} is {problem}"),
    )
}

/// What the statements say; one that was bad is reported at its own record, and nothing depends on it here.
fn check_statements(decisions: &[&Decision], policy: Option<&str>, record: &Record) -> Judged {
    let statements: Vec<_> = decisions
        .iter()
        .filter_map(|decision| decision.stated.as_ref())
        .collect();
    let Some(first) = statements.first() else {
        return Ok(());
    };
    if statements
        .iter()
        .any(|stated| stated.digest != first.digest)
    {
        return bad(
            Code::ApprovalStatement,
            "the statements are about different requests",
        );
    }
    if policy.is_some_and(|policy| first.policy != policy) {
        return bad(
            Code::ApprovalStatement,
            "the statements are about another policy",
        );
    }
    if first.expires_ns <= record.time.utc_ns {
        return bad(Code::ApprovalExpired, "the request had expired");
    }
    let approvers: Vec<_> = decisions
        .iter()
        .map(|decision| Approver {
            groups: &decision.groups,
            attested: decision.attested,
            after_ns: decision.time_ns - first.requested_ns,
        })
        .collect();
    if first.demands.is_empty() || !demands::are_met(&first.demands, &approvers) {
        return bad(
            Code::ApprovalDemand,
            "those who agreed are not those whom the request needs",
        );
    }
    Ok(())
}
