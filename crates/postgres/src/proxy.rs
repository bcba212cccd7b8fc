//! One session from the first byte to the last.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use custos_session::{Accepted, Asked, Ended, Interrupt, Open, Position, Session, SessionError};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::beginning;
use crate::cancel::{CancelKey, CancelKeys};
use crate::catalogue::Catalogues;
use crate::client::{Client, protocol_error};
use crate::conversation::Conversation;
use crate::handshake::{Greeting, Startup, handshake};
use crate::judge::Judge;
use crate::login;
use crate::requests::{Left, Requests};
use crate::responses::Responses;
use crate::target::{self, Target};
use crate::wire::backend::{Authentication, BackendKeyData};

/// Bytes of statement texts whose analyses are kept for all sessions.
const SCRIPTS_BYTES: usize = 16 << 20;

/// What all sessions know of statements and targets.
#[derive(Debug)]
pub(crate) struct Known {
    scripts: Arc<custos_sql::Cache>,
    catalogues: Catalogues,
}

impl Known {
    pub(crate) fn new() -> Self {
        Self {
            scripts: Arc::new(custos_sql::Cache::new(SCRIPTS_BYTES)),
            catalogues: Catalogues::default(),
        }
    }
}

/// How long the target may take to answer what was asked before the client left.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a cancel request to the target may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn serve(
    keys: &Arc<CancelKeys>,
    known: &Known,
    stream: TcpStream,
    mut session: Session<Accepted>,
) -> Result<Ended, SessionError> {
    let (mut client, greeting) = handshake(stream, &mut session).await?;
    let startup = match greeting {
        Greeting::Cancel { process_id, secret } => {
            drop(client);
            return cancel(keys, session, process_id, &secret).await;
        }
        Greeting::Startup(startup) => startup,
    };
    let id = session.id();
    let result = signed_in(keys, known, &mut client, &startup, session).await;
    match &result {
        Ok(_) => {
            // A clean end of TLS; the client may have closed already.
            let _ = tokio::time::timeout(SETTLE_TIMEOUT, client.stream.shutdown()).await;
        }
        Err(error) => client.farewell(error, &startup.user, id).await,
    }
    result
}

async fn cancel(
    keys: &CancelKeys,
    session: Session<Accepted>,
    process_id: i32,
    secret: &[u8],
) -> Result<Ended, SessionError> {
    let found = keys.find(process_id, secret, session.peer().ip());
    let reason = if found.is_some() {
        "cancel request"
    } else {
        "no such cancel key from this address"
    };
    let ended = session
        .cancel_requested(found.as_ref().map(|found| found.session), reason)
        .await;
    // On record first, then done.
    if ended.is_ok()
        && let Some(found) = found
    {
        found.requested.notify_one();
    }
    ended
}

async fn signed_in(
    keys: &Arc<CancelKeys>,
    known: &Known,
    client: &mut Client,
    startup: &Startup,
    session: Session<Accepted>,
) -> Result<Ended, SessionError> {
    let random = |bytes: &mut [u8]| keys.random(bytes);
    if let Some((_, application)) = startup
        .settings
        .iter()
        .find(|(name, _)| name == "application_name")
    {
        session.set_application(application);
    }
    let (session, mut welcome) = login::login(client, startup, session, &random).await?;
    let settings = startup.settings_without_tokens();
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let (reason, token) = (startup.reason(), startup.token());
    let asked = Asked {
        database: startup.database.as_deref(),
        settings: &settings,
        reason: reason.as_deref(),
        token: token.as_deref(),
    };
    let session = session.authorize(asked).await?;
    let peer = session.peer().ip();
    let connecting = async {
        let mut target = target::sign_in(&session, startup, &random).await?;
        let beginning = beginning::of(&session, startup, &mut target).await?;
        Ok::<_, SessionError>((target, beginning))
    };
    let (target, beginning) = tokio::time::timeout(session.connect_timeout(), Box::pin(connecting))
        .await
        .unwrap_or(Err(SessionError::Timeout("connecting to the target")))?;

    let secret_bytes = if startup.minor >= 2 { 32 } else { 4 };
    let key = keys.issue(session.id(), peer, secret_bytes);
    Authentication::encode_ok(&mut welcome);
    welcome.extend_from_slice(&target.greeting);
    BackendKeyData {
        process_id: key.process_id,
        key: &key.secret,
    }
    .encode(&mut welcome)
    .map_err(|error| protocol_error(&error))?;
    target.transaction.encode(&mut welcome);
    let session = session.open(target.stream.tls_description())?;
    client.send(&welcome).await?;
    let database = beginning.database.as_deref().unwrap_or_default();
    let catalogue = known.catalogues.of(session.resource(), database);
    let judge = Judge::new(Arc::clone(&known.scripts), catalogue, beginning);
    converse(client, session, target, key, judge, &random).await
}

/// What both directions of a session share. One task runs both, so the lock is never waited for.
#[derive(Debug)]
pub(crate) struct Shared {
    conversation: Mutex<Conversation>,
    /// Answers are recorded and not written to the client yet.
    pub(crate) unreleased: AtomicBool,
    /// Notified when an answer is complete, and when all are written: requests may go on, or the session is
    /// idle.
    pub(crate) progress: Notify,
    /// Notified when the target is to cancel what it does, though the client did not ask for that.
    pub(crate) cancel: Notify,
    /// A request waits for people.
    is_holding: AtomicBool,
    /// Notified when the client cancels meanwhile.
    withdrawn: Notify,
    /// What the gateway tells the client by itself, and where that is on record.
    notices: Mutex<Vec<(Option<Position>, Vec<u8>)>>,
    /// Notified when there is some.
    pub(crate) noticed: Notify,
}

