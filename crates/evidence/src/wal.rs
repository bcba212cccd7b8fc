//! The write-ahead log: files that are written over again and again, so that making a record durable does not
//! change any file's length or place, which is what makes fdatasync cheap.

mod read;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::frame::FrameWriter;
use crate::position::Position;

pub(crate) use read::{WalReader, open as open_reader};

/// How far ahead of the records a new file is filled with zeros.
const ZERO_AHEAD_BYTES: u64 = 4 << 20;

/// A batch from here on pays for a longer file by itself.
const LARGE_BYTES: u64 = 64 << 10;

/// So much between two fsyncs pays for a longer file at each of them.
const BULK_BYTES: u64 = 256 << 10;

const PAGE_BYTES: u64 = 4096;
static ZEROS: [u8; PAGE_BYTES as usize] = [0; PAGE_BYTES as usize];

/// Name of the file that waits to be used next.
const SPARE: &str = "spare";

/// Frames that were written together.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Position of the first frame.
    pub(crate) first: Position,
    /// Position of the last frame.
    pub(crate) last: Position,
    /// The frames.
    pub(crate) bytes: Vec<u8>,
}

/// A file of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WalFile {
    /// Its number, which is its name.
    pub(crate) number: u64,
    /// Position of its first frame. The file before it is not needed from here on.
    pub(crate) first: Position,
    /// Its length.
    pub(crate) bytes: u64,
}

/// The writing side. Everything not yet known to be durable is kept, to be written again after an error.
#[derive(Debug)]
pub(crate) struct Wal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file_bytes: u64,
    next_number: u64,
    current: Option<Current>,
    files: VecDeque<WalFile>,
    has_spare: bool,
    unsynced: VecDeque<Batch>,
    dirty: Vec<Arc<dyn DiskFile>>,
    dir_dirty: bool,
    /// Bytes since the last fsync, and between the two before that.
    dirty_bytes: u64,
    synced_bytes: u64,
    broken: Option<Arc<str>>,
}

#[derive(Debug)]
struct Current {
    file: Arc<dyn DiskFile>,
    offset: u64,
    /// Up to here the file has content, so that writing does not extend it.
    filled: u64,
}

/// What must be fsynced for everything written so far to be durable.
#[derive(Debug)]
pub(crate) struct ToSync {
    files: Vec<Arc<dyn DiskFile>>,
    dir: Option<(Arc<dyn Disk>, PathBuf)>,
}

impl ToSync {
    /// Does it. Nothing may be taken for durable if this fails, not even at a second try.
    pub(crate) fn run(&self) -> io::Result<()> {
        self.files.iter().try_for_each(|file| file.sync_data())?;
        match &self.dir {
            Some((disk, dir)) => disk.sync(std::slice::from_ref(dir)),
            None => Ok(()),
        }
    }
}

