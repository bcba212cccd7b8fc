//! An operation that waits for people, inside its session.

use custos_approvals::{ApprovalsError, Exact, HeldOperation, Pledge, Progress, Refusal};
use custos_evidence::Approval;
use custos_model::{Decision, OperationNumber, Verdict};
use custos_policy::documents::Question;

use crate::error::SessionError;
use crate::open::{Begun, Open};
use crate::rules::Ruled;
use crate::{Position, Session};

/// What a client is told again, where nothing else happens.
const REMINDER: std::time::Duration = std::time::Duration::from_secs(30);

/// An operation that waits. Dropped, its request is withdrawn.
#[derive(Debug)]
pub struct Held {
    inner: custos_approvals::Held,
    number: OperationNumber,
    /// Told already.
    told: Option<Progress>,
}

/// What comes next of an operation that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It still waits; a line to tell.
    Waits(String),
    /// Enough have agreed: it is to be executed.
    Approved,
    /// It is over; why.
    Over(String),
}

impl Held {
    fn new(inner: custos_approvals::Held, number: OperationNumber) -> Self {
        Self {
            inner,
            number,
            told: None,
        }
    }

    /// The operation.
    pub fn number(&self) -> OperationNumber {
        self.number
    }

    /// The request's id, as text.
    pub fn request(&self) -> String {
        self.inner.request().id.to_string()
    }

    /// The rules that ask for approval.
    pub fn rules(&self) -> String {
        self.inner.request().rules.join(", ")
    }

    /// Until when it can be approved, RFC 3339.
    pub fn expires(&self) -> &str {
        &self.inner.request().expires
    }

    /// It was said why.
    pub fn is_justified(&self) -> bool {
        self.inner.request().justification.is_some()
    }

    /// Whether the client is to be sent away, to come again with a token.
    pub fn comes_again(&self) -> bool {
        self.inner.comes_again()
    }

    /// Returns with what is to be told or done next.
    pub async fn next(&mut self) -> Settled {
        loop {
            let progress = self.inner.progress();
            if self.told.as_ref() != Some(&progress) {
                self.told = Some(progress.clone());
                return settled(progress);
            }
            if tokio::time::timeout(REMINDER, self.inner.changed())
                .await
                .is_err()
            {
                return settled(progress);
            }
        }
    }

    /// Whoever asked wants it no more.
    pub fn withdraw(self, why: &str) {
        self.inner.withdraw(why);
    }

    /// Sends the client away; the token with which it comes again.
    pub fn leave(self) -> String {
        self.inner.leave()
    }
}

fn settled(progress: Progress) -> Settled {
    match progress {
        Progress::Waiting(text) => Settled::Waits(text),
        Progress::Approved => Settled::Approved,
        Progress::Ended(ending) => Settled::Over(
            match ending.as_str() {
                "denied" => "it was denied",
                "expired" => "nobody decided in time",
                "withdrawn" => "it was taken back",
                "restarted" => "the gateway stopped",
                _ => "what was approved is not what would run, or does not count any more",
            }
            .to_owned(),
        ),
    }
}

impl Session<Open> {
    /// Commits to what a held operation will be. What is too large for people to read is denied.
    pub(crate) fn pledged(
        &self,
        ruled: &mut Ruled,
        exact: impl FnOnce() -> Exact,
    ) -> Option<Pledge> {
        if ruled.verdict.decision != Decision::Hold {
            return None;
        }
        let (principal, token) = {
            let state = self.core.state();
            (state.principal.clone(), state.token.clone())
        };
        let approvals = &self.core.shared.services.approvals;
        let pledged = principal.ok_or(Refusal::Denied).and_then(|principal| {
            approvals.pledge(exact(), &principal, self.resource(), token.as_deref())
        });
        match pledged {
            Ok(pledge) => Some(pledge),
            Err(refusal) => {
                let masks = std::mem::take(&mut ruled.verdict.masks);
                ruled.verdict = Verdict {
                    masks,
                    ..Verdict::denied("hold:too-large")
                };
                ruled.reasons.push(refusal.to_string());
                None
            }
        }
    }

    /// Opens a request for an operation that began with the verdict to hold it, or finds the one that its client comes again for.
    /// `text` and `objects`: the operation, with what is sensitive masked.
    pub async fn hold(
        &self,
        begun: &mut Begun,
        question: &Question,
        text: &str,
        objects: &[String],
    ) -> Result<Held, SessionError> {
        let pledge = begun.pledge.take();
        let pledge = pledge.ok_or(SessionError::Internal("what is held was not committed to"))?;
        let (principal, sign_in, token, reason) = {
            let state = self.core.state();
            let (principal, token) = (state.principal.clone(), state.token.clone());
            (principal, state.sign_in, token, state.reason.clone())
        };
        let principal = principal.ok_or(SessionError::Internal("a session without a principal"))?;
        let approvals = self.core.shared.services.approvals.clone();
        let token = token.as_deref();
        let known = approvals.come_again(token, &principal, self.resource(), &pledge.exact);
        let number = begun.number;
        if let Some(held) = known {
            return Ok(Held::new(held, number));
        }
        let (resource, session) = (self.resource().to_owned(), self.id());
        let (text, objects) = (text.to_owned(), objects.to_vec());
        let (verbs, ruled) = (question.verbs.clone(), begun.ruled.clone());
        // It waits for a disk.
        let opened = tokio::task::spawn_blocking(move || {
            let operation = HeldOperation {
                principal: &principal,
                sign_in,
                resource: &resource,
                session,
                operation: number,
                text: &text,
                verbs: &verbs,
                objects: &objects,
                approvals: &ruled.approvals,
                policy: &ruled.policy,
                justification: reason.as_deref(),
            };
            let held = approvals.hold(operation, pledge)?;
            approvals.record_notified(held.request(), "client", "custos.request.opened", None)?;
            Ok::<_, ApprovalsError>(held)
        });
        let opened = opened.await;
        let held =
            opened.map_err(|_| SessionError::Internal("a request could not be opened"))??;
        Ok(Held::new(held, number))
    }

    /// Checks once more what was approved against what will be forwarded, and puts its execution on record. It may be
    /// forwarded as [`Session::may_forward`] says, from the position that is returned.
    pub fn execute(&self, held: Held, exact: &Exact) -> Result<Position, SessionError> {
        if let Some(interrupt) = self.core.stopped() {
            return Err(SessionError::Interrupted(interrupt));
        }
        let number = held.number;
        let policy = self.rules();
        held.inner
            .execute(exact, policy.digest(), self.id(), |approved| {
                if let Some(grant) = approved.grant {
                    self.core.state().grants.insert(grant);
                    self.core.bind_grants();
                }
                let id = approved.request.to_string();
                let approval = Approval {
                    id: &id,
                    commit: Some(&approved.commit),
                    by: &approved.by,
                };
                Ok(self.log().approved(number, &approval)?)
            })
    }
}
