//! The running gateway: what its listeners and sessions share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use custos_approvals::GrantEnd;
use custos_evidence::Health;
use custos_identity::CredentialId;
use custos_model::{Principal, ResourceName, SessionId, SignInId};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::ListenError;
use crate::limits::Limits;
use crate::listener::{self, BoundListener, Listener, ListenerSettings};
use crate::masks::Maskers;
use crate::rates::Rates;
use crate::refusals::Refusals;
use crate::registry::Registry;
use crate::tls::ServerIdentity;
use crate::{Interrupt, Protocol, Services};

/// How often deadlines are looked at: a session must be gone within a second of the end of what opened it.
const SWEEP_INTERVAL: Duration = Duration::from_millis(100);
/// How often connections turned away are summed up.
const REFUSALS_INTERVAL: Duration = Duration::from_secs(1);
/// What a session gets to obey an order to end, before its task is dropped.
pub(crate) const OBEY_GRACE: Duration = Duration::from_millis(800);

/// Listeners and live sessions of this process.
#[derive(Clone, Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// A session that is open now.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// The session.
    pub id: SessionId,
    /// Who; `None` while it is not authenticated.
    pub principal: Option<Principal>,
    /// To what; `None` while it is not authenticated, and of a connection that leads to sessions.
    pub resource: Option<ResourceName>,
    /// By which connection credential; `None` while it is not authenticated.
    pub credential: Option<CredentialId>,
    /// Under which sign-in; `None` where the operator issued the credential.
    pub sign_in: Option<SignInId>,
    /// The sign-ins that this one hangs on.
    pub parents: Vec<SignInId>,
    /// From where.
    pub peer: SocketAddr,
    /// Seconds since it began.
    pub age_seconds: u64,
    /// Seconds since its last request or response.
    pub idle_seconds: u64,
}

impl LiveSession {
    /// Whether it must end when that sign-in does: it is under it, or under one that hangs on it.
    pub fn hangs_on(&self, id: SignInId) -> bool {
        self.sign_in == Some(id) || self.parents.contains(&id)
    }
}

pub(crate) struct Shared {
    pub(crate) services: Services,
    limits: ArcSwap<Limits>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) refusals: Refusals,
    /// Memory for large requests, in KiB.
    pub(crate) request_memory: Arc<Semaphore>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop_accepting: CancellationToken,
    /// Drops every session that is still there.
    pub(crate) stop_now: CancellationToken,
    listeners: Mutex<HashMap<String, Arc<Listener>>>,
    pub(crate) maskers: Maskers,
    pub(crate) rates: Rates,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn limits(&self) -> arc_swap::Guard<Arc<Limits>> {
        self.limits.load()
    }
}

impl Gateway {
    /// A gateway without listeners. Must be called inside a tokio runtime.
    pub fn new(services: Services, limits: Limits) -> Self {
        let request_memory = (limits.request_memory_bytes / 1024).min(Semaphore::MAX_PERMITS);
        let shared = Arc::new(Shared {
            maskers: Maskers::new(&services.store),
            rates: Rates::default(),
            services,
            limits: ArcSwap::from_pointee(limits),
            registry: Arc::default(),
            refusals: Refusals::default(),
            request_memory: Arc::new(Semaphore::new(request_memory)),
            tasks: TaskTracker::new(),
            stop_accepting: CancellationToken::new(),
            stop_now: CancellationToken::new(),
            listeners: Mutex::default(),
        });
        shared.tasks.spawn(sweep(Arc::clone(&shared)));
        shared.tasks.spawn(watch_health(Arc::clone(&shared)));
        Self { shared }
    }

