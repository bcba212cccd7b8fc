//! One log, from its checkpoint to its last record, in one pass.

use std::collections::BTreeSet;

use crate::approvals::{ApprovalFiles, Approvals};
use crate::error::Error;
use crate::files::{Contents, EvidenceDir};
use crate::finding::{Code, Finding, Findings, RecordRef};
use crate::hash::{TILE_WIDTH, leaf_hash};
use crate::link::{self, Link, Tail};
use crate::note::{self, Checkpoint, MAX_NOTE_BYTES, NoteError, VerifierKey};
use crate::record::{self, Kind, Record};
use crate::remember::Heads;
use crate::report::{Level, LogSummary};
use crate::segments::Segments;
use crate::sequence::{Effect, Sequence};
use crate::tiles::{Bundle, TileCheck};

/// What all logs of a directory share.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) dir: EvidenceDir,
    pub(crate) keys: &'a [VerifierKey],
    pub(crate) heads: &'a Heads,
    /// Origins of all logs in the directory.
    pub(crate) given: BTreeSet<String>,
    pub(crate) segments: Segments,
    pub(crate) approvals: ApprovalFiles,
    /// Segments that records name, and `segments/` was not given.
    pub(crate) segments_unchecked: u64,
    pub(crate) incomplete: Vec<String>,
    pub(crate) rollbacks: Findings,
    /// Every record of every log so far could be read.
    pub(crate) all_read: bool,
}

/// What goes on from one log of a node to its next.
#[derive(Debug, Default)]
pub(crate) struct Node {
    sequence: Sequence,
    approvals: Approvals,
    tail: Option<Tail>,
}

impl Node {
    /// Records are missing here.
    fn lose_track(&mut self) {
        self.sequence.lose_track();
        self.approvals.lose_track();
    }

    /// The last log of the node was read.
    pub(crate) fn finish(mut self, context: &mut Context<'_>) -> Result<(), Error> {
        let Some(tail) = self.tail else {
            return Ok(());
        };
        context.leave_open(&tail.checkpoint.origin, &mut self.sequence)
    }
}

/// Verifies one log; findings are in the order of section 5. No summary when the checkpoint is not good.
pub(crate) fn verify_log(
    context: &mut Context<'_>,
    node: &mut Node,
    origin: &str,
    found: &mut Findings,
) -> Result<Option<(Checkpoint, LogSummary)>, Error> {
    let checkpoint = match read_checkpoint(context, origin)? {
        Ok(checkpoint) => checkpoint,
        Err((code, message)) => {
            found.push(Finding::file(code, Some(origin), "checkpoint", message));
            context.all_read = false;
            node.tail = None;
            node.lose_track();
            return Ok(None);
        }
    };
    let mut pass = Pass {
        origin,
        summary: LogSummary::new(&checkpoint),
        found: Findings::default(),
        rolled_back: false,
    };
    node.sequence.begin_log();
    let tiles = pass.read(context, node, &checkpoint)?;
    node.tail = Some(Tail {
        checkpoint: checkpoint.clone(),
        closed: node.sequence.is_closed(),
    });
    let mut all = tiles.finish(&mut context.dir)?;
    all.push(pass.found);
    found.append_ordered(all);
    if context.heads.get(origin).is_some() && !pass.rolled_back {
        pass.summary.level = Level::L1;
    }
    Ok(Some((checkpoint, pass.summary)))
}

fn read_checkpoint(
    context: &mut Context<'_>,
    origin: &str,
) -> Result<Result<Checkpoint, (Code, String)>, Error> {
    let path = format!("logs/{origin}/checkpoint");
    let bytes = match context.dir.read(&path, MAX_NOTE_BYTES)? {
        Contents::Missing => {
            let message = "the log has no checkpoint".to_owned();
            return Ok(Err((Code::CheckpointMissing, message)));
        }
        Contents::TooLong => {
            return Ok(Err((
                Code::CheckpointMalformed,
                "it is too long".to_owned(),
            )));
        }
        Contents::Bytes(bytes) => bytes,
    };
    Ok(accept_checkpoint(&bytes, context.keys, origin))
}

