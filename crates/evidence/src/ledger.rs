//! What frames do: the log that records go to, and the sessions that are open. The same frames give the same ledger
//! whether they come from memory or, after a restart, from the write-ahead log.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

use custos_model::SessionId;
use custos_tlog::Checkpoint;
use serde::Deserialize;
use serde_json::Value;

use crate::error::OpenError;
use crate::frame::{Effect, Frame};
use crate::log::Log;
use crate::position::Position;
use crate::render::Fragments;
use crate::segment::{Segment, session_dir};
use crate::shared::Shared;
use crate::state::{SessionState, State};

/// See the module.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The present log; none before the first record.
    pub(crate) log: Option<Log>,
    /// The open sessions.
    pub(crate) sessions: BTreeMap<SessionId, Tracked>,
    /// The last frame that was applied.
    pub(crate) position: Position,
    /// Records applied.
    pub(crate) records: u64,
}

/// An open session as the log knows it.
#[derive(Debug)]
pub(crate) struct Tracked {
    pub(crate) fragments: Fragments,
    pub(crate) start_utc_ns: u64,
    pub(crate) dir: PathBuf,
    pub(crate) next_n: u64,
    pub(crate) operations: u64,
    pub(crate) unfinished: u64,
    /// Segments whose record is in the log.
    pub(crate) segments: u64,
    /// The last piece of transcript in them.
    pub(crate) closed_upto: Position,
    /// First pieces of segments that are closed while their record is still on its way to the log.
    pub(crate) closing: VecDeque<Position>,
    /// The segment that is being written.
    pub(crate) open: Option<Box<Segment>>,
}

impl Tracked {
    /// Number of the segment that begins next.
    pub(crate) fn next_segment(&self) -> u64 {
        self.segments + self.closing.len() as u64
    }

    /// The first piece of transcript that only the write-ahead log is sure to have.
    pub(crate) fn needed_from(&self) -> Option<Position> {
        let open = self.open.as_ref().map(|segment| segment.first);
        self.closing.front().copied().or(open)
    }
}

impl Ledger {
    /// Takes up a state; the log is at its last checkpoint.
    pub(crate) fn load(shared: &Shared, state: State) -> Result<Self, OpenError> {
        let mut ledger = Self {
            log: None,
            sessions: BTreeMap::new(),
            position: Position(state.position),
            records: 0,
        };
        if !state.origin.is_empty() {
            let mut log = open_log(shared, &state.origin)?;
            if log.size() < state.leaves {
                return Err(OpenError::Inconsistent {
                    path: shared.state_path(),
                    reason: format!(
                        "it counts {} records and the log has {}",
                        state.leaves,
                        log.size()
                    ),
                });
            }
            log.set_next_leaf(state.leaves);
            ledger.log = Some(log);
        }
        for session in state.sessions {
            let dir = session_dir(&shared.settings.dir, session.start_utc_ns, session.id);
            let tracked = Tracked {
                fragments: session.fragments,
                start_utc_ns: session.start_utc_ns,
                dir,
                next_n: session.next_n,
                operations: session.operations,
                unfinished: session.unfinished,
                segments: session.segments,
                closed_upto: Position(session.closed_upto),
                closing: VecDeque::new(),
                open: None,
            };
            ledger.sessions.insert(session.id, tracked);
        }
        Ok(ledger)
    }

    /// The state at the last applied frame.
    pub(crate) fn state(&self, first_file: u64) -> State {
        let sessions = self.sessions.iter().map(|(id, tracked)| SessionState {
            id: *id,
            fragments: tracked.fragments.clone(),
            start_utc_ns: tracked.start_utc_ns,
            next_n: tracked.next_n,
            operations: tracked.operations,
            unfinished: tracked.unfinished,
            segments: tracked.segments,
            closed_upto: tracked.closed_upto.0,
        });
        State {
            position: self.position.0,
            first_file,
            origin: self
                .log
                .as_ref()
                .map(|log| log.origin().to_owned())
                .unwrap_or_default(),
            leaves: self.log.as_ref().map_or(0, Log::next_leaf),
            sessions: sessions.collect(),
        }
    }

    /// The first position that the write-ahead log must keep: nothing behind a checkpoint, and no piece of a
    /// transcript that is not in a closed segment.
    pub(crate) fn needed_from(&self) -> Position {
        let transcripts = self
            .sessions
            .values()
            .filter_map(Tracked::needed_from)
            .min();
        let next = Position(self.position.0 + 1);
        transcripts.map_or(next, |position| position.min(next))
    }

