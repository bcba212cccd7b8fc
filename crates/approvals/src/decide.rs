//! People decide.

use custos_evidence::Position;
use custos_model::{ApprovalId, Instant, Principal, RequestId, SignInId};
use custos_signatures::Signature;
use custos_store::Shelf;

use crate::announcement::Happening;
use crate::approvals::{Approvals, Challenge, Ending, Live, Progress, State};
use crate::grant::{GrantEnd, Kept};
use crate::quorum;
use crate::refusal::{ApprovalsError, Refusal};
use crate::request::{
    Alternative, Choice, Person, RequestKind, STATEMENT_TYPE, Statement, WORDS_BYTES_MAX,
    are_unchanged, canonical, time_text,
};
use crate::vote::{Vote, is_person};

/// A statement waits for its signature for so long.
const CHALLENGE_NS: u64 = 10 * 60 * 1_000_000_000;
/// Statements that may wait at once; the oldest make room.
const CHALLENGES_MAX: usize = 10_000;

/// Somebody who decides.
#[derive(Clone, Debug)]
pub struct Approver {
    /// Who, with the groups of now.
    pub principal: Principal,
    /// Under which sign-in.
    pub sign_in: SignInId,
}

/// What somebody wants to decide.
#[derive(Clone, Debug)]
pub struct Intention {
    /// On what.
    pub request: RequestId,
    /// Yes or no.
    pub decision: Choice,
    /// Why.
    pub justification: String,
    /// Fingerprint of the key that will sign; `None`: without a signature.
    pub key: Option<String>,
}

/// A statement to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToSign {
    /// The approval's id.
    pub approval: ApprovalId,
    /// The bytes to sign.
    pub statement: String,
}

/// A decision that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Its id.
    pub approval: ApprovalId,
    /// Enough have agreed now, or somebody has not.
    pub settles: bool,
    /// What the request still waits for.
    pub waits_for: String,
    /// Grants that ended with it: sessions that used them are to be cut.
    pub ended: Vec<GrantEnd>,
}

impl Approvals {
    /// Makes the statement that somebody is to sign. A refusal goes on record.
    pub fn prepare(
        &self,
        approver: &Approver,
        wanted: &Intention,
    ) -> Result<ToSign, ApprovalsError> {
        let made = self.try_prepare(approver, wanted);
        self.recorded_if_refused(Some(wanted.request), &approver.principal, made)
    }

    fn try_prepare(
        &self,
        approver: &Approver,
        wanted: &Intention,
    ) -> Result<ToSign, ApprovalsError> {
        let now = self.now();
        let words = wanted.justification.trim();
        if words.is_empty() || words.len() > WORDS_BYTES_MAX {
            return Err(Refusal::NoReason.into());
        }
        let mut state = self.state();
        let live = state
            .requests
            .get(&wanted.request)
            .ok_or(Refusal::NotFound)?;
        self.may_decide(live, approver, wanted.decision, now)?;
        let method = match &wanted.key {
            None => {
                attested(live)?;
                "attested"
            }
            Some(key) => {
                let enrolled = state.keys.get(key);
                let enrolled = enrolled.filter(|enrolled| enrolled.is_of(&approver.principal));
                enrolled.ok_or(Refusal::UnknownKey)?.key.method().as_str()
            }
        };
        let statement = Statement {
            approver: Person::approver(&approver.principal),
            decision: wanted.decision,
            id: self.inner.ids.approval(now.utc_ns),
            justification: words.to_owned(),
            key: wanted.key.clone(),
            log: self.origin(now.utc_ns),
            method: method.to_owned(),
            nonce: self.random_hex::<32>(),
            request: live.request.clone(),
            time: time_text(now.utc_ns),
            kind: STATEMENT_TYPE.to_owned(),
        };
        let approval = statement.id;
        let text = canonical(&statement).map_err(|_| Refusal::Malformed)?;
        let challenge = Challenge {
            statement: text.clone(),
            request: wanted.request,
            approver: approver.principal.clone(),
            made_utc_ns: now.utc_ns,
        };
        make_room(&mut state, now);
        state.challenges.insert(approval, challenge);
        Ok(ToSign {
            approval,
            statement: text,
        })
    }

