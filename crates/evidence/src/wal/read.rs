//! Reading the write-ahead log after a start.
//!
//! The end of the log is the first frame that is not whole. After a crash that is a torn write that nobody was told
//! about; but if a later mark says that the frame was fsynced, the disk lost what was promised, and that is an error.

use std::path::PathBuf;
use std::sync::Arc;

use super::{SPARE, WalFile, path};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::frame::{FRAME_HEADER_BYTES, Frame, Read, peek_position, read};
use crate::position::Position;

/// The files that were found, in order.
#[derive(Debug)]
pub(crate) struct WalReader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// The files, oldest first.
    pub(crate) files: Vec<WalFile>,
    /// Whether a file waits to be used.
    pub(crate) has_spare: bool,
    /// Number for the next file.
    pub(crate) next_number: u64,
    /// Files that were being dropped.
    dropped: Vec<u64>,
    /// Files that do not say what they are: begun and never fsynced.
    nameless: Vec<u64>,
}

/// Finds the files of the log. Files before `first_file`, which is the state's, are not looked at.
pub(crate) fn open(
    disk: &Arc<dyn Disk>,
    dir: PathBuf,
    first_file: u64,
) -> Result<WalReader, OpenError> {
    let names = disk.list(&dir).map_err(OpenError::io("list", &dir))?;
    let mut numbers: Vec<u64> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".wal")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let mut reader = WalReader {
        disk: Arc::clone(disk),
        dir,
        files: Vec::new(),
        has_spare: names.iter().any(|name| name == SPARE),
        next_number: numbers
            .last()
            .map_or(1, |last| last + 1)
            .max(first_file + 1),
        dropped: Vec::new(),
        nameless: Vec::new(),
    };
    for number in numbers {
        if number < first_file {
            reader.dropped.push(number);
        } else {
            reader.find(number)?;
        }
    }
    Ok(reader)
}

impl WalReader {
    /// Makes durable what was found, so that the log may be built on it.
    pub(crate) fn sync(&self) -> Result<(), OpenError> {
        let mut paths: Vec<_> = self
            .files
            .iter()
            .map(|file| path(&self.dir, file.number))
            .collect();
        paths.push(self.dir.clone());
        self.disk
            .sync(&paths)
            .map_err(OpenError::io("fsync", &self.dir))
    }

    /// Calls `each` with every frame that has a position, in order, and returns the position after the last.
    pub(crate) fn frames(
        &self,
        mut each: impl FnMut(&Read<'_>) -> Result<(), OpenError>,
    ) -> Result<Position, OpenError> {
        let mut next = self.files.first().map_or(Position(1), |file| file.first);
        for (index, file) in self.files.iter().enumerate() {
            let path = path(&self.dir, file.number);
            let later = self.files.get(index + 1..).unwrap_or_default();
            let goes_on = |next| later.iter().any(|later| later.first <= next);
            if file.first > next {
                // Begun and then given up for a later file that repeats what was not durable; or begun when the
                // machine went off, and what is missing was not fsynced.
                if goes_on(next) || !self.promised_from(index, next)? {
                    continue;
                }
                let reason = format!(
                    "positions {} to {} are missing before it",
                    next.0,
                    file.first.0 - 1
                );
                return Err(OpenError::Damaged {
                    path,
                    offset: 0,
                    reason,
                });
            }
            let bytes = self
                .disk
                .read(&path)
                .map_err(OpenError::io("read", &path))?;
            let mut offset = 0;
            let mut expected = file.first;
            while let Some(frame) = bytes.get(offset..).and_then(read) {
                if frame.position != expected {
                    break;
                }
                offset += frame.bytes;
                if !frame.frame.has_position() {
                    continue;
                }
                expected = Position(expected.0 + 1);
                // A file may begin with frames that the file before it has as well: written again after an error.
                if frame.position == next {
                    each(&frame)?;
                    next = expected;
                }
            }
            if !goes_on(next)
                && let Some(durable) = promised(&bytes, offset, expected)
            {
                let reason = format!(
                    "position {} is not readable, and everything up to {} was fsynced",
                    expected.0, durable.0
                );
                return Err(OpenError::Damaged {
                    path,
                    offset: offset as u64,
                    reason,
                });
            }
        }
        for number in &self.nameless {
            let path = path(&self.dir, *number);
            let bytes = self
                .disk
                .read(&path)
                .map_err(OpenError::io("read", &path))?;
            if promised(&bytes, 0, next).is_some() {
                let reason = "it has lost its header".to_owned();
                return Err(OpenError::Damaged {
                    path,
                    offset: 0,
                    reason,
                });
            }
        }
        Ok(next)
    }

    /// Removes files with nothing in them. To be called when the rest was found to be whole.
    pub(crate) fn remove_abandoned(&mut self) -> Result<(), OpenError> {
        for number in self.dropped.drain(..).chain(self.nameless.drain(..)) {
            let path = path(&self.dir, number);
            self.disk
                .remove(&path)
                .map_err(OpenError::io("remove", &path))?;
        }
        Ok(())
    }

    fn find(&mut self, number: u64) -> Result<(), OpenError> {
        let path = path(&self.dir, number);
        let bytes = self
            .disk
            .read(&path)
            .map_err(OpenError::io("read", &path))?;
        let header = read(&bytes).filter(|header| header.frame == Frame::Header { file: number });
        if let Some(header) = header {
            let first = header.position;
            self.files.push(WalFile {
                number,
                first,
                bytes: bytes.len() as u64,
            });
        } else {
            self.nameless.push(number);
        }
        Ok(())
    }

    /// Whether a file from this one on says that a position was fsynced.
    fn promised_from(&self, index: usize, missing: Position) -> Result<bool, OpenError> {
        for file in self.files.iter().skip(index) {
            let path = path(&self.dir, file.number);
            let bytes = self
                .disk
                .read(&path)
                .map_err(OpenError::io("read", &path))?;
            if promised(&bytes, 0, missing).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Looks behind a bad frame for a mark saying that it was fsynced.
fn promised(bytes: &[u8], from: usize, bad: Position) -> Option<Position> {
    // No frame is shorter than its header, which bounds the positions that can follow.
    let furthest = bad.0 + (bytes.len() / FRAME_HEADER_BYTES) as u64;
    let mut offset = from;
    while let Some(rest) = bytes
        .get(offset..)
        .filter(|rest| rest.len() >= FRAME_HEADER_BYTES)
    {
        let plausible =
            peek_position(rest).is_some_and(|position| (bad.0..=furthest).contains(&position.0));
        if plausible
            && let Some(found) = read(rest)
            && let Frame::Mark { durable } = found.frame
            && durable >= bad
        {
            return Some(durable);
        }
        offset += 1;
    }
    None
}
