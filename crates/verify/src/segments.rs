//! Files under `segments/`: `docs/evidence-format.md` sections 1 and 4.

use std::io::Read;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::files::{EvidenceDir, Item, ItemKind};
use crate::finding::{Code, Finding, Findings};
use crate::note::hex;
use crate::record::{SegmentClaim, Uuid};
use crate::time::{Day, digits};

const TOP: &str = "segments";
const SUFFIX: &str = ".jsonl.zst";
const READ_BYTES: usize = 64 * 1024;

/// One session directory on disk; 32 bytes in memory.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SessionDir {
    session: Uuid,
    day: Day,
    /// A record says that this session started on this day.
    known: bool,
}

/// All session directories, and what was found wrong with files that no record can be blamed for.
#[derive(Debug)]
pub(crate) struct Segments {
    given: bool,
    dirs: Vec<SessionDir>,
    found: Findings,
    buffer: Vec<u8>,
}

impl Segments {
    /// Lists the directories; their files are listed when their session ends.
    pub(crate) fn list(dir: &mut EvidenceDir) -> Result<Self, Error> {
        let mut segments = Self {
            given: dir.kind(TOP)?.is_some(),
            dirs: Vec::new(),
            found: Findings::default(),
            buffer: vec![0; READ_BYTES],
        };
        if dir
            .kind(TOP)?
            .is_some_and(|kind| kind != ItemKind::Directory)
        {
            segments.unexpected(TOP);
        }
        for year in segments.numbered(dir, TOP, 4)? {
            let path = format!("{TOP}/{year:04}");
            for month in segments.numbered(dir, &path, 2)? {
                let path = format!("{path}/{month:02}");
                for day in segments.numbered(dir, &path, 2)? {
                    segments.list_day(dir, &format!("{path}/{day:02}"), (year, month, day))?;
                }
            }
        }
        segments.dirs.sort_unstable();
        Ok(segments)
    }

    /// Whether there is a `segments/` at all.
    pub(crate) fn is_given(&self) -> bool {
        self.given
    }

    /// `session.start` was seen.
    pub(crate) fn started(&mut self, session: Uuid, day: Day) {
        if let Ok(place) = self
            .dirs
            .binary_search_by_key(&(session, day), |dir| (dir.session, dir.day))
            && let Some(dir) = self.dirs.get_mut(place)
        {
            dir.known = true;
        }
    }

    /// Compares a file with its record; says what is wrong.
    pub(crate) fn check(
        &mut self,
        dir: &mut EvidenceDir,
        session: Uuid,
        day: Option<Day>,
        claim: &SegmentClaim,
    ) -> Result<Option<(Code, String)>, Error> {
        let Some(day) = self.day(session, day) else {
            let message = format!("segment {} is absent", claim.number);
            return Ok(Some((Code::SegmentMissing, message)));
        };
        let path = format!("{TOP}/{day}/{session}/{:04}{SUFFIX}", claim.number);
        let Some(mut file) = dir.open(&path)? else {
            return Ok(Some((Code::SegmentMissing, format!("{path} is absent"))));
        };
        let mut hasher = Sha256::new();
        let mut length = 0_u64;
        loop {
            let count = file
                .read(&mut self.buffer)
                .map_err(|source| dir.read_error(&path, source))?;
            let Some(bytes) = self.buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            hasher.update(bytes);
            length += count as u64;
        }
        let problem = if length != claim.bytes {
            format!("{path} has {length} bytes, not {}", claim.bytes)
        } else if hex(&hasher.finalize()) != claim.sha256 {
            format!("{path} has another SHA-256")
        } else {
            return Ok(None);
        };
        Ok(Some((Code::SegmentMismatch, problem)))
    }

