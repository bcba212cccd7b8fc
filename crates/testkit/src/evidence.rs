//! Reads an evidence directory as `docs/evidence-format.md` describes it, with none of the gateway's code.
//! Checks nothing: that is the verifiers' work.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The records of all logs in a directory, up to their checkpoints, in order.
#[derive(Clone, Debug)]
pub struct Evidence {
    records: Vec<Value>,
}

impl Evidence {
    /// Reads `<evidence>/logs`.
    ///
    /// # Panics
    /// When a file that a checkpoint promises cannot be read.
    pub fn read(directory: &Path) -> Self {
        let mut logs = Vec::new();
        find_logs(&directory.join("logs"), &mut logs);
        logs.sort();
        Self {
            records: logs.iter().flat_map(|log| read_log(log)).collect(),
        }
    }

    /// All records.
    pub fn all(&self) -> &[Value] {
        &self.records
    }

    /// Records of one type.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.records
            .iter()
            .filter(move |record| record["type"] == kind)
    }

    /// The only record of a type.
    ///
    /// # Panics
    /// When there is none or several.
    #[track_caller]
    pub fn only<'a>(&'a self, kind: &'a str) -> &'a Value {
        let found: Vec<&Value> = self.of_type(kind).collect();
        assert_eq!(found.len(), 1, "wanted one {kind} record in\n{self}");
        found[0]
    }

    /// Ids of the sessions, in order of their start.
    pub fn sessions(&self) -> Vec<String> {
        let starts = self.of_type("session.start");
        starts
            .filter_map(|record| record["sess"]["id"].as_str().map(str::to_owned))
            .collect()
    }

    /// The records of one session.
    pub fn session<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Value> {
        self.records
            .iter()
            .filter(move |record| record["sess"]["id"] == id)
    }

    /// Statement texts of all intents.
    pub fn statements(&self) -> Vec<&str> {
        self.of_type("operation.intent")
            .filter_map(|record| record["op"]["text"].as_str())
            .collect()
    }

    /// Whether an intent has this text: the whole, or as much of it as a record holds.
    pub fn has_statement(&self, text: &str) -> bool {
        self.of_type("operation.intent")
            .map(|record| &record["op"])
            .any(|operation| {
                let recorded = operation["text"].as_str().unwrap_or_default();
                let is_cut =
                    operation["text_truncated"] == true && operation["text_bytes"] == text.len();
                recorded == text || is_cut && text.starts_with(recorded)
            })
    }

    /// The outcome of the only operation with this text.
    ///
    /// # Panics
    /// When no such operation, or several, or none with an outcome, is on record.
    #[track_caller]
    pub fn outcome_of(&self, text: &str) -> &Value {
        let intents: Vec<&Value> = self
            .of_type("operation.intent")
            .filter(|record| record["op"]["text"] == text)
            .collect();
        assert_eq!(intents.len(), 1, "wanted one operation `{text}` in\n{self}");
        let (session, number) = (&intents[0]["sess"]["id"], &intents[0]["op"]["n"]);
        self.of_type("operation.outcome")
            .find(|record| record["sess"]["id"] == *session && record["op"]["n"] == *number)
            .unwrap_or_else(|| panic!("no outcome of `{text}` in\n{self}"))
    }
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.records
            .iter()
            .try_for_each(|record| writeln!(out, "{record}"))
    }
}

fn find_logs(directory: &Path, found: &mut Vec<PathBuf>) {
    if directory.join("checkpoint").is_file() {
        found.push(directory.to_owned());
        return;
    }
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
        find_logs(&entry.path(), found);
    }
}

fn read_log(log: &Path) -> Vec<Value> {
    let checkpoint =
        std::fs::read_to_string(log.join("checkpoint")).expect("there is a checkpoint");
    let size: usize = checkpoint
        .lines()
        .nth(1)
        .and_then(|line| line.parse().ok())
        .expect("line 2 is the size");
    let mut records = Vec::with_capacity(size);
    for bundle in 0..size.div_ceil(256) {
        let width = (size - bundle * 256).min(256);
        let path = log.join("tile/entries").join(tile_name(bundle, width));
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut rest = bytes.as_slice();
        while let [high, low, after @ ..] = rest {
            let (record, next) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
            records.push(serde_json::from_slice(record).expect("a record is JSON"));
            rest = next;
        }
    }
    assert_eq!(records.len(), size, "records in {}", log.display());
    records
}

/// C2SP tlog-tiles: groups of three digits, all but the last with an `x`; a partial tile has its width behind `.p/`.
fn tile_name(mut number: usize, width: usize) -> String {
    let mut name = format!("{:03}", number % 1000);
    while number >= 1000 {
        number /= 1000;
        name = format!("x{:03}/{name}", number % 1000);
    }
    if width < 256 {
        format!("{name}.p/{width}")
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::tile_name;

    #[test]
    fn tiles_are_named_as_in_the_specification() {
        assert_eq!(tile_name(0, 256), "000");
        assert_eq!(tile_name(5, 17), "005.p/17");
        assert_eq!(tile_name(1_234_067, 256), "x001/x234/067");
    }
}