/// As long as it is there a request waits for people, and a cancel request is for that.
pub(crate) struct Holding<'s>(&'s Shared);

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.0.is_holding.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    pub(crate) fn holding(&self) -> Holding<'_> {
        self.is_holding.store(true, Ordering::SeqCst);
        Holding(self)
    }

    /// Returns when the client cancels what waits.
    pub(crate) async fn withdrawn(&self) {
        self.withdrawn.notified().await;
    }

    /// Queues a notice for the client.
    pub(crate) fn notify(&self, position: Option<Position>, notice: Vec<u8>) {
        self.notices().push((position, notice));
        self.noticed.notify_one();
    }

    pub(crate) fn notices(&self) -> MutexGuard<'_, Vec<(Option<Position>, Vec<u8>)>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn conversation(&self) -> MutexGuard<'_, Conversation> {
        self.conversation
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn converse(
    client: &mut Client,
    session: Session<Open>,
    target: Target,
    key: CancelKey,
    judge: Judge,
    random: &(dyn Fn(&mut [u8]) + Send + Sync),
) -> Result<Ended, SessionError> {
    let shared = Shared {
        conversation: Mutex::new(Conversation::new()),
        unreleased: AtomicBool::new(false),
        progress: Notify::new(),
        cancel: Notify::new(),
        is_holding: AtomicBool::new(false),
        withdrawn: Notify::new(),
        notices: Mutex::default(),
        noticed: Notify::new(),
    };
    let Target {
        stream,
        buffer: from_target,
        key: target_key,
        ..
    } = target;
    let (client_reader, client_writer) = tokio::io::split(&mut client.stream);
    let (target_reader, target_writer) = tokio::io::split(stream);
    let from_client = std::mem::take(&mut client.buffer);
    let requests = Requests::new(&session, &shared, judge, random);
    let mut responses = Responses::new(&session, &shared, &mut client.at_boundary);

    let forward = requests.run(client_reader, target_writer, from_client);
    let backward = responses.run(target_reader, client_writer, from_target);
    let exchange = exchange(forward, backward);
    // A target that always has more to say uses up what tokio lets one task do at a time, and these come after it.
    let order = tokio::task::unconstrained(ordered_to_end(&session, &shared));
    let cancels = tokio::task::unconstrained(cancels(&session, &shared, &key, target_key));
    let result = tokio::select! {
        biased;
        ended = exchange => ended,
        error = order => Err(error),
        never = cancels => match never {},
    };
    if shared.conversation().target_said_goodbye {
        // The client has read the target's last words; another error after them would be one too many.
        client.at_boundary = false;
    }
    result
}

/// Runs both directions until the session has ended, letting the target finish what it was asked.
async fn exchange(
    forward: impl Future<Output = Result<Left, SessionError>>,
    backward: impl Future<Output = Result<(), SessionError>>,
) -> Result<Ended, SessionError> {
    tokio::pin!(forward, backward);
    let left = tokio::select! {
        biased;
        left = &mut forward => left?,
        done = &mut backward => {
            done?;
            return Err(SessionError::Upstream(custos_session::UpstreamError::Closed));
        }
    };
    // What is still to come settles outcomes; the client may not be there to read it.
    let settled = tokio::time::timeout(SETTLE_TIMEOUT, backward).await;
    match (left, settled) {
        (_, Ok(Err(error @ SessionError::Evidence(_)))) => Err(error),
        (Left::Terminated, _) => Ok(Ended::ClientClosed),
        (Left::Vanished, _) => Ok(Ended::ClientVanished),
    }
}

/// Resolves when the session is told to end: at once, or when draining, as soon as nothing is under way.
async fn ordered_to_end(session: &Session<Open>, shared: &Shared) -> SessionError {
    let mut draining = None;
    loop {
        tokio::select! {
            interrupt = session.interrupted(draining.as_ref()) => match interrupt {
                Interrupt::Draining => draining = Some(Interrupt::Draining),
                interrupt => return SessionError::Interrupted(interrupt),
            },
            () = idle(shared), if draining.is_some() => {
                return SessionError::Interrupted(Interrupt::Draining);
            }
        }
    }
}

async fn idle(shared: &Shared) {
    loop {
        let progress = shared.progress.notified();
        if shared.conversation().is_idle() && !shared.unreleased.load(Ordering::Relaxed) {
            return;
        }
        progress.await;
    }
}

/// Passes valid cancel requests on to the target.
async fn cancels(
    session: &Session<Open>,
    shared: &Shared,
    key: &CancelKey,
    target_key: Option<(i32, Vec<u8>)>,
) -> std::convert::Infallible {
    loop {
        tokio::select! {
            () = key.requested.notified() => {
                if shared.is_holding.load(Ordering::SeqCst) {
                    shared.withdrawn.notify_one();
                }
            }
            () = shared.cancel.notified() => {}
        }
        // What was asked before it may still run; a target that does nothing is not disturbed.
        if !shared.conversation().is_answering() {
            continue;
        }
        let Some(target_key) = &target_key else {
            continue;
        };
        match tokio::time::timeout(CANCEL_TIMEOUT, target::cancel(session, target_key)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(session = %session.id(), %error, "cancel request did not reach the target");
            }
            Err(_) => {
                tracing::warn!(session = %session.id(), "cancel request to the target timed out");
            }
        }
    }
}
