//! A right is asked for before it is needed, or taken where a rule lets somebody break the glass.

use std::collections::BTreeSet;

use custos_evidence::Position;
use custos_model::{Instant, Principal, RequestId, SignInId};
use custos_policy::documents::{
    Alternatives, Approve, BreakGlass, Environment, Per, Resource, Ruling, Verb,
};
use custos_store::Shelf;
use tokio::sync::watch;

use crate::announcement::Happening;
use crate::approvals::{Approvals, Ending, Live, OPEN_REQUESTS_MAX, Progress, State};
use crate::grant::{Asked, Grant, Kept, SESSION_SECONDS_MAX};
use crate::hold::same_people;
use crate::refusal::{ApprovalsError, Refusal};
use crate::request::{
    Alternative, Person, Request, RequestKind, WORDS_BYTES_MAX, demands, expires_seconds, time_text,
};

/// Open requests for rights of one principal.
const OPEN_OF_ONE_MAX: usize = 20;

/// A right that somebody wants.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Who asks.
    pub principal: Principal,
    /// Under which sign-in.
    pub sign_in: Option<SignInId>,
    /// How she is here.
    pub environment: Environment,
    /// On what.
    pub resource: Resource,
    /// To do what, beside opening it.
    pub verbs: BTreeSet<Verb>,
    /// For how long; the longest that the rules allow, if not said.
    pub seconds: Option<u64>,
    /// Why.
    pub justification: String,
    /// Where the work is tracked.
    pub ticket: Option<String>,
    /// Without waiting for anybody.
    pub break_glass: bool,
}

impl Approvals {
    /// Asks for a right. The request, and where its record stands.
    pub fn ask(&self, wanted: &Wanted) -> Result<(Request, Position), ApprovalsError> {
        let now = self.now();
        let words = wanted.justification.trim();
        if words.is_empty() || words.len() > WORDS_BYTES_MAX {
            return Err(Refusal::Unjustified.into());
        }
        if wanted
            .ticket
            .as_ref()
            .is_some_and(|it| it.len() > WORDS_BYTES_MAX)
        {
            return Err(Refusal::Malformed.into());
        }
        let (mut approvals, digest) = self.asked_for(wanted, now)?;
        if wanted.break_glass {
            return self.break_glass(wanted, &approvals, digest, now);
        }
        for alternatives in &mut approvals {
            alternatives
                .any_of
                .retain(|(_, approve)| approve.per != Per::Statement);
            if alternatives.any_of.is_empty() {
                return Err(Refusal::EachStatement.into());
            }
        }
        let seconds = lasting(&approvals, |approve| approve.window, wanted.seconds)?;
        let request = self.request(wanted, demands(&approvals), digest, seconds, now);
        let expires = expires_seconds(&approvals);
        let asked = self.asked(wanted, request, expires, now)?;
        self.open(asked)
    }

    /// What policy says to it.
    fn asked_for(
        &self,
        wanted: &Wanted,
        now: Instant,
    ) -> Result<(Vec<Alternatives>, String), ApprovalsError> {
        let policy = self.inner.policy.load_full();
        let verdict = policy.ask(
            &wanted.principal,
            &wanted.resource,
            &wanted.environment,
            &wanted.verbs,
            now.utc_ns,
        );
        match verdict.ruling {
            Ruling::Deny => Err(Refusal::Denied.into()),
            Ruling::Allow => Err(Refusal::NotNeeded.into()),
            Ruling::Hold => Ok((verdict.approvals.clone(), policy.digest().to_owned())),
        }
    }

    fn request(
        &self,
        wanted: &Wanted,
        approve: Vec<Vec<Alternative>>,
        policy: String,
        seconds: Option<u64>,
        now: Instant,
    ) -> Request {
        let mut verbs: BTreeSet<Verb> = wanted.verbs.clone();
        let rules: BTreeSet<String> = approve.iter().flatten().map(|it| it.rule.clone()).collect();
        // Who names nothing asks for all that the rules allow, and says so.
        if verbs.is_empty() {
            let all = self.with_documents(|set| {
                let rules = rules.iter().filter_map(|rule| set.rule(rule));
                rules.flat_map(|rule| rule.verbs.iter().copied()).collect()
            });
            verbs = all.unwrap_or_default();
        }
        verbs.insert(Verb::SESSION_OPEN);
        Request {
            approve,
            commit: None,
            expires: String::new(),
            id: self.inner.ids.request(now.utc_ns),
            justification: Some(wanted.justification.trim().to_owned()),
            kind: if wanted.break_glass {
                RequestKind::BreakGlass
            } else {
                RequestKind::Grant
            },
            objects: Vec::new(),
            on_behalf_of: wanted
                .principal
                .on_behalf_of
                .iter()
                .map(Person::of)
                .collect(),
            operation: None,
            policy,
            requested: time_text(now.utc_ns),
            requester: Person::of(&wanted.principal),
            resource: wanted.resource.name.clone(),
            rules: rules.into_iter().collect(),
            seconds,
            session: None,
            text: None,
            ticket: wanted.ticket.clone(),
            uses: 1,
            verbs: verbs.iter().map(|verb| verb.as_str().to_owned()).collect(),
        }
    }