    /// Applies a record; transcripts are not the ledger's. A month change needs the old log's last checkpoint
    /// to be written first: see [`Ledger::rotate`].
    pub(crate) fn apply(&mut self, shared: &Shared, position: Position, frame: &Frame<'_>) {
        self.position = position;
        match frame {
            Frame::Record { record } => self.append(record),
            Frame::SessionRecord {
                session,
                effect,
                number,
                upto,
                record,
            } => {
                self.append(record);
                self.track(shared, *session, *effect, *number, *upto, record);
            }
            Frame::Rotate { .. }
            | Frame::Header { .. }
            | Frame::Mark { .. }
            | Frame::Transcript { .. } => {}
        }
    }

    /// Appends the last record of the old month.
    pub(crate) fn close_month(&mut self, close: &[u8]) {
        if !close.is_empty() {
            self.append(close);
        }
    }

    /// Goes over to the new month's log; the old one is complete and signed.
    pub(crate) fn open_month(
        &mut self,
        shared: &Shared,
        position: Position,
        origin: &str,
        open: &[u8],
    ) -> Result<(), OpenError> {
        if let Some(log) = self.log.as_ref().filter(|log| log.next_leaf() < log.size()) {
            let path = shared.settings.dir.join("logs").join(log.origin());
            let reason = format!(
                "it has {} records and the write-ahead log ends it at {}",
                log.size(),
                log.next_leaf()
            );
            return Err(OpenError::Inconsistent { path, reason });
        }
        let previous = self.log.as_ref().map(Log::head);
        let log = open_log(shared, origin)?;
        self.log = Some(log);
        self.append(&with_previous(open, previous.as_ref()));
        self.position = position;
        Ok(())
    }

    fn append(&mut self, record: &[u8]) {
        if let Some(log) = &mut self.log {
            self.records += u64::from(log.append(record));
        }
    }

    fn track(
        &mut self,
        shared: &Shared,
        id: SessionId,
        effect: Effect,
        number: u64,
        upto: Position,
        record: &[u8],
    ) {
        if effect == Effect::Start {
            let dir = session_dir(&shared.settings.dir, number, id);
            self.sessions.insert(id, begun(record, number, dir));
            return;
        }
        let Some(tracked) = self.sessions.get_mut(&id) else {
            return;
        };
        tracked.next_n += 1;
        match effect {
            Effect::Intent => {
                tracked.operations = number;
                tracked.unfinished += 1;
            }
            Effect::Outcome => tracked.unfinished = tracked.unfinished.saturating_sub(1),
            Effect::SegmentClosed => {
                tracked.segments = number + 1;
                tracked.closed_upto = upto;
                tracked.closing.pop_front();
            }
            Effect::End => {
                self.sessions.remove(&id);
            }
            Effect::Start | Effect::Error | Effect::Approved | Effect::Transfer => {}
        }
    }
}

/// Opens the log of an origin at its last checkpoint.
pub(crate) fn open_log(shared: &Shared, origin: &str) -> Result<Log, OpenError> {
    Log::load(
        shared.disk.as_ref(),
        &shared.settings.dir,
        origin,
        &shared.signer.verifier_key(),
    )
}

/// A session from its first record. That is canonical JSON, so its parts are written again as they were.
fn begun(record: &[u8], start_utc_ns: u64, dir: PathBuf) -> Tracked {
    #[derive(Deserialize)]
    struct Start {
        actor: Value,
        src: Value,
        target: Value,
    }
    let fragments = serde_json::from_slice::<Start>(record).map_or_else(
        |_| Fragments {
            actor: "{}".into(),
            src: "{}".into(),
            target: "{}".into(),
        },
        |start| Fragments {
            actor: start.actor.to_string(),
            src: start.src.to_string(),
            target: start.target.to_string(),
        },
    );
    Tracked {
        fragments,
        start_utc_ns,
        dir,
        next_n: 1,
        operations: 0,
        unfinished: 0,
        segments: 0,
        closed_upto: Position(0),
        closing: VecDeque::new(),
        open: None,
    }
}

/// Puts `log.previous` into a `log.open` record, as the last member of `log`.
fn with_previous(open: &[u8], previous: Option<&Checkpoint>) -> Vec<u8> {
    /// What follows `log` in a record that has no `op`. Quotes in texts are escaped, so this is nowhere else before.
    const AFTER_LOG: &[u8] = b"},\"outcome\":";
    let at = open
        .windows(AFTER_LOG.len())
        .position(|window| window == AFTER_LOG);
    let (Some(at), Some(previous)) = (at, previous) else {
        return open.to_vec();
    };
    let (head, tail) = open.split_at(at);
    let member = format!(
        ",\"previous\":{{\"origin\":\"{}\",\"root\":\"{}\",\"size\":{}}}",
        previous.origin, previous.root, previous.size
    );
    [head, member.as_bytes(), tail].concat()
}
