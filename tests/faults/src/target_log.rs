//! The target's own log: what it really executed, told by itself.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::Context as _;
use custos_testkit::Postgres;
use serde::Deserialize;

use crate::time;

/// A statement that the target executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Executed {
    /// The target's session.
    pub(crate) session: String,
    pub(crate) text: String,
    /// Bound parameters; `None` in the simple protocol.
    pub(crate) parameters: Option<Vec<String>>,
    pub(crate) unix_millis: u64,
}

/// Reads a server's log, each line once.
#[derive(Debug)]
pub(crate) struct TargetLog {
    path: PathBuf,
    offset: u64,
}

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    dbname: Option<String>,
    session_id: String,
    message: Option<String>,
    detail: Option<String>,
}

impl TargetLog {
    /// The log of a server, from here on.
    pub(crate) fn of(postgres: &Postgres) -> anyhow::Result<Self> {
        let data = postgres.sql("show data_directory");
        let path = PathBuf::from(data).join("log/server.json");
        let mut log = Self { path, offset: 0 };
        log.skip()?;
        Ok(log)
    }

    /// Leaves out what it has by now.
    pub(crate) fn skip(&mut self) -> anyhow::Result<()> {
        self.offset = self.length()?;
        Ok(())
    }

    /// Whether anything was logged since the last look.
    pub(crate) fn has_news(&self) -> anyhow::Result<bool> {
        Ok(self.length()? > self.offset)
    }

    fn length(&self) -> anyhow::Result<u64> {
        let metadata = std::fs::metadata(&self.path)
            .with_context(|| format!("no log {}", self.path.display()))?;
        Ok(metadata.len())
    }

    /// What was executed in the database of the tests since the last look.
    pub(crate) fn new_statements(&mut self) -> anyhow::Result<Vec<Executed>> {
        let mut reader = BufReader::new(File::open(&self.path)?);
        reader.seek(SeekFrom::Start(self.offset))?;
        let mut executed = Vec::new();
        let mut text = String::new();
        // The server may be writing the last line.
        while reader.read_line(&mut text)? > 0 && text.ends_with('\n') {
            self.offset += text.len() as u64;
            let line: Line =
                serde_json::from_str(&text).with_context(|| format!("log line {text}"))?;
            text.clear();
            if line.dbname.as_deref() == Some(Postgres::DATABASE) {
                executed.extend(statement(line)?);
            }
        }
        Ok(executed)
    }
}

fn statement(line: Line) -> anyhow::Result<Option<Executed>> {
    let Some(message) = line.message else {
        return Ok(None);
    };
    let (text, parameters) = if let Some(text) = message.strip_prefix("statement: ") {
        (text, None)
    } else if let Some((_, text)) = message
        .strip_prefix("execute ")
        .and_then(|rest| rest.split_once(": "))
    {
        (text, Some(parameters(line.detail.as_deref())))
    } else {
        return Ok(None);
    };
    let unix_millis = time::unix_millis(&line.timestamp)?;
    Ok(Some(Executed {
        session: line.session_id,
        text: text.to_owned(),
        parameters,
        unix_millis,
    }))
}

/// `parameters: $1 = '4', $2 = NULL`. The parameters of these tests are numbers and contain no quotes or commas.
fn parameters(detail: Option<&str>) -> Vec<String> {
    let list = detail
        .and_then(|detail| detail.strip_prefix("parameters: "))
        .unwrap_or_default();
    list.split(", ")
        .filter_map(|parameter| parameter.split_once(" = "))
        .map(|(_, value)| value.trim_matches('\'').to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_from_the_detail() {
        assert_eq!(
            parameters(Some("parameters: $1 = '4', $2 = '17'")),
            ["4", "17"]
        );
        assert!(parameters(None).is_empty());
    }

    #[test]
    fn executions_are_told_from_other_messages() {
        let line = |message: &str| Line {
            timestamp: "1970-01-01 00:00:01.002 UTC".to_owned(),
            dbname: None,
            session_id: "s".to_owned(),
            message: Some(message.to_owned()),
            detail: Some("parameters: $1 = '4'".to_owned()),
        };
        let prepared = statement(line("execute P0_1: INSERT INTO t VALUES ($1): x"))
            .unwrap()
            .unwrap();
        assert_eq!(prepared.text, "INSERT INTO t VALUES ($1): x");
        assert_eq!(prepared.parameters, Some(vec!["4".to_owned()]));
        assert_eq!(prepared.unix_millis, 1002);
        assert_eq!(
            statement(line("statement: BEGIN"))
                .unwrap()
                .unwrap()
                .parameters,
            None
        );
        assert_eq!(statement(line("connection authorized")).unwrap(), None);
    }
}
