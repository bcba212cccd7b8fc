//! Rights for some time: what rules with `per: session` or `per: window` allow, once people have agreed.

use custos_model::{Instant, Principal, RequestId, SessionId, SignInId};
use custos_policy::documents::{Alternatives, Per};
use custos_store::Shelf;
use serde::{Deserialize, Serialize};

use crate::announcement::Happening;
use crate::approvals::{Approvals, Ending, Live, Progress, State};
use crate::hold::same_people;
use crate::refusal::{ApprovalsError, Refusal};
use crate::request::{Alternative, Request, RequestKind, are_unchanged};
use crate::vote::{Vote, is_person};

/// Seconds that a right for one session lasts at most.
pub(crate) const SESSION_SECONDS_MAX: u64 = 12 * 3600;

/// A right that somebody has now.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// What was asked; its id is the grant's.
    pub request: Request,
    /// Whose it is.
    pub principal: Principal,
    /// Since when, UTC nanoseconds.
    pub since_utc_ns: u64,
    /// Until when, that moment excluded.
    pub until_utc_ns: u64,
    /// The one session that it is for; with `per: session`, from when it was first used.
    pub session: Option<SessionId>,
    /// It is for one session.
    pub is_for_session: bool,
    /// It ends with this sign-in: a machine's job.
    pub sign_in: Option<SignInId>,
    /// Until when it must be reviewed, where nobody agreed to it beforehand.
    pub review_due_utc_ns: Option<u64>,
    /// It was told that the review is overdue.
    pub is_overdue: bool,
    /// Rules that it meets the approvals of, each with its digest.
    pub(crate) rules: Vec<(String, String)>,
    pub(crate) votes: Vec<Vote>,
    /// Under which keys and policy its signatures and rules were checked last, and whether they were good.
    #[serde(skip)]
    pub(crate) checked: Option<(u64, String, bool)>,
}

impl Grant {
    /// Its id.
    pub fn id(&self) -> RequestId {
        self.request.id
    }

    /// Whether it holds at a time.
    pub fn is_live(&self, utc_ns: u64) -> bool {
        utc_ns < self.until_utc_ns
    }

    /// Whether it is somebody's own, or of a rule that she decides on.
    pub fn is_seen_by(&self, principal: &Principal) -> bool {
        let decides = self.request.groups();
        same_people(&self.principal, principal)
            || principal
                .groups
                .iter()
                .any(|group| decides.contains(group.as_str()))
    }

    /// It was agreed to for what is asked: for that rule, and for that verb. What is to be approved by itself is under no
    /// grant.
    fn covers(&self, alternatives: &Alternatives) -> bool {
        let mut any_of = alternatives.any_of.iter();
        let mut verbs = self.request.verbs.iter();
        verbs.any(|verb| verb == alternatives.verb.as_str())
            && any_of.any(|(rule, approve)| {
                approve.per != Per::Statement && self.rules.iter().any(|(own, _)| own == rule)
            })
    }
}

/// What is kept of requests.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kept {
    /// A right was asked for.
    Asked(Asked),
    /// A right.
    Granted(Grant),
}

/// A request for a right.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) requester: Principal,
    pub(crate) sign_in: Option<SignInId>,
    pub(crate) requested_utc_ns: u64,
    pub(crate) expires_utc_ns: u64,
    pub(crate) rules: Vec<(String, String)>,
    pub(crate) votes: Vec<Vote>,
}

/// A grant that has ended. Sessions that used it are to be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantEnd {
    /// Which.
    pub grant: RequestId,
    /// Why: `time`, `session`, `job`, `revoked`, `policy`, `key`.
    pub ending: &'static str,
}

impl Approvals {
    /// The grant that meets a demand for somebody's session, if there is one: live, of an unchanged rule, with approvals
    /// whose signatures still fit.
    pub fn grant_for(
        &self,
        principal: &Principal,
        resource: &str,
        session: Option<SessionId>,
        alternatives: &Alternatives,
    ) -> Option<RequestId> {
        let now = self.now();
        let mut state = self.state();
        let fits = |grant: &&Grant| {
            grant.is_live(now.utc_ns)
                && grant.request.resource == resource
                && same_people(&grant.principal, principal)
                && (grant.session.is_none() || session.is_none() || grant.session == session)
                && grant.covers(alternatives)
        };
        let fitting: Vec<RequestId> = state.grants.values().filter(fits).map(Grant::id).collect();
        fitting
            .into_iter()
            .find(|id| self.is_backed(&mut state, *id))
    }

    /// A session uses a grant: one that is for a single session is for no other from now on. Whether it holds still.
    pub fn bind(&self, id: RequestId, session: SessionId) -> bool {
        let now = self.now();
        let mut state = self.state();
        let grant = state.grants.get_mut(&id);
        let Some(grant) = grant.filter(|grant| grant.is_live(now.utc_ns)) else {
            return false;
        };
        if !grant.is_for_session || grant.session == Some(session) {
            return true;
        }
        if grant.session.is_some() {
            return false;
        }
        grant.session = Some(session);
        let kept = Kept::Granted(grant.clone());
        // A restart ends the session, and with it the grant.
        self.keep(Shelf::Requests, &id.to_string(), &kept).is_ok()
    }

