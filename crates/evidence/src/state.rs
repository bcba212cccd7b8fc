//! `wal/state`: what the log had come to when write-ahead files before it were dropped.

use std::path::Path;

use custos_model::SessionId;
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, read_if_present, replace_durably};
use crate::error::OpenError;
use crate::render::Fragments;

/// The state of everything at one position. Frames behind it are applied on top.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// Position of the last frame in it.
    pub(crate) position: u64,
    /// Number of the first write-ahead file that is needed beside this. A file with a lower number is about to be
    /// written over, and what it holds means nothing.
    pub(crate) first_file: u64,
    /// The log; empty before the first.
    pub(crate) origin: String,
    /// Records in the log.
    pub(crate) leaves: u64,
    /// Sessions that were open.
    pub(crate) sessions: Vec<SessionState>,
}

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionState {
    pub(crate) id: SessionId,
    pub(crate) fragments: Fragments,
    pub(crate) start_utc_ns: u64,
    pub(crate) next_n: u64,
    pub(crate) operations: u64,
    pub(crate) unfinished: u64,
    pub(crate) segments: u64,
    pub(crate) closed_upto: u64,
}

impl State {
    /// Reads the file, or nothing if there is none.
    pub(crate) fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Self>, OpenError> {
        let bytes = read_if_present(disk, path).map_err(OpenError::io("read", path))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let damaged = |reason: String| OpenError::Damaged {
            path: path.to_owned(),
            offset: 0,
            reason,
        };
        let (checksum, json) = bytes
            .split_first_chunk::<9>()
            .ok_or_else(|| damaged("it is too short".to_owned()))?;
        if *checksum != checksum_line(json) {
            return Err(damaged("its checksum does not match".to_owned()));
        }
        serde_json::from_slice(json)
            .map(Some)
            .map_err(|error| damaged(error.to_string()))
    }

    /// Replaces the file.
    pub(crate) fn write(&self, disk: &dyn Disk, path: &Path) -> std::io::Result<()> {
        let json = serde_json::to_vec(self)?;
        let mut bytes = checksum_line(&json).to_vec();
        bytes.extend_from_slice(&json);
        replace_durably(disk, path, &bytes)
    }
}

/// Eight hexadecimal digits and a line feed.
fn checksum_line(json: &[u8]) -> [u8; 9] {
    let mut line = [b'\n'; 9];
    let text = format!("{:08x}", crc32fast::hash(json));
    for (place, digit) in line.iter_mut().zip(text.bytes()) {
        *place = digit;
    }
    line
}
