//! One session's part of the log.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use custos_model::{Operation, OperationNumber, Outcome, SessionId, Verdict};
use tokio::sync::oneshot;

use crate::compression::Packed;
use crate::error::EvidenceError;
use crate::frame::Effect;
use crate::inbox::{EndRequest, OwnedValue};
use crate::input::{
    Approval, Detail, DetailValue, IntentApproval, SessionEnd, SessionStart, Transfer,
};
use crate::position::Position;
use crate::record_type::{RecordOutcome, RecordType};
use crate::render::{self, Fragments, MaskPart, OperationPart, SegmentPart};
use crate::segment::Closed;
use crate::shared::{Admission, Shared, lock};

/// Transcript pieces of at least this size are compressed by the thread that brings them.
const COMPRESS_FROM_BYTES: usize = 64 << 10;

/// The longest piece of transcript in one frame of the write-ahead log.
const PIECE_BYTES: usize = 1 << 20;

/// Appends one session's records and transcript, numbered without gaps. Dropping it without [`SessionLog::end`]
/// records the session as interrupted.
pub struct SessionLog {
    shared: Arc<Shared>,
    inner: Arc<SessionInner>,
}

impl std::fmt::Debug for SessionLog {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SessionLog")
            .field("id", &self.inner.id)
            .finish_non_exhaustive()
    }
}

/// What the session and the integrator share.
#[derive(Debug)]
pub(crate) struct SessionInner {
    pub(crate) id: SessionId,
    fragments: Fragments,
    state: Mutex<SessionState>,
}

#[derive(Debug, Default)]
struct SessionState {
    next_n: u64,
    operations: u64,
    open: BTreeSet<u64>,
    /// Operations that were open before a restart and cannot be closed any more.
    lost: u64,
    last_transcript: Position,
    ended: bool,
}