    /// Does something under a grant that holds, so that its end is on record only after what was done; `None`: it holds no more.
    pub fn under<T>(&self, id: RequestId, work: impl FnOnce() -> T) -> Option<T> {
        let now = self.now();
        let state = self.state();
        let grant = state.grants.get(&id)?;
        grant.is_live(now.utc_ns).then(work)
    }

    /// Whether somebody has a grant for a resource now.
    pub fn has_grant(&self, principal: &Principal, resource: &str) -> bool {
        let now = self.now();
        let state = self.state();
        state.grants.values().any(|grant| {
            grant.is_live(now.utc_ns)
                && grant.request.resource == resource
                && same_people(&grant.principal, principal)
        })
    }

    /// Whether the rules are as they were, and the signatures of those who agreed fit.
    fn is_backed(&self, state: &mut State, id: RequestId) -> bool {
        let policy = self.inner.policy.load().digest().to_owned();
        let version = state.keys_version;
        let Some(grant) = state.grants.get(&id) else {
            return false;
        };
        if let Some((keys, known, good)) = &grant.checked
            && (*keys, known) == (version, &policy)
        {
            return *good;
        }
        let same = self.with_documents(|set| are_unchanged(set, &grant.rules));
        let agreed = grant.votes.iter().all(|vote| Self::is_signed(state, vote));
        let is_taken = grant.request.kind == RequestKind::BreakGlass;
        let good = same == Some(true) && agreed && (is_taken || !grant.votes.is_empty());
        if let Some(grant) = state.grants.get_mut(&id) {
            grant.checked = Some((version, policy, good));
        }
        good
    }

    /// Begins what was agreed to. It is kept and on record when this returns.
    pub(crate) fn begin_grant(
        &self,
        state: &mut State,
        id: RequestId,
        chosen: &[Alternative],
        session: Option<SessionId>,
        now: Instant,
    ) -> Result<RequestId, ApprovalsError> {
        let live = state.requests.get(&id).ok_or(Refusal::Ended)?;
        let shortest = chosen.iter().filter_map(|alternative| alternative.seconds);
        let seconds = shortest.chain(live.request.seconds).min();
        let is_for_session = chosen
            .iter()
            .any(|alternative| alternative.per == "session");
        let rules = live.rules.iter();
        let rules = rules.filter(|(rule, _)| chosen.iter().any(|it| it.rule == *rule));
        // What is for one session ends with it, and is not kept for one that never comes.
        let seconds = seconds.unwrap_or(SESSION_SECONDS_MAX);
        let seconds = if is_for_session {
            seconds.min(SESSION_SECONDS_MAX)
        } else {
            seconds
        };
        let lasts_ns = seconds.saturating_mul(1_000_000_000);
        let session = session.filter(|_| is_for_session || !is_person(&live.requester));
        let grant = Grant {
            rules: rules.cloned().collect(),
            request: live.request.clone(),
            principal: live.requester.clone(),
            since_utc_ns: now.utc_ns,
            until_utc_ns: now.utc_ns.saturating_add(lasts_ns),
            session,
            is_for_session,
            sign_in: live.sign_in.filter(|_| !is_person(&live.requester)),
            review_due_utc_ns: None,
            is_overdue: false,
            votes: live.votes.clone(),
            checked: None,
        };
        self.start_grant(state, grant)?;
        Ok(id)
    }

    pub(crate) fn start_grant(
        &self,
        state: &mut State,
        grant: Grant,
    ) -> Result<(), ApprovalsError> {
        let id = grant.id();
        // On record first: what is kept is in force after a crash.
        self.record_grant_started(&grant)?;
        self.keep(
            Shelf::Requests,
            &id.to_string(),
            &Kept::Granted(grant.clone()),
        )?;
        let happening = if grant.request.kind == RequestKind::BreakGlass {
            Happening::BreakGlass
        } else {
            Happening::GrantStarted
        };
        self.announce(&grant.request, happening);
        state.grants.insert(id, grant);
        Ok(())
    }

    /// Grants that hold, oldest first.
    pub fn grants(&self) -> Vec<Grant> {
        let now = self.now();
        let state = self.state();
        let live = state
            .grants
            .values()
            .filter(|grant| grant.is_live(now.utc_ns));
        let mut live: Vec<Grant> = live.cloned().collect();
        live.sort_by_key(Grant::id);
        live
    }

    /// Takes a grant back. Its sessions are to be cut: the end is returned.
    pub fn revoke_grant(
        &self,
        id: RequestId,
        by: &Principal,
        is_operator: bool,
        reason: &str,
    ) -> Result<GrantEnd, ApprovalsError> {
        let mut state = self.state();
        let grant = state.grants.get(&id);
        let grant = grant.filter(|grant| grant.until_utc_ns > 0);
        let grant = grant.ok_or(Refusal::NotFound)?;
        let decides = || -> Result<bool, ApprovalsError> {
            let groups = self.groups_now(by, self.now())?.unwrap_or_default();
            let of = grant.request.groups();
            Ok(groups.iter().any(|group| of.contains(group.as_str())))
        };
        if !is_operator && !same_people(&grant.principal, by) && !decides()? {
            return Err(Refusal::NotFound.into());
        }
        Ok(self.end_grant(&mut state, id, "revoked", Some((by, reason))))
    }

