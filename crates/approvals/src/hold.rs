//! An operation waits inside its live session.

use std::sync::Arc;

use custos_model::{Instant, OperationNumber, Principal, RequestId, SessionId, SignInId};
use custos_policy::Policy;
use custos_policy::documents::{Alternatives, PolicySet, Verb};
use custos_store::Shelf;
use tokio::sync::watch;

use crate::announcement::Happening;
use crate::approvals::{Approvals, Ending, HELD_BYTES_MAX, Live, OPEN_REQUESTS_MAX, Progress};
use crate::exact::{CommitKey, Commitment, Exact};
use crate::quorum;
use crate::refusal::{ApprovalsError, Refusal};
use crate::request::{
    Person, Request, RequestKind, TEXT_BYTES_MAX, comes_again, cut, demands, expires_seconds,
    time_text,
};

/// Requests of one principal whose client was sent away.
const LEFT_OF_ONE_MAX: usize = 20;

/// What an operation that is held will be, and the key under which that is committed to.
#[derive(Debug)]
pub struct Pledge {
    /// What will be forwarded.
    pub exact: Exact,
    /// The commitment.
    pub commit: Commitment,
    key: CommitKey,
}

/// An operation that is to be held.
#[derive(Clone, Copy, Debug)]
pub struct HeldOperation<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// Under which sign-in.
    pub sign_in: Option<SignInId>,
    /// For which resource.
    pub resource: &'a str,
    /// In which session.
    pub session: SessionId,
    /// The operation.
    pub operation: OperationNumber,
    /// Its text, with what is sensitive masked.
    pub text: &'a str,
    /// What it does.
    pub verbs: &'a std::collections::BTreeSet<Verb>,
    /// What it acts on.
    pub objects: &'a [String],
    /// Who must agree.
    pub approvals: &'a [Alternatives],
    /// The policy that they are of.
    pub policy: &'a Arc<Policy>,
    /// Why, as far as the client has said.
    pub justification: Option<&'a str>,
}

impl Approvals {
    /// Commits to what somebody wants forwarded to a resource. Refused where it is more than people can read. Who comes
    /// again for what waits commits to it under the same key.
    pub fn pledge(
        &self,
        exact: Exact,
        principal: &Principal,
        resource: &str,
        token: Option<&str>,
    ) -> Result<Pledge, Refusal> {
        if exact.bytes() > crate::exact::EXACT_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let known = self.left(token, principal, resource, &exact, |live| {
            live.exact.as_ref().map(|(_, key)| key.clone())
        });
        let key = known
            .flatten()
            .unwrap_or_else(|| CommitKey::make(|bytes| (self.inner.random)(bytes)));
        Ok(Pledge {
            commit: exact.commit(&key),
            exact,
            key,
        })
    }

    /// Opens a request for an operation. It is on record, though perhaps not durable yet, and kept, so that a start
    /// after a crash can tell how it ended.
    pub fn hold(
        &self,
        operation: HeldOperation<'_>,
        pledge: Pledge,
    ) -> Result<Held, ApprovalsError> {
        let now = self.now();
        let Policy::Documents(set) = &**operation.policy else {
            return Err(Refusal::Denied.into());
        };
        let comes_again = comes_again(operation.approvals);
        self.has_room(&operation, &pledge, comes_again)?;
        let live = self.live(&operation, pledge, set, now)?;
        let id = live.request.id;
        let receiver = live.progress.subscribe();
        self.keep(Shelf::Held, &id.to_string(), &live.request)?;
        self.record_opened(&live)?;
        let request = live.request.clone();
        {
            let mut state = self.state();
            if state.requests.len() >= OPEN_REQUESTS_MAX {
                drop(state);
                self.inner.store.discard(Shelf::Held, &id.to_string())?;
                self.record_ended(&live, Ending::Refused, Some("too many open requests"))?;
                return Err(Refusal::TooMany.into());
            }
            state.requests.insert(id, live);
        }
        self.announce(&request, Happening::Opened);
        Ok(Held {
            approvals: self.clone(),
            request,
            progress: receiver,
            comes_again,
            is_over: false,
        })
    }

    /// Whether one more may wait.
    fn has_room(
        &self,
        operation: &HeldOperation<'_>,
        pledge: &Pledge,
        comes_again: bool,
    ) -> Result<(), Refusal> {
        let state = self.state();
        let bytes = |live: &Live| live.exact.as_ref().map_or(0, |(exact, _)| exact.bytes());
        let held_bytes: usize = state.requests.values().map(bytes).sum();
        let left = state
            .tokens
            .values()
            .filter_map(|id| state.requests.get(id));
        let own = left.filter(|live| same_people(&live.requester, operation.principal));
        let is_full = comes_again && own.count() >= LEFT_OF_ONE_MAX;
        if is_full || held_bytes + pledge.exact.bytes() > HELD_BYTES_MAX {
            return Err(Refusal::TooMany);
        }
        Ok(())
    }

