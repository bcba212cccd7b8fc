//! What time brings: requests expire and escalate, grants end, reviews become overdue.

use custos_model::{Instant, RequestId};
use custos_store::Shelf;

use crate::announcement::Happening;
use crate::approvals::{Approvals, Ending, Live, State};
use crate::grant::{Grant, GrantEnd, Kept};
use crate::refusal::ApprovalsError;
use crate::request::{Request, RequestKind, are_unchanged};

impl Approvals {
    /// To be called several times a second. Grants that ended with it are returned, once each: their sessions are to be cut.
    pub fn tick(&self) -> Vec<GrantEnd> {
        let now = self.now();
        if let Err(error) = self.requests_due(now) {
            tracing::error!(%error, "requests that are due could not be ended");
        }
        self.grants_due(now)
    }

    fn requests_due(&self, now: Instant) -> Result<(), ApprovalsError> {
        let (mut expired, mut escalated): (Vec<RequestId>, Vec<(Request, String)>) =
            Default::default();
        {
            let mut state = self.state();
            for (id, live) in &mut state.requests {
                if live.request.kind != RequestKind::BreakGlass && now.utc_ns >= live.expires_utc_ns
                {
                    expired.push(*id);
                } else if let Some(to) = escalates(live, now) {
                    live.is_escalated = true;
                    escalated.push((live.request.clone(), to));
                }
            }
        }
        for (request, to) in escalated {
            self.record_escalated(&request, &to)?;
            self.announce(&request, Happening::Escalated { to });
        }
        for id in expired {
            self.end(id, Ending::Expired, Some("nobody decided in time"))?;
        }
        Ok(())
    }

    fn grants_due(&self, now: Instant) -> Vec<GrantEnd> {
        let mut state = self.state();
        if state.grants.is_empty() {
            return Vec::new();
        }
        let mut over: Vec<(RequestId, &'static str)> = Vec::new();
        for grant in state.grants.values().filter(|grant| grant.until_utc_ns > 0) {
            if !grant.is_live(now.utc_ns) {
                over.push((grant.id(), "time"));
            } else if let Some(sign_in) = grant.sign_in
                // One that cannot be looked up counts as over.
                && !matches!(self.inner.sign_ins.live(sign_in, now), Ok(Some(_)))
            {
                over.push((grant.id(), "job"));
            } else if self.with_documents(|set| are_unchanged(set, &grant.rules)) != Some(true) {
                over.push((grant.id(), "policy"));
            }
        }
        let ended = over.into_iter();
        let ended = ended
            .map(|(id, ending)| self.end_grant(&mut state, id, ending, None))
            .collect();
        if let Err(error) = self.reviews_due(&mut state, now) {
            tracing::error!(%error, "a review that is overdue could not be told");
        }
        ended
    }

    fn reviews_due(&self, state: &mut State, now: Instant) -> Result<(), ApprovalsError> {
        let is_due = |grant: &&mut Grant| {
            !grant.is_overdue && grant.review_due_utc_ns.is_some_and(|due| now.utc_ns >= due)
        };
        for grant in state.grants.values_mut().filter(is_due) {
            grant.is_overdue = true;
            self.record_overdue(grant, grant.review_due_utc_ns.unwrap_or(0))?;
            self.announce(&grant.request, Happening::ReviewOverdue);
            let kept = Kept::Granted(grant.clone());
            self.keep(Shelf::Requests, &grant.id().to_string(), &kept)?;
        }
        Ok(())
    }
}

/// To whom, if it is time and was not told yet.
fn escalates(live: &Live, now: Instant) -> Option<String> {
    if live.is_escalated {
        return None;
    }
    let seconds = now.utc_ns.saturating_sub(live.requested_utc_ns) / 1_000_000_000;
    let mut all = live
        .request
        .alternatives()
        .filter_map(|it| it.escalate.as_ref());
    all.find(|it| seconds >= it.after).map(|it| it.of.clone())
}
