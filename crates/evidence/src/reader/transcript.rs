//! The lines of a session's transcript, streamed.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{ReadError, StoredRecord};
use crate::segment::{file_name, number_of, session_dir};

/// A decoder refuses frames that need a larger window; ours are written with 512 KiB.
const MAX_WINDOW_LOG: u32 = 23;

/// The longest line, `docs/transcript-format.md`, with some room.
const MAX_LINE_BYTES: u64 = 2 << 20;

type Decoder = BufReader<zstd::stream::read::Decoder<'static, BufReader<File>>>;

/// JSON lines in order, without their line feeds. Memory is bounded by the longest line.
pub struct TranscriptLines {
    dir: PathBuf,
    next: u64,
    /// Segments below this are closed: their end is a line's end, and a missing one is damage.
    closed: u64,
    segments: u64,
    current: Option<(PathBuf, Decoder)>,
}

impl std::fmt::Debug for TranscriptLines {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("TranscriptLines")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl TranscriptLines {
    pub(super) fn open(evidence: &Path, session: &[StoredRecord]) -> Result<Self, ReadError> {
        let start = session.first().map(StoredRecord::value).unwrap_or_default();
        let id = start
            .pointer("/sess/id")
            .and_then(|id| id.as_str()?.parse().ok());
        let utc_ns = start
            .pointer("/time/utc")
            .and_then(|utc| day_ns(utc.as_str()?));
        let (Some(id), Some(utc_ns)) = (id, utc_ns) else {
            return Err(ReadError::damaged(
                evidence,
                "the session's first record cannot be read",
            ));
        };
        let dir = session_dir(evidence, utc_ns, id);
        let closed = session
            .iter()
            .filter(|record| record.is("segment.closed"))
            .count() as u64;
        let segments = match std::fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => closed,
            entries => entries
                .map_err(ReadError::io(&dir))?
                .flatten()
                .filter_map(|entry| number_of(entry.file_name().to_str()?))
                .map(|number| number + 1)
                .fold(closed, u64::max),
        };
        Ok(Self {
            dir,
            next: 0,
            closed,
            segments,
            current: None,
        })
    }

    fn open_next(&mut self) -> Result<(), ReadError> {
        let path = self.dir.join(file_name(self.next));
        self.next += 1;
        let file = File::open(&path).map_err(ReadError::io(&path))?;
        let mut decoder = zstd::stream::read::Decoder::new(file).map_err(ReadError::io(&path))?;
        decoder
            .window_log_max(MAX_WINDOW_LOG)
            .map_err(ReadError::io(&path))?;
        self.current = Some((path, BufReader::new(decoder)));
        Ok(())
    }

    /// The next line of the present segment; `None` at its end.
    fn next_line(&mut self) -> Result<Option<String>, ReadError> {
        use io::Read;
        let open = self.next > self.closed;
        let Some((path, decoder)) = &mut self.current else {
            return Ok(None);
        };
        let mut line = Vec::new();
        let read = decoder
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line);
        match read {
            // A segment that is still written may end anywhere.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && open => return Ok(None),
            Err(error) => return Err(ReadError::damaged(path, error.to_string())),
            Ok(0) => return Ok(None),
            Ok(_) => {}
        }
        if line.pop() != Some(b'\n') {
            if open {
                return Ok(None);
            }
            return Err(ReadError::damaged(path, "a line is too long or has no end"));
        }
        let path = path.clone();
        String::from_utf8(line)
            .map(Some)
            .map_err(|_| ReadError::damaged(&path, "a line is not UTF-8"))
    }
}

impl Iterator for TranscriptLines {
    type Item = Result<String, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_line() {
                Ok(Some(line)) => return Some(Ok(line)),
                Ok(None) if self.next >= self.segments => return None,
                Ok(None) => {}
                Err(error) => {
                    self.segments = 0;
                    self.current = None;
                    return Some(Err(error));
                }
            }
            if let Err(error) = self.open_next() {
                self.segments = 0;
                return Some(Err(error));
            }
        }
    }
}

/// Nanoseconds at the beginning of a day, from a time in a record.
fn day_ns(utc: &str) -> Option<u64> {
    let mut parts = utc
        .get(..10)?
        .split('-')
        .map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    let year = if month <= 2 {
        year.checked_sub(1)?
    } else {
        year
    };
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day.checked_sub(1)?;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year;
    days.checked_sub(719_468)?.checked_mul(86_400_000_000_000)
}