impl SessionLog {
    pub(crate) fn begin(
        shared: &Arc<Shared>,
        start: &SessionStart<'_>,
    ) -> Result<(Self, Position), EvidenceError> {
        shared.admit(Admission::New)?;
        let fragments = Fragments {
            actor: render::actor(start.actor),
            src: render::source(&start.src),
            target: render::target(&start.target),
        };
        let inner = Arc::new(SessionInner::new(start.id, fragments));
        {
            let mut sessions = lock(&shared.sessions);
            if sessions.contains_key(&start.id) {
                return Err(EvidenceError::SessionExists(start.id));
            }
            sessions.insert(start.id, Arc::clone(&inner));
        }
        let mut detail = Vec::with_capacity(start.detail.len() + 1);
        detail.push(("durability", DetailValue::Text(start.durability)));
        detail.extend_from_slice(start.detail);
        let record = Record {
            verdict: Some(start.verdict),
            detail: &detail,
            ..Record::new(RecordType::SessionStart, RecordOutcome::Ok, Effect::Start)
        };
        let position = inner.append(shared, &mut lock(&inner.state), &record);
        Ok((
            Self {
                shared: Arc::clone(shared),
                inner,
            },
            position,
        ))
    }

    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.inner.id
    }

    /// Appends an intent: what is about to be done, and what was decided on it. It gets the next operation number.
    pub fn intent(
        &self,
        op: &Operation<'_>,
        verdict: &Verdict,
    ) -> Result<(OperationNumber, Position), EvidenceError> {
        self.intent_under(op, verdict, &IntentApproval::default())
    }

    /// As [`Self::intent`], for an operation that is held or allowed under a grant.
    pub fn intent_under(
        &self,
        op: &Operation<'_>,
        verdict: &Verdict,
        approval: &IntentApproval<'_>,
    ) -> Result<(OperationNumber, Position), EvidenceError> {
        self.shared.admit(Admission::New)?;
        let mut state = self.state()?;
        state.operations += 1;
        let number = state.operations;
        state.open.insert(number);
        let part = OperationPart {
            number,
            verb: Some(op.verb),
            effect: Some(op.effect.as_str()),
            commit: approval.commit,
            objects: op.objects,
            text: Some(op.text),
            parameters: Some(op.parameters as u64),
            ..OperationPart::default()
        };
        let mask = MaskPart {
            rules: &verdict.masks,
            ..MaskPart::default()
        };
        let record = Record {
            number,
            verdict: Some(verdict),
            op: Some(part),
            approval: approval.grant.map(|id| Approval {
                id,
                ..Approval::default()
            }),
            mask: (!verdict.masks.is_empty()).then_some(mask),
            ..Record::new(
                RecordType::OperationIntent,
                RecordOutcome::Pending,
                Effect::Intent,
            )
        };
        let position = self.inner.append(&self.shared, &mut state, &record);
        Ok((OperationNumber(number), position))
    }

    /// Appends what people agreed to: an operation that is open goes on under these approvals. To be durable first.
    pub fn approved(
        &self,
        number: OperationNumber,
        approval: &Approval<'_>,
    ) -> Result<Position, EvidenceError> {
        self.shared.admit(Admission::New)?;
        let mut state = self.state()?;
        if !state.open.contains(&number.0) {
            return Err(self.unknown(number));
        }
        let record = Record {
            number: number.0,
            op: Some(OperationPart {
                number: number.0,
                ..OperationPart::default()
            }),
            approval: Some(*approval),
            ..Record::new(
                RecordType::OperationApproved,
                RecordOutcome::Ok,
                Effect::Approved,
            )
        };
        Ok(self.inner.append(&self.shared, &mut state, &record))
    }

    /// Appends the outcome of an operation. Accepted while the writer fails.
    pub fn outcome(
        &self,
        op: OperationNumber,
        outcome: &Outcome,
    ) -> Result<Position, EvidenceError> {
        self.shared.admit(Admission::Closing)?;
        let mut state = self.state()?;
        if !state.open.remove(&op.0) {
            return Err(self.unknown(op));
        }
        let record = Record {
            number: op.0,
            op: Some(outcome_part(op.0, outcome)),
            mask: outcome_mask(outcome),
            reason: outcome_reason(outcome),
            ..Record::new(
                RecordType::OperationOutcome,
                outcome_word(outcome),
                Effect::Outcome,
            )
        };
        Ok(self.inner.append(&self.shared, &mut state, &record))
    }

    /// Appends an error that belongs to no operation (`op.n` 0). Accepted while the writer fails.
    pub fn error(
        &self,
        verb: &str,
        text: Option<&str>,
        outcome: &Outcome,
        verdict: Option<&Verdict>,
    ) -> Result<Position, EvidenceError> {
        self.shared.admit(Admission::Closing)?;
        let mut state = self.state()?;
        let word = match outcome_word(outcome) {
            RecordOutcome::Ok => RecordOutcome::Failed,
            word => word,
        };
        let record = Record {
            op: Some(OperationPart {
                verb: Some(verb),
                text,
                ..outcome_part(0, outcome)
            }),
            reason: outcome_reason(outcome),
            verdict,
            ..Record::new(RecordType::OperationError, word, Effect::Error)
        };
        Ok(self.inner.append(&self.shared, &mut state, &record))
    }

    /// Appends that a file went through an operation that is open. Accepted while the writer fails.
    pub fn transferred(
        &self,
        op: OperationNumber,
        transfer: &Transfer<'_>,
    ) -> Result<Position, EvidenceError> {
        self.shared.admit(Admission::Closing)?;
        let mut state = self.state()?;
        if !state.open.contains(&op.0) {
            return Err(self.unknown(op));
        }
        let outcome = if transfer.is_closed {
            RecordOutcome::Ok
        } else {
            RecordOutcome::Failed
        };
        let record = Record {
            number: op.0,
            op: Some(OperationPart {
                number: op.0,
                verb: Some(transfer.direction),
                text: Some(transfer.file),
                ..OperationPart::default()
            }),
            detail: transfer.detail,
            ..Record::new(RecordType::OperationTransfer, outcome, Effect::Transfer)
        };
        Ok(self.inner.append(&self.shared, &mut state, &record))
    }

    /// Appends `count` whole JSON lines to the transcript. Accepted while the writer fails.
    pub fn transcript(&self, lines: &[u8], count: u64) -> Result<Position, EvidenceError> {
        self.shared.admit(Admission::Closing)?;
        let mut position = Position::default();
        let mut rest = lines;
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(piece_bytes(rest));
            let whole = piece.len() == lines.len();
            let count = if whole {
                count
            } else {
                memchr::memchr_iter(b'\n', piece).count() as u64
            };
            // Compressed outside the lock; the order of a session's lines is its caller's.
            let packed = self.pack(piece);
            let mut state = self.state()?;
            position = self.shared.append_transcript(self.inner.id, count, &packed);
            state.last_transcript = position;
            drop(state);
            rest = later;
        }
        Ok(position)
    }

    /// Returns when the writer has room for more.
    pub async fn room(&self) {
        self.shared.room().await;
    }

    /// Closes the transcript and appends the end of the session; returns when that is appended.
    ///
    /// It happens also when the future is dropped. While the writer fails this returns the error at once, and the end
    /// is recorded when it works again.
    pub async fn end(&self, end: &SessionEnd<'_>) -> Result<Position, EvidenceError> {
        let (reply, answer) = oneshot::channel();
        let owned = |(key, value): &(&str, DetailValue<'_>)| {
            let value = match *value {
                DetailValue::Text(text) => OwnedValue::Text(text.to_owned()),
                DetailValue::Integer(number) => OwnedValue::Integer(number),
                DetailValue::Boolean(value) => OwnedValue::Boolean(value),
            };
            ((*key).to_owned(), value)
        };
        let detail = end.detail.iter().map(owned).collect();
        self.request_end(end.outcome, end.reason, detail, Some(reply))?;
        let mut health = self.shared.health.subscribe();
        let failed = health.wait_for(|health| *health != crate::Health::Good);
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or(Err(EvidenceError::Stopped)),
            failed = failed => match failed.as_deref() {
                Ok(crate::Health::Failing { what, .. }) => Err(EvidenceError::Failing { what: Arc::clone(what) }),
                _ => Err(EvidenceError::Stopped),
            }
        }
    }

    fn unknown(&self, operation: OperationNumber) -> EvidenceError {
        EvidenceError::UnknownOperation {
            session: self.inner.id,
            operation: operation.0,
        }
    }

    /// A zstd frame, if the piece is large.
    fn pack<'a>(&self, piece: &'a [u8]) -> Packed<'a> {
        let is_large = piece.len() >= COMPRESS_FROM_BYTES;
        let packed = is_large.then(|| self.shared.compressors.compress(piece).ok());
        packed.flatten().unwrap_or(Packed::Plain(piece))
    }

    fn request_end(
        &self,
        outcome: RecordOutcome,
        reason: &str,
        detail: Vec<(String, OwnedValue)>,
        reply: Option<oneshot::Sender<Result<Position, EvidenceError>>>,
    ) -> Result<(), EvidenceError> {
        let after = {
            let mut state = self.state()?;
            state.ended = true;
            state.last_transcript
        };
        let end = EndRequest {
            session: Arc::clone(&self.inner),
            after,
            outcome,
            reason: reason.to_owned(),
            detail,
            reply,
        };
        {
            let mut inbox = lock(&self.shared.inbox);
            if self.shared.is_abandoned() {
                return Err(EvidenceError::Stopped);
            }
            inbox.ends.push(end);
        }
        self.shared.request_sync(after);
        self.shared.threads.wake_integrator();
        Ok(())
    }

    fn state(&self) -> Result<std::sync::MutexGuard<'_, SessionState>, EvidenceError> {
        let state = lock(&self.inner.state);
        if state.ended {
            return Err(EvidenceError::SessionEnded(self.inner.id));
        }
        Ok(state)
    }
}

