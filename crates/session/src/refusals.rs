//! Refused connections are evidence, but a flood of them must not become a flood of records: up to
//! [`RECORDS_PER_SECOND`] get a record each, the rest are counted, and one record a second says how many.

use std::sync::{Mutex, MutexGuard, PoisonError};

use custos_evidence::{DetailValue, Evidence, NodeRecord, RecordOutcome, RecordType};

use crate::core::Core;

/// Individual records of refused connections in one second at most.
const RECORDS_PER_SECOND: u32 = 50;

#[derive(Debug, Default)]
pub(crate) struct Refusals {
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    recorded: u32,
    counted: u64,
}

impl Refusals {
    /// Records one refused connection, or counts it when there are too many.
    pub(crate) fn record(&self, core: &Core, phase: &str, kind: &str, reason: &str) {
        if !self.admit() {
            return;
        }
        let detail = [
            ("kind", DetailValue::Text(kind)),
            ("phase", DetailValue::Text(phase)),
        ];
        let mut record = NodeRecord::new(RecordType::ConnectionRefused, RecordOutcome::Denied);
        record.reason = Some(reason);
        record.detail = &detail;
        if let Err(error) = core.append(&record) {
            tracing::error!(%error, "refused connection could not be recorded");
            self.count();
        }
    }

    /// Counts a connection that was turned away unseen.
    pub(crate) fn count(&self) {
        self.window().counted += 1;
    }

    /// Called every second: records how many were only counted, and begins a new second.
    pub(crate) fn next_second(&self, evidence: &Evidence) {
        let counted = {
            let mut window = self.window();
            window.recorded = 0;
            std::mem::take(&mut window.counted)
        };
        if counted == 0 {
            return;
        }
        let detail = [("count", DetailValue::from(counted))];
        let mut record = NodeRecord::new(RecordType::ConnectionRefused, RecordOutcome::Denied);
        record.reason = Some("too many connections at once; counted, not listed");
        record.detail = &detail;
        if evidence.append(&record).is_err() {
            self.window().counted += counted;
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self) -> bool {
        let mut window = self.window();
        let admitted = window.recorded < RECORDS_PER_SECOND;
        if admitted {
            window.recorded += 1;
        } else {
            window.counted += 1;
        }
        admitted
    }
}
