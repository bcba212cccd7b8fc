//! Requests in the transcript of a session, as `docs/transcript-format.md` describes it.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

/// No transcript here is nearly as large; a bound on what is unpacked.
const SEGMENT_BYTES_AT_MOST: u64 = 1 << 30;

/// A statement that a client asked to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Number of the operation.
    pub(crate) operation: u64,
    pub(crate) text: String,
    /// Bound parameters; `None` in the simple protocol.
    pub(crate) parameters: Option<Vec<String>>,
}

/// The requests of one session, in order, from its segments in an evidence directory.
pub(crate) fn requests(evidence: &Path, session: &str) -> anyhow::Result<Vec<Request>> {
    let mut requests = Requests::default();
    for segment in segments(&evidence.join("segments"), session, 3)? {
        let file = std::fs::File::open(&segment)?;
        let reader = zstd::stream::read::Decoder::new(file)?.take(SEGMENT_BYTES_AT_MOST);
        for line in BufReader::new(reader).lines() {
            let line = line.with_context(|| format!("{} is broken", segment.display()))?;
            // Rows are arrays and are not looked at.
            if line.starts_with('{') {
                requests.take(&serde_json::from_str(&line)?);
            }
        }
    }
    Ok(requests.done)
}

/// Segment files of a session, whose directory is below those of year, month and day.
fn segments(directory: &Path, session: &str, levels: usize) -> anyhow::Result<Vec<PathBuf>> {
    if levels == 0 {
        let directory = directory.join(session);
        let mut files = Vec::new();
        if directory.is_dir() {
            for entry in std::fs::read_dir(directory)? {
                files.push(entry?.path());
            }
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "zst"));
        files.sort();
        return Ok(files);
    }
    let mut files = Vec::new();
    if directory.is_dir() {
        for entry in std::fs::read_dir(directory)? {
            files.extend(segments(&entry?.path(), session, levels - 1)?);
        }
    }
    Ok(files)
}

/// Puts together what the extended protocol spreads over several messages.
#[derive(Default)]
struct Requests {
    statements: HashMap<String, String>,
    portals: HashMap<String, (String, Vec<String>)>,
    done: Vec<Request>,
}

impl Requests {
    fn take(&mut self, line: &Value) {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let operation = line["op"].as_u64().unwrap_or_default();
        match line["request"].as_str() {
            Some("query") => {
                self.done.push(Request {
                    operation,
                    text: text("text"),
                    parameters: None,
                });
            }
            Some("parse") => {
                self.statements.insert(text("name"), text("text"));
            }
            Some("bind") => {
                let values = line["parameters"].as_array().cloned().unwrap_or_default();
                let values = values
                    .iter()
                    .map(|value| value.as_str().unwrap_or_default().to_owned())
                    .collect();
                self.portals.insert(text("portal"), (text("name"), values));
            }
            Some("execute") => {
                let (statement, values) = self
                    .portals
                    .get(&text("portal"))
                    .cloned()
                    .unwrap_or_default();
                let text = self.statements.get(&statement).cloned().unwrap_or_default();
                self.done.push(Request {
                    operation,
                    text,
                    parameters: Some(values),
                });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_has_its_statement_and_its_parameters() {
        let mut requests = Requests::default();
        for line in [
            r#"{"t":0,"op":1,"request":"query","text":"BEGIN"}"#,
            r#"{"t":0,"op":0,"request":"parse","name":"s","text":"insert","types":[]}"#,
            r#"{"t":0,"op":0,"request":"bind","portal":"","name":"s","parameters":["7"]}"#,
            r#"{"t":0,"op":2,"request":"execute","portal":"","max_rows":0}"#,
        ] {
            requests.take(&serde_json::from_str(line).unwrap());
        }
        let simple = Request {
            operation: 1,
            text: "BEGIN".to_owned(),
            parameters: None,
        };
        let prepared = Request {
            operation: 2,
            text: "insert".to_owned(),
            parameters: Some(vec!["7".to_owned()]),
        };
        assert_eq!(requests.done, [simple, prepared]);
    }
}
