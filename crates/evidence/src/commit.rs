//! The group commit: one thread that fsyncs for everybody.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use crate::error::EvidenceError;
use crate::failures::Part;
use crate::integrator::CLOSING_ATTEMPTS;
use crate::position::Position;
use crate::shared::{OnExit, Shared, lock};

/// Frames waiting for the integrator above which it is woken at once instead of at its next turn.
const WAKE_BATCHES: usize = 64;

/// Runs until the writer is stopped.
fn run(shared: &Arc<Shared>) {
    let _on_exit = OnExit(Arc::clone(shared));
    let mut waited = false;
    let mut failed = 0;
    loop {
        if shared.is_abandoned() {
            return;
        }
        if lock(&shared.wal).broken().is_some() {
            thread::park_timeout(shared.settings.retry_interval);
            retry(shared);
            failed += 1;
            if failed >= CLOSING_ATTEMPTS && shared.threads.closed.load(Ordering::SeqCst) {
                shared.abandon();
            }
            continue;
        }
        failed = 0;
        let progress = &shared.progress;
        let durable = progress.durable.load(Ordering::SeqCst);
        if progress.appended.load(Ordering::SeqCst) == durable {
            waited = false;
            thread::park();
        } else if waited || progress.requested.load(Ordering::SeqCst) > durable {
            waited = false;
            commit(shared);
        } else {
            thread::park_timeout(shared.settings.buffered_sync_interval);
            waited = true;
        }
    }
}

/// Makes everything appended so far durable.
pub(crate) fn commit(shared: &Shared) {
    shared.progress.unsynced_bytes.store(0, Ordering::Relaxed);
    if shared.flush().is_err() {
        return;
    }
    let (to_sync, upto) = {
        let mut wal = lock(&shared.wal);
        // Read under the lock: somebody else may have written, or failed to, since the flush.
        if wal.broken().is_some() {
            return;
        }
        (
            wal.take_dirty(),
            shared.progress.written.load(Ordering::SeqCst),
        )
    };
    if let Err(error) = to_sync.run() {
        let what = shared.fail(Part::Wal, "fsync the write-ahead log", &error);
        return lock(&shared.wal).set_broken(what);
    }
    publish(shared, Position(upto));
}

/// After an error: what is not durable goes into a new file, all of it.
fn retry(shared: &Shared) {
    let written = {
        let mut wal = lock(&shared.wal);
        let (batch, next) = {
            let mut pending = lock(&shared.pending);
            (pending.take(), pending.next())
        };
        if let Some(batch) = batch {
            wal.keep(batch);
        }
        let result = wal.write_all_again(next);
        if result.is_ok() {
            shared.progress.written.store(next.0 - 1, Ordering::SeqCst);
        }
        result.map(|()| Position(next.0 - 1))
    };
    match written {
        Ok(upto) => {
            publish(shared, upto);
            shared.recovered(Part::Wal);
        }
        Err(error) => {
            let action = "write to a new file of the write-ahead log";
            shared.fail(Part::Wal, action, &error);
        }
    }
}

fn publish(shared: &Shared, upto: Position) {
    let batches = lock(&shared.wal).synced(upto);
    let wake = {
        let mut inbox = lock(&shared.inbox);
        inbox.batches.extend(batches);
        inbox.batches.len() > WAKE_BATCHES || !inbox.ends.is_empty() || inbox.stop.is_some()
    };
    shared.progress.durable.store(upto.0, Ordering::SeqCst);
    shared.durable_changed.notify_waiters();
    if wake || shared.threads.integrator_idle.load(Ordering::SeqCst) {
        shared.threads.wake_integrator();
    }
}

impl Shared {
    /// Hands everything up to a position to the operating system.
    pub(crate) fn write_out(&self, upto: Position) -> Result<(), EvidenceError> {
        if self.is_failing.load(Ordering::SeqCst) {
            self.check_health()?;
        }
        if self.is_written(upto) {
            return Ok(());
        }
        self.flush().inspect_err(|_| self.threads.wake_commit())
    }

    /// Returns when everything up to a position is fsynced.
    pub(crate) async fn sync(&self, upto: Position) -> Result<(), EvidenceError> {
        loop {
            if self.is_durable(upto) {
                return Ok(());
            }
            let changed = self.durable_changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            self.request_sync(upto);
            if self.is_durable(upto) {
                return Ok(());
            }
            self.check_health()?;
            if self.is_abandoned() {
                return Err(EvidenceError::Stopped);
            }
            changed.await;
        }
    }
}

/// Starts the thread.
pub(crate) fn spawn(shared: &Arc<Shared>) -> std::io::Result<thread::JoinHandle<()>> {
    let own = Arc::clone(shared);
    let handle = thread::Builder::new()
        .name("evidence-commit".to_owned())
        .spawn(move || run(&own))?;
    let _ = shared.threads.commit.set(handle.thread().clone());
    Ok(handle)
}
