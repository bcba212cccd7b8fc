//! Entry bundles, forwards and backwards.

use std::io;
use std::path::{Path, PathBuf};

use custos_tlog::{TILE_WIDTH, TileLevel, TilePath, entries};

use super::{ReadError, StoredRecord};

const WIDTH: u64 = TILE_WIDTH as u64;

/// The longest checkpoint and bundle that are read.
const MAX_CHECKPOINT_BYTES: usize = 64 << 10;

/// The records of one log, in order. One bundle is in memory at a time.
#[derive(Debug)]
pub struct Records {
    log: LogFiles,
    next: u64,
    bundle: std::vec::IntoIter<StoredRecord>,
}

impl Records {
    pub(super) fn open(dir: &Path, origin: &str, from: u64) -> Result<Self, ReadError> {
        let log = LogFiles::open(dir, origin)?;
        Ok(Self {
            log,
            next: from,
            bundle: Vec::new().into_iter(),
        })
    }

    fn fill(&mut self) -> Result<(), ReadError> {
        let bundle = self.log.bundle(self.next / WIDTH)?;
        let skip = (self.next % WIDTH) as usize;
        let rest: Vec<_> = bundle.into_iter().skip(skip).collect();
        self.next = (self.next / WIDTH + 1) * WIDTH;
        self.bundle = rest.into_iter();
        Ok(())
    }
}

impl Iterator for Records {
    type Item = Result<StoredRecord, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.bundle.next() {
                return Some(Ok(record));
            }
            if self.next >= self.log.size {
                return None;
            }
            if let Err(error) = self.fill() {
                self.next = self.log.size;
                return Some(Err(error));
            }
        }
    }
}

/// One log's files, at the size of its checkpoint when it was opened.
#[derive(Debug)]
pub(super) struct LogFiles {
    dir: PathBuf,
    origin: String,
    pub(super) size: u64,
}

impl LogFiles {
    pub(super) fn open(evidence: &Path, origin: &str) -> Result<Self, ReadError> {
        let dir = evidence.join("logs").join(origin);
        let path = dir.join("checkpoint");
        let note = std::fs::read(&path).map_err(ReadError::io(&path))?;
        let size = Some(note)
            .filter(|note| note.len() <= MAX_CHECKPOINT_BYTES)
            .and_then(|note| String::from_utf8(note).ok())
            .and_then(|note| note.lines().nth(1)?.parse().ok())
            .ok_or_else(|| ReadError::damaged(&path, "it has no size"))?;
        Ok(Self {
            dir,
            origin: origin.to_owned(),
            size,
        })
    }

    /// How many bundles the log has.
    pub(super) fn bundles(&self) -> u64 {
        self.size.div_ceil(WIDTH)
    }

    /// The records of a bundle; none behind the end.
    pub(super) fn bundle(&self, index: u64) -> Result<Vec<StoredRecord>, ReadError> {
        let Some(path) = TilePath::in_tree(TileLevel::Entries, index, self.size) else {
            return Ok(Vec::new());
        };
        let (file, bytes) = self.read(path)?;
        let mut records = Vec::with_capacity(usize::from(path.width));
        for entry in entries::decode(&bytes).take(usize::from(path.width)) {
            let entry = entry.map_err(|error| ReadError::damaged(&file, error.to_string()))?;
            let json = std::str::from_utf8(entry)
                .map_err(|_| ReadError::damaged(&file, "a record is not UTF-8"))?;
            records.push(StoredRecord {
                origin: self.origin.clone(),
                index: index * WIDTH + records.len() as u64,
                json: json.to_owned(),
            });
        }
        if records.len() < usize::from(path.width) {
            return Err(ReadError::damaged(&file, "it has too few entries"));
        }
        Ok(records)
    }

    /// A partial bundle, or the full one that has taken its place meanwhile.
    fn read(&self, path: TilePath) -> Result<(PathBuf, Vec<u8>), ReadError> {
        let exact = self.dir.join(path.to_string());
        match std::fs::read(&exact) {
            Ok(bytes) => Ok((exact, bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_partial() => {
                let full = self
                    .dir
                    .join(TilePath::full(path.level, path.index).to_string());
                let bytes = std::fs::read(&full).map_err(ReadError::io(&full))?;
                Ok((full, bytes))
            }
            Err(error) => Err(ReadError::io(&exact)(error)),
        }
    }
}