fn accept_checkpoint(
    note: &[u8],
    keys: &[VerifierKey],
    origin: &str,
) -> Result<Checkpoint, (Code, String)> {
    let (text, key) = note::open(note, keys).map_err(|error| match error {
        NoteError::Malformed(reason) => (Code::CheckpointMalformed, reason.to_owned()),
        NoteError::NotSigned(reason) => (Code::CheckpointSignature, reason.to_owned()),
    })?;
    let checkpoint = Checkpoint::parse(&text).ok_or_else(|| {
        (
            Code::CheckpointMalformed,
            "not origin, size, root".to_owned(),
        )
    })?;
    let by_own_key = origin
        .strip_prefix(key.name())
        .is_some_and(|rest| rest.starts_with('/'));
    if checkpoint.origin != origin || !by_own_key {
        let message = format!("it is of {}, signed by {}", checkpoint.origin, key.name());
        return Err((Code::CheckpointOrigin, message));
    }
    if checkpoint.size == 0 {
        return Err((Code::LogOpen, "the log is empty".to_owned()));
    }
    Ok(checkpoint)
}

/// The state of reading one log.
struct Pass<'o> {
    origin: &'o str,
    summary: LogSummary,
    /// What is wrong with records.
    found: Findings,
    rolled_back: bool,
}

