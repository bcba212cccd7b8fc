//! Which part of the writer cannot write, and since when.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use custos_model::Instant;

use crate::error::Health;
use crate::input::DetailValue;
use crate::record_type::{RecordOutcome, RecordType};
use crate::shared::{Shared, lock};

/// A part of the writer that can fail by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The write-ahead log.
    Wal,
    /// Tiles, checkpoints and segments.
    Log,
}

/// The parts that fail now.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    wal: Option<Arc<str>>,
    log: Option<Arc<str>>,
    since: Option<Instant>,
}

impl Failures {
    /// What fails, if anything does.
    pub(crate) fn what(&self) -> Option<Arc<str>> {
        self.wal.as_ref().or(self.log.as_ref()).map(Arc::clone)
    }

    fn part(&mut self, part: Part) -> &mut Option<Arc<str>> {
        match part {
            Part::Wal => &mut self.wal,
            Part::Log => &mut self.log,
        }
    }
}

impl Shared {
    /// Notes that a part cannot write. The first failure is a record of its own, which goes out with the rest later
    /// if nothing can be written now. Returns what to tell those who wait.
    pub(crate) fn fail(&self, part: Part, action: &str, error: &io::Error) -> Arc<str> {
        let what: Arc<str> = format!("cannot {action}: {error}").into();
        {
            let mut failures = lock(&self.failures);
            let fresh = failures.what().is_none();
            failures.part(part).get_or_insert_with(|| Arc::clone(&what));
            if !fresh {
                return what;
            }
            let since = self.now();
            failures.since = Some(since);
            self.is_failing.store(true, Ordering::SeqCst);
            // Before anybody can recover: who is told last must be told what is.
            self.health.send_replace(Health::Failing {
                since,
                what: Arc::clone(&what),
            });
        }
        tracing::error!(action, %error, "evidence cannot be written");
        let gw = self.gw();
        let mut members = self.members(&gw, RecordType::EvidenceFailed, RecordOutcome::Failed);
        members.reason = Some(&what);
        self.append_record(&members);
        self.durable_changed.notify_waiters();
        self.room_changed.notify_waiters();
        what
    }

    /// Notes that a part can write again.
    pub(crate) fn recovered(&self, part: Part) {
        let since = {
            let mut failures = lock(&self.failures);
            if failures.part(part).take().is_none() || failures.what().is_some() {
                return;
            }
            self.is_failing.store(false, Ordering::SeqCst);
            self.health.send_replace(Health::Good);
            failures.since.take()
        };
        let now = self.now();
        let duration_ns = since.map_or(0, |since| now.mono_ns.saturating_sub(since.mono_ns));
        tracing::info!(
            duration_ms = duration_ns / 1_000_000,
            "evidence can be written again"
        );
        let detail = [("duration_ms", DetailValue::from(duration_ns / 1_000_000))];
        let gw = self.gw();
        let mut members = self.members(&gw, RecordType::EvidenceRecovered, RecordOutcome::Ok);
        members.detail = &detail;
        self.append_record(&members);
    }
}