    /// Looks for files beyond those that records name. `segments` is how many there may be; none if any.
    pub(crate) fn ended(
        &mut self,
        dir: &mut EvidenceDir,
        session: Uuid,
        day: Option<Day>,
        segments: Option<u64>,
    ) -> Result<(), Error> {
        let Some(day) = self.day(session, day) else {
            return Ok(());
        };
        self.started(session, day);
        let path = format!("{TOP}/{day}/{session}");
        for (number, file) in self.segment_files(dir, &path)? {
            if segments.is_some_and(|segments| number >= segments) {
                self.unknown(&file, "no record names this segment");
            }
        }
        Ok(())
    }

    /// Reports directories of sessions that no record knows; not if records could not all be read.
    pub(crate) fn finish(
        mut self,
        dir: &mut EvidenceDir,
        all_read: bool,
    ) -> Result<Findings, Error> {
        let unknown: Vec<(Uuid, Day)> = self
            .dirs
            .iter()
            .filter(|one| all_read && !one.known)
            .map(|one| (one.session, one.day))
            .collect();
        for (session, day) in unknown {
            let path = format!("{TOP}/{day}/{session}");
            if let Some((_, file)) = self.segment_files(dir, &path)?.into_iter().next() {
                self.unknown(&file, "no record knows this session on this day");
            }
        }
        Ok(self.found)
    }

    /// The day of a session: as recorded, or where its directory lies when the record was not given.
    fn day(&self, session: Uuid, recorded: Option<Day>) -> Option<Day> {
        recorded.or_else(|| {
            let place = self.dirs.partition_point(|dir| dir.session < session);
            let dir = self.dirs.get(place).filter(|dir| dir.session == session)?;
            Some(dir.day)
        })
    }

    fn segment_files(
        &mut self,
        dir: &mut EvidenceDir,
        path: &str,
    ) -> Result<Vec<(u64, String)>, Error> {
        let mut files = Vec::new();
        for item in dir.list(path)?.unwrap_or_default() {
            let file = format!("{path}/{}", item.name);
            match segment_number(&item) {
                Some(number) => files.push((number, file)),
                None if item.is_temporary() => {}
                None => self.unexpected(&file),
            }
        }
        Ok(files)
    }

    /// The numbers that name directories of exactly `width` digits.
    fn numbered(
        &mut self,
        dir: &mut EvidenceDir,
        path: &str,
        width: usize,
    ) -> Result<Vec<u16>, Error> {
        let mut numbers = Vec::new();
        for item in dir.list(path)?.unwrap_or_default() {
            let number = digits(item.name.as_bytes()).and_then(|number| u16::try_from(number).ok());
            match number {
                Some(number) if item.name.len() == width && item.kind == ItemKind::Directory => {
                    numbers.push(number);
                }
                _ if item.is_temporary() => {}
                _ => self.unexpected(&format!("{path}/{}", item.name)),
            }
        }
        Ok(numbers)
    }

    fn list_day(
        &mut self,
        dir: &mut EvidenceDir,
        path: &str,
        (year, month, day): (u16, u16, u16),
    ) -> Result<(), Error> {
        let small = |number| u8::try_from(number).unwrap_or(0);
        let Some(day) = Day::new(year, small(month), small(day)) else {
            self.unexpected(path);
            return Ok(());
        };
        for item in dir.list(path)?.unwrap_or_default() {
            match Uuid::parse(&item.name) {
                Some(session) if item.kind == ItemKind::Directory => self.dirs.push(SessionDir {
                    session,
                    day,
                    known: false,
                }),
                _ if item.is_temporary() => {}
                _ => self.unexpected(&format!("{path}/{}", item.name)),
            }
        }
        Ok(())
    }

    fn unknown(&mut self, path: &str, message: &str) {
        self.found
            .push(Finding::file(Code::SegmentUnknown, None, path, message));
    }

    fn unexpected(&mut self, path: &str) {
        let message = "it has no place in the layout";
        self.found
            .push(Finding::file(Code::UnexpectedFile, None, path, message));
    }
}

fn segment_number(item: &Item) -> Option<u64> {
    let number = digits(item.name.strip_suffix(SUFFIX)?.as_bytes())?;
    let canonical = item.kind == ItemKind::File && item.name == format!("{number:04}{SUFFIX}");
    canonical.then_some(number)
}
