//! The integrator: takes durable frames in order, puts records into the Merkle log and transcripts into segments,
//! signs checkpoints, and lets the write-ahead log forget what is safe elsewhere. One thread.

mod segments;
mod sessions;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::{io, mem};

use tokio::sync::oneshot;

use crate::error::OpenError;
use crate::failures::Part;
use crate::frame::{self, Frame, Read};
use crate::inbox::EndRequest;
use crate::input::DetailValue;
use crate::ledger::Ledger;
use crate::log::{Log, chain};
use crate::position::Position;
use crate::record_type::{RecordOutcome, RecordType};
use crate::shared::{OnExit, Shared, lock};
use crate::wal::Batch;

/// Turns come at most this often while nothing is urgent, so that many commits are taken together.
const TURN: Duration = Duration::from_millis(5);
/// And at least this often, for what is due by time.
const IDLE: Duration = Duration::from_millis(250);

/// Attempts to write while the writer is shut down, before that is given up.
pub(crate) const CLOSING_ATTEMPTS: u32 = 10;

/// See the module.
#[derive(Debug)]
pub(crate) struct Integrator {
    pub(crate) shared: Arc<Shared>,
    pub(crate) ledger: Ledger,
    ends: Vec<EndRequest>,
    stop: Option<Stop>,
    heartbeat_mono_ns: u64,
    checkpoint_mono_ns: u64,
    gathered_bytes: usize,
    /// Whether to try again when the disk refuses. At the start it is better to say so and end.
    patient: bool,
    refused: Option<(&'static str, io::Error)>,
}

#[derive(Debug)]
struct Stop {
    /// Told when all is done; dropped when it cannot be.
    reply: oneshot::Sender<()>,
    /// Position of `node.stop`, once it is written.
    last: Option<Position>,
}

/// The writer was dropped; nothing more is to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Abandoned;

impl Integrator {
    pub(crate) fn new(shared: Arc<Shared>, ledger: Ledger) -> Self {
        let now_ns = shared.now().mono_ns;
        Self {
            shared,
            ledger,
            ends: Vec::new(),
            stop: None,
            heartbeat_mono_ns: now_ns,
            checkpoint_mono_ns: now_ns,
            gathered_bytes: 0,
            patient: false,
            refused: None,
        }
    }

    /// From now on, errors of the disk are waited out.
    pub(crate) fn be_patient(&mut self) {
        self.patient = true;
    }

    /// Why the start was given up.
    pub(crate) fn open_error(&mut self) -> OpenError {
        let (action, source) = self
            .refused
            .take()
            .unwrap_or_else(|| ("write to", io::Error::other("the start was given up")));
        OpenError::io(action, &self.shared.settings.dir)(source)
    }

    /// Runs until the writer is stopped or dropped. Then nobody waits for it any more.
    pub(crate) fn run(mut self) {
        let _on_exit = OnExit(Arc::clone(&self.shared));
        while !self.shared.is_abandoned() {
            match self.turn() {
                Err(Abandoned) | Ok(Turn::Stopped) => return,
                Ok(Turn::Busy) => thread::sleep(TURN),
                Ok(Turn::Idle) => {
                    self.shared
                        .threads
                        .integrator_idle
                        .store(true, Ordering::SeqCst);
                    let waits = {
                        let inbox = lock(&self.shared.inbox);
                        inbox.batches.is_empty() && inbox.ends.is_empty() && inbox.stop.is_none()
                    };
                    if waits {
                        let interval = self.shared.settings.checkpoint_interval;
                        thread::park_timeout(interval.clamp(Duration::from_millis(1), IDLE));
                    }
                    self.shared
                        .threads
                        .integrator_idle
                        .store(false, Ordering::SeqCst);
                }
            }
        }
    }

