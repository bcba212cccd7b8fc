//! What the pipeline itself knows of a session, beside what its stage holds.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use custos_evidence::{
    DetailValue, EvidenceError, NodeRecord, Position, RecordOutcome, RecordType, SessionEnd,
    SessionLog, Source,
};
use custos_identity::CredentialId;
use custos_model::{Principal, RequestId, ResourceName, SessionId, SignInId};
use custos_policy::documents::Alternatives;
use tokio::sync::{broadcast, watch};

use crate::error::SessionError;
use crate::gateway::Shared;
use crate::registry::Place;
use crate::{Ended, Interrupt};

/// What an adapter has, beyond its own deadline, to tell its client and end.
const DEADLINE_GRACE: Duration = Duration::from_secs(2);

/// Pieces of transcript that a slow watcher may be behind.
const WATCHED_PIECES: usize = 64;

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Handshake,
    /// Somebody is to sign in elsewhere, and holds one of few places until she has.
    SignIn,
    /// That was given up for another way to prove who it is.
    Otherwise,
    Connect,
    Open,
}

impl Phase {
    fn as_str(self) -> &'static str {
        match self {
            Self::Handshake | Self::Otherwise => "handshake",
            Self::SignIn => "sign_in",
            Self::Connect => "connect",
            Self::Open => "open",
        }
    }
}

pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: SessionId,
    pub(crate) peer: SocketAddr,
    pub(crate) started_mono_ns: u64,
    phase: watch::Sender<Phase>,
    /// `mono_ns` of the last request or response.
    active_mono_ns: AtomicU64,
    /// Counts the changes of the principal's groups.
    principal_version: AtomicU64,
    /// UTC nanoseconds at which what the client presented is over, and the session with it.
    ends_utc_ns: AtomicU64,
    interrupt: watch::Sender<Option<Interrupt>>,
    /// Transcript lines as they are recorded, for whoever watches.
    watchers: broadcast::Sender<Bytes>,
    state: Mutex<State>,
}