    /// Does something with the request whose client was sent away, if it is of the same people, for the same resource and
    /// the same operation: the one that a token names, or any.
    fn left<T>(
        &self,
        token: Option<&str>,
        principal: &Principal,
        resource: &str,
        exact: &Exact,
        work: impl FnOnce(&Live) -> T,
    ) -> Option<T> {
        let state = self.state();
        let is_same = |id: &&RequestId| {
            let live = state.requests.get(id);
            live.is_some_and(|live| {
                same_people(&live.requester, principal) && live.is_of(resource, exact)
            })
        };
        let named = token
            .and_then(|token| state.tokens.get(token))
            .filter(is_same);
        let found = named.or_else(|| state.tokens.values().find(is_same));
        found.and_then(|id| state.requests.get(id)).map(work)
    }

    fn held_again(&self, live: &Live) -> Held {
        Held {
            approvals: self.clone(),
            request: live.request.clone(),
            progress: live.progress.subscribe(),
            comes_again: true,
            is_over: false,
        }
    }

    fn live(
        &self,
        operation: &HeldOperation<'_>,
        pledge: Pledge,
        set: &PolicySet,
        now: Instant,
    ) -> Result<Live, ApprovalsError> {
        let lasts_ns = expires_seconds(operation.approvals).saturating_mul(1_000_000_000);
        let expires_utc_ns = now.utc_ns.saturating_add(lasts_ns);
        // Whose client is sent away is of no one session.
        let comes_again = comes_again(operation.approvals);
        let approve = demands(operation.approvals);
        let asking = approve.iter().flatten().map(|it| it.rule.clone());
        let rules = asking.map(|rule| {
            let digest = set.rule_digest(&rule).ok_or(Refusal::OtherPolicy)?;
            Ok((rule, digest))
        });
        let mut rules = rules.collect::<Result<Vec<_>, Refusal>>()?;
        rules.sort();
        rules.dedup();
        let request = Request {
            approve,
            commit: Some(pledge.commit.to_string()),
            expires: time_text(expires_utc_ns),
            id: self.inner.ids.request(now.utc_ns),
            justification: operation.justification.map(str::to_owned),
            kind: RequestKind::Operation,
            objects: operation.objects.to_vec(),
            on_behalf_of: operation
                .principal
                .on_behalf_of
                .iter()
                .map(Person::of)
                .collect(),
            operation: (!comes_again).then_some(operation.operation.0),
            policy: operation.policy.digest().to_owned(),
            requested: time_text(now.utc_ns),
            requester: Person::of(operation.principal),
            resource: operation.resource.to_owned(),
            rules: rules.iter().map(|(rule, _)| rule.clone()).collect(),
            seconds: None,
            session: (!comes_again).then_some(operation.session),
            text: Some(cut(operation.text, TEXT_BYTES_MAX).to_owned()),
            ticket: None,
            uses: 1,
            verbs: operation
                .verbs
                .iter()
                .map(|verb| verb.as_str().to_owned())
                .collect(),
        };
        let mut live = Live {
            request,
            requester: operation.principal.clone(),
            sign_in: operation.sign_in,
            requested_utc_ns: now.utc_ns,
            expires_utc_ns,
            rules,
            exact: Some((pledge.exact, pledge.key)),
            votes: Vec::new(),
            is_approved: false,
            is_escalated: false,
            progress: watch::Sender::new(Progress::Waiting(String::new())),
        };
        live.progress = watch::Sender::new(Progress::Waiting(live.waits_for(&[])));
        Ok(live)
    }

    /// Comes again: the request that waits for it, by the token that names it or without.
    pub fn come_again(
        &self,
        token: Option<&str>,
        principal: &Principal,
        resource: &str,
        exact: &Exact,
    ) -> Option<Held> {
        self.left(token, principal, resource, exact, |live| {
            self.held_again(live)
        })
    }
}

impl Live {
    /// Whether it is about this operation on this resource.
    fn is_of(&self, resource: &str, exact: &Exact) -> bool {
        let Some((_, key)) = &self.exact else {
            return false;
        };
        self.request.resource == resource
            && self.request.commit == Some(exact.commit(key).to_string())
    }
}

/// The same principal, acting for the same.
pub(crate) fn same_people(one: &Principal, other: &Principal) -> bool {
    let same = |one: &Principal, other: &Principal| {
        (&one.issuer, &one.subject) == (&other.issuer, &other.subject)
    };
    same(one, other)
        && one.on_behalf_of.len() == other.on_behalf_of.len()
        && one
            .on_behalf_of
            .iter()
            .zip(&other.on_behalf_of)
            .all(|(one, other)| same(one, other))
}

