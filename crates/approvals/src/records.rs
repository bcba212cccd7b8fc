//! Every step as a record, and what people outside are told.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_evidence::{
    Approval, DetailValue, NodeRecord, Position, RecordOutcome, RecordType, Target,
};
use custos_model::{Decision, Principal, RequestId, Verdict};

use custos_signatures::PasskeyKey;

use crate::announcement::{Announcement, Happening};
use crate::approvals::{Approvals, Ending, Live};
use crate::exact::hex;
use crate::grant::Grant;
use crate::keys::Enrolled;
use crate::refusal::{ApprovalsError, Refusal};
use crate::request::{Choice, Request, Statement, time_text};
use crate::vote::Vote;

/// A record about one request.
struct Entry<'a> {
    kind: RecordType,
    outcome: RecordOutcome,
    request: &'a Request,
    actor: Option<&'a Principal>,
    reason: Option<&'a str>,
    by: &'a [String],
    detail: &'a [(&'a str, Option<&'a str>)],
}

impl<'a> Entry<'a> {
    fn new(kind: RecordType, outcome: RecordOutcome, request: &'a Request) -> Self {
        Self {
            kind,
            outcome,
            request,
            actor: None,
            reason: None,
            by: &[],
            detail: &[],
        }
    }
}

fn texts<'a>(detail: &[(&'a str, Option<&'a str>)]) -> Vec<(&'a str, DetailValue<'a>)> {
    let given = detail
        .iter()
        .filter_map(|(name, text)| Some((*name, (*text)?)));
    given
        .map(|(name, text)| (name, DetailValue::Text(text)))
        .collect()
}

impl Approvals {
    fn append(&self, entry: &Entry<'_>) -> Result<Position, ApprovalsError> {
        self.append_with(entry, &[], None)
    }

