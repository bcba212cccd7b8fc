//! What the appenders, the group commit and the integrator share: one buffer of pending frames, the write-ahead
//! log, how far each has come, and whether evidence can be written.
//!
//! Locks are taken in this order: a session's state, the write-ahead log, then one of the others.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::Thread;

use custos_model::{Clock, IdSource, Instant, SessionId};
use custos_tlog::note::Signer;
use tokio::sync::{Notify, watch};

use crate::compression::Compressors;
use crate::disk::Disk;
use crate::error::{EvidenceError, Health};
use crate::failures::{Failures, Part};
use crate::inbox::Inbox;
use crate::pending::Pending;
use crate::position::Position;
use crate::render;
use crate::session::SessionInner;
use crate::settings::Settings;
use crate::wal::Wal;

/// Who may append when things go badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// New work: refused while failing, and above the hard limit.
    New,
    /// Completes work that was let in: accepted while failing, up to half as much again.
    Closing,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) clock: ClockHandle,
    pub(crate) ids: IdSource,
    pub(crate) boot: String,
    pub(crate) signer: Signer,
    pub(crate) verifier_key: String,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) pending: Mutex<Pending>,
    pub(crate) wal: Mutex<Wal>,
    pub(crate) inbox: Mutex<Inbox>,
    /// Held while a file of an approval is written.
    pub(crate) approval_files: Mutex<()>,
    pub(crate) sessions: Mutex<HashMap<SessionId, Arc<SessionInner>>>,
    pub(crate) compressors: Compressors,
    pub(crate) progress: Progress,
    pub(crate) failures: Mutex<Failures>,
    pub(crate) is_failing: AtomicBool,
    pub(crate) health: watch::Sender<Health>,
    /// Told when the durable position moved, and when writing failed.
    pub(crate) durable_changed: Notify,
    /// Told when there is room again.
    pub(crate) room_changed: Notify,
    pub(crate) threads: Threads,
    gw: RwLock<Arc<str>>,
}

/// A clock that can be printed in debug output.
pub(crate) struct ClockHandle(pub(crate) Arc<dyn Clock>);

impl std::fmt::Debug for ClockHandle {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Clock")
    }
}

/// How far things have come. Positions only grow.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) appended: AtomicU64,
    pub(crate) written: AtomicU64,
    pub(crate) durable: AtomicU64,
    /// Up to here somebody waits for fsync.
    pub(crate) requested: AtomicU64,
    /// Bytes taken and not yet in the log.
    pub(crate) waiting_bytes: AtomicUsize,
    /// Bytes taken since the last fsync began.
    pub(crate) unsynced_bytes: AtomicUsize,
    pub(crate) tree_size: AtomicU64,
    pub(crate) signed_size: AtomicU64,
    pub(crate) signed_mono_ns: AtomicU64,
}

/// The writer's threads, to be woken.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    pub(crate) commit: OnceLock<Thread>,
    pub(crate) integrator: OnceLock<Thread>,
    /// The integrator sleeps until it is woken.
    pub(crate) integrator_idle: AtomicBool,
    /// No more records are taken.
    pub(crate) closed: AtomicBool,
    /// The threads end without finishing anything.
    pub(crate) abandoned: AtomicBool,
}

impl Threads {
    pub(crate) fn wake_commit(&self) {
        if let Some(thread) = self.commit.get() {
            thread.unpark();
        }
    }

    pub(crate) fn wake_integrator(&self) {
        if let Some(thread) = self.integrator.get() {
            thread.unpark();
        }
    }
}

/// Ends the writer when one of its threads ends, for whatever reason: evidence fails closed.
#[derive(Debug)]
pub(crate) struct OnExit(pub(crate) Arc<Shared>);

impl Drop for OnExit {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let error = io::Error::other("a thread of the writer panicked");
            self.0.fail(Part::Log, "go on", &error);
        }
        self.0.abandon();
    }
}

/// What [`Shared::new`] needs beside the settings.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) clock: ClockHandle,
    pub(crate) ids: IdSource,
    pub(crate) boot: String,
    pub(crate) signer: Signer,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) wal: Wal,
}

impl Shared {
    pub(crate) fn new(settings: Settings, parts: Parts) -> Self {
        let gw = gateway(&settings, &settings.config_digest, &settings.policy_digest);
        Self {
            gw: RwLock::new(gw),
            verifier_key: parts.signer.verifier_key().to_string(),
            pending: Mutex::new(Pending::new()),
            clock: parts.clock,
            ids: parts.ids,
            boot: parts.boot,
            signer: parts.signer,
            disk: parts.disk,
            wal: Mutex::new(parts.wal),
            inbox: Mutex::default(),
            approval_files: Mutex::default(),
            sessions: Mutex::default(),
            compressors: Compressors::default(),
            progress: Progress::default(),
            failures: Mutex::default(),
            is_failing: AtomicBool::new(false),
            health: watch::Sender::new(Health::Good),
            durable_changed: Notify::new(),
            room_changed: Notify::new(),
            threads: Threads::default(),
            settings,
        }
    }

    /// Goes on at a position of the write-ahead log, in a log.
    pub(crate) fn resume(&self, next: Position, origin: String) {
        let progress = &self.progress;
        for position in [&progress.appended, &progress.written, &progress.durable] {
            position.store(next.0.saturating_sub(1), Ordering::SeqCst);
        }
        lock(&self.pending).resume(next, origin);
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.0.now()
    }

