//! Ends of sessions.

use std::mem;
use std::sync::Arc;

use custos_model::SessionId;

use super::{Abandoned, Integrator};
use crate::inbox::{EndRequest, OwnedValue};
use crate::input::{DetailValue, SessionEnd};
use crate::record_type::RecordOutcome;
use crate::session::SessionInner;
use crate::shared::{Shared, lock};

impl Integrator {
    /// Ends the sessions whose transcript is complete. Returns whether there were any.
    pub(super) fn end_sessions(&mut self) -> Result<bool, Abandoned> {
        let position = self.ledger.position;
        let (ready, waiting) = mem::take(&mut self.ends)
            .into_iter()
            .partition(|end| end.after <= position);
        self.ends = waiting;
        let ready: Vec<EndRequest> = ready;
        if ready.is_empty() {
            return Ok(false);
        }
        let ids: Vec<SessionId> = ready.iter().map(|end| end.session.id).collect();
        self.close_segments(&ids, false)?;
        for end in ready {
            let detail: Vec<_> = end
                .detail
                .iter()
                .map(|(key, value)| (key.as_str(), borrowed(value)))
                .collect();
            let position = end.session.end(
                &self.shared,
                &SessionEnd {
                    outcome: end.outcome,
                    reason: &end.reason,
                    detail: &detail,
                },
            );
            if let Some(reply) = end.reply {
                let _ = reply.send(Ok(position));
            }
        }
        Ok(true)
    }

    /// Ends every session that the ledger has, because the process that they belonged to is gone. Their transcripts
    /// have been gathered again. Returns how many sessions and segments there were.
    pub(crate) fn interrupt_all(&mut self) -> Result<(u64, u64), Abandoned> {
        let ids: Vec<SessionId> = self.ledger.sessions.keys().copied().collect();
        let mut interrupted = Vec::with_capacity(ids.len());
        for (id, tracked) in &self.ledger.sessions {
            let inner = Arc::new(SessionInner::interrupted(
                *id,
                tracked.fragments.clone(),
                tracked.next_n,
                tracked.operations,
                tracked.unfinished,
            ));
            lock(&self.shared.sessions).insert(*id, Arc::clone(&inner));
            interrupted.push(inner);
        }
        let segments = self
            .ledger
            .sessions
            .values()
            .filter(|tracked| tracked.open.is_some())
            .count();
        self.close_segments(&ids, true)?;
        for session in &interrupted {
            end_interrupted(&self.shared, session);
        }
        Ok((interrupted.len() as u64, segments as u64))
    }
}

fn end_interrupted(shared: &Shared, session: &SessionInner) {
    session.end(
        shared,
        &SessionEnd {
            outcome: RecordOutcome::Interrupted,
            reason: "gateway stopped without closing the session",
            detail: &[],
        },
    );
}

fn borrowed(value: &OwnedValue) -> DetailValue<'_> {
    match value {
        OwnedValue::Text(text) => DetailValue::Text(text),
        OwnedValue::Integer(number) => DetailValue::Integer(*number),
        OwnedValue::Boolean(value) => DetailValue::Boolean(*value),
    }
}