    /// Takes the address of a listener, which is to be served then. Must be called inside a tokio runtime.
    pub fn bind<P: Protocol>(
        &self,
        protocol: Arc<P>,
        settings: ListenerSettings,
    ) -> Result<BoundListener<P>, ListenError> {
        let name = settings.name.clone();
        let bound = listener::bind(Arc::clone(&self.shared), protocol, settings)?;
        self.shared
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, bound.listener());
        Ok(bound)
    }

    /// The sessions that are open now, oldest first.
    pub fn live(&self) -> Vec<LiveSession> {
        let now = self.shared.services.clock.now().mono_ns;
        let seconds_since = |then: u64| now.saturating_sub(then) / 1_000_000_000;
        let mut live: Vec<_> = self
            .shared
            .registry
            .all()
            .into_iter()
            .map(|core| {
                let state = core.state();
                LiveSession {
                    id: core.id,
                    principal: state.principal.clone(),
                    resource: state.resource.clone(),
                    credential: state.credential,
                    sign_in: state.sign_in,
                    parents: state.parents.clone(),
                    peer: core.peer,
                    age_seconds: seconds_since(core.started_mono_ns),
                    idle_seconds: seconds_since(core.idle_since_mono_ns()),
                }
            })
            .collect();
        live.sort_by_key(|session| session.id);
        live
    }

    /// Whether policy lets the principal open the resource, with the labels that it has now. Not, where that cannot be
    /// read.
    pub fn may_open(&self, principal: &Principal, resource: &ResourceName) -> bool {
        self.shared.services.may_open(principal, resource)
    }

    /// The transcript of a live session from now on; `None` where there is none of this id.
    pub fn watch(&self, id: SessionId) -> Option<broadcast::Receiver<bytes::Bytes>> {
        let core = self.shared.registry.get(id)?;
        let has_started = core.state().log.is_some();
        has_started.then(|| core.watch())
    }

    /// Ends a live session at once. False when there is none with this id.
    pub fn cut(&self, id: SessionId, reason: &str) -> bool {
        let Some(core) = self.shared.registry.get(id) else {
            return false;
        };
        core.interrupt(Interrupt::Cut {
            reason: reason.into(),
        });
        true
    }

    /// Ends at once the live sessions that used a grant which has ended; returns how many.
    pub fn cut_grants(&self, ended: &[GrantEnd]) -> usize {
        cut_grants(&self.shared, ended)
    }

    /// Ends at once the live sessions for which `matches` is true; returns how many.
    pub fn cut_where(&self, reason: &str, matches: impl Fn(&LiveSession) -> bool) -> usize {
        let mut cut = 0;
        for session in self.live().iter().filter(|session| matches(session)) {
            let live = self.shared.registry.get(session.id);
            // One that is ending already is not cut again.
            if live.is_some_and(|core| core.stopped().is_none()) {
                cut += usize::from(self.cut(session.id, reason));
            }
        }
        cut
    }

    /// Puts other groups of somebody who is signed in in force: sessions of hers, and of those who act for her under this
    /// sign-in, end at once where policy no longer allows them. Returns how many do.
    pub fn regroup(&self, sign_in: SignInId, now: &Principal, reason: &str) -> usize {
        let mut cut = 0;
        for core in self.shared.registry.all() {
            let allowed = {
                let mut state = core.state();
                if state.sign_in != Some(sign_in) && !state.parents.contains(&sign_in) {
                    continue;
                }
                let Some(principal) = state.principal.as_mut() else {
                    continue;
                };
                take_groups(principal, now);
                let principal = principal.clone();
                core.principal_changed();
                let resource = state.resource.as_ref();
                // Asked for after the groups were changed: whoever changes policy meanwhile sees them.
                // What leads to no resource is anybody's who is signed in.
                resource.is_none_or(|resource| self.shared.services.may_open(&principal, resource))
            };
            if !allowed {
                core.interrupt(Interrupt::Cut {
                    reason: reason.into(),
                });
                cut += 1;
            }
        }
        cut
    }

    /// Puts new limits and certificates in force. Listeners that are not named keep their certificate;
    /// returns the names for which there is no TLS listener, or whose certificate cannot be used.
    pub fn reload(
        &self,
        limits: Limits,
        certificates: &HashMap<String, Arc<ServerIdentity>>,
    ) -> Vec<String> {
        self.shared.limits.store(Arc::new(limits));
        let listeners = self
            .shared
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        certificates
            .iter()
            .filter(|(name, identity)| {
                !listeners
                    .get(*name)
                    .is_some_and(|listener| listener.renew(identity))
            })
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Stops accepting, lets sessions finish what is under way for at most `timeout`, then ends the rest.
    pub async fn drain(&self, timeout: Duration) {
        let shared = &self.shared;
        shared.stop_accepting.cancel();
        shared.tasks.close();
        for core in shared.registry.all() {
            core.interrupt(Interrupt::Draining);
        }
        if tokio::time::timeout(timeout, shared.tasks.wait())
            .await
            .is_ok()
        {
            return;
        }
        for core in shared.registry.all() {
            core.interrupt(Interrupt::Cut {
                reason: "gateway is stopping".into(),
            });
        }
        if tokio::time::timeout(OBEY_GRACE * 2, shared.tasks.wait())
            .await
            .is_ok()
        {
            return;
        }
        shared.stop_now.cancel();
        shared.tasks.wait().await;
    }
}

