//! All requests, grants and keys of a gateway.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use custos_evidence::Evidence;
use custos_identity::SignIns;
use custos_model::{
    ApprovalId, Clock, IdSource, Instant, Origin, Principal, RequestId, Rfc3339, SignInId,
};
use custos_policy::Policy;
use custos_policy::documents::PolicySet;
use custos_store::{Shelf, Store};
use tokio::sync::watch;

use crate::announcement::Announcement;
use crate::exact::{CommitKey, Exact};
use crate::grant::Grant;
use crate::keys::{Enrolled, Enrolling};
use crate::quorum::{self, Yes};
use crate::refusal::ApprovalsError;
use crate::request::Request;
use crate::vote::Vote;

/// Requests that may be open at once; whatever would be held beyond is denied.
pub const OPEN_REQUESTS_MAX: usize = 10_000;
/// Bytes of operations that wait, of all requests.
pub(crate) const HELD_BYTES_MAX: usize = 64 << 20;

/// Fills a buffer with random bytes of cryptographic quality.
pub type Random = Box<dyn Fn(&mut [u8]) + Send + Sync>;
/// Tells people outside, durably.
pub type Announce = Box<dyn Fn(&Announcement) + Send + Sync>;

/// The web address, which passkeys are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// Its host.
    pub id: String,
    /// Scheme, host and port.
    pub origin: String,
}

/// What [`Approvals`] work with.
pub struct Parts {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where records go.
    pub evidence: Evidence,
    /// Where grants and keys are kept.
    pub store: Store,
    /// Who is signed in.
    pub sign_ins: SignIns,
    /// The policy in force.
    pub policy: Arc<ArcSwap<Policy>>,
    /// Cluster and node, for the origin of the log.
    pub node: (String, String),
    /// The web address.
    pub relying_party: Option<RelyingParty>,
    /// For ids, nonces and keys of commitments.
    pub random: Random,
    /// Tells people outside.
    pub announce: Announce,
}

impl fmt::Debug for Parts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Holds, decisions, grants and approvers' keys. Clones share everything. Calls block for a local disk access.
#[derive(Clone)]
pub struct Approvals {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) evidence: Evidence,
    pub(crate) store: Store,
    pub(crate) sign_ins: SignIns,
    pub(crate) policy: Arc<ArcSwap<Policy>>,
    pub(crate) relying_party: Option<RelyingParty>,
    pub(crate) random: Random,
    pub(crate) ids: IdSource,
    pub(crate) announce: Announce,
    node: (String, String),
    state: Mutex<State>,
}

/// What changes.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) requests: HashMap<RequestId, Live>,
    pub(crate) grants: HashMap<RequestId, Grant>,
    pub(crate) keys: HashMap<String, Enrolled>,
    /// Counts their changes.
    pub(crate) keys_version: u64,
    /// By the id of the enrolment.
    pub(crate) enrolling: HashMap<ApprovalId, Enrolling>,
    /// Statements that were made and wait for a signature.
    pub(crate) challenges: HashMap<ApprovalId, Challenge>,
    /// Requests whose client was sent away, by the token that it got.
    pub(crate) tokens: HashMap<String, RequestId>,
}

/// A statement that waits to be signed.
pub(crate) struct Challenge {
    pub(crate) statement: String,
    pub(crate) request: RequestId,
    pub(crate) approver: Principal,
    pub(crate) made_utc_ns: u64,
}

/// A request that is open.
pub(crate) struct Live {
    pub(crate) request: Request,
    pub(crate) requester: Principal,
    /// Under which sign-in she asked.
    pub(crate) sign_in: Option<SignInId>,
    pub(crate) requested_utc_ns: u64,
    pub(crate) expires_utc_ns: u64,
    /// Digests of the rules that ask.
    pub(crate) rules: Vec<(String, String)>,
    /// Of an operation.
    pub(crate) exact: Option<(Exact, CommitKey)>,
    pub(crate) votes: Vec<Vote>,
    pub(crate) is_approved: bool,
    pub(crate) is_escalated: bool,
    pub(crate) progress: watch::Sender<Progress>,
}