    /// Takes a decision: the statement that was made for this approver, signed. It is kept and on record, at the
    /// position that is returned, before it counts.
    pub fn decide(
        &self,
        approver: &Approver,
        approval: ApprovalId,
        signature: Option<Signature>,
    ) -> Result<(Decided, Position), ApprovalsError> {
        let request = {
            let state = self.state();
            state
                .challenges
                .get(&approval)
                .map(|challenge| challenge.request)
        };
        let decided = self.try_decide(approver, approval, signature);
        self.recorded_if_refused(request, &approver.principal, decided)
    }

    fn try_decide(
        &self,
        approver: &Approver,
        approval: ApprovalId,
        signature: Option<Signature>,
    ) -> Result<(Decided, Position), ApprovalsError> {
        let now = self.now();
        let mut state = self.state();
        // Taken away whatever comes of it: a statement is good for one try.
        let challenge = state
            .challenges
            .remove(&approval)
            .ok_or(Refusal::OtherStatement)?;
        let is_hers = (&challenge.approver.issuer, &challenge.approver.subject)
            == (&approver.principal.issuer, &approver.principal.subject);
        if !is_hers || now.utc_ns.saturating_sub(challenge.made_utc_ns) > CHALLENGE_NS {
            return Err(Refusal::OtherStatement.into());
        }
        let vote = Vote {
            id: approval,
            approver: approver.principal.clone(),
            sign_in: approver.sign_in,
            statement: challenge.statement,
            signature,
            utc_ns: now.utc_ns,
        };
        let statement = vote.read().ok_or(Refusal::OtherStatement)?;
        let id = challenge.request;
        let live = state.requests.get(&id).ok_or(Refusal::Ended)?;
        if statement.request != live.request {
            return Err(Refusal::OtherStatement.into());
        }
        self.may_decide(live, approver, statement.decision, now)?;
        if vote.signature.is_none() {
            attested(live)?;
        }
        if !Self::is_signed(&state, &vote) {
            return Err(Refusal::WrongSignature.into());
        }
        self.keep_files(&vote)?;
        let position = self.record_decided(live, &vote, &statement)?;
        let happening = Happening::Decided {
            by: approver.principal.name.clone(),
            decision: statement.decision,
        };
        self.announce(&live.request, happening);
        let decided = self.count(state, id, vote, statement.decision, now)?;
        Ok((decided, position))
    }

    /// What follows from a decision that is on record.
    fn count(
        &self,
        mut state: std::sync::MutexGuard<'_, State>,
        id: RequestId,
        vote: Vote,
        decision: Choice,
        now: Instant,
    ) -> Result<Decided, ApprovalsError> {
        let approval = vote.id;
        if decision == Choice::Deny {
            let why = format!("denied by {}", vote.approver.name);
            let ended = self.rejected(&mut state, id, &vote.approver, &why);
            let live = state.close(id);
            drop(state);
            self.finish(live, Ending::Denied, Some(&why))?;
            return Ok(Decided {
                approval,
                settles: true,
                waits_for: why,
                ended,
            });
        }
        state
            .requests
            .get_mut(&id)
            .ok_or(Refusal::Ended)?
            .votes
            .push(vote);
        let yeses = self.yeses(&mut state, id, now)?;
        let live = state.requests.get_mut(&id).ok_or(Refusal::Ended)?;
        let chosen = quorum::met(&live.request.approve, &yeses);
        let waits_for = live.waits_for(&yeses);
        let Some(chosen) = chosen else {
            live.tell(Progress::Waiting(waits_for.clone()));
            if live.request.kind == RequestKind::Grant {
                let kept = Kept::Asked(live.kept());
                self.keep(Shelf::Requests, &id.to_string(), &kept)?;
            }
            return Ok(Decided {
                approval,
                settles: false,
                waits_for,
                ended: Vec::new(),
            });
        };
        let chosen: Vec<_> = chosen.into_iter().cloned().collect();
        live.is_approved = true;
        live.tell(Progress::Approved);
        let ending = match live.request.kind {
            RequestKind::Operation => None,
            RequestKind::Grant => {
                self.begin_grant(&mut state, id, &chosen, None, now)?;
                Some(Ending::Granted)
            }
            RequestKind::BreakGlass => {
                self.reviewed(&mut state, id, now)?;
                Some(Ending::Reviewed)
            }
        };
        if let Some(ending) = ending {
            let live = state.close(id);
            drop(state);
            self.finish(live, ending, None)?;
        }
        Ok(Decided {
            approval,
            settles: true,
            waits_for: String::new(),
            ended: Vec::new(),
        })
    }

