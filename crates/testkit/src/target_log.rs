//! The log of a PostgreSQL server: what it really executed, told by itself.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A log in PostgreSQL's JSON format.
pub(crate) struct TargetLog(PathBuf);

impl TargetLog {
    /// The log of the server in that directory.
    pub(crate) fn of(directory: &Path) -> Self {
        Self(directory.join("data/log/server.json"))
    }

    /// All whole lines.
    pub(crate) fn entries(&self) -> Vec<Value> {
        let text = std::fs::read(&self.0).expect("the server has a log");
        String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Statements run in a database: `statement: …` of the simple protocol, `execute NAME: …` of the extended one.
    pub(crate) fn statements(&self, database: &str) -> Vec<String> {
        let messages = self
            .entries()
            .into_iter()
            .filter(|entry| entry["dbname"] == database);
        messages
            .filter_map(|entry| statement(entry["message"].as_str()?))
            .collect()
    }
}

fn statement(message: &str) -> Option<String> {
    if let Some(text) = message.strip_prefix("statement: ") {
        return Some(text.to_owned());
    }
    let rest = message
        .strip_prefix("execute ")
        .or_else(|| message.strip_prefix("execute fetch from "))?;
    rest.split_once(": ").map(|(_, text)| text.to_owned())
}
