//! Appending: from members to a frame in the pending buffer.

use custos_model::{Instant, Origin, SessionId};

use crate::compression::Packed;
use crate::error::EvidenceError;
use crate::frame::Effect;
use crate::input::NodeRecord;
use crate::pending::Pending;
use crate::position::Position;
use crate::record_type::{RecordOutcome, RecordType};
use crate::render::{self, LogPart, Members};
use crate::shared::{Admission, Shared, lock};

impl Shared {
    /// The members that every record has.
    pub(crate) fn members<'a>(
        &'a self,
        gw: &'a str,
        kind: RecordType,
        outcome: RecordOutcome,
    ) -> Members<'a> {
        Members {
            kind,
            id: self.ids.record(self.now().utc_ns),
            outcome,
            boot: &self.boot,
            gw,
            actor: None,
            approval: None,
            src: None,
            target: None,
            sess: None,
            body: None,
            mask: None,
            op: None,
            reason: None,
            verdict: None,
            detail: &[],
            log: None,
        }
    }

    /// Appends a caller's record that belongs to no session.
    pub(crate) fn append_node_record(
        &self,
        record: &NodeRecord<'_>,
    ) -> Result<Position, EvidenceError> {
        if !record.kind.is_for_callers() {
            return Err(EvidenceError::WrongType(record.kind.as_str()));
        }
        self.admit(Admission::New)?;
        let gw = self.gw();
        let actor = record.actor.map(render::actor);
        let src = record.src.map(|src| render::source(&src));
        let target = record.target.map(|target| render::target(&target));
        let mut members = self.members(&gw, record.kind, record.outcome);
        members.reason = record.reason;
        members.actor = actor.as_deref();
        members.approval = record.approval;
        members.src = src.as_deref();
        members.target = target.as_deref();
        members.verdict = record.verdict;
        members.detail = record.detail;
        Ok(self.append_record(&members))
    }

    /// Appends a record that belongs to no session.
    pub(crate) fn append_record(&self, members: &Members<'_>) -> Position {
        let draft = render::record(members);
        self.push(|pending, now, durable| pending.record(&draft, now, durable))
            .0
    }

    /// Appends a record of a session; the caller holds the session's state, so that `sess.n` and order agree.
    /// Returns the time that the record got as well.
    pub(crate) fn append_session_record(
        &self,
        session: SessionId,
        effect: Effect,
        number: u64,
        upto: Position,
        members: &Members<'_>,
    ) -> (Position, Instant) {
        let draft = render::record(members);
        self.push(|pending, now, durable| {
            let number = if effect == Effect::Start {
                now.utc_ns
            } else {
                number
            };
            pending.session_record(session, effect, number, upto, &draft, now, durable)
        })
    }

    /// Appends a piece of a session's transcript.
    pub(crate) fn append_transcript(
        &self,
        session: SessionId,
        lines: u64,
        packed: &Packed<'_>,
    ) -> Position {
        self.push(|pending, _, durable| pending.transcript(session, lines, packed, durable))
            .0
    }

    /// Lets the month change again, and changes it if it is time to.
    pub(crate) fn release_month(&self) {
        let mut pending = lock(&self.pending);
        pending.hold_month(false);
        let now = pending.stamp(self.now());
        self.rotate_if_due(&mut pending, now);
    }

    fn push(
        &self,
        push: impl FnOnce(&mut Pending, Instant, Position) -> (Position, usize),
    ) -> (Position, Instant) {
        let mut pending = lock(&self.pending);
        // Read under the lock: the order of times is the order of records.
        let now = pending.stamp(self.now());
        self.rotate_if_due(&mut pending, now);
        let (position, bytes) = push(&mut pending, now, self.durable());
        self.appended(position, bytes);
        (position, now)
    }

    fn rotate_if_due(&self, pending: &mut Pending, now: Instant) {
        let Some((year, month)) = pending.new_month(now) else {
            return;
        };
        let old = pending.origin().to_owned();
        let new = Origin::new(&self.settings.cluster, &self.settings.node, year, month);
        let gw = self.gw();
        let mut members = self.members(&gw, RecordType::LogClose, RecordOutcome::Ok);
        members.log = Some(LogPart {
            origin: &old,
            key: None,
        });
        let close = (!old.is_empty()).then(|| render::record(&members));
        let mut members = self.members(&gw, RecordType::LogOpen, RecordOutcome::Ok);
        members.log = Some(LogPart {
            origin: new.as_str(),
            key: Some(&self.verifier_key),
        });
        let open = render::record(&members);
        let (position, bytes) = pending.rotate(
            new.as_str().to_owned(),
            close.as_ref(),
            &open,
            now,
            self.durable(),
        );
        self.appended(position, bytes);
    }

    fn durable(&self) -> Position {
        Position(
            self.progress
                .durable
                .load(std::sync::atomic::Ordering::SeqCst),
        )
    }
}