/// What was approved, for the record of its execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The request.
    pub request: RequestId,
    /// The commitment.
    pub commit: String,
    /// Ids of the approvals.
    pub by: Vec<String>,
    /// A grant that began with it.
    pub grant: Option<RequestId>,
}

/// An operation that waits. Dropped before its end, the request is withdrawn.
#[derive(Debug)]
pub struct Held {
    approvals: Approvals,
    request: Request,
    progress: watch::Receiver<Progress>,
    comes_again: bool,
    is_over: bool,
}

impl Held {
    /// What is asked.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// How far it has come.
    pub fn progress(&mut self) -> Progress {
        self.progress.borrow_and_update().clone()
    }

    /// Returns when that has changed.
    pub async fn changed(&mut self) {
        if self.progress.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the client is to go away and come again.
    pub fn comes_again(&self) -> bool {
        self.comes_again
    }

    /// Lets the request go on without the client, who gets a token to come again with.
    pub fn leave(mut self) -> String {
        self.is_over = true;
        let id = self.request.id;
        let mut state = self.approvals.state();
        let known = state.tokens.iter().find(|(_, of)| **of == id);
        if let Some((token, _)) = known {
            return token.clone();
        }
        let token = format!("cua_{}", self.approvals.random_hex::<16>());
        state.tokens.insert(token.clone(), id);
        token
    }

    /// Whoever asked is gone, or wants it no more.
    pub fn withdraw(mut self, why: &str) {
        self.is_over = true;
        let _ = self
            .approvals
            .end(self.request.id, Ending::Withdrawn, Some(why));
    }

    /// Checks everything once more, against what will be forwarded, and uses the approval up. `record` puts the
    /// execution on record before anybody hears of it.
    pub fn execute<T, E: From<ApprovalsError>>(
        mut self,
        exact: &Exact,
        policy: &str,
        session: SessionId,
        record: impl FnOnce(&Approved) -> Result<T, E>,
    ) -> Result<T, E> {
        self.is_over = true;
        let id = self.request.id;
        match self.approvals.use_up(id, exact, policy, session) {
            Ok((approved, live)) => {
                let recorded = record(&approved);
                let (ending, why) = match &recorded {
                    Ok(_) => (Ending::Executed, None),
                    Err(_) => (Ending::Refused, Some("its execution could not be recorded")),
                };
                self.approvals.finish(live, ending, why)?;
                recorded
            }
            Err(error) => {
                let why = error.to_string();
                self.approvals.end(id, Ending::Refused, Some(&why))?;
                Err(error.into())
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.is_over {
            let why = "the session ended while it waited";
            let _ = self
                .approvals
                .end(self.request.id, Ending::Withdrawn, Some(why));
        }
    }
}

impl Approvals {
    /// The last check. What is used cannot be used again, whatever comes after.
    fn use_up(
        &self,
        id: RequestId,
        exact: &Exact,
        policy: &str,
        session: SessionId,
    ) -> Result<(Approved, Option<Live>), ApprovalsError> {
        let now = self.now();
        let mut state = self.state();
        let yeses = self.yeses(&mut state, id, now)?;
        let live = state.requests.get(&id).ok_or(Refusal::Ended)?;
        if now.utc_ns >= live.expires_utc_ns {
            return Err(Refusal::Expired.into());
        }
        let (_, key) = live.exact.as_ref().ok_or(Refusal::Ended)?;
        let commit = exact.commit(key).to_string();
        if live.request.commit.as_ref() != Some(&commit) {
            return Err(Refusal::OtherOperation.into());
        }
        if live.request.policy != policy || self.inner.policy.load().digest() != policy {
            return Err(Refusal::OtherPolicy.into());
        }
        let says_so = |vote: &crate::vote::Vote| {
            let statement = vote.read();
            statement.is_some_and(|statement| statement.request == live.request)
        };
        if !live.votes.iter().all(says_so) {
            return Err(Refusal::OtherStatement.into());
        }
        let chosen = quorum::met(&live.request.approve, &yeses).ok_or(Refusal::NotEnough)?;
        let lasting = chosen
            .into_iter()
            .filter(|it| it.is_grant())
            .cloned()
            .collect::<Vec<_>>();
        let by = live.votes.iter().map(|vote| vote.id.to_string()).collect();
        let grant = if lasting.is_empty() {
            None
        } else {
            Some(self.begin_grant(&mut state, id, &lasting, Some(session), now)?)
        };
        let approved = Approved {
            request: id,
            commit,
            by,
            grant,
        };
        // Nobody can use it again from here on.
        Ok((approved, state.close(id)))
    }
}