    fn asked(
        &self,
        wanted: &Wanted,
        mut request: Request,
        expires_seconds: u64,
        now: Instant,
    ) -> Result<Asked, ApprovalsError> {
        let lasts_ns = expires_seconds.saturating_mul(1_000_000_000);
        let expires_utc_ns = now.utc_ns.saturating_add(lasts_ns);
        request.expires = time_text(expires_utc_ns);
        let rules = request.rules.iter().map(|rule| {
            let digest = self.with_documents(|set| set.rule_digest(rule)).flatten();
            Ok((rule.clone(), digest.ok_or(Refusal::OtherPolicy)?))
        });
        let rules = rules.collect::<Result<_, Refusal>>()?;
        Ok(Asked {
            request,
            requester: wanted.principal.clone(),
            sign_in: wanted.sign_in,
            requested_utc_ns: now.utc_ns,
            expires_utc_ns,
            rules,
            votes: Vec::new(),
        })
    }

    /// Keeps and records it.
    fn open(&self, asked: Asked) -> Result<(Request, Position), ApprovalsError> {
        let request = asked.request.clone();
        self.state().has_room_for(&asked.requester)?;
        self.keep(
            Shelf::Requests,
            &request.id.to_string(),
            &Kept::Asked(asked.clone()),
        )?;
        let live = Live::of(asked);
        let position = self.record_opened(&live)?;
        self.state().requests.insert(request.id, live);
        self.announce(&request, Happening::Opened);
        Ok((request, position))
    }

    /// A request that was kept, or is the review of a kept grant.
    pub(crate) fn take_up(&self, asked: Asked) {
        let id = asked.request.id;
        self.state().requests.insert(id, Live::of(asked));
    }

    fn break_glass(
        &self,
        wanted: &Wanted,
        approvals: &[Alternatives],
        digest: String,
        now: Instant,
    ) -> Result<(Request, Position), ApprovalsError> {
        // Each demand needs a rule that can be broken.
        let broken = approvals.iter().map(|alternatives| {
            let mut any_of = alternatives.any_of.iter();
            any_of.find_map(|(rule, approve)| Some((rule, approve.break_glass.as_ref()?)))
        });
        let broken: Option<Vec<(&String, &BreakGlass)>> = broken.collect();
        let broken = broken
            .filter(|it| !it.is_empty())
            .ok_or(Refusal::NoBreakGlass)?;
        let longest = broken
            .iter()
            .map(|(_, glass)| glass.window)
            .min()
            .unwrap_or(0);
        let seconds = wanted.seconds.unwrap_or(longest);
        if seconds == 0 || seconds > longest {
            return Err(Refusal::TooLong.into());
        }
        let within = broken
            .iter()
            .map(|(_, glass)| glass.within)
            .min()
            .unwrap_or(0);
        let reviews = broken.iter().map(|(rule, glass)| {
            vec![Alternative {
                attested: false,
                count: 1,
                escalate: None,
                hours: None,
                of: glass.review.clone(),
                per: "review".to_owned(),
                rule: (*rule).clone(),
                seconds: None,
            }]
        });
        let reviews: BTreeSet<Vec<Alternative>> = reviews.collect();
        let approve = reviews.into_iter().collect();
        let request = self.request(wanted, approve, digest, Some(seconds), now);
        let asked = self.asked(wanted, request, within, now)?;
        let until = now
            .utc_ns
            .saturating_add(seconds.saturating_mul(1_000_000_000));
        let grant = Grant {
            request: asked.request.clone(),
            principal: wanted.principal.clone(),
            since_utc_ns: now.utc_ns,
            until_utc_ns: until,
            session: None,
            is_for_session: false,
            sign_in: wanted
                .sign_in
                .filter(|_| !crate::vote::is_person(&wanted.principal)),
            review_due_utc_ns: Some(asked.expires_utc_ns),
            is_overdue: false,
            rules: asked.rules.clone(),
            votes: Vec::new(),
            checked: None,
        };
        let live = Live::of(asked);
        let request = live.request.clone();
        let mut state = self.state();
        state.has_room_for(&wanted.principal)?;
        let position = self.record_opened(&live)?;
        self.start_grant(&mut state, grant)?;
        state.requests.insert(request.id, live);
        Ok((request, position))
    }