/// What is found out on the way.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) client_tls: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) principal: Option<Principal>,
    pub(crate) resource: Option<ResourceName>,
    pub(crate) credential: Option<CredentialId>,
    pub(crate) sign_in: Option<SignInId>,
    pub(crate) parents: Vec<SignInId>,
    pub(crate) target_tls: Option<String>,
    pub(crate) log: Option<Arc<SessionLog>>,
    /// The refusal of this connection is a record already.
    pub(crate) refusal_recorded: bool,
    /// Its place among the sessions; given back when the session is closed.
    pub(crate) place: Option<Place>,
    /// Why it was opened, as far as the client said.
    pub(crate) reason: Option<String>,
    /// A token from when the client was sent away to come again.
    pub(crate) token: Option<String>,
    /// Grants that it has used: it ends with any of them.
    pub(crate) grants: BTreeSet<RequestId>,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Core")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Core {
    pub(crate) fn new(
        shared: Arc<Shared>,
        id: SessionId,
        peer: SocketAddr,
        now_mono_ns: u64,
    ) -> Self {
        Self {
            shared,
            id,
            peer,
            started_mono_ns: now_mono_ns,
            phase: watch::Sender::new(Phase::Handshake),
            active_mono_ns: AtomicU64::new(now_mono_ns),
            principal_version: AtomicU64::new(0),
            ends_utc_ns: AtomicU64::new(u64::MAX),
            interrupt: watch::Sender::new(None),
            watchers: broadcast::Sender::new(WATCHED_PIECES),
            state: Mutex::new(State::default()),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not keep a session from being closed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left of approvals that policy asks for, when grants have met what they can. A grant that meets one is
    /// returned, and the session ends with it.
    pub(crate) fn unmet(
        &self,
        resource: &str,
        approvals: &[Alternatives],
    ) -> (Vec<Alternatives>, Option<RequestId>) {
        let principal = self.state().principal.clone();
        let Some(principal) = principal else {
            return (approvals.to_vec(), None);
        };
        let (mut unmet, mut used) = (Vec::new(), BTreeSet::new());
        for alternatives in approvals {
            let known = &self.shared.services.approvals;
            match known.grant_for(&principal, resource, Some(self.id), alternatives) {
                Some(grant) => drop(used.insert(grant)),
                None => unmet.push(alternatives.clone()),
            }
        }
        let first = used.first().copied();
        self.state().grants.extend(used);
        (unmet, first)
    }

    /// Binds the session to the grants that it uses, now that it is open. One of them may have ended before it was known
    /// that this session uses it; then it ends too.
    pub(crate) fn bind_grants(&self) {
        let grants = self.state().grants.clone();
        let approvals = &self.shared.services.approvals;
        let all_hold = grants.iter().all(|grant| approvals.bind(*grant, self.id));
        if !all_hold {
            self.interrupt(Interrupt::Cut {
                reason: "the grant that it was open by has ended".into(),
            });
        }
    }

    /// Lines from now on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Bytes> {
        self.watchers.subscribe()
    }

    /// Shows lines to whoever watches.
    pub(crate) fn show(&self, lines: &[u8]) {
        if self.watchers.receiver_count() > 0 {
            // The last of them may be gone by now.
            let _ = self.watchers.send(Bytes::copy_from_slice(lines));
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Nobody is to sign in elsewhere any more; what is known already stays known.
    pub(crate) fn leave_sign_in(&self) {
        self.phase.send_if_modified(|phase| {
            let leaves = *phase == Phase::SignIn;
            if leaves {
                *phase = Phase::Otherwise;
            }
            leaves
        });
    }

    /// Nanoseconds since the session began; also marks the session as active.
    pub(crate) fn elapsed_ns(&self) -> u64 {
        let now = self.shared.services.clock.now().mono_ns;
        self.active_mono_ns.store(now, Ordering::Relaxed);
        now.saturating_sub(self.started_mono_ns)
    }

    pub(crate) fn idle_since_mono_ns(&self) -> u64 {
        self.active_mono_ns.load(Ordering::Relaxed)
    }

    pub(crate) fn principal_version(&self) -> u64 {
        self.principal_version.load(Ordering::SeqCst)
    }

    /// To be called after the principal in the state was changed.
    pub(crate) fn principal_changed(&self) {
        self.principal_version.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn ends_utc_ns(&self) -> u64 {
        self.ends_utc_ns.load(Ordering::Relaxed)
    }

    pub(crate) fn set_ends_utc_ns(&self, utc_ns: u64) {
        self.ends_utc_ns.store(utc_ns, Ordering::Relaxed);
    }

    /// Why no further operation may begin, if so.
    pub(crate) fn stopped(&self) -> Option<Interrupt> {
        self.interrupt
            .borrow()
            .clone()
            .filter(|interrupt| *interrupt != Interrupt::Draining)
    }

    /// Asks the session to end. A later request does not soften an earlier one.
    pub(crate) fn interrupt(&self, interrupt: Interrupt) {
        self.interrupt.send_if_modified(|current| {
            let stronger = matches!(current, None | Some(Interrupt::Draining))
                && current.as_ref() != Some(&interrupt);
            if stronger {
                *current = Some(interrupt);
            }
            stronger
        });
    }

    pub(crate) fn interrupts(&self) -> watch::Receiver<Option<Interrupt>> {
        self.interrupt.subscribe()
    }

    /// Resolves when the present phase has taken too long; never while the session is open. Adapters have
    /// deadlines of their own where they can still tell the client; this one comes a little later.
    pub(crate) async fn overdue(&self) -> &'static str {
        let limits = self.shared.limits();
        let phases = [
            (Phase::Handshake, limits.handshake_timeout, "authentication"),
            (
                Phase::SignIn,
                limits.sign_in_timeout + DEADLINE_GRACE,
                "signing in",
            ),
            (Phase::Otherwise, limits.handshake_timeout, "authentication"),
            (
                Phase::Connect,
                limits.connect_timeout + DEADLINE_GRACE,
                "connecting to the target",
            ),
        ];
        drop(limits);
        for (phase, timeout, what) in phases {
            let mut phases = self.phase.subscribe();
            let passed = phases.wait_for(|now| *now > phase);
            if tokio::time::timeout(timeout, passed).await.is_err() {
                return what;
            }
        }
        std::future::pending().await
    }

    /// Resolves some time after the session was told to end at once, when its adapter must have obeyed.
    pub(crate) async fn overstayed(&self, grace: Duration) {
        let mut interrupts = self.interrupts();
        let told = interrupts
            .wait_for(|interrupt| !matches!(interrupt, None | Some(Interrupt::Draining)))
            .await
            .is_ok();
        if told {
            tokio::time::sleep(grace).await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// The last phase: one record that says how it ended. Called by the pipeline alone, once.
    pub(crate) async fn close(&self, result: Result<Ended, SessionError>) {
        let (log, target_tls, place) = {
            let mut state = self.state();
            (
                state.log.take(),
                state.target_tls.take(),
                state.place.take(),
            )
        };
        match log {
            Some(log) => {
                self.close_session(&log, target_tls.as_deref(), &result)
                    .await;
            }
            None => self.close_refused(&result),
        }
        self.shared.services.approvals.session_ended(self.id);
        drop(place);
    }

    async fn close_session(
        &self,
        log: &SessionLog,
        target_tls: Option<&str>,
        result: &Result<Ended, SessionError>,
    ) {
        let (outcome, reason) = match result {
            Ok(ended) => (RecordOutcome::Ok, ended.as_str().to_owned()),
            Err(SessionError::Interrupted(interrupt)) => {
                (RecordOutcome::Interrupted, interrupt.reason())
            }
            Err(
                SessionError::Denied { .. }
                | SessionError::NeedsGrant { .. }
                | SessionError::WrongDatabase { .. },
            ) => (RecordOutcome::Denied, result_text(result)),
            Err(_) => (RecordOutcome::Failed, result_text(result)),
        };
        let mut detail = Vec::with_capacity(2);
        if let Some(tls) = target_tls {
            detail.push(("target_tls", DetailValue::Text(tls)));
        }
        if let Err(error) = result {
            detail.push(("kind", DetailValue::Text(error.kind())));
        }
        if let Err(error) = log
            .end(&SessionEnd {
                outcome,
                reason: &reason,
                detail: &detail,
            })
            .await
        {
            tracing::error!(session = %self.id, %error, "session end could not be recorded");
        }
    }

    fn close_refused(&self, result: &Result<Ended, SessionError>) {
        let Err(error) = result else { return };
        if self.state().refusal_recorded {
            return;
        }
        self.shared
            .refusals
            .record(self, self.phase().as_str(), error.kind(), &error.chain());
    }

    /// Appends a record about this connection that has no session yet; its `src` is filled in here.
    pub(crate) fn append(&self, record: &NodeRecord<'_>) -> Result<Position, EvidenceError> {
        let state = self.state();
        let mut record = *record;
        record.src = Some(Source {
            ip: self.peer.ip(),
            port: self.peer.port(),
            client: state.application.as_deref(),
            tls: state.client_tls.as_deref(),
        });
        self.shared.services.evidence.append(&record)
    }

    /// Appends the record of a refusal and waits until it is durable, so that the client never hears of a
    /// refusal that is not on record.
    pub(crate) async fn refuse(&self, record: &NodeRecord<'_>) -> Result<(), EvidenceError> {
        self.state().refusal_recorded = true;
        let position = self.append(record)?;
        self.shared.services.evidence.sync(position).await
    }

    /// The same for somebody who could not prove to be of this name.
    pub(crate) async fn refuse_login(
        &self,
        login_name: &str,
        method: &'static str,
        reason: &str,
    ) -> Result<(), EvidenceError> {
        let actor = Principal::unknown(login_name);
        let detail = [("method", DetailValue::Text(method))];
        let mut record = NodeRecord::new(RecordType::LoginFailed, RecordOutcome::Denied);
        record.actor = Some(&actor);
        record.reason = Some(reason);
        record.detail = &detail;
        self.refuse(&record).await
    }
}

fn result_text(result: &Result<Ended, SessionError>) -> String {
    match result {
        Ok(ended) => ended.as_str().to_owned(),
        Err(error) => error.chain(),
    }
}

impl Interrupt {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Draining => "gateway is stopping".to_owned(),
            Self::Cut { reason } => reason.to_string(),
            Self::EvidenceFailing { what } => format!("evidence cannot be written: {what}"),
        }
    }
}