    /// Does everything that can be done now.
    fn turn(&mut self) -> Result<Turn, Abandoned> {
        let batches = {
            let mut inbox = lock(&self.shared.inbox);
            self.ends.append(&mut inbox.ends);
            if let Some(reply) = inbox.stop.take() {
                self.stop = Some(Stop { reply, last: None });
            }
            mem::take(&mut inbox.batches)
        };
        let busy = !batches.is_empty();
        for batch in batches {
            self.integrate(&batch)?;
            self.shared.integrated(batch.bytes.len());
            if self.ledger.log.as_ref().is_some_and(Log::is_heavy) {
                self.checkpoint()?;
            }
        }
        let ended = self.end_sessions()?;
        self.tend_segments()?;
        self.heartbeat();
        self.checkpoint_if_due()?;
        if self.stop_if_done()? {
            return Ok(Turn::Stopped);
        }
        // Ends that wait for a commit are urgent; the commit wakes an idle integrator.
        Ok(if (busy || ended) && self.ends.is_empty() {
            Turn::Busy
        } else {
            Turn::Idle
        })
    }

    fn integrate(&mut self, batch: &Batch) -> Result<(), Abandoned> {
        let mut rest = batch.bytes.as_slice();
        while let Some(read) = frame::read_unchecked(rest) {
            self.apply(&read)?;
            rest = rest.get(read.bytes..).unwrap_or_default();
        }
        debug_assert!(rest.is_empty(), "frames in memory are whole");
        let log = self.ledger.log.as_ref();
        self.shared
            .progress
            .tree_size
            .store(log.map_or(0, Log::size), Ordering::Relaxed);
        Ok(())
    }

    fn apply(&mut self, read: &Read<'_>) -> Result<(), Abandoned> {
        match &read.frame {
            Frame::Transcript {
                session,
                compressed,
                lines,
                data,
            } => {
                self.transcript(*session, read.position, *compressed, *lines, data)?;
                self.ledger.position = read.position;
            }
            Frame::Rotate {
                origin,
                close,
                open,
            } => {
                self.ledger.close_month(close);
                self.checkpoint()?;
                self.insist("open the new month's log", |own| {
                    let Self { ledger, shared, .. } = own;
                    ledger
                        .open_month(shared, read.position, origin, open)
                        .map_err(|error| io::Error::other(chain(&error)))
                })?;
            }
            frame => {
                if let Frame::SessionRecord {
                    session,
                    effect: frame::Effect::End,
                    ..
                } = frame
                {
                    self.forget(*session);
                }
                self.ledger.apply(&self.shared, read.position, frame);
            }
        }
        Ok(())
    }

    fn checkpoint_if_due(&mut self) -> Result<(), Abandoned> {
        let Some(log) = &self.ledger.log else {
            return Ok(());
        };
        let due_ns = self.shared.settings.checkpoint_interval.as_nanos() as u64;
        let now_ns = self.shared.now().mono_ns;
        let waited = now_ns.saturating_sub(self.checkpoint_mono_ns) >= due_ns;
        if waited && log.size() > log.signed_size() {
            self.checkpoint()?;
            self.drop_wal_files()?;
        }
        Ok(())
    }

    /// Signs a checkpoint if there is anything new. All records in the log are durable in the write-ahead log.
    pub(crate) fn checkpoint(&mut self) -> Result<(), Abandoned> {
        let mono_ns = self.shared.now().mono_ns;
        self.checkpoint_mono_ns = mono_ns;
        self.insist("write a checkpoint", |own| match &mut own.ledger.log {
            Some(log) if log.size() > log.signed_size() => {
                log.checkpoint(own.shared.disk.as_ref(), &own.shared.signer, mono_ns)
            }
            _ => Ok(()),
        })?;
        let signed_size = self.ledger.log.as_ref().map_or(0, Log::signed_size);
        self.shared
            .progress
            .signed_size
            .store(signed_size, Ordering::Relaxed);
        self.shared
            .progress
            .signed_mono_ns
            .store(mono_ns, Ordering::Relaxed);
        Ok(())
    }

    /// Lets go of write-ahead files that nothing needs. The state that stands for them is durable first.
    pub(crate) fn drop_wal_files(&mut self) -> Result<(), Abandoned> {
        let needed = self.ledger.needed_from();
        if !lock(&self.shared.wal).has_files_before(needed) {
            return Ok(());
        }
        let first_file = self.write_state(needed)?;
        self.insist("recycle the write-ahead log", |own| {
            lock(&own.shared.wal).drop_files_before(first_file)
        })
    }