    /// `gw` of records written now.
    pub(crate) fn gw(&self) -> Arc<str> {
        Arc::clone(&self.gw.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_versions(&self, config_digest: &str, policy_digest: &str) {
        let gw = gateway(&self.settings, config_digest, policy_digest);
        *self.gw.write().unwrap_or_else(PoisonError::into_inner) = gw;
    }

    /// File in which the log's state is kept when write-ahead files are dropped.
    pub(crate) fn state_path(&self) -> PathBuf {
        self.settings.dir.join("wal").join("state")
    }

    /// Whether a caller may append.
    pub(crate) fn admit(&self, admission: Admission) -> Result<(), EvidenceError> {
        let half = self.settings.queue_bytes / 2;
        let limit_bytes = match admission {
            Admission::New => half * 4,
            Admission::Closing => half * 6,
        };
        if self.threads.closed.load(Ordering::SeqCst) {
            return Err(EvidenceError::Stopped);
        }
        if admission == Admission::New {
            self.check_health()?;
        }
        let behind_bytes = self.progress.waiting_bytes.load(Ordering::Relaxed);
        if behind_bytes > limit_bytes {
            return Err(EvidenceError::Overloaded { behind_bytes });
        }
        Ok(())
    }

    /// An error while evidence cannot be written.
    pub(crate) fn check_health(&self) -> Result<(), EvidenceError> {
        if self.is_failing.load(Ordering::SeqCst)
            && let Some(what) = lock(&self.failures).what()
        {
            return Err(EvidenceError::Failing { what });
        }
        Ok(())
    }

    /// Hands everything pending to the operating system. Whoever comes first does it for all, and when it fails
    /// reports it; who comes later learns of the same failure.
    pub(crate) fn flush(&self) -> Result<(), EvidenceError> {
        let mut wal = lock(&self.wal);
        let batch = lock(&self.pending).take();
        if let Some(what) = wal.broken() {
            if let Some(batch) = batch {
                wal.keep(batch);
            }
            return Err(EvidenceError::Failing { what });
        }
        let Some(batch) = batch else { return Ok(()) };
        let last = batch.last;
        if let Err(error) = wal.write(batch) {
            // Under the lock: the commit thread may not mend it before it is reported.
            let what = self.fail(Part::Wal, "write to the write-ahead log", &error);
            wal.set_broken(Arc::clone(&what));
            return Err(EvidenceError::Failing { what });
        }
        self.progress.written.store(last.0, Ordering::SeqCst);
        Ok(())
    }

    /// Asks the group commit to make a position durable soon.
    pub(crate) fn request_sync(&self, upto: Position) {
        self.progress.requested.fetch_max(upto.0, Ordering::SeqCst);
        self.threads.wake_commit();
    }

    pub(crate) fn is_written(&self, upto: Position) -> bool {
        self.progress.written.load(Ordering::SeqCst) >= upto.0
    }

    pub(crate) fn is_durable(&self, upto: Position) -> bool {
        self.progress.durable.load(Ordering::SeqCst) >= upto.0
    }

    /// To be called after an append. The group commit sleeps without end only when nothing is left to do.
    pub(crate) fn appended(&self, position: Position, bytes: usize) {
        self.progress
            .waiting_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        self.progress.appended.store(position.0, Ordering::SeqCst);
        let unsynced = self
            .progress
            .unsynced_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        // The log takes in only what is durable, so whoever fills the queue must not wait for the usual interval.
        if unsynced + bytes >= self.settings.queue_bytes / 4 {
            self.request_sync(position);
        } else if self.progress.durable.load(Ordering::SeqCst) + 1 == position.0 {
            self.threads.wake_commit();
        }
    }

    /// To be called when frames are in the log, or in a segment.
    pub(crate) fn integrated(&self, bytes: usize) {
        let before = self
            .progress
            .waiting_bytes
            .fetch_sub(bytes, Ordering::Relaxed);
        let limit = self.settings.queue_bytes;
        if before >= limit && before - bytes.min(before) < limit {
            self.room_changed.notify_waiters();
        }
    }

    /// Returns when there is room for more, or when writing fails, which the next append will tell.
    pub(crate) async fn room(&self) {
        loop {
            let changed = self.room_changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let waiting = self.progress.waiting_bytes.load(Ordering::Relaxed);
            if waiting < self.settings.queue_bytes
                || self.is_failing.load(Ordering::SeqCst)
                || self.is_abandoned()
            {
                return;
            }
            changed.await;
        }
    }

    /// Ends both threads, and everybody's waiting for them.
    pub(crate) fn abandon(&self) {
        self.threads.abandoned.store(true, Ordering::SeqCst);
        self.threads.wake_commit();
        self.threads.wake_integrator();
        self.durable_changed.notify_waiters();
        self.room_changed.notify_waiters();
        // Dropping what is asked for tells those who ask.
        let mut inbox = lock(&self.inbox);
        inbox.ends.clear();
        inbox.stop = None;
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.threads.abandoned.load(Ordering::SeqCst)
    }
}

/// Locks, also after a panic elsewhere: what the locks guard is complete between any two statements that can panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gateway(settings: &Settings, config_digest: &str, policy_digest: &str) -> Arc<str> {
    render::gateway(
        &settings.build,
        config_digest,
        &settings.node,
        policy_digest,
    )
    .into()
}