    /// Whoever asked takes it back. Where its record stands.
    pub fn withdraw(&self, id: RequestId, by: &Principal) -> Result<(), ApprovalsError> {
        {
            let state = self.state();
            let live = state.requests.get(&id).ok_or(Refusal::NotFound)?;
            let is_own = same_people(&live.requester, by);
            if !is_own || live.request.kind == RequestKind::BreakGlass {
                return Err(Refusal::NotFound.into());
            }
        }
        self.end(id, Ending::Withdrawn, Some("whoever asked took it back"))
    }

    /// Whoever asked says why. Not after somebody has decided: what was signed is what was said.
    pub fn justify(
        &self,
        id: RequestId,
        by: &Principal,
        justification: &str,
    ) -> Result<Request, ApprovalsError> {
        let justified = self.try_justify(id, by, justification);
        self.recorded_if_refused(Some(id), by, justified)
    }

    fn try_justify(
        &self,
        id: RequestId,
        by: &Principal,
        justification: &str,
    ) -> Result<Request, ApprovalsError> {
        let words = justification.trim();
        if words.is_empty() || words.len() > WORDS_BYTES_MAX {
            return Err(Refusal::NoReason.into());
        }
        let mut state = self.state();
        let live = state.requests.get_mut(&id).ok_or(Refusal::NotFound)?;
        if !same_people(&live.requester, by) {
            return Err(Refusal::NotFound.into());
        }
        if !live.votes.is_empty() {
            return Err(Refusal::AlreadyVoted.into());
        }
        live.request.justification = Some(words.to_owned());
        self.record_justified(live)?;
        live.tell(Progress::Waiting(live.waits_for(&[])));
        if live.request.kind == RequestKind::Grant {
            let kept = Kept::Asked(live.kept());
            self.keep(Shelf::Requests, &id.to_string(), &kept)?;
        }
        Ok(live.request.clone())
    }
}

impl State {
    /// Whether somebody may ask for one more right. Reviews that are owed count.
    fn has_room_for(&self, requester: &Principal) -> Result<(), Refusal> {
        let open = self.requests.values().filter(|live| live.exact.is_none());
        let own = open
            .filter(|live| same_people(&live.requester, requester))
            .count();
        if own >= OPEN_OF_ONE_MAX || self.requests.len() >= OPEN_REQUESTS_MAX {
            return Err(Refusal::TooMany);
        }
        Ok(())
    }
}

impl Live {
    pub(crate) fn of(asked: Asked) -> Self {
        let live = Self {
            request: asked.request,
            requester: asked.requester,
            sign_in: asked.sign_in,
            requested_utc_ns: asked.requested_utc_ns,
            expires_utc_ns: asked.expires_utc_ns,
            rules: asked.rules,
            exact: None,
            votes: asked.votes,
            is_approved: false,
            is_escalated: false,
            progress: watch::Sender::new(Progress::Waiting(String::new())),
        };
        live.tell(Progress::Waiting(live.waits_for(&[])));
        live
    }

    /// As it is kept, where it is no operation.
    pub(crate) fn kept(&self) -> Asked {
        Asked {
            request: self.request.clone(),
            requester: self.requester.clone(),
            sign_in: self.sign_in,
            requested_utc_ns: self.requested_utc_ns,
            expires_utc_ns: self.expires_utc_ns,
            rules: self.rules.clone(),
            votes: self.votes.clone(),
        }
    }
}

/// The review that a kept grant still owes.
pub(crate) fn review_of(grant: &Grant) -> Option<Asked> {
    Some(Asked {
        expires_utc_ns: grant.review_due_utc_ns?,
        request: grant.request.clone(),
        requester: grant.principal.clone(),
        sign_in: None,
        requested_utc_ns: grant.since_utc_ns,
        rules: grant.rules.clone(),
        votes: Vec::new(),
    })
}

/// How long: what is wanted, and no longer than every rule allows.
fn lasting(
    approvals: &[Alternatives],
    of: impl Fn(&Approve) -> Option<u64>,
    wanted: Option<u64>,
) -> Result<Option<u64>, Refusal> {
    let each = approvals.iter().map(|alternatives| {
        // One alternative is enough, so the most generous counts; `per: session` has no bound of its own.
        let mut longest = Some(0);
        for (_, approve) in &alternatives.any_of {
            longest = match (longest, of(approve)) {
                (Some(longest), Some(window)) => Some(longest.max(window)),
                _ => None,
            };
        }
        longest.or(Some(SESSION_SECONDS_MAX))
    });
    let most = each.flatten().min();
    match (wanted, most) {
        (Some(0), _) => Err(Refusal::Malformed),
        (Some(wanted), Some(most)) if wanted > most => Err(Refusal::TooLong),
        (Some(wanted), _) => Ok(Some(wanted)),
        (None, most) => Ok(most),
    }
}