/// How far a request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It waits; what for, for people to read.
    Waiting(String),
    /// Enough have agreed.
    Approved,
    /// It has ended without that.
    Ended(Ending),
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The operation went on.
    Executed,
    /// A grant began.
    Granted,
    /// A grant without approval was reviewed.
    Reviewed,
    /// Somebody said no.
    Denied,
    /// Time was up.
    Expired,
    /// Whoever asked took it back, or is gone.
    Withdrawn,
    /// It was approved, and something was different when it should run.
    Refused,
    /// The gateway stopped.
    Restarted,
}

impl Ending {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::Granted => "granted",
            Self::Reviewed => "reviewed",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Refused => "refused",
            Self::Restarted => "restarted",
        }
    }
}

impl Approvals {
    /// Reads what is kept. Operations that waited when the gateway stopped are over, and that goes on record.
    pub fn new(parts: Parts) -> Result<Self, ApprovalsError> {
        let mut seed = [0; 10];
        (parts.random)(&mut seed);
        let approvals = Self {
            inner: Arc::new(Inner {
                clock: parts.clock,
                evidence: parts.evidence,
                store: parts.store,
                sign_ins: parts.sign_ins,
                policy: parts.policy,
                relying_party: parts.relying_party,
                random: parts.random,
                ids: IdSource::new(seed),
                announce: parts.announce,
                node: parts.node,
                state: Mutex::default(),
            }),
        };
        approvals.load()?;
        Ok(approvals)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Instant {
        self.inner.clock.now()
    }

    /// Random bytes, hexadecimal.
    pub(crate) fn random_hex<const N: usize>(&self) -> String {
        let mut bytes = [0; N];
        (self.inner.random)(&mut bytes);
        crate::exact::hex(&bytes)
    }

    pub(crate) fn origin(&self, utc_ns: u64) -> String {
        let (year, month, _) = Rfc3339(utc_ns).date();
        let (cluster, node) = &self.inner.node;
        Origin::new(cluster, node, year, month).to_string()
    }

    /// The documents in force.
    pub(crate) fn with_documents<T>(&self, work: impl FnOnce(&PolicySet) -> T) -> Option<T> {
        match &**self.inner.policy.load() {
            Policy::Documents(set) => Some(work(set)),
            Policy::Access(_) => None,
        }
    }

    /// Keeps a document of a shelf.
    pub(crate) fn keep(
        &self,
        shelf: Shelf,
        id: &str,
        body: &impl serde::Serialize,
    ) -> Result<(), ApprovalsError> {
        let body = serde_json::to_vec(body).map_err(|_| ApprovalsError::Damaged {
            what: id.to_owned(),
        })?;
        let random = |bytes: &mut [u8]| (self.inner.random)(bytes);
        Ok(self.inner.store.keep(shelf, id, &body, random)?)
    }

    /// The yeses that count now; those that do not any more are taken away and go on record.
    pub(crate) fn yeses(
        &self,
        state: &mut State,
        id: RequestId,
        now: Instant,
    ) -> Result<Vec<Yes>, ApprovalsError> {
        let Some(live) = state.requests.get(&id) else {
            return Ok(Vec::new());
        };
        let (mut yeses, mut void) = (Vec::new(), Vec::new());
        for vote in &live.votes {
            match self.stands(state, vote, live, now)? {
                Ok(yes) => yeses.push(yes),
                Err(why) => void.push((vote.clone(), why)),
            }
        }
        for (vote, why) in &void {
            self.record_void(&live.request, vote, why)?;
        }
        if let Some(live) = state.requests.get_mut(&id) {
            let is_void = |vote: &Vote| void.iter().any(|(other, _)| other.id == vote.id);
            live.votes.retain(|vote| !is_void(vote));
        }
        Ok(yeses)
    }
}

impl Live {
    /// What it waits for, in a line.
    pub(crate) fn waits_for(&self, yeses: &[Yes]) -> String {
        let missing = quorum::missing(&self.request.approve, yeses);
        let groups: Vec<&str> = self.request.groups().into_iter().collect();
        let why = if self.request.justification.is_none() {
            "; say why, or nobody can approve it"
        } else {
            ""
        };
        format!("waiting for {missing} more of {}{why}", groups.join(" or "))
    }

    pub(crate) fn tell(&self, progress: Progress) {
        self.progress.send_replace(progress);
    }
}

impl fmt::Debug for Approvals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Approvals").finish_non_exhaustive()
    }
}