impl Wal {
    /// Goes on behind the files that were found. The next write begins a new file.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        file_bytes: u64,
        found: &WalReader,
    ) -> Self {
        Self {
            disk,
            dir,
            file_bytes,
            next_number: found.next_number,
            current: None,
            files: found.files.clone().into(),
            has_spare: found.has_spare,
            unsynced: VecDeque::new(),
            dirty: Vec::new(),
            dir_dirty: false,
            dirty_bytes: 0,
            synced_bytes: 0,
            broken: None,
        }
    }

    /// Hands a batch to the operating system. It is kept until [`Self::synced`] says that it is durable. After an error
    /// the log is to be [`Self::set_broken`].
    pub(crate) fn write(&mut self, batch: Batch) -> io::Result<()> {
        let first = batch.first;
        self.unsynced.push_back(batch);
        self.write_last(first)
    }

    /// What failed, if something did, so that only [`Self::write_all_again`] helps.
    pub(crate) fn broken(&self) -> Option<Arc<str>> {
        self.broken.clone()
    }

    /// To be called also when fsync failed: what the operating system still has in memory is not to be trusted.
    pub(crate) fn set_broken(&mut self, what: Arc<str>) {
        self.broken = Some(what);
    }

    /// Keeps a batch without writing it, while the log is broken.
    pub(crate) fn keep(&mut self, batch: Batch) {
        self.unsynced.push_back(batch);
    }

    /// What must be fsynced now.
    pub(crate) fn take_dirty(&mut self) -> ToSync {
        let dir =
            std::mem::take(&mut self.dir_dirty).then(|| (Arc::clone(&self.disk), self.dir.clone()));
        self.synced_bytes = std::mem::take(&mut self.dirty_bytes);
        ToSync {
            files: std::mem::take(&mut self.dirty),
            dir,
        }
    }

    /// Takes out the batches that are durable now.
    pub(crate) fn synced(&mut self, durable: Position) -> Vec<Batch> {
        let count = self
            .unsynced
            .iter()
            .take_while(|batch| batch.last <= durable)
            .count();
        self.unsynced.drain(..count).collect()
    }

    /// Writes everything that is not durable into a new file and fsyncs it. `next` is the position after all of it.
    pub(crate) fn write_all_again(&mut self, next: Position) -> io::Result<()> {
        let first = self.unsynced.front().map_or(next, |batch| batch.first);
        let (number, mut current) = self.begin_file(first)?;
        for batch in &self.unsynced {
            current.file.write_at(&batch.bytes, current.offset)?;
            current.offset += batch.bytes.len() as u64;
        }
        current.file.sync_data()?;
        self.disk.sync(std::slice::from_ref(&self.dir))?;
        self.dirty.clear();
        self.dir_dirty = false;
        self.broken = None;
        self.use_file(number, first, current);
        Ok(())
    }

    /// The files, oldest first.
    pub(crate) fn files(&self) -> impl Iterator<Item = &WalFile> {
        self.files.iter()
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        let behind = self
            .files
            .iter()
            .rev()
            .skip(1)
            .map(|file| file.bytes)
            .sum::<u64>();
        behind + self.current.as_ref().map_or(0, |current| current.offset)
    }

    /// Whether files exist that hold nothing from `needed` on.
    pub(crate) fn has_files_before(&self, needed: Position) -> bool {
        self.files
            .get(1)
            .is_some_and(|second| second.first <= needed)
    }

    /// Number of the first file that holds something from `needed` on.
    pub(crate) fn first_needed_file(&self, needed: Position) -> u64 {
        let second = self
            .files
            .iter()
            .skip(1)
            .take_while(|file| file.first <= needed)
            .last();
        second.or(self.files.front()).map_or(0, |file| file.number)
    }

    /// Drops the files before a number, which the state no longer counts on; one of them is kept to be written over.
    pub(crate) fn drop_files_before(&mut self, first_file: u64) -> io::Result<()> {
        while let Some(oldest) = self.files.front()
            && oldest.number < first_file
        {
            let path = self.path(oldest.number);
            let reusable = !self.has_spare && oldest.bytes <= self.file_bytes * 2;
            let done = if reusable {
                self.disk.rename(&path, &self.dir.join(SPARE))
            } else {
                self.disk.remove(&path)
            };
            match done {
                // Renamed or removed by an earlier try whose answer was lost.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.has_spare |= reusable,
            }
            self.files.pop_front();
        }
        Ok(())
    }

    fn write_last(&mut self, first: Position) -> io::Result<()> {
        let Some(batch) = self.unsynced.back() else {
            return Ok(());
        };
        let length = batch.bytes.len() as u64;
        let full = self
            .current
            .as_ref()
            .is_none_or(|current| current.offset + length > self.file_bytes);
        if full {
            let (number, current) = self.begin_file(first)?;
            self.dir_dirty = true;
            self.use_file(number, first, current);
        }
        let (Some(batch), Some(current)) = (self.unsynced.back(), self.current.as_mut()) else {
            return Ok(());
        };
        self.dirty_bytes += length;
        let is_bulk =
            length >= LARGE_BYTES || self.dirty_bytes.max(self.synced_bytes) >= BULK_BYTES;
        current.fill_ahead(length, self.file_bytes, is_bulk);
        current.file.write_at(&batch.bytes, current.offset)?;
        current.offset += length;
        if !self
            .dirty
            .iter()
            .any(|file| Arc::ptr_eq(file, &current.file))
        {
            self.dirty.push(Arc::clone(&current.file));
        }
        Ok(())
    }

    fn begin_file(&mut self, first: Position) -> io::Result<(u64, Current)> {
        let number = self.next_number;
        let path = self.path(number);
        if self.has_spare {
            match self.disk.rename(&self.dir.join(SPARE), &path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.has_spare = false,
            }
        }
        let file = self.disk.open(&path)?;
        let mut header = Vec::new();
        FrameWriter::header(&mut header, first, number);
        file.write_at(&header, 0)?;
        let offset = header.len() as u64;
        let filled = file.len()?.max(offset);
        Ok((
            number,
            Current {
                file,
                offset,
                filled,
            },
        ))
    }

    fn use_file(&mut self, number: u64, first: Position, current: Current) {
        if let (Some(last), Some(old)) = (self.files.back_mut(), &self.current) {
            last.bytes = old.filled.max(old.offset);
        }
        self.next_number = number + 1;
        self.files.push_back(WalFile {
            number,
            first,
            bytes: self.file_bytes,
        });
        self.current = Some(current);
    }

    fn path(&self, number: u64) -> PathBuf {
        path(&self.dir, number)
    }
}

impl Current {
    /// Fills a new file with zeros ahead of the records, but not where that would write everything twice to spare a few
    /// fsyncs something. Without room on the disk the records themselves may still fit, so an error here is nothing yet.
    fn fill_ahead(&mut self, length: u64, file_bytes: u64, is_bulk: bool) {
        let end = self.offset + length;
        if end <= self.filled || self.filled >= file_bytes {
            return;
        }
        if is_bulk {
            self.filled = end;
            return;
        }
        let until = (end + ZERO_AHEAD_BYTES).min(file_bytes);
        // Never from `filled`: where an earlier attempt failed there are records by now.
        // Page by page: large writes make large folios in the page cache, and ext4 then walks all blocks of a folio
        // for each small write into it.
        let mut at = end;
        while at < until {
            let length = (PAGE_BYTES - at % PAGE_BYTES).min(until - at);
            let zeros = ZEROS.get(..length as usize).unwrap_or_default();
            if self.file.write_at(zeros, at).is_err() {
                return;
            }
            at += length;
        }
        self.filled = self.filled.max(until);
    }
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.wal"))
}
