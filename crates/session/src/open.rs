//! Open: operations pass, each one decided and recorded before it does.

use std::sync::Arc;

use custos_approvals::{Exact, Pledge};
use custos_evidence::{IntentApproval, Position, SessionLog, Transfer};
use custos_model::{Decision, Operation, OperationNumber, Outcome, Verdict};
use custos_policy::documents::Question;
use custos_store::Resource;
use tokio::sync::OwnedSemaphorePermit;

use crate::Session;
use crate::error::SessionError;
use crate::masks::Masks;
use crate::rules::{Place, Ruled, Rules};
use crate::strictness::Strictness;
use crate::transcript::{Event, Lines};
use crate::upstream::Upstream;

/// The target answers and operations pass.
#[derive(Debug)]
pub struct Open {
    log: Arc<SessionLog>,
    resource: Resource,
    strictness: Strictness,
    place: Place,
}

impl Open {
    pub(crate) fn new(
        log: Arc<SessionLog>,
        resource: Resource,
        strict: bool,
        place: Place,
    ) -> Self {
        Self {
            log,
            resource,
            strictness: Strictness::new(strict),
            place,
        }
    }
}

/// An operation that was decided and whose intent is in the log, though perhaps not durable yet.
#[derive(Debug)]
pub struct Begun {
    /// Its number in the session.
    pub number: OperationNumber,
    /// Whether it may pass, and why, and what its results are shown under.
    pub ruled: Ruled,
    /// Where its intent stands.
    pub position: Position,
    /// What it is committed to, where it is held.
    pub(crate) pledge: Option<Pledge>,
}

impl Session<Open> {
    pub(crate) fn log(&self) -> &SessionLog {
        &self.stage.log
    }

    /// The resource that it is open to.
    pub fn resource(&self) -> &str {
        self.stage.resource.name.as_str()
    }

    /// The target as it is configured.
    pub fn target(&self) -> &Resource {
        &self.stage.resource
    }

    /// Monotonic time, nanoseconds.
    pub fn mono_ns(&self) -> u64 {
        self.core.shared.services.clock.now().mono_ns
    }

    /// The rules that operations are under now.
    pub fn rules(&self) -> Rules {
        self.stage.place.rules(&self.core)
    }

    /// The masks of what is recorded: all labels', whoever may see them clear.
    pub fn recorded(&self, rules: &Rules) -> Result<Masks, SessionError> {
        crate::rules::recorded(&self.core, rules)
    }

    /// Decides on something that is not done yet, under the rules that the question was made for; nothing is recorded.
    pub fn decide(&self, question: &Question, rules: &Rules) -> Result<Ruled, SessionError> {
        self.stage.place.decide(&self.core, Some((question, rules)))
    }

    /// Decides an operation and appends its intent. `question` is what it does, told where operations are judged, and the
    /// rules that it was made for. What is allowed or held is denied all the same by the rule that `refuse` names. `exact` is
    /// what will be forwarded, for those who are to approve it.
    pub fn begin(
        &self,
        operation: &Operation<'_>,
        question: Option<(&Question, &Rules)>,
        refuse: impl FnOnce(&Ruled) -> Result<Option<&'static str>, SessionError>,
        exact: impl FnOnce() -> Exact,
    ) -> Result<Begun, SessionError> {
        // A session that was cut may not have heard of it yet; its next statement is not let through.
        if let Some(interrupt) = self.core.stopped() {
            return Err(SessionError::Interrupted(interrupt));
        }
        let mut ruled = self.stage.place.decide(&self.core, question)?;
        if let Some(rule) = refuse(&ruled)?
            && ruled.verdict.decision != Decision::Deny
        {
            ruled.verdict = Verdict::denied(rule);
        }
        self.within_rate(&mut ruled);
        if ruled.grant.is_some() {
            self.core.bind_grants();
            if let Some(interrupt) = self.core.stopped() {
                return Err(SessionError::Interrupted(interrupt));
            }
        }
        self.stage.strictness.ask(ruled.durability);
        let pledge = self.pledged(&mut ruled, exact);
        let commit = pledge.as_ref().map(|pledge| pledge.commit.to_string());
        let (number, position) = self.intent(operation, &mut ruled, commit.as_deref())?;
        Ok(Begun {
            number,
            ruled,
            position,
            pledge,
        })
    }

    /// Appends an intent. What a grant allows is denied when that has just ended: its end is on record before no intent
    /// that it allowed.
    fn intent(
        &self,
        operation: &Operation<'_>,
        ruled: &mut Ruled,
        commit: Option<&str>,
    ) -> Result<(OperationNumber, Position), SessionError> {
        let log = &self.stage.log;
        if let Some(grant) = ruled.grant {
            let id = grant.to_string();
            let under = IntentApproval {
                commit,
                grant: Some(&id),
            };
            let approvals = &self.core.shared.services.approvals;
            let appended = approvals.under(grant, || {
                log.intent_under(operation, &ruled.verdict, &under)
            });
            if let Some(appended) = appended {
                return Ok(appended?);
            }
            ruled.verdict = Verdict::denied("grant-ended");
        }
        let under = IntentApproval {
            commit,
            grant: None,
        };
        Ok(log.intent_under(operation, &ruled.verdict, &under)?)
    }

