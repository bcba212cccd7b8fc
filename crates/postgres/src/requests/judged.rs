//! Requests before policy.

use std::borrow::Cow;
use std::sync::Arc;

use custos_model::{Decision, Effect, Operation, OperationNumber, Outcome};
use custos_session::{Exact, Limit, Masks, Ruled, Rules, SessionError};

use super::held::{HeldMessage, Waiting, is_pinned, with_runs};
use super::{Batch, NOT_PINNED, NOT_SUPPORTED, NOT_UTF8, Requests};
use crate::conversation::Conversation;
use crate::judge::{Analysis, Plan};
use crate::names::Statement;
use crate::refusal::Refusal;
use crate::wire::frontend::Bind;

/// Whether a message goes on to the target.
pub(super) enum Judged {
    /// It does; its answers are under this plan.
    Passes(Option<Arc<Plan>>),
    /// It does not.
    Refused(Refusal),
    /// It waits for people.
    Held(Box<Waiting>),
}

/// What an operation does, for records.
pub(super) struct Doing<'a> {
    pub(super) effect: Effect,
    pub(super) may_change: bool,
    pub(super) objects: Cow<'a, [String]>,
}

impl<'a> Doing<'a> {
    /// By its analysis, or where it is not judged by `scan`.
    pub(super) fn of(
        analysis: Option<&'a Analysis>,
        masks: &Masks,
        scan: impl FnOnce() -> Effect,
    ) -> Self {
        let Some(analysis) = analysis else {
            let effect = scan();
            return Self {
                effect,
                may_change: effect != Effect::Read,
                objects: Cow::Borrowed(&[]),
            };
        };
        let objects = &analysis.question.objects;
        let masked = |object: &String| match masks.text(object.as_bytes()) {
            Some(masked) => String::from_utf8_lossy(&masked).into_owned(),
            None => object.clone(),
        };
        let objects = match masks.detected() {
            Some(_) => Cow::Owned(objects.iter().map(masked).collect()),
            None => Cow::Borrowed(objects.as_slice()),
        };
        Self {
            effect: analysis.effect(),
            may_change: analysis.may_change,
            objects,
        }
    }
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
        conversation: &mut Conversation,
        operation: &Operation<'_>,
        analysis: Option<(Arc<Analysis>, Rules)>,
        message: HeldMessage,
        exact: impl FnOnce() -> Exact,
    ) -> Result<(OperationNumber, Judged), SessionError> {
        let question = analysis.as_ref();
        let question = question.map(|(analysis, rules)| (&analysis.question, rules));
        let mut plan = None;
        let refuse = |ruled: &Ruled| {
            let Some((analysis, rules)) = &analysis else {
                return Ok(None);
            };
            plan = self.plan(analysis, rules.clone(), ruled)?;
            let is_odd = plan.as_ref().is_some_and(Plan::copies_in_an_odd_form);
            let is_held = ruled.verdict.decision == Decision::Hold;
            Ok(if is_odd {
                Some(NOT_SUPPORTED)
            } else if is_held && !is_pinned(&message, analysis) {
                Some(NOT_PINNED)
            } else {
                None
            })
        };
        let exact = || match &analysis {
            Some((analysis, _)) => with_runs(exact(), analysis),
            None => exact(),
        };
        let begun = self.session.begin(operation, question, refuse, exact)?;
        batch.position = Some(begun.position);
        batch.may_change |= operation.may_change;
        let number = begun.number;
        let Some((analysis, _)) = analysis else {
            return Ok((number, Judged::Passes(None)));
        };
        if begun.ruled.verdict.decision == Decision::Hold {
            let shown = (operation.text.to_owned(), operation.objects.to_vec());
            let waiting = Waiting::new(begun, shown, message, analysis);
            return Ok((number, Judged::Held(Box::new(waiting))));
        }
        let judged = self.judged(&analysis, &begun.ruled, plan, Some(number));
        if let Judged::Passes(_) = judged {
            self.judge.forwarded(&analysis);
            if analysis.may_change_objects() {
                conversation.changing = Some(self.judge.catalogue());
            }
        }
        Ok((number, judged))
    }

    /// What results are under, where something is masked for anybody, or limited.
    pub(super) fn plan(
        &self,
        analysis: &Arc<Analysis>,
        rules: Rules,
        ruled: &Ruled,
    ) -> Result<Option<Plan>, SessionError> {
        let recorded = self.session.recorded(&rules)?;
        let is_limited = ruled.limit != Limit::default();
        Ok((is_limited || !recorded.is_empty()).then(|| {
            let snapshot = self.judge.snapshot();
            let analysis = Arc::clone(analysis);
            let masks = ruled.masks.clone();
            Plan::new(analysis, masks, recorded, snapshot, rules, ruled.limit)
        }))
    }

    /// What follows from a verdict.
    pub(super) fn judged(
        &self,
        analysis: &Analysis,
        ruled: &Ruled,
        plan: Option<Plan>,
        operation: Option<OperationNumber>,
    ) -> Judged {
        let is_odd = plan.as_ref().is_some_and(Plan::copies_in_an_odd_form);
        // It may be denied for that alone.
        let by_policy = ruled.verdict.rules.iter().any(|rule| rule != NOT_SUPPORTED);
        if is_odd && (ruled.verdict.decision != Decision::Deny || !by_policy) {
            return Judged::Refused(Refusal::odd_copy());
        }
        if ruled.verdict.decision == Decision::Deny {
            let session = self.session.id().to_string();
            let refusal = Refusal::denied(analysis, ruled, &session, operation);
            return Judged::Refused(refusal);
        }
        Judged::Passes(plan.map(Arc::new))
    }

    /// The masks of what is recorded under the rules that something was judged by.
    pub(super) fn recorded(
        &self,
        analysis: Option<&(Arc<Analysis>, Rules)>,
    ) -> Result<Masks, SessionError> {
        let recorded = analysis.map(|(_, rules)| self.session.recorded(rules));
        Ok(recorded.transpose()?.unwrap_or_default())
    }

    /// A refused operation has its outcome at once.
    pub(super) fn refused(
        &self,
        operation: OperationNumber,
        refusal: &Refusal,
    ) -> Result<(), SessionError> {
        self.session.finish(operation, &denied(refusal)).map(drop)
    }

    /// What a statement does that is bound by this name.
    pub(super) fn analyse_bound(
        &mut self,
        name: &[u8],
        statements: &[Arc<Statement>],
    ) -> Option<(Arc<Analysis>, Rules)> {
        let also = self.judge.prepared_in_sql(name);
        self.analyse_all(statements, also.as_deref())
    }

    /// A portal is bound to one of these statements, or of those prepared in SQL, which are returned; `None`: more than
    /// are known.
    pub(super) fn bound(
        &mut self,
        bind: &Bind<'_>,
        statements: &[Arc<Statement>],
    ) -> Option<Vec<String>> {
        if !self.session.rules().are_judged() {
            return Some(Vec::new());
        }
        let in_sql = self.judge.prepared_in_sql(bind.statement);
        let is_read = statements.iter().all(|statement| statement.is_utf8);
        let texts = in_sql.as_ref().filter(|_| is_read).map(|in_sql| {
            let own = statements.iter().map(|statement| statement.text.as_str());
            own.chain(in_sql.iter().map(String::as_str))
        });
        self.judge.bound(bind.portal, texts);
        in_sql
    }

    /// What is executed by this name.
    pub(super) fn analyse_opened(
        &mut self,
        conversation: &Conversation,
        name: &[u8],
    ) -> Option<(Arc<Analysis>, Rules)> {
        if !self.session.rules().are_judged() {
            return None;
        }
        let portals = conversation.portals_named(name);
        let mut also = self.judge.declared(name);
        for portal in &portals {
            also = also
                .zip(portal.in_sql.clone())
                .map(|(also, more)| [also, more].concat());
        }
        let statements = portals.iter().flat_map(|portal| {
            let own = std::iter::once(&portal.statement);
            own.chain(&portal.others).cloned()
        });
        let statements: Vec<_> = statements.collect();
        self.analyse_all(&statements, also.as_deref())
    }

    fn analyse_all(
        &mut self,
        statements: &[Arc<Statement>],
        also: Option<&[String]>,
    ) -> Option<(Arc<Analysis>, Rules)> {
        let rules = self.session.rules();
        if !rules.are_judged() {
            return None;
        }
        let own = statements.iter().map(|statement| {
            if statement.is_utf8 {
                statement.text.as_bytes()
            } else {
                NOT_UTF8
            }
        });
        let mut texts: Vec<&[u8]> = own.collect();
        match also {
            Some(also) => texts.extend(also.iter().map(String::as_bytes)),
            None => texts.push(NOT_UTF8),
        }
        Some((self.judge.analyse_all(&texts, &rules), rules))
    }
}
