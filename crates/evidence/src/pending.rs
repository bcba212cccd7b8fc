//! Frames that are rendered and not yet handed to the operating system.

use custos_model::{Instant, Rfc3339, SessionId};

use crate::compression::Packed;
use crate::frame::{Effect, FrameWriter};
use crate::position::Position;
use crate::render::{Draft, TimeText};
use crate::wal::Batch;

const DAY_NS: u64 = 86_400_000_000_000;

/// The buffer that appends go to. Order here is order in the log.
#[derive(Debug)]
pub(crate) struct Pending {
    buffer: Vec<u8>,
    first: Position,
    next: Position,
    marked: Position,
    time: TimeText,
    last_mono_ns: u64,
    /// The log that is being written; empty before the first.
    origin: String,
    day_end_ns: u64,
    /// The month does not change for now.
    held: bool,
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self {
            buffer: Vec::new(),
            first: Position(1),
            next: Position(1),
            marked: Position(0),
            time: TimeText::default(),
            last_mono_ns: 0,
            origin: String::new(),
            day_end_ns: 0,
            held: false,
        }
    }

    /// Goes on at a position, in a log.
    pub(crate) fn resume(&mut self, next: Position, origin: String) {
        self.first = next;
        self.next = next;
        self.origin = origin;
    }

    /// Takes all frames out.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        if self.next == self.first {
            return None;
        }
        let capacity = self.buffer.len().min(64 << 10);
        let bytes = std::mem::replace(&mut self.buffer, Vec::with_capacity(capacity));
        let first = std::mem::replace(&mut self.first, self.next);
        Some(Batch {
            first,
            last: Position(self.next.0 - 1),
            bytes,
        })
    }

    /// The position that the next frame gets.
    pub(crate) fn next(&self) -> Position {
        self.next
    }

    /// The time for a record. The monotonic part never goes back, whatever the clock does.
    pub(crate) fn stamp(&mut self, now: Instant) -> Instant {
        self.last_mono_ns = self.last_mono_ns.max(now.mono_ns);
        Instant {
            mono_ns: self.last_mono_ns,
            ..now
        }
    }

    /// The month that begins with a record at `now`, if the log is of an earlier one. A clock that is set back does
    /// not change the log.
    pub(crate) fn new_month(&mut self, now: Instant) -> Option<(u32, u32)> {
        if now.utc_ns < self.day_end_ns || self.held {
            return None;
        }
        self.day_end_ns = (now.utc_ns / DAY_NS + 1) * DAY_NS;
        let (year, month, _) = Rfc3339(now.utc_ns).date();
        let current = self.origin.rsplit('/').next().unwrap_or_default();
        (format!("{year:04}-{month:02}").as_str() > current).then_some((year, month))
    }

    /// Keeps to the present log, if there is one: what a start has to say of the sessions before it belongs there.
    pub(crate) fn hold_month(&mut self, held: bool) {
        self.held = held && !self.origin.is_empty();
    }

    /// The log that is being written.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Appends a record of no session; returns its position and length.
    pub(crate) fn record(
        &mut self,
        draft: &Draft,
        now: Instant,
        durable: Position,
    ) -> (Position, usize) {
        let before = self.begin(durable);
        let mut frame = FrameWriter::record(&mut self.buffer, self.next);
        draft.finish(frame.payload(), &mut self.time, now);
        frame.finish();
        self.end(before)
    }

    /// Appends a record of a session.
    #[expect(
        clippy::too_many_arguments,
        reason = "the frame's members, each of another type"
    )]
    pub(crate) fn session_record(
        &mut self,
        session: SessionId,
        effect: Effect,
        number: u64,
        upto: Position,
        draft: &Draft,
        now: Instant,
        durable: Position,
    ) -> (Position, usize) {
        let before = self.begin(durable);
        let out = &mut self.buffer;
        let mut frame = FrameWriter::session_record(out, self.next, session, effect, number, upto);
        draft.finish(frame.payload(), &mut self.time, now);
        frame.finish();
        self.end(before)
    }

    /// Appends a piece of transcript.
    pub(crate) fn transcript(
        &mut self,
        session: SessionId,
        lines: u64,
        packed: &Packed<'_>,
        durable: Position,
    ) -> (Position, usize) {
        let before = self.begin(durable);
        let out = &mut self.buffer;
        FrameWriter::transcript(out, self.next, session, lines, packed);
        self.end(before)
    }

    /// Appends a month change: the new log's origin, the record that closes the old one if there is one, and the
    /// record that opens the new one.
    pub(crate) fn rotate(
        &mut self,
        origin: String,
        close: Option<&Draft>,
        open: &Draft,
        now: Instant,
        durable: Position,
    ) -> (Position, usize) {
        let mut records = [Vec::new(), Vec::new()];
        for (record, draft) in records.iter_mut().zip([close, Some(open)]) {
            if let Some(draft) = draft {
                draft.finish(record, &mut self.time, now);
            }
        }
        let [close, open] = records;
        let before = self.begin(durable);
        FrameWriter::rotate(&mut self.buffer, self.next, &origin, &close, &open);
        self.origin = origin;
        self.end(before)
    }

    fn begin(&mut self, durable: Position) -> usize {
        let before = self.buffer.len();
        if before == 0 && durable > self.marked {
            FrameWriter::mark(&mut self.buffer, self.next, durable);
            self.marked = durable;
        }
        before
    }

    fn end(&mut self, before: usize) -> (Position, usize) {
        let position = self.next;
        self.next = Position(position.0 + 1);
        (position, self.buffer.len() - before)
    }
}