    fn within_rate(&self, ruled: &mut Ruled) {
        let Some(rate) = ruled
            .limit
            .rate
            .filter(|_| ruled.verdict.decision != Decision::Deny)
        else {
            return;
        };
        let principal = self.core.state().principal.clone();
        let rates = &self.core.shared.rates;
        let is_within =
            principal.is_some_and(|it| rates.take(&it, self.resource(), rate, self.mono_ns()));
        if !is_within {
            ruled.verdict = Verdict::denied("limit:rate");
            ruled.reasons.push(format!("there were more than {rate}"));
        }
    }

    /// Appends the outcome of an operation.
    pub fn finish(
        &self,
        number: OperationNumber,
        outcome: &Outcome,
    ) -> Result<Position, SessionError> {
        Ok(self.stage.log.outcome(number, outcome)?)
    }

    /// Appends that a file went through an operation that is open.
    pub fn transferred(
        &self,
        number: OperationNumber,
        transfer: &Transfer<'_>,
    ) -> Result<Position, SessionError> {
        Ok(self.stage.log.transferred(number, transfer)?)
    }

    /// Appends an error that belongs to no operation: a statement that did not parse, a message that the
    /// gateway refused; then `verdict` says why.
    pub fn failed(
        &self,
        verb: &'static str,
        text: Option<&str>,
        outcome: &Outcome,
        verdict: Option<&Verdict>,
    ) -> Result<Position, SessionError> {
        Ok(self.stage.log.error(verb, text, outcome, verdict)?)
    }

    /// Starts a transcript line in `lines`, at the time now.
    pub fn event<'l>(&self, lines: &'l mut Lines, operation: OperationNumber) -> Event<'l> {
        lines.event(self.core.elapsed_ns(), operation)
    }

    /// Appends the transcript lines that wait, if any.
    pub fn record(&self, lines: &mut Lines) -> Result<Option<Position>, SessionError> {
        if lines.is_empty() {
            return Ok(None);
        }
        let position = self.stage.log.transcript(lines.bytes(), lines.count())?;
        self.core.show(lines.bytes());
        lines.clear();
        Ok(Some(position))
    }

    /// Returns when what stands up to `position` is safe from a loss of power, however the resource is recorded.
    pub async fn durable(&self, position: Position) -> Result<(), SessionError> {
        Ok(self.core.shared.services.evidence.sync(position).await?)
    }

    /// Returns when what stands up to `position` is safe enough for the request to be forwarded: durable
    /// when it can change something and the resource is strict, else handed to the operating system.
    pub async fn may_forward(
        &self,
        position: Position,
        may_change: bool,
    ) -> Result<(), SessionError> {
        if self.stage.strictness.is_strict() && may_change {
            self.core.shared.services.evidence.sync(position).await?;
        } else {
            let evidence = &self.core.shared.services.evidence;
            evidence.write_out_together(position).await?;
        }
        Ok(())
    }

    /// Whether a response recorded at `position` may go to the client at once. For a resource that is not
    /// strict this makes it so.
    pub async fn may_release_now(&self, position: Position) -> Result<bool, SessionError> {
        let evidence = &self.core.shared.services.evidence;
        if self.stage.strictness.is_strict() {
            return Ok(evidence.is_durable(position));
        }
        evidence.write_out_together(position).await?;
        Ok(true)
    }

    /// Returns when a response recorded at `position` may go to the client.
    pub async fn may_release(&self, position: Position) -> Result<(), SessionError> {
        if !self.may_release_now(position).await? {
            self.core.shared.services.evidence.sync(position).await?;
        }
        Ok(())
    }

    /// Returns when the evidence writer has room for more; called before more is read from the network.
    pub async fn room(&self) {
        self.core.shared.services.evidence.room().await;
    }

    /// Bytes of one request message at most.
    pub fn request_limit_bytes(&self) -> usize {
        self.core.shared.limits().request_bytes
    }

    /// Waits for memory to hold a large request in, shared by all sessions.
    pub async fn request_memory(&self, bytes: usize) -> Result<OwnedSemaphorePermit, SessionError> {
        let kibibytes = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        Arc::clone(&self.core.shared.request_memory)
            .acquire_many_owned(kibibytes)
            .await
            .map_err(|_| SessionError::Internal("request memory is closed"))
    }

    /// Dials the target of this session once more, for protocols that cancel on a second connection.
    pub async fn dial_again(&self) -> Result<Upstream, SessionError> {
        let password = self
            .core
            .shared
            .services
            .store
            .upstream_password_for(&self.stage.resource)?;
        Ok(Upstream::dial(self.stage.resource.clone(), password).await?)
    }
}
