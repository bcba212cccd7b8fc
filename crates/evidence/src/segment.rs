//! One segment file while it is written: zstd frames of JSON lines.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use custos_model::{Rfc3339, SessionId};

use crate::disk::{Disk, replace_durably};
use crate::position::Position;

/// Lines are gathered up to this before they are compressed.
pub(crate) const FRAME_BYTES: usize = 128 << 10;

/// Bytes that are on their way to the disk before more are written: closing must not wait for all of them.
const BEGUN_BYTES: u64 = 1 << 20;

/// A segment that is not closed yet.
pub(crate) struct Segment {
    pub(crate) number: u64,
    path: PathBuf,
    /// The first piece in it; the write-ahead log is needed from here on.
    pub(crate) first: Position,
    /// The last piece in it.
    pub(crate) last: Position,
    /// When it was begun.
    pub(crate) begun_mono_ns: u64,
    /// When the oldest line that is only in memory came.
    pub(crate) gathered_mono_ns: u64,
    gathered: Vec<u8>,
    lines: u64,
    written_bytes: u64,
    hash: Context,
    dirs: Vec<PathBuf>,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Segment")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What a closed segment's record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    pub(crate) sha256: String,
    pub(crate) last: Position,
}

impl Segment {
    /// Begins a segment. Nothing is on disk before the first [`Self::write_out`].
    pub(crate) fn new(dir: &Path, number: u64, first: Position, mono_ns: u64) -> Self {
        Self {
            number,
            path: dir.join(file_name(number)),
            first,
            last: first,
            begun_mono_ns: mono_ns,
            gathered_mono_ns: mono_ns,
            gathered: Vec::new(),
            lines: 0,
            written_bytes: 0,
            hash: Context::new(&SHA256),
            dirs: Vec::new(),
        }
    }

    /// Takes in whole or partial lines; they may stay in memory.
    pub(crate) fn gather(&mut self, lines: &[u8], count: u64, position: Position, mono_ns: u64) {
        if self.gathered.is_empty() {
            self.gathered_mono_ns = mono_ns;
        }
        self.gathered.extend_from_slice(lines);
        self.lines += count;
        self.last = position;
    }

    /// Counts a piece that [`Self::write_frame`] wrote.
    pub(crate) fn count(&mut self, lines: u64, position: Position) {
        self.lines += lines;
        self.last = position;
    }

    /// Bytes that are only in memory.
    pub(crate) fn gathered_bytes(&self) -> usize {
        self.gathered.len()
    }

    /// Bytes on disk.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// The lines that are only in memory, to be compressed.
    pub(crate) fn take_gathered(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.gathered)
    }

    /// Appends a zstd frame. After an error it can be called again with the same frame.
    pub(crate) fn write_frame(&mut self, disk: &dyn Disk, frame: &[u8]) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        if self.written_bytes == 0 {
            let changed = disk.create_dirs(dir)?;
            self.dirs.extend(changed);
        }
        // Opened anew each time: ten thousand sessions must not hold ten thousand files open.
        let file = disk.open(&self.path)?;
        if self.written_bytes == 0 {
            file.set_len(0)?;
        }
        file.write_at(frame, self.written_bytes)?;
        let begun = self.written_bytes / BEGUN_BYTES;
        self.written_bytes += frame.len() as u64;
        if self.written_bytes / BEGUN_BYTES > begun {
            file.begin_sync();
        }
        self.hash.update(frame);
        Ok(())
    }

    /// What must be fsynced for it to be durable.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let dir = self.path.parent().unwrap_or(Path::new(".")).to_owned();
        [self.path.clone(), dir]
            .into_iter()
            .chain(self.dirs.iter().cloned())
    }

    /// Writes the file again under a new inode, because fsync failed and may have left the old one with holes.
    pub(crate) fn write_again(&self, disk: &dyn Disk) -> io::Result<()> {
        let bytes = disk.read(&self.path)?;
        let mut hash = Context::new(&SHA256);
        hash.update(&bytes);
        if hash.finish().as_ref() != self.hash.clone().finish().as_ref() {
            return Err(io::Error::other(
                "the segment was lost by the disk and is rebuilt at the next start",
            ));
        }
        replace_durably(disk, &self.path, &bytes)
    }

    /// What its record says.
    pub(crate) fn closed(&self) -> Closed {
        Closed {
            number: self.number,
            bytes: self.written_bytes,
            lines: self.lines,
            sha256: hex(self.hash.clone().finish().as_ref()),
            last: self.last,
        }
    }
}

/// Directory of a session's segments.
pub(crate) fn session_dir(evidence: &Path, start_utc_ns: u64, session: SessionId) -> PathBuf {
    let (year, month, day) = Rfc3339(start_utc_ns).date();
    evidence
        .join("segments")
        .join(format!("{year:04}"))
        .join(format!("{month:02}"))
        .join(format!("{day:02}"))
        .join(session.to_string())
}

/// Name of a segment's file.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:04}.jsonl.zst")
}

/// The number in a segment's file name.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".jsonl.zst")?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