/// Gives whoever of a chain this is her groups of now.
fn take_groups(principal: &mut Principal, now: &Principal) {
    let same = |it: &Principal| (&it.issuer, &it.subject) == (&now.issuer, &now.subject);
    if same(principal) {
        principal.groups.clone_from(&now.groups);
    }
    for other in principal.on_behalf_of.iter_mut().filter(|it| same(it)) {
        other.groups.clone_from(&now.groups);
    }
}

/// Deadlines of sessions, and once a second the count of connections turned away.
async fn sweep(shared: Arc<Shared>) {
    let mut sweeps = tokio::time::interval(SWEEP_INTERVAL);
    let mut refusals = tokio::time::interval(REFUSALS_INTERVAL);
    let drained = drained(&shared);
    tokio::pin!(drained);
    loop {
        tokio::select! {
            _ = sweeps.tick() => {
                end_overdue(&shared);
                let ended = shared.services.approvals.tick();
                cut_grants(&shared, &ended);
            }
            _ = refusals.tick() => shared.refusals.next_second(&shared.services.evidence),
            () = &mut drained => break,
        }
    }
    shared.refusals.next_second(&shared.services.evidence);
}

/// Returns when the gateway is stopping and its last session has ended: what holds for sessions holds until then.
async fn drained(shared: &Shared) {
    shared.stop_accepting.cancelled().await;
    while !shared.registry.is_empty() && !shared.stop_now.is_cancelled() {
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}

/// Sessions end with any grant that they used; how many.
fn cut_grants(shared: &Shared, ended: &[GrantEnd]) -> usize {
    let mut cut = 0;
    for end in ended {
        for core in shared.registry.all() {
            if core.state().grants.contains(&end.grant) && core.stopped().is_none() {
                let reason = match end.ending {
                    "time" => "the grant that it was open by has ended",
                    "revoked" => "the grant that it was open by was revoked",
                    "job" => "the job that its grant was for has ended",
                    "key" => "a key that approved its grant was revoked",
                    _ => "the rule that its grant was of has changed",
                };
                core.interrupt(Interrupt::Cut {
                    reason: reason.into(),
                });
                cut += 1;
            }
        }
    }
    cut
}

fn end_overdue(shared: &Shared) {
    let limits = shared.limits();
    let now = shared.services.clock.now();
    let over = |limit: Duration, since: u64| {
        !limit.is_zero() && u128::from(now.mono_ns.saturating_sub(since)) > limit.as_nanos()
    };
    for core in shared.registry.all() {
        if now.utc_ns >= core.ends_utc_ns() {
            core.interrupt(Interrupt::Cut {
                reason: "what the client signed in with has expired".into(),
            });
        } else if over(limits.session_max_age, core.started_mono_ns) {
            core.interrupt(Interrupt::Cut {
                reason: "session has reached its maximum age".into(),
            });
        } else if over(limits.idle_timeout, core.idle_since_mono_ns()) {
            core.interrupt(Interrupt::Cut {
                reason: "session was idle for too long".into(),
            });
        }
    }
}

/// When evidence fails, every live session ends (C3).
async fn watch_health(shared: Arc<Shared>) {
    let mut health = shared.services.evidence.health();
    let drained = drained(&shared);
    tokio::pin!(drained);
    loop {
        let failing = match &*health.borrow_and_update() {
            Health::Good => None,
            Health::Failing { what, .. } => Some(Arc::clone(what)),
        };
        if let Some(what) = failing {
            tracing::error!(%what, "evidence cannot be written; ending sessions");
            for core in shared.registry.all() {
                core.interrupt(Interrupt::EvidenceFailing {
                    what: Arc::clone(&what),
                });
            }
        }
        tokio::select! {
            changed = health.changed() => if changed.is_err() { break },
            () = &mut drained => break,
        }
    }
}
