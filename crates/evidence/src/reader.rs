//! Reading evidence back, for listings and replays. Reads only what is in the log (at most a second old) and in
//! segment files; verifies nothing, which is the verifier's task.

mod bundles;
mod sessions;
mod transcript;

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use bundles::Records;
pub use sessions::SessionSummary;
pub use transcript::TranscriptLines;

/// Evidence could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file could not be read.
    #[error("cannot read {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is damaged: {reason}; run `custos verify`")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
}

impl ReadError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// One record as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// The log's name.
    pub origin: String,
    /// Its place in it, from 0.
    pub index: u64,
    /// The record: canonical JSON.
    pub json: String,
}

impl StoredRecord {
    /// The record as a value; `null` if it is not JSON.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.json).unwrap_or(Value::Null)
    }

    /// Whether it is of this type. Quotes in texts are escaped, so the bytes can stand nowhere else.
    fn is(&self, kind: &str) -> bool {
        let wanted = format!("\"type\":\"{kind}\"");
        memchr::memmem::find(self.json.as_bytes(), wanted.as_bytes()).is_some()
    }

    fn is_of_session(&self, marker: &str) -> bool {
        memchr::memmem::find(self.json.as_bytes(), marker.as_bytes()).is_some()
    }
}

/// An evidence directory, for reading. Cheap to make; reads what is there at each call, also while it is written.
#[derive(Clone, Debug)]
pub struct Reader {
    dir: PathBuf,
}

impl Reader {
    /// For an evidence directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The logs in it, sorted: node by node, oldest month first.
    pub fn origins(&self) -> Result<Vec<String>, ReadError> {
        let logs = self.dir.join("logs");
        let mut origins = Vec::new();
        for cluster in directories(&logs)? {
            for node in directories(&logs.join(&cluster))? {
                for month in directories(&logs.join(&cluster).join(&node))? {
                    let origin = format!("{cluster}/{node}/{month}");
                    if logs.join(&origin).join("checkpoint").is_file() {
                        origins.push(origin);
                    }
                }
            }
        }
        Ok(origins)
    }

    /// The records of a log from an index on, as far as its checkpoint goes.
    pub fn records(&self, origin: &str, from: u64) -> Result<Records, ReadError> {
        Records::open(&self.dir, origin, from)
    }

    /// The newest sessions, newest first.
    pub fn sessions(&self, limit: usize) -> Result<Vec<SessionSummary>, ReadError> {
        sessions::newest(self, limit)
    }

    /// All records of a session in order; none if there is no such session.
    pub fn session(&self, id: custos_model::SessionId) -> Result<Vec<StoredRecord>, ReadError> {
        sessions::records(self, id)
    }

    /// The lines of a session's transcript. `session`: its records, from [`Reader::session`]. Of a session that is
    /// still open, the lines that are in segment files already.
    pub fn transcript(&self, session: &[StoredRecord]) -> Result<TranscriptLines, ReadError> {
        TranscriptLines::open(&self.dir, session)
    }
}

fn directories(dir: &Path) -> Result<Vec<String>, ReadError> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(ReadError::io(dir))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(ReadError::io(dir))?;
        if entry.path().is_dir() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    names.sort_unstable();
    Ok(names)
}
