//! The writer as its users see it.

use std::any::Any;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use custos_model::{Clock, IdSource};
use tokio::sync::{oneshot, watch};

use crate::error::{EvidenceError, Health};
use crate::input::{NodeRecord, SessionStart};
use crate::position::Position;
use crate::session::SessionLog;
use crate::shared::{Shared, lock};

/// The evidence writer of this node. Clones are handles to the same writer.
///
/// Records are appended in memory; [`Evidence::write_out`] makes them survive the process, [`Evidence::sync`] the
/// machine. Dropping the last handle stops the threads without finishing anything, as a crash would; use
/// [`Evidence::shutdown`].
#[derive(Clone)]
pub struct Evidence(Arc<Handle>);

impl std::fmt::Debug for Evidence {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Evidence")
            .field("dir", &self.0.shared.settings.dir)
            .field("key", &self.0.shared.verifier_key)
            .finish_non_exhaustive()
    }
}

struct Handle {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held for as long as this process may write.
    _lock: Box<dyn Any + Send + Sync>,
}

/// Numbers for status pages and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Records in the present log.
    pub tree_size: u64,
    /// Records under its last checkpoint.
    pub checkpoint_size: u64,
    /// Age of the last checkpoint.
    pub checkpoint_age: Duration,
    /// Bytes of the write-ahead log on disk.
    pub wal_bytes: u64,
    /// Bytes taken and not yet in the log.
    pub pending_bytes: usize,
    /// Sessions that are open.
    pub open_sessions: usize,
}

impl Evidence {
    pub(crate) fn new(
        shared: Arc<Shared>,
        threads: Vec<JoinHandle<()>>,
        lock: Box<dyn Any + Send + Sync>,
    ) -> Self {
        Self(Arc::new(Handle {
            shared,
            threads: Mutex::new(threads),
            _lock: lock,
        }))
    }

    /// The node's public key as a C2SP verifier key, to be pinned by verifiers.
    pub fn verifier_key(&self) -> &str {
        &self.0.shared.verifier_key
    }

    /// Makes session and record ids.
    pub fn ids(&self) -> &IdSource {
        &self.0.shared.ids
    }

    /// The clock that records are stamped with.
    pub fn clock(&self) -> &dyn Clock {
        self.0.shared.clock.0.as_ref()
    }

    /// Appends a record that belongs to no session.
    pub fn append(&self, record: &NodeRecord<'_>) -> Result<Position, EvidenceError> {
        self.0.shared.append_node_record(record)
    }

    /// Appends `session.start`. What the session does goes through the [`SessionLog`].
    pub fn begin_session(
        &self,
        start: SessionStart<'_>,
    ) -> Result<(SessionLog, Position), EvidenceError> {
        SessionLog::begin(&self.0.shared, &start)
    }

    /// Keeps a file of an approval under `approvals/`: durable when this returns, and never changed again. Waits for
    /// the disk.
    pub fn keep_approval(&self, name: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        self.0.shared.keep_approval(name, bytes)
    }

    /// Hands everything up to a position to the operating system: it survives the end of this process, though not a
    /// power cut. Writes what is pending, for everybody; does not wait for the disk.
    pub fn write_out(&self, upto: Position) -> Result<(), EvidenceError> {
        self.0.shared.write_out(upto)
    }

    /// As [`Self::write_out`], after everybody else who is ready to append had a turn: one write then serves many.
    pub async fn write_out_together(&self, upto: Position) -> Result<(), EvidenceError> {
        if !self.0.shared.is_written(upto) {
            tokio::task::yield_now().await;
        }
        self.0.shared.write_out(upto)
    }

    /// Whether everything up to a position is fsynced.
    pub fn is_durable(&self, upto: Position) -> bool {
        self.0.shared.is_durable(upto)
    }

    /// Returns when everything up to a position is fsynced, or at once when it cannot be.
    pub async fn sync(&self, upto: Position) -> Result<(), EvidenceError> {
        self.0.shared.sync(upto).await
    }

    /// Returns when the writer has room for more. To be awaited before more is read from a network.
    pub async fn room(&self) {
        self.0.shared.room().await;
    }

    /// Whether evidence can be written, now and in future.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.0.shared.health.subscribe()
    }

    /// Changes the digests of configuration and policy in the `gw` of later records.
    pub fn set_versions(&self, config_digest: &str, policy_digest: &str) {
        self.0.shared.set_versions(config_digest, policy_digest);
    }

    /// How far the writer has come.
    pub fn stats(&self) -> Stats {
        let shared = &self.0.shared;
        let progress = &shared.progress;
        let signed_mono_ns = progress.signed_mono_ns.load(Ordering::Relaxed);
        let age_ns = shared.now().mono_ns.saturating_sub(signed_mono_ns);
        Stats {
            tree_size: progress.tree_size.load(Ordering::Relaxed),
            checkpoint_size: progress.signed_size.load(Ordering::Relaxed),
            checkpoint_age: Duration::from_nanos(age_ns),
            wal_bytes: lock(&shared.wal).bytes(),
            pending_bytes: progress.waiting_bytes.load(Ordering::Relaxed),
            open_sessions: lock(&shared.sessions).len(),
        }
    }

    /// Ends the sessions whose end was asked for, appends `node.stop`, signs a last checkpoint and stops. Afterwards
    /// every append is refused. When evidence cannot be written, tries for a while, fails, and stops all the same.
    pub async fn shutdown(&self) -> Result<(), EvidenceError> {
        let shared = &self.0.shared;
        let (reply, answer) = oneshot::channel();
        if shared.threads.closed.swap(true, Ordering::SeqCst) {
            return Err(EvidenceError::Stopped);
        }
        {
            let mut inbox = lock(&shared.inbox);
            if !shared.is_abandoned() {
                inbox.stop = Some(reply);
            }
        }
        shared.threads.wake_integrator();
        let finished = answer.await;
        self.0.stop();
        finished.map_err(|_| {
            shared
                .check_health()
                .err()
                .unwrap_or(EvidenceError::Stopped)
        })
    }
}

impl Handle {
    fn stop(&self) {
        self.shared.abandon();
        for thread in lock(&self.threads).drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}