impl Drop for SessionLog {
    fn drop(&mut self) {
        // An error means that it was ended properly.
        let _ = self.request_end(
            RecordOutcome::Interrupted,
            "session was dropped by the gateway without being closed",
            Vec::new(),
            None,
        );
    }
}

/// A record of a session, without what all of its records have.
#[derive(Clone, Copy, Debug)]
struct Record<'a> {
    kind: RecordType,
    outcome: RecordOutcome,
    effect: Effect,
    number: u64,
    upto: Position,
    op: Option<OperationPart<'a>>,
    approval: Option<Approval<'a>>,
    mask: Option<MaskPart<'a>>,
    body: Option<SegmentPart<'a>>,
    reason: Option<&'a str>,
    verdict: Option<&'a Verdict>,
    detail: Detail<'a>,
}

impl Record<'_> {
    fn new(kind: RecordType, outcome: RecordOutcome, effect: Effect) -> Self {
        Self {
            kind,
            outcome,
            effect,
            number: 0,
            upto: Position(0),
            op: None,
            approval: None,
            mask: None,
            body: None,
            reason: None,
            verdict: None,
            detail: &[],
        }
    }
}

impl SessionInner {
    fn new(id: SessionId, fragments: Fragments) -> Self {
        Self {
            id,
            fragments,
            state: Mutex::default(),
        }
    }