    /// A right that was taken without approval, and that its reviewer does not agree with, ends.
    fn rejected(
        &self,
        state: &mut State,
        id: RequestId,
        by: &Principal,
        why: &str,
    ) -> Vec<GrantEnd> {
        let Some(grant) = state.grants.get_mut(&id) else {
            return Vec::new();
        };
        grant.review_due_utc_ns = None;
        vec![self.end_grant(state, id, "revoked", Some((by, why)))]
    }

    fn reviewed(
        &self,
        state: &mut State,
        id: RequestId,
        now: Instant,
    ) -> Result<(), ApprovalsError> {
        let Some(grant) = state.grants.get_mut(&id) else {
            return Ok(());
        };
        grant.review_due_utc_ns = None;
        if grant.is_live(now.utc_ns) {
            let kept = Kept::Granted(grant.clone());
            return self.keep(Shelf::Requests, &id.to_string(), &kept);
        }
        state.grants.remove(&id);
        Ok(())
    }

    /// Whether somebody may decide on a request at all, now.
    pub(crate) fn may_decide(
        &self,
        live: &Live,
        approver: &Approver,
        decision: Choice,
        now: Instant,
    ) -> Result<(), Refusal> {
        let principal = &approver.principal;
        if now.utc_ns >= live.expires_utc_ns && live.request.kind != RequestKind::BreakGlass {
            return Err(Refusal::Expired);
        }
        if live.request.involves(&Person::approver(principal)) {
            return Err(Refusal::Requester);
        }
        if !is_person(principal) {
            return Err(Refusal::NotHuman);
        }
        let after_seconds = now.utc_ns.saturating_sub(live.requested_utc_ns) / 1_000_000_000;
        let counting = live.request.alternatives();
        let mut counting = counting
            .filter(|it| it.counts(&principal.groups, after_seconds))
            .peekable();
        if counting.peek().is_none() {
            return Err(Refusal::NotInGroup);
        }
        // One person under two names counts once.
        let person = Person::approver(principal);
        let mut voters = live
            .votes
            .iter()
            .map(|vote| Person::approver(&vote.approver));
        if voters.any(|voter| voter.may_be(&person)) {
            return Err(Refusal::AlreadyDecided);
        }
        if decision == Choice::Deny {
            return Ok(());
        }
        if live.request.justification.is_none() {
            return Err(Refusal::Unjustified);
        }
        if live.request.kind == RequestKind::BreakGlass {
            return Ok(());
        }
        let same = self.with_documents(|set| are_unchanged(set, &live.rules));
        if same != Some(true) {
            return Err(Refusal::OtherPolicy);
        }
        let closed = self.closed(live, now.utc_ns);
        let is_open = |alternative: &Alternative| !closed.contains(&alternative.rule);
        counting
            .any(is_open)
            .then_some(())
            .ok_or(Refusal::OutsideHours)
    }

    /// A refused try goes on record. `request`: on what, where that is known.
    pub(crate) fn recorded_if_refused<T>(
        &self,
        request: Option<RequestId>,
        by: &Principal,
        result: Result<T, ApprovalsError>,
    ) -> Result<T, ApprovalsError> {
        if let Err(error) = &result
            && let Some(refusal) = error.refusal()
        {
            self.record_refused(request, by, refusal)?;
        }
        result
    }
}

/// Whether a decision without a signature counts for any of its rules.
fn attested(live: &Live) -> Result<(), Refusal> {
    let mut each = live.request.alternatives();
    each.any(|it| it.attested)
        .then_some(())
        .ok_or(Refusal::NotAttested)
}

fn make_room(state: &mut State, now: Instant) {
    if state.challenges.len() < CHALLENGES_MAX {
        return;
    }
    let fresh =
        |challenge: &Challenge| now.utc_ns.saturating_sub(challenge.made_utc_ns) <= CHALLENGE_NS;
    state.challenges.retain(|_, challenge| fresh(challenge));
    while state.challenges.len() >= CHALLENGES_MAX {
        let oldest = state.challenges.iter().min_by_key(|(_, it)| it.made_utc_ns);
        let Some(oldest) = oldest.map(|(id, _)| *id) else {
            return;
        };
        state.challenges.remove(&oldest);
    }
}