    fn append_with<'a>(
        &self,
        entry: &Entry<'a>,
        numbers: &[(&'a str, u64)],
        verdict: Option<&Verdict>,
    ) -> Result<Position, ApprovalsError> {
        let id = entry.request.id.to_string();
        let mut detail = vec![("request", DetailValue::Text(&id))];
        detail.extend(texts(entry.detail));
        detail.extend(
            numbers
                .iter()
                .map(|(name, number)| (*name, DetailValue::from(*number))),
        );
        let mut record = NodeRecord::new(entry.kind, entry.outcome);
        record.actor = entry.actor;
        record.reason = entry.reason;
        record.verdict = verdict;
        record.target = Some(Target {
            resource: &entry.request.resource,
            ..Target::default()
        });
        record.approval = Some(Approval {
            id: &id,
            commit: entry.request.commit.as_deref(),
            by: entry.by,
        });
        record.detail = &detail;
        Ok(self.inner.evidence.append(&record)?)
    }

    pub(crate) fn announce(&self, request: &Request, happening: Happening) {
        (self.inner.announce)(&Announcement {
            happening,
            request: request.clone(),
            utc_ns: self.now().utc_ns,
        });
    }

    pub(crate) fn record_opened(&self, live: &Live) -> Result<Position, ApprovalsError> {
        let request = &live.request;
        let verbs = request.verbs.join(" ");
        let session = request.session.map(|id| id.to_string());
        let verdict = Verdict {
            decision: Decision::Hold,
            rules: request.rules.clone(),
            masks: Vec::new(),
        };
        let numbers = [
            ("operation", request.operation),
            ("seconds", request.seconds),
        ];
        let numbers = numbers
            .into_iter()
            .filter_map(|(name, it)| Some((name, it?)));
        let entry = Entry {
            actor: Some(&live.requester),
            detail: &[
                ("expires", Some(&request.expires)),
                ("justification", request.justification.as_deref()),
                ("kind", Some(request.kind.as_str())),
                ("policy", Some(&request.policy)),
                ("session", session.as_deref()),
                ("ticket", request.ticket.as_deref()),
                ("verbs", Some(&verbs)),
            ],
            ..Entry::new(RecordType::RequestOpened, RecordOutcome::Pending, request)
        };
        self.append_with(&entry, &numbers.collect::<Vec<_>>(), Some(&verdict))
    }

    /// The justification, said or changed afterwards.
    pub(crate) fn record_justified(&self, live: &Live) -> Result<Position, ApprovalsError> {
        self.append(&Entry {
            actor: Some(&live.requester),
            detail: &[("justification", live.request.justification.as_deref())],
            ..Entry::new(
                RecordType::RequestJustified,
                RecordOutcome::Ok,
                &live.request,
            )
        })
    }

    /// Somebody outside was told, or could not be.
    pub fn record_notified(
        &self,
        request: &Request,
        channel: &str,
        event: &str,
        failure: Option<&str>,
    ) -> Result<Position, ApprovalsError> {
        let outcome = match failure {
            None => RecordOutcome::Ok,
            Some(_) => RecordOutcome::Failed,
        };
        self.append(&Entry {
            reason: failure,
            detail: &[("channel", Some(channel)), ("event", Some(event))],
            ..Entry::new(RecordType::RequestNotified, outcome, request)
        })
    }

    pub(crate) fn record_viewed(
        &self,
        request: &Request,
        by: &Principal,
    ) -> Result<Position, ApprovalsError> {
        self.append(&Entry {
            actor: Some(by),
            ..Entry::new(RecordType::RequestViewed, RecordOutcome::Ok, request)
        })
    }

    pub(crate) fn record_escalated(
        &self,
        request: &Request,
        to: &str,
    ) -> Result<(), ApprovalsError> {
        let entry = Entry {
            detail: &[("to", Some(to))],
            ..Entry::new(RecordType::RequestEscalated, RecordOutcome::Ok, request)
        };
        self.append(&entry).map(drop)
    }

    pub(crate) fn record_ended(
        &self,
        live: &Live,
        ending: Ending,
        why: Option<&str>,
    ) -> Result<(), ApprovalsError> {
        self.record_end(&live.request, Some(&live.requester), ending, why)
    }

    pub(crate) fn record_request_ended(
        &self,
        request: &Request,
        ending: Ending,
        why: Option<&str>,
    ) -> Result<(), ApprovalsError> {
        self.record_end(request, None, ending, why)
    }

    fn record_end(
        &self,
        request: &Request,
        actor: Option<&Principal>,
        ending: Ending,
        why: Option<&str>,
    ) -> Result<(), ApprovalsError> {
        let outcome = match ending {
            Ending::Executed | Ending::Granted | Ending::Reviewed => RecordOutcome::Ok,
            Ending::Denied | Ending::Expired | Ending::Refused => RecordOutcome::Denied,
            Ending::Withdrawn | Ending::Restarted => RecordOutcome::Interrupted,
        };
        let entry = Entry {
            actor,
            reason: why,
            detail: &[("ending", Some(ending.as_str()))],
            ..Entry::new(RecordType::RequestEnded, outcome, request)
        };
        self.append(&entry).map(drop)
    }

    pub(crate) fn record_decided(
        &self,
        live: &Live,
        vote: &Vote,
        statement: &Statement,
    ) -> Result<Position, ApprovalsError> {
        let outcome = match statement.decision {
            Choice::Approve => RecordOutcome::Ok,
            Choice::Deny => RecordOutcome::Denied,
        };
        let id = vote.id.to_string();
        let sign_in = vote.sign_in.to_string();
        let digest = sha256(vote.statement.as_bytes());
        let signature = signature_file(vote).map(|(_, bytes)| sha256(&bytes));
        self.append(&Entry {
            actor: Some(&vote.approver),
            detail: &[
                ("approval", Some(&id)),
                ("decision", Some(statement.decision.as_str())),
                ("justification", Some(&statement.justification)),
                ("key", statement.key.as_deref()),
                ("method", Some(&statement.method)),
                ("sign_in", Some(&sign_in)),
                ("signature_sha256", signature.as_deref()),
                ("statement_sha256", Some(&digest)),
            ],
            ..Entry::new(RecordType::ApprovalDecided, outcome, &live.request)
        })
    }

    /// Writes what was signed, and the signature, beside the log.
    pub(crate) fn keep_files(&self, vote: &Vote) -> Result<(), ApprovalsError> {
        let evidence = &self.inner.evidence;
        evidence.keep_approval(&format!("{}.json", vote.id), vote.statement.as_bytes())?;
        if let Some((name, bytes)) = signature_file(vote) {
            evidence.keep_approval(&name, &bytes)?;
        }
        Ok(())
    }

    pub(crate) fn record_refused(
        &self,
        id: Option<RequestId>,
        by: &Principal,
        refusal: Refusal,
    ) -> Result<(), ApprovalsError> {
        let request = id.and_then(|id| {
            let state = self.state();
            state.requests.get(&id).map(|live| live.request.clone())
        });
        let reason = refusal.to_string();
        if let Some(request) = request {
            let entry = Entry {
                actor: Some(by),
                reason: Some(&reason),
                detail: &[("code", Some(refusal.code()))],
                ..Entry::new(RecordType::ApprovalRefused, RecordOutcome::Denied, &request)
            };
            return self.append(&entry).map(drop);
        }
        let id = id.map(|id| id.to_string());
        let detail = texts(&[("code", Some(refusal.code())), ("request", id.as_deref())]);
        let mut record = NodeRecord::new(RecordType::ApprovalRefused, RecordOutcome::Denied);
        record.actor = Some(by);
        record.reason = Some(&reason);
        record.detail = &detail;
        self.inner.evidence.append(&record)?;
        Ok(())
    }

    pub(crate) fn record_void(
        &self,
        request: &Request,
        vote: &Vote,
        why: &str,
    ) -> Result<(), ApprovalsError> {
        let id = vote.id.to_string();
        let entry = Entry {
            actor: Some(&vote.approver),
            reason: Some(why),
            detail: &[("approval", Some(&id))],
            ..Entry::new(RecordType::ApprovalVoided, RecordOutcome::Denied, request)
        };
        self.append(&entry).map(drop)
    }

    pub(crate) fn record_grant_started(&self, grant: &Grant) -> Result<(), ApprovalsError> {
        let rules: Vec<&str> = grant.rules.iter().map(|(rule, _)| rule.as_str()).collect();
        let rules = rules.join(" ");
        let until = time_text(grant.until_utc_ns);
        let by: Vec<String> = grant.votes.iter().map(|vote| vote.id.to_string()).collect();
        let entry = Entry {
            actor: Some(&grant.principal),
            by: &by,
            detail: &[
                ("justification", grant.request.justification.as_deref()),
                ("kind", Some(grant.request.kind.as_str())),
                ("rules", Some(&rules)),
                ("until", Some(&until)),
            ],
            ..Entry::new(RecordType::GrantStarted, RecordOutcome::Ok, &grant.request)
        };
        self.append(&entry).map(drop)
    }

    pub(crate) fn record_grant_ended(
        &self,
        grant: &Grant,
        ending: &str,
        by: Option<(&Principal, &str)>,
    ) -> Result<(), ApprovalsError> {
        let entry = Entry {
            actor: Some(by.map_or(&grant.principal, |(by, _)| by)),
            reason: by.map(|(_, reason)| reason),
            detail: &[("ending", Some(ending))],
            ..Entry::new(RecordType::GrantEnded, RecordOutcome::Ok, &grant.request)
        };
        self.append(&entry).map(drop)
    }

    pub(crate) fn record_overdue(&self, grant: &Grant, due: u64) -> Result<(), ApprovalsError> {
        let due = time_text(due);
        let entry = Entry {
            actor: Some(&grant.principal),
            detail: &[("due", Some(&due))],
            ..Entry::new(
                RecordType::ReviewOverdue,
                RecordOutcome::Failed,
                &grant.request,
            )
        };
        self.append(&entry).map(drop)
    }

    pub(crate) fn record_key_requested(
        &self,
        by: &Principal,
        enrolled: &Enrolled,
    ) -> Result<Position, ApprovalsError> {
        self.record_key(
            RecordType::ApproverRequested,
            RecordOutcome::Pending,
            by,
            enrolled,
            None,
        )
    }

    pub(crate) fn record_key_enrolled(
        &self,
        by: &Principal,
        enrolled: &Enrolled,
    ) -> Result<Position, ApprovalsError> {
        self.record_key(
            RecordType::ApproverEnrolled,
            RecordOutcome::Ok,
            by,
            enrolled,
            None,
        )
    }

    pub(crate) fn record_key_revoked(
        &self,
        by: &Principal,
        enrolled: &Enrolled,
        reason: &str,
    ) -> Result<Position, ApprovalsError> {
        self.record_key(
            RecordType::ApproverRevoked,
            RecordOutcome::Ok,
            by,
            enrolled,
            Some(reason),
        )
    }

    fn record_key(
        &self,
        kind: RecordType,
        outcome: RecordOutcome,
        by: &Principal,
        enrolled: &Enrolled,
        reason: Option<&str>,
    ) -> Result<Position, ApprovalsError> {
        let key = enrolled.key.fingerprint();
        let public = enrolled.key.public_text();
        let passkey = enrolled.key.passkey();
        let credential = passkey.map(|key| URL_SAFE_NO_PAD.encode(key.credential_id()));
        let person = &enrolled.person;
        let detail = texts(&[
            ("credential_id", credential.as_deref()),
            ("issuer", Some(&person.issuer)),
            ("key", Some(&key)),
            ("method", Some(enrolled.key.method().as_str())),
            ("name", Some(&person.name)),
            ("origin", passkey.map(PasskeyKey::origin)),
            ("public_key", Some(&public)),
            ("rp_id", passkey.map(PasskeyKey::rp_id)),
            ("subject", Some(&person.subject)),
        ]);
        let mut record = NodeRecord::new(kind, outcome);
        record.actor = Some(by);
        record.reason = reason;
        record.detail = &detail;
        Ok(self.inner.evidence.append(&record)?)
    }
}

/// The file of a signature, and what is in it.
fn signature_file(vote: &Vote) -> Option<(String, Vec<u8>)> {
    use custos_signatures::Signature;
    Some(match vote.signature.as_ref()? {
        Signature::Ssh(armored) => (format!("{}.sshsig", vote.id), armored.as_bytes().to_vec()),
        Signature::WebAuthn(assertion) => (
            format!("{}.webauthn.json", vote.id),
            serde_json::to_vec(assertion).ok()?,
        ),
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}