impl Pass<'_> {
    fn read(
        &mut self,
        context: &mut Context<'_>,
        node: &mut Node,
        checkpoint: &Checkpoint,
    ) -> Result<TileCheck, Error> {
        let mut tiles = TileCheck::new(checkpoint.clone());
        let mut first = 0;
        while first < checkpoint.size {
            let width = usize::try_from(checkpoint.size - first)
                .map_or(TILE_WIDTH, |rest| rest.min(TILE_WIDTH));
            let bundle = tiles.read_bundle(&mut context.dir, first, width)?;
            let leaves: Vec<_> = bundle.records().map(leaf_hash).collect();
            self.compare_head(context, &tiles, first, &leaves);
            tiles.push(&mut context.dir, first, width, &bundle, leaves)?;
            self.records(context, node, first, &bundle)?;
            if bundle.len() < width {
                node.lose_track();
                context.all_read = false;
            }
            first += width as u64;
        }
        if let Some(head) = context.heads.get(self.origin)
            && head.size > checkpoint.size
        {
            let message = format!("{} records, but {} before", checkpoint.size, head.size);
            self.rollback(context, message);
        }
        Ok(tiles)
    }

    /// Compares with the remembered head when it lies in this bundle.
    fn compare_head(
        &mut self,
        context: &mut Context<'_>,
        tiles: &TileCheck,
        first: u64,
        leaves: &[crate::hash::Hash],
    ) {
        let Some(head) = context.heads.get(self.origin) else {
            return;
        };
        let Some(width) = head.size.checked_sub(first).filter(|width| *width > 0) else {
            return;
        };
        let Some(width) = usize::try_from(width).ok().filter(|w| *w <= leaves.len()) else {
            return;
        };
        if tiles.root_with(leaves, width) != head.root {
            let message = format!("its first {} records are not those seen before", head.size);
            self.rollback(context, message);
        }
    }

    fn rollback(&mut self, context: &mut Context<'_>, message: String) {
        self.rolled_back = true;
        context.rollbacks.push(Finding::file(
            Code::Rollback,
            Some(self.origin),
            "checkpoint",
            message,
        ));
    }

    fn records(
        &mut self,
        context: &mut Context<'_>,
        node: &mut Node,
        first: u64,
        bundle: &Bundle,
    ) -> Result<(), Error> {
        for (index, bytes) in (first..).zip(bundle.records()) {
            match record::check_record(bytes) {
                Ok(record) => self.record(context, node, index, &record)?,
                Err(bad) => {
                    let at = record::describe(index, bytes);
                    self.bad(bad.code, &at, bad.message);
                    node.lose_track();
                    context.all_read = false;
                }
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        context: &mut Context<'_>,
        node: &mut Node,
        index: u64,
        record: &Record,
    ) -> Result<(), Error> {
        if index == 0 {
            self.opening(context, node, record)?;
        }
        self.summary.count(record);
        let effect = node
            .sequence
            .observe(self.origin, index, record, &mut self.found);
        let segments = &mut context.segments;
        match effect {
            Effect::None => {}
            Effect::Started { session, day } => segments.started(session, day),
            Effect::SegmentClosed { .. } if !segments.is_given() => context.segments_unchecked += 1,
            Effect::SegmentClosed {
                session,
                day,
                claim,
            } => {
                self.summary.segments += 1;
                let wrong = segments.check(&mut context.dir, session, day, &claim)?;
                if let Some((code, message)) = wrong {
                    self.bad(code, &record.reference(index), message);
                }
            }
            Effect::Ended {
                session,
                day,
                segments: count,
            } => segments.ended(&mut context.dir, session, day, count)?,
        }
        let wrong = node.approvals.observe(
            &mut context.approvals,
            &mut context.dir,
            (self.origin, index),
            record,
        )?;
        if let Some((code, message)) = wrong {
            self.bad(code, &record.reference(index), message);
        }
        Ok(())
    }

    /// Judges the link of the log's first record, and decides whether the state of the log before goes on.
    fn opening(
        &mut self,
        context: &mut Context<'_>,
        node: &mut Node,
        record: &Record,
    ) -> Result<(), Error> {
        let at = record.reference(0);
        let Some(log) = record.log.as_ref().filter(|_| record.kind == Kind::LogOpen) else {
            if node.tail.is_none() {
                node.lose_track();
            }
            return Ok(());
        };
        let pinned = |key: &String| context.keys.iter().any(|pinned| pinned.as_text() == key);
        if !log.key.as_ref().is_some_and(pinned) {
            self.bad(Code::LogOpen, &at, "log.key is not a pinned key".to_owned());
        }
        let link = link::judge(
            self.origin,
            log.previous.as_ref(),
            node.tail.as_ref(),
            &context.given,
        );
        match link {
            Link::First | Link::Continues => {}
            Link::Unreadable => node.sequence.lose_track(),
            Link::NotGiven => {
                let previous = log.previous.as_ref().map_or("", |one| one.origin.as_str());
                let message = format!("{previous}, which {} continues, was not given", self.origin);
                context.incomplete.push(message);
                let before = node
                    .tail
                    .as_ref()
                    .map_or(self.origin, |tail| &tail.checkpoint.origin);
                context.leave_open(before, &mut node.sequence)?;
                node.lose_track();
            }
            Link::Broken(message) => {
                self.bad(Code::LogLink, &at, message);
                if node.tail.is_none() {
                    node.lose_track();
                }
            }
        }
        Ok(())
    }

    fn bad(&mut self, code: Code, at: &RecordRef, message: String) {
        self.found
            .push(Finding::record(code, self.origin, at, message));
    }
}

impl Context<'_> {
    /// The records of a node end here (before `origin`, or altogether): what is open stays so.
    pub(crate) fn leave_open(
        &mut self,
        origin: &str,
        sequence: &mut Sequence,
    ) -> Result<(), Error> {
        let open = sequence.take_open();
        if !open.is_empty() {
            let message = format!(
                "{} session(s) still open at the end of {origin}",
                open.len()
            );
            self.incomplete.push(message);
        }
        for (id, session) in open {
            self.segments.ended(&mut self.dir, id, session.day, None)?;
        }
        Ok(())
    }
}