    /// Returns the number of the first write-ahead file that the state counts on.
    fn write_state(&mut self, needed: Position) -> Result<u64, Abandoned> {
        let first_file = lock(&self.shared.wal).first_needed_file(needed);
        let state = self.ledger.state(first_file);
        self.insist("write the state of the log", |own| {
            state.write(own.shared.disk.as_ref(), &own.shared.state_path())
        })?;
        Ok(first_file)
    }

    fn heartbeat(&mut self) {
        let now_ns = self.shared.now().mono_ns;
        let interval_ns = self.shared.settings.heartbeat_interval.as_nanos() as u64;
        if now_ns.saturating_sub(self.heartbeat_mono_ns) < interval_ns || self.stop.is_some() {
            return;
        }
        self.heartbeat_mono_ns = now_ns;
        let progress = &self.shared.progress;
        let detail = [
            (
                "open_sessions",
                DetailValue::from(lock(&self.shared.sessions).len()),
            ),
            (
                "pending_bytes",
                DetailValue::from(progress.waiting_bytes.load(Ordering::Relaxed)),
            ),
            (
                "tree_size",
                DetailValue::from(progress.tree_size.load(Ordering::Relaxed)),
            ),
        ];
        let gw = self.shared.gw();
        let mut members = self
            .shared
            .members(&gw, RecordType::LogHeartbeat, RecordOutcome::Ok);
        members.detail = &detail;
        self.shared.append_record(&members);
    }

    /// Writes `node.stop` when all ends are written, and finishes when it is in the log.
    fn stop_if_done(&mut self) -> Result<bool, Abandoned> {
        let Some(stop) = &mut self.stop else {
            return Ok(false);
        };
        let last = match stop.last {
            Some(last) => last,
            None if self.ends.is_empty() => {
                let gw = self.shared.gw();
                let members = self
                    .shared
                    .members(&gw, RecordType::NodeStop, RecordOutcome::Ok);
                let last = self.shared.append_record(&members);
                stop.last = Some(last);
                last
            }
            None => return Ok(false),
        };
        if self.ledger.position < last {
            self.shared.request_sync(last);
            return Ok(false);
        }
        self.checkpoint()?;
        self.write_state(self.ledger.needed_from())?;
        if let Some(stop) = self.stop.take() {
            let _ = stop.reply.send(());
        }
        Ok(true)
    }

    /// Does something on the disk, again and again until it works.
    pub(crate) fn insist<T>(
        &mut self,
        action: &'static str,
        mut attempt: impl FnMut(&mut Self) -> io::Result<T>,
    ) -> Result<T, Abandoned> {
        let mut attempts = 0;
        loop {
            match attempt(self) {
                Ok(done) => {
                    self.shared.recovered(Part::Log);
                    return Ok(done);
                }
                Err(error) if !self.patient => {
                    self.refused = Some((action, error));
                    return Err(Abandoned);
                }
                Err(error) => {
                    self.shared.fail(Part::Log, action, &error);
                }
            }
            thread::park_timeout(self.shared.settings.retry_interval);
            attempts += 1;
            let closing = self.shared.threads.closed.load(Ordering::SeqCst);
            if self.shared.is_abandoned() || (closing && attempts >= CLOSING_ATTEMPTS) {
                return Err(Abandoned);
            }
            // Time goes on while nothing can be written; the heartbeats of it are written later.
            self.heartbeat();
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Busy,
    Idle,
    Stopped,
}

/// Starts the thread.
pub(crate) fn spawn(integrator: Integrator) -> io::Result<thread::JoinHandle<()>> {
    let shared = Arc::clone(&integrator.shared);
    let builder = thread::Builder::new().name("evidence-integrator".to_owned());
    let handle = builder.spawn(move || integrator.run())?;
    let _ = shared.threads.integrator.set(handle.thread().clone());
    Ok(handle)
}
