//! Transcripts on their way into segments.

use std::path::{Path, PathBuf};

use custos_model::SessionId;

use super::{Abandoned, Integrator};
use crate::position::Position;
use crate::segment::{FRAME_BYTES, Segment};
use crate::shared::lock;

/// Lines that nobody adds to are compressed and written after this, so that an idle session costs no memory.
const GATHER_NS: u64 = 2_000_000_000;

/// Lines in memory of all sessions together above which they are written at once.
const GATHERED_LIMIT_BYTES: usize = 16 << 20;

/// The write-ahead log in files, above which old segments are closed to let it go.
const WAL_FILES: usize = 4;

/// Segments closed with one fsync.
const CLOSE_TOGETHER: usize = 256;

impl Integrator {
    /// Takes in a piece of transcript.
    pub(crate) fn transcript(
        &mut self,
        session: SessionId,
        position: Position,
        compressed: bool,
        lines: u64,
        data: &[u8],
    ) -> Result<(), Abandoned> {
        let mono_ns = self.shared.now().mono_ns;
        let Some(tracked) = self.ledger.sessions.get_mut(&session) else {
            return Ok(());
        };
        let number = tracked.next_segment();
        let dir = &tracked.dir;
        let segment = tracked
            .open
            .get_or_insert_with(|| Box::new(Segment::new(dir, number, position, mono_ns)));
        if compressed {
            self.write_gathered(session)?;
            self.write_frame(session, data)?;
            if let Some(segment) = self.segment(session) {
                segment.count(lines, position);
            }
            return Ok(());
        }
        segment.gather(data, lines, position, mono_ns);
        self.gathered_bytes += data.len();
        if segment.gathered_bytes() >= FRAME_BYTES {
            self.write_gathered(session)?;
        }
        Ok(())
    }

    /// Writes what waited too long, and closes what is old or large.
    pub(super) fn tend_segments(&mut self) -> Result<(), Abandoned> {
        let now_ns = self.shared.now().mono_ns;
        let age_ns = self.shared.settings.segment_age.as_nanos() as u64;
        let segment_bytes = self.shared.settings.segment_bytes;
        let pressed = self.gathered_bytes > GATHERED_LIMIT_BYTES;
        let before = self.wal_pressure();
        let mut idle = Vec::new();
        let mut done = Vec::new();
        for (id, tracked) in &self.ledger.sessions {
            let Some(segment) = &tracked.open else {
                continue;
            };
            if now_ns.saturating_sub(segment.begun_mono_ns) >= age_ns
                || segment.written_bytes() >= segment_bytes
                || segment.first < before
            {
                done.push(*id);
            } else if segment.gathered_bytes() > 0
                && (pressed || now_ns.saturating_sub(segment.gathered_mono_ns) >= GATHER_NS)
            {
                idle.push(*id);
            }
        }
        for session in idle {
            self.write_gathered(session)?;
        }
        self.close_segments(&done, false)
    }

    /// Closes the open segments of sessions: durable first, then their records.
    pub(crate) fn close_segments(
        &mut self,
        sessions: &[SessionId],
        recovered: bool,
    ) -> Result<(), Abandoned> {
        for some in sessions.chunks(CLOSE_TOGETHER) {
            let mut paths: Vec<PathBuf> = Vec::new();
            for session in some {
                self.write_gathered(*session)?;
                paths.extend(
                    self.segment(*session)
                        .iter()
                        .flat_map(|segment| segment.paths()),
                );
            }
            if recovered {
                // Directories that the last process made may not be durable either.
                let root = self.shared.settings.dir.clone();
                let above: Vec<_> = paths
                    .iter()
                    .flat_map(|path| path.ancestors().skip(1))
                    .collect();
                let above = above.into_iter().filter(|dir| dir.starts_with(&root));
                let above: Vec<_> = above.map(Path::to_owned).collect();
                paths.extend(above);
            }
            paths.sort_unstable();
            paths.dedup();
            self.sync_segments(some, &paths)?;
            for session in some {
                self.segment_closed(*session, recovered);
            }
        }
        Ok(())
    }

    /// No longer counts what a session had in memory.
    pub(super) fn forget(&mut self, session: SessionId) {
        let gathered = self
            .segment(session)
            .map_or(0, |segment| segment.gathered_bytes());
        self.gathered_bytes -= gathered.min(self.gathered_bytes);
    }

    fn sync_segments(
        &mut self,
        sessions: &[SessionId],
        paths: &[PathBuf],
    ) -> Result<(), Abandoned> {
        if paths.is_empty() {
            return Ok(());
        }
        let mut failed = false;
        self.insist("fsync a segment", |own| {
            if failed {
                // What fsync failed on is not to be trusted; write it to other blocks.
                for tracked in sessions.iter().filter_map(|id| own.ledger.sessions.get(id)) {
                    if let Some(segment) = &tracked.open {
                        segment.write_again(own.shared.disk.as_ref())?;
                    }
                }
            }
            let synced = own.shared.disk.sync(paths);
            failed |= synced.is_err();
            synced
        })
    }

    fn segment_closed(&mut self, session: SessionId, recovered: bool) {
        let Some(tracked) = self.ledger.sessions.get_mut(&session) else {
            return;
        };
        let Some(segment) = tracked.open.take() else {
            return;
        };
        let inner = lock(&self.shared.sessions).get(&session).cloned();
        if let Some(inner) = inner {
            tracked.closing.push_back(segment.first);
            inner.segment_closed(&self.shared, &segment.closed(), recovered);
        }
    }

    fn write_gathered(&mut self, session: SessionId) -> Result<(), Abandoned> {
        let Some(segment) = self.segment(session) else {
            return Ok(());
        };
        let lines = segment.take_gathered();
        if lines.is_empty() {
            return Ok(());
        }
        self.gathered_bytes -= lines.len().min(self.gathered_bytes);
        let frame = self.insist("compress a transcript", |own| {
            let packed = own.shared.compressors.compress(&lines)?;
            let mut frame = Vec::new();
            packed.write(&mut frame);
            Ok(frame)
        })?;
        self.write_frame(session, &frame)
    }

    fn write_frame(&mut self, session: SessionId, frame: &[u8]) -> Result<(), Abandoned> {
        self.insist("write a segment", |own| {
            let Some(tracked) = own.ledger.sessions.get_mut(&session) else {
                return Ok(());
            };
            let Some(segment) = &mut tracked.open else {
                return Ok(());
            };
            segment.write_frame(own.shared.disk.as_ref(), frame)
        })
    }

    fn segment(&mut self, session: SessionId) -> Option<&mut Segment> {
        self.ledger.sessions.get_mut(&session)?.open.as_deref_mut()
    }

    /// Segments begun before this position keep too much of the write-ahead log alive.
    fn wal_pressure(&self) -> Position {
        let wal = lock(&self.shared.wal);
        let behind = wal.files().count().saturating_sub(WAL_FILES);
        if behind == 0 {
            return Position(0);
        }
        wal.files()
            .nth(behind)
            .map_or(Position(0), |file| file.first)
    }
}
