//! Requests before policy.

use std::sync::Arc;

use custos_model::{Decision, Effect, Operation, OperationNumber, Outcome};
use custos_session::{Ruled, Rules, SessionError};

use super::{Batch, NOT_UTF8, Requests};
use crate::judge::{Analysis, Plan};
use crate::names::Statement;
use crate::refusal::Refusal;

/// Whether a message goes on to the target.
pub(super) enum Judged {
    /// It does; its answers are under this plan.
    Passes(Option<Arc<Plan>>),
    /// It does not.
    Refused(Refusal),
}

pub(super) fn denied(refusal: &Refusal) -> Outcome {
    Outcome {
        error: Some((refusal.sqlstate.to_owned(), refusal.message.clone())),
        denied: true,
        ..Outcome::default()
    }
}

impl Requests<'_> {
    /// What a text does, where that is asked for.
    pub(super) fn analyse(&mut self, text: &[u8]) -> Option<(Arc<Analysis>, Rules)> {
        let rules = self.session.rules();
        rules
            .are_judged()
            .then(|| (self.judge.analyse(text, &rules), rules))
    }

    pub(super) fn begin(
        &mut self,
        batch: &mut Batch,
        operation: &Operation<'_>,
        analysis: Option<(Arc<Analysis>, Rules)>,
    ) -> Result<(OperationNumber, Judged), SessionError> {
        let question = analysis.as_ref().map(|(analysis, _)| &analysis.question);
        let begun = self.session.begin(operation, question)?;
        batch.position = Some(begun.position);
        if operation.effect != Effect::Read {
            batch.effect = operation.effect;
        }
        let number = begun.number;
        let Some((analysis, rules)) = analysis else {
            return Ok((number, Judged::Passes(None)));
        };
        let judged = self.judged(&analysis, rules, &begun.ruled, Some(number))?;
        if let Judged::Passes(_) = judged {
            self.judge.forwarded(&analysis);
        }
        Ok((number, judged))
    }

    /// What follows from a verdict.
    pub(super) fn judged(
        &self,
        analysis: &Arc<Analysis>,
        rules: Rules,
        ruled: &Ruled,
        operation: Option<OperationNumber>,
    ) -> Result<Judged, SessionError> {
        if ruled.verdict.decision == Decision::Deny {
            let session = self.session.id().to_string();
            let refusal = Refusal::denied(analysis, ruled, &session, operation);
            return Ok(Judged::Refused(refusal));
        }
        if !rules.have_labels() {
            return Ok(Judged::Passes(None));
        }
        let plan = Plan::new(
            Arc::clone(analysis),
            ruled.masks.clone(),
            self.session.recorded(&rules)?,
            self.judge.snapshot(),
            rules,
        );
        if plan.copies_in_an_odd_form() {
            return Ok(Judged::Refused(Refusal::odd_copy()));
        }
        Ok(Judged::Passes(Some(Arc::new(plan))))
    }

    /// A refused operation has its outcome at once.
    pub(super) fn refused(
        &self,
        operation: OperationNumber,
        refusal: &Refusal,
    ) -> Result<(), SessionError> {
        self.session.finish(operation, &denied(refusal)).map(drop)
    }

    pub(super) fn analyse_statement(
        &mut self,
        statement: &Statement,
    ) -> Option<(Arc<Analysis>, Rules)> {
        let text = if statement.is_utf8 {
            statement.text.as_bytes()
        } else {
            NOT_UTF8
        };
        self.analyse(text)
    }
}