    /// A session that was open before a restart.
    pub(crate) fn interrupted(
        id: SessionId,
        fragments: Fragments,
        next_n: u64,
        operations: u64,
        lost: u64,
    ) -> Self {
        let state = SessionState {
            next_n,
            operations,
            lost,
            ended: true,
            ..SessionState::default()
        };
        Self {
            id,
            fragments,
            state: Mutex::new(state),
        }
    }

    /// Appends `segment.closed`.
    pub(crate) fn segment_closed(
        &self,
        shared: &Shared,
        closed: &Closed,
        recovered: bool,
    ) -> Position {
        let body = SegmentPart {
            segment: closed.number,
            bytes: closed.bytes,
            lines: closed.lines,
            sha256: &closed.sha256,
            recovered,
        };
        let record = Record {
            number: closed.number,
            upto: closed.last,
            body: Some(body),
            ..Record::new(
                RecordType::SegmentClosed,
                RecordOutcome::Ok,
                Effect::SegmentClosed,
            )
        };
        self.append(shared, &mut lock(&self.state), &record)
    }

    /// Appends `session.end`.
    pub(crate) fn end(&self, shared: &Shared, end: &SessionEnd<'_>) -> Position {
        let mut state = lock(&self.state);
        let mut detail = Vec::with_capacity(end.detail.len() + 2);
        let unfinished = state.open.len() as u64 + state.lost;
        detail.push(("operations", DetailValue::from(state.operations)));
        if unfinished > 0 {
            detail.push(("unfinished", DetailValue::from(unfinished)));
        }
        detail.extend_from_slice(end.detail);
        let record = Record {
            reason: Some(end.reason).filter(|reason| !reason.is_empty()),
            detail: &detail,
            ..Record::new(RecordType::SessionEnd, end.outcome, Effect::End)
        };
        let position = self.append(shared, &mut state, &record);
        lock(&shared.sessions).remove(&self.id);
        position
    }

    /// The state is locked by the caller, so `n` follows the order in the log.
    fn append(&self, shared: &Shared, state: &mut SessionState, record: &Record<'_>) -> Position {
        let gw = shared.gw();
        let mut members = shared.members(&gw, record.kind, record.outcome);
        members.actor = Some(&self.fragments.actor);
        members.src = Some(&self.fragments.src);
        members.target = Some(&self.fragments.target);
        members.sess = Some((self.id, state.next_n));
        members.op = record.op;
        members.approval = record.approval;
        members.mask = record.mask;
        members.body = record.body;
        members.reason = record.reason;
        members.verdict = record.verdict;
        members.detail = record.detail;
        state.next_n += 1;
        shared
            .append_session_record(self.id, record.effect, record.number, record.upto, &members)
            .0
    }
}

/// Length of the first piece: whole lines, so that a segment never ends within one.
fn piece_bytes(lines: &[u8]) -> usize {
    let Some((head, tail)) = lines.split_at_checked(PIECE_BYTES) else {
        return lines.len();
    };
    match memchr::memrchr(b'\n', head) {
        Some(end) => end + 1,
        // A line of more than a piece breaks the transcript format; a frame holds no more than two pieces.
        None => memchr::memchr(b'\n', tail)
            .map_or(lines.len(), |end| PIECE_BYTES + end + 1)
            .min(2 * PIECE_BYTES),
    }
}

fn outcome_word(outcome: &Outcome) -> RecordOutcome {
    if outcome.denied {
        RecordOutcome::Denied
    } else if outcome.error.is_some() || outcome.skipped {
        RecordOutcome::Failed
    } else {
        RecordOutcome::Ok
    }
}

fn outcome_reason(outcome: &Outcome) -> Option<&'static str> {
    outcome
        .skipped
        .then_some("the target did not execute it, because of an earlier error")
}

fn outcome_mask(outcome: &Outcome) -> Option<MaskPart<'_>> {
    (outcome.masked_fields + outcome.masked_values > 0).then_some(MaskPart {
        rules: &[],
        fields: Some(outcome.masked_fields),
        count: Some(outcome.masked_values),
    })
}

fn outcome_part(number: u64, outcome: &Outcome) -> OperationPart<'_> {
    let (sqlstate, error) = outcome
        .error
        .as_ref()
        .map_or((None, None), |(code, message)| {
            (
                Some(code.as_str()).filter(|code| !code.is_empty()),
                Some(message.as_str()),
            )
        });
    OperationPart {
        number,
        rows: outcome.rows,
        bytes: Some(outcome.bytes),
        error,
        sqlstate,
        ..OperationPart::default()
    }
}
