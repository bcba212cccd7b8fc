//! Reads the records of a growing evidence log, as `docs/evidence-format.md` describes it, each record once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use crate::time;

/// Entries of a whole bundle.
const BUNDLE_ENTRIES: u64 = 256;
/// A partial bundle may be replaced while it is being read; then the checkpoint is a new one.
const READ_ATTEMPTS: usize = 20;

/// The members of a record that the checks here look at.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Record {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) outcome: String,
    pub(crate) reason: Option<String>,
    time: Time,
    sess: Option<Session>,
    pub(crate) op: Option<Operation>,
    #[serde(default)]
    pub(crate) detail: serde_json::Value,
}

#[derive(Clone, Debug, Deserialize)]
struct Time {
    utc: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Session {
    id: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Operation {
    pub(crate) n: u64,
    pub(crate) text: Option<String>,
}

impl Record {
    /// When it was made, in milliseconds since 1970.
    pub(crate) fn unix_millis(&self) -> anyhow::Result<u64> {
        time::unix_millis(&self.time.utc)
    }

    /// The session that it belongs to.
    pub(crate) fn session(&self) -> Option<&str> {
        self.sess.as_ref().map(|session| session.id.as_str())
    }
}

/// Reads each record of an evidence directory once.
#[derive(Debug)]
pub(crate) struct Reader {
    logs: PathBuf,
    /// Records of each log that were read.
    read: BTreeMap<PathBuf, u64>,
}

impl Reader {
    pub(crate) fn new(evidence: &Path) -> Self {
        Self {
            logs: evidence.join("logs"),
            read: BTreeMap::new(),
        }
    }

    /// The records that checkpoints cover and that were not read yet.
    pub(crate) fn new_records(&mut self) -> anyhow::Result<Vec<Record>> {
        let mut logs = Vec::new();
        find_logs(&self.logs, &mut logs)?;
        logs.sort();
        let mut records = Vec::new();
        for log in logs {
            let read = self.read.entry(log.clone()).or_default();
            let new = read_attentively(&log, *read)?;
            *read += new.len() as u64;
            records.extend(new);
        }
        Ok(records)
    }
}

fn find_logs(directory: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if directory.join("checkpoint").is_file() {
        found.push(directory.to_owned());
        return Ok(());
    }
    if directory.is_dir() {
        for entry in std::fs::read_dir(directory)? {
            find_logs(&entry?.path(), found)?;
        }
    }
    Ok(())
}

fn read_attentively(log: &Path, from: u64) -> anyhow::Result<Vec<Record>> {
    let mut attempts = 0;
    loop {
        match read_from(log, from) {
            Err(_) if attempts < READ_ATTEMPTS => attempts += 1,
            result => return result,
        }
    }
}

fn read_from(log: &Path, from: u64) -> anyhow::Result<Vec<Record>> {
    let checkpoint = std::fs::read_to_string(log.join("checkpoint"))?;
    let size: u64 = checkpoint
        .lines()
        .nth(1)
        .context("a checkpoint has three lines")?
        .parse()?;
    let mut records = Vec::new();
    for bundle in from / BUNDLE_ENTRIES..size.div_ceil(BUNDLE_ENTRIES) {
        let first = bundle * BUNDLE_ENTRIES;
        let width = (size - first).min(BUNDLE_ENTRIES);
        let path = log.join("tile/entries").join(bundle_name(bundle, width));
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let skipped = usize::try_from(from.saturating_sub(first))?;
        for entry in entries(&bytes)
            .skip(skipped)
            .take(usize::try_from(width)? - skipped)
        {
            records
                .push(serde_json::from_slice(entry).context("a record is not what it should be")?);
        }
    }
    anyhow::ensure!(
        from + records.len() as u64 == size.max(from),
        "{} is short of records",
        log.display()
    );
    Ok(records)
}

/// Entries of a bundle, each behind its length in two bytes.
fn entries(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, next) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = next;
        Some(entry)
    })
}

/// C2SP tlog-tiles: groups of three digits, all but the last with an `x`; a partial one has its width behind `.p/`.
fn bundle_name(mut number: u64, width: u64) -> String {
    let mut name = format!("{:03}", number % 1000);
    while number >= 1000 {
        number /= 1000;
        name = format!("x{:03}/{name}", number % 1000);
    }
    if width < BUNDLE_ENTRIES {
        format!("{name}.p/{width}")
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_where_a_length_has_no_bytes() {
        let bytes = [0, 1, b'a', 0, 2, b'b', b'c', 0, 9, b'd'];
        assert_eq!(
            entries(&bytes).collect::<Vec<_>>(),
            [b"a".as_slice(), b"bc"]
        );
    }

    #[test]
    fn bundles_are_named_as_in_the_specification() {
        assert_eq!(bundle_name(0, 256), "000");
        assert_eq!(bundle_name(1_234_067, 17), "x001/x234/067.p/17");
    }
}