    /// Ends a grant, on record. It is over whatever can be recorded and kept of that.
    pub(crate) fn end_grant(
        &self,
        state: &mut State,
        id: RequestId,
        ending: &'static str,
        by: Option<(&Principal, &str)>,
    ) -> GrantEnd {
        if let Some(grant) = state.grants.get_mut(&id) {
            // One that owes a review has ended before, perhaps.
            let ends_now = grant.until_utc_ns > 0;
            grant.until_utc_ns = 0;
            let grant = grant.clone();
            if ends_now {
                if let Err(error) = self.record_grant_ended(&grant, ending, by) {
                    tracing::error!(%error, "the end of a grant could not be recorded");
                }
                self.announce(&grant.request, Happening::GrantEnded { ending });
            }
            // A review that is owed outlives the right.
            let kept = if grant.review_due_utc_ns.is_none() {
                state.grants.remove(&id);
                let discarded = self.inner.store.discard(Shelf::Requests, &id.to_string());
                discarded.map(drop).map_err(ApprovalsError::from)
            } else {
                self.keep(Shelf::Requests, &id.to_string(), &Kept::Granted(grant))
            };
            if let Err(error) = kept {
                tracing::error!(%error, "the end of a grant could not be kept");
            }
        }
        GrantEnd { grant: id, ending }
    }

    /// A session has ended: so do the grants that were for it alone.
    pub fn session_ended(&self, session: SessionId) {
        let mut state = self.state();
        let of = state.grants.values();
        let of = of.filter(|grant| grant.session == Some(session) && grant.until_utc_ns > 0);
        let ended: Vec<RequestId> = of.map(Grant::id).collect();
        for id in ended {
            self.end_grant(&mut state, id, "session", None);
        }
    }

    /// Reads what is kept, and ends what a restart ends.
    pub(crate) fn load(&self) -> Result<(), ApprovalsError> {
        self.load_keys()?;
        for (id, body) in self.inner.store.kept(Shelf::Held)? {
            let damaged = |_| ApprovalsError::Damaged { what: id.clone() };
            let request: Request = serde_json::from_slice(&body).map_err(damaged)?;
            let why = "the gateway stopped while it waited";
            self.record_request_ended(&request, Ending::Restarted, Some(why))?;
            self.inner.store.discard(Shelf::Held, &id)?;
        }
        for (id, body) in self.inner.store.kept(Shelf::Requests)? {
            let damaged = |_| ApprovalsError::Damaged { what: id.clone() };
            match serde_json::from_slice(&body).map_err(damaged)? {
                Kept::Asked(asked) => self.take_up(asked),
                Kept::Granted(grant) => self.take_up_grant(grant),
            }
        }
        Ok(())
    }

    fn take_up_grant(&self, grant: Grant) {
        let id = grant.id();
        // Its session ended with the process.
        let is_over = grant.session.is_some() && grant.until_utc_ns > 0;
        if let Some(asked) = crate::ask::review_of(&grant) {
            self.take_up(asked);
        }
        let mut state = self.state();
        state.grants.insert(id, grant);
        if is_over {
            self.end_grant(&mut state, id, "session", None);
        }
    }

    /// Ends a request that is open, and tells whoever waits. Nothing where it has ended already.
    pub(crate) fn end(
        &self,
        id: RequestId,
        ending: Ending,
        why: Option<&str>,
    ) -> Result<(), ApprovalsError> {
        let live = self.state().close(id);
        self.finish(live, ending, why)
    }

    /// Tells, records and forgets a request that was closed.
    pub(crate) fn finish(
        &self,
        live: Option<Live>,
        ending: Ending,
        why: Option<&str>,
    ) -> Result<(), ApprovalsError> {
        let Some(live) = live else { return Ok(()) };
        let id = live.request.id;
        live.tell(Progress::Ended(ending));
        self.record_ended(&live, ending, why)?;
        self.announce(
            &live.request,
            Happening::Ended {
                ending: ending.as_str(),
            },
        );
        if live.request.kind == RequestKind::Operation {
            self.inner.store.discard(Shelf::Held, &id.to_string())?;
        } else if !self.state().grants.contains_key(&id) {
            // A grant is kept under the same id.
            self.inner.store.discard(Shelf::Requests, &id.to_string())?;
        }
        Ok(())
    }
}

impl State {
    /// Takes a request out, with all that belongs to it. Whoever does so under the lock ends it, and nobody else.
    pub(crate) fn close(&mut self, id: RequestId) -> Option<Live> {
        self.tokens.retain(|_, of| *of != id);
        self.challenges
            .retain(|_, challenge| challenge.request != id);
        self.requests.remove(&id)
    }
}
