//! Records in order, across the logs of one node: `docs/evidence-format.md` sections 2 and 3.

use std::collections::BTreeMap;

use crate::finding::{Code, Finding, Findings, RecordRef};
use crate::record::{Kind, Record, SegmentClaim, Time, Uuid};
use crate::sessions::Session;
use crate::time::Day;

/// Longest silence of a running gateway, in nanoseconds.
const MAX_SILENCE_NS: i128 = 90 * 1_000_000_000;

/// What a record means for the files under `segments/`.
#[derive(Debug)]
pub(crate) enum Effect {
    None,
    Started {
        session: Uuid,
        day: Day,
    },
    SegmentClosed {
        session: Uuid,
        day: Option<Day>,
        claim: SegmentClaim,
    },
    Ended {
        session: Uuid,
        day: Option<Day>,
        /// How many segments the session has; none when that was not seen.
        segments: Option<u64>,
    },
}

/// The state between two records of a node.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    sessions: BTreeMap<Uuid, Session>,
    before: Option<(Kind, Time)>,
    /// What is wrong with a `log.open` unless `node.start` follows it.
    held: Option<(RecordRef, Vec<(Code, String)>)>,
    /// Since `node.start`, nothing but recovery was written.
    recovering: bool,
    /// Records are missing before this place, so sessions may turn up in the middle.
    taking_up: bool,
    /// `log.close` was seen in this log.
    closed: bool,
}

impl Sequence {
    /// Whether the log read last ended with `log.close`.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The next log of the same node begins.
    pub(crate) fn begin_log(&mut self) {
        self.closed = false;
        self.held = None;
    }

    /// Records are missing here: forgets what the next one would be compared with.
    pub(crate) fn lose_track(&mut self) {
        *self = Self {
            taking_up: true,
            closed: self.closed,
            ..Self::default()
        };
    }

    /// Hands over the sessions that are open.
    pub(crate) fn take_open(&mut self) -> BTreeMap<Uuid, Session> {
        std::mem::take(&mut self.sessions)
    }

    /// Takes the next record.
    pub(crate) fn observe(
        &mut self,
        origin: &str,
        index: u64,
        record: &Record,
        found: &mut Findings,
    ) -> Effect {
        let at = record.reference(index);
        let mut wrong = Vec::new();
        self.place_in_log(origin, index, record, &mut wrong);
        self.times(origin, &at, record, &mut wrong, found);
        self.restart(record.kind, &mut wrong);
        let effect = match record.session {
            Some((session, n)) => self.session(session, n, record, &mut wrong),
            None => Effect::None,
        };
        for (code, message) in wrong {
            found.push(Finding::record(code, origin, &at, message));
        }
        self.before = Some((record.kind, record.time.clone()));
        effect
    }

    fn place_in_log(
        &mut self,
        origin: &str,
        index: u64,
        record: &Record,
        wrong: &mut Vec<(Code, String)>,
    ) {
        let opens = record.kind == Kind::LogOpen;
        let own = record.log.as_ref().is_none_or(|log| log.origin == origin);
        if opens != (index == 0) {
            let message = if opens {
                "a second log.open"
            } else {
                "the log does not begin with log.open"
            };
            wrong.push((Code::LogOpen, message.to_owned()));
        } else if opens && !own {
            wrong.push((Code::LogOpen, "it opens another log".to_owned()));
        }
        if self.closed {
            wrong.push((Code::LogClose, "a record after log.close".to_owned()));
        }
        if record.kind == Kind::LogClose {
            if !own {
                wrong.push((Code::LogClose, "it closes another log".to_owned()));
            }
            self.closed = true;
        }
    }

    fn times(
        &mut self,
        origin: &str,
        at: &RecordRef,
        record: &Record,
        wrong: &mut Vec<(Code, String)>,
        found: &mut Findings,
    ) {
        if let Some((open, held)) = self.held.take()
            && record.kind != Kind::NodeStart
        {
            for (code, message) in held {
                found.push(Finding::record(code, origin, &open, message));
            }
        }
        let Some((before_kind, before)) = &self.before else {
            return;
        };
        let mut unless_start = Vec::new();
        if record.time.boot != before.boot {
            let message = "boot changes without node.start".to_owned();
            unless_start.push((Code::TimeOrder, message));
        } else if record.time.mono_ns < before.mono_ns {
            wrong.push((Code::TimeOrder, "mono_ns runs backwards".to_owned()));
        }
        let silence = record.time.utc_ns - before.utc_ns;
        if silence > MAX_SILENCE_NS && !matches!(before_kind, Kind::NodeStop | Kind::LogClose) {
            let message = format!("{} s since the record before", silence / 1_000_000_000);
            unless_start.push((Code::HeartbeatGap, message));
        }
        match record.kind {
            Kind::NodeStart => {}
            Kind::LogOpen => self.held = Some((at.clone(), unless_start)),
            _ => wrong.append(&mut unless_start),
        }
    }

    fn restart(&mut self, kind: Kind, wrong: &mut Vec<(Code, String)>) {
        if kind == Kind::NodeStart {
            self.recovering = true;
            for session in self.sessions.values_mut() {
                session.interrupted = true;
            }
        }
        if !self.recovering || kind.is_recovery() {
            return;
        }
        self.recovering = false;
        self.taking_up = false;
        let before = self.sessions.len();
        let first = self
            .sessions
            .iter()
            .find_map(|(id, session)| session.interrupted.then_some(*id));
        self.sessions.retain(|_, session| !session.interrupted);
        if let Some(first) = first {
            let count = before - self.sessions.len();
            let message = format!("{count} session(s) from before node.start are open, as {first}");
            wrong.push((Code::SessionOpenAfterRestart, message));
        }
    }

    fn session(
        &mut self,
        id: Uuid,
        n: u64,
        record: &Record,
        wrong: &mut Vec<(Code, String)>,
    ) -> Effect {
        if record.kind == Kind::SessionStart {
            let day = record.time.utc_day;
            let before = self.sessions.insert(id, Session::started(day));
            if n != 0 || before.is_some() {
                let message = if n == 0 {
                    "the session started before".to_owned()
                } else {
                    format!("session.start has n {n}")
                };
                wrong.push((Code::SessionOrder, message));
            }
            return Effect::Started { session: id, day };
        }
        if n == 0 || !(self.taking_up || self.sessions.contains_key(&id)) {
            wrong.push((Code::SessionOrder, "no session.start before it".to_owned()));
        }
        let session = self
            .sessions
            .entry(id)
            .or_insert_with(|| Session::taken_up(n));
        wrong.append(&mut session.observe(record, n));
        let day = session.day;
        match (&record.segment, record.kind) {
            (Some(claim), _) => Effect::SegmentClosed {
                session: id,
                day,
                claim: claim.clone(),
            },
            (None, Kind::SessionEnd) => Effect::Ended {
                session: id,
                day,
                segments: self
                    .sessions
                    .remove(&id)
                    .and_then(|session| session.next_segment),
            },
            (None, _) => Effect::None,
        }
    }
}
