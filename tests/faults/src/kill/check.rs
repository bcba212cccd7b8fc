//! The target's log beside the gateway's.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::load::{CLIENTS, LEAST_MARKER};
use crate::records::Record;
use crate::target_log::Executed;
use crate::transcript::{self, Request};

/// What was compared, and what was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Checked {
    /// Statements that the target executed.
    pub(super) executed: usize,
    /// Statements on record.
    pub(super) intents: usize,
    /// Sessions of the target that executed something.
    pub(super) sessions: usize,
    /// Sessions that recovery closed as interrupted.
    pub(super) interrupted: usize,
    /// Executed statements that are not on record, or not in the transcript.
    pub(super) missing: usize,
    /// Executed statements whose record is from after their execution.
    pub(super) late: usize,
    /// What is wrong, in words.
    pub(super) problems: Vec<String>,
}

impl Checked {
    pub(super) fn add(&mut self, other: Self) {
        self.executed += other.executed;
        self.intents += other.intents;
        self.sessions += other.sessions;
        self.interrupted += other.interrupted;
        self.missing += other.missing;
        self.late += other.late;
        self.problems.extend(other.problems);
    }

    fn missing(&mut self, problem: String) {
        self.missing += 1;
        self.problems.push(problem);
    }
}

/// A session as the gateway has it on record.
#[derive(Debug, Default)]
struct Recorded {
    intents: Vec<Intent>,
    requests: Vec<Request>,
}

#[derive(Debug)]
struct Intent {
    operation: u64,
    text: String,
    unix_millis: u64,
}

/// Sessions among these records that began and did not end.
pub(super) fn open_sessions(records: &[Record]) -> Vec<&str> {
    let ended = |session: &str| {
        records
            .iter()
            .any(|record| record.kind == "session.end" && record.session() == Some(session))
    };
    let started = records
        .iter()
        .filter(|record| record.kind == "session.start")
        .filter_map(Record::session);
    started.filter(|session| !ended(session)).collect()
}

/// Whether the gateway started at this moment or later.
pub(super) fn has_start_since(records: &[Record], unix_millis: u64) -> anyhow::Result<bool> {
    for record in records.iter().filter(|record| record.kind == "node.start") {
        if record.unix_millis()? >= unix_millis {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Compares one run: the statements that the target executed and the new records.
pub(super) fn check(
    executed: &[Executed],
    records: &[Record],
    evidence: &Path,
) -> anyhow::Result<Checked> {
    let recorded = recorded(records, evidence)?;
    let sessions = by_marker(&recorded);
    let mut executed_by: BTreeMap<&str, Vec<&Executed>> = BTreeMap::new();
    for statement in executed {
        executed_by
            .entry(&statement.session)
            .or_default()
            .push(statement);
    }
    let mut checked = Checked {
        executed: executed.len(),
        intents: recorded.values().map(|session| session.intents.len()).sum(),
        sessions: executed_by.len(),
        ..Checked::default()
    };
    for statements in executed_by.values() {
        let marker = statements
            .iter()
            .find_map(|statement| marker(&statement.text, statement.parameters.as_deref()));
        match marker.and_then(|marker| sessions.get(&marker)) {
            Some(session) => compare(statements, &recorded[*session], &mut checked),
            None => statements.iter().for_each(|statement| {
                checked.missing(format!("no session on record executed {statement:?}"));
            }),
        }
    }
    check_ends(records, &mut checked);
    Ok(checked)
}

/// One session: what it executed must be, in this order, the beginning of what is on record. These clients wait for
/// each answer, so nothing is left out in between, and at most one statement was under way.
fn compare(executed: &[&Executed], recorded: &Recorded, checked: &mut Checked) {
    let Recorded { intents, requests } = recorded;
    if intents.len() > executed.len() + 1 {
        let problem = format!(
            "{} statements are on record and only {} were executed",
            intents.len(),
            executed.len()
        );
        checked.problems.push(problem);
    }
    for (place, statement) in executed.iter().enumerate() {
        let Some(intent) = intents
            .get(place)
            .filter(|intent| intent.text == statement.text)
        else {
            checked.missing(format!(
                "no intent for {statement:?}; in its place {:?}",
                intents.get(place)
            ));
            continue;
        };
        if intent.unix_millis > statement.unix_millis {
            checked.late += 1;
            checked
                .problems
                .push(format!("{intent:?} is later than {statement:?}"));
        }
        let request = requests
            .iter()
            .find(|request| request.operation == intent.operation);
        if !request.is_some_and(|request| {
            request.text == statement.text && request.parameters == statement.parameters
        }) {
            checked.missing(format!("the transcript has {request:?} for {statement:?}"));
        }
    }
}

fn recorded(records: &[Record], evidence: &Path) -> anyhow::Result<HashMap<String, Recorded>> {
    let mut sessions: HashMap<String, Recorded> = HashMap::new();
    for record in records {
        let Some(session) = record.session() else {
            continue;
        };
        let session = sessions.entry(session.to_owned()).or_default();
        if let ("operation.intent", Some(operation)) = (record.kind.as_str(), &record.op) {
            session.intents.push(Intent {
                operation: operation.n,
                text: operation.text.clone().unwrap_or_default(),
                unix_millis: record.unix_millis()?,
            });
        }
    }
    for (id, session) in &mut sessions {
        session.requests = transcript::requests(evidence, id)?;
    }
    Ok(sessions)
}

fn by_marker(sessions: &HashMap<String, Recorded>) -> HashMap<u64, &str> {
    let mut markers = HashMap::new();
    for (id, session) in sessions {
        for request in &session.requests {
            if let Some(marker) = marker(&request.text, request.parameters.as_deref()) {
                markers.insert(marker, id.as_str());
            }
        }
    }
    markers
}

/// The number in a statement or its parameters that no other session uses.
fn marker(text: &str, parameters: Option<&[String]>) -> Option<u64> {
    let parameters = parameters.unwrap_or_default().iter().map(String::as_str);
    let words = text
        .split(|character: char| !character.is_ascii_digit())
        .chain(parameters);
    words
        .filter_map(|word| word.parse().ok())
        .find(|&number| number >= LEAST_MARKER)
}

/// What ends after the restart was open when the gateway was killed, and recovery must have said so. (pgbench opens a
/// session and closes it before the real ones.)
fn check_ends(records: &[Record], checked: &mut Checked) {
    let recovery = records
        .iter()
        .skip_while(|record| record.kind != "node.start");
    for end in recovery.filter(|record| record.kind == "session.end") {
        let reason = end.reason.as_deref().unwrap_or_default();
        if end.outcome == "interrupted" && reason.contains("gateway stopped") {
            checked.interrupted += 1;
        } else {
            checked
                .problems
                .push(format!("a killed session ended as {end:?}"));
        }
    }
    if checked.interrupted > CLIENTS + 1 {
        checked.problems.push(format!(
            "{} sessions of {CLIENTS} clients were interrupted",
            checked.interrupted
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executed(text: &str, unix_millis: u64) -> Executed {
        Executed {
            session: "s".to_owned(),
            text: text.to_owned(),
            parameters: None,
            unix_millis,
        }
    }

    fn recorded(texts: &[&str]) -> Recorded {
        let mut recorded = Recorded::default();
        for (operation, text) in (1..).zip(texts) {
            recorded.intents.push(Intent {
                operation,
                text: (*text).to_owned(),
                unix_millis: 10,
            });
            recorded.requests.push(Request {
                operation,
                text: (*text).to_owned(),
                parameters: None,
            });
        }
        recorded
    }

    fn compared(executed: &[&Executed], recorded: &Recorded) -> (usize, usize, usize) {
        let mut checked = Checked::default();
        compare(executed, recorded, &mut checked);
        (checked.missing, checked.late, checked.problems.len())
    }

    #[test]
    fn the_statement_under_way_need_not_have_been_executed() {
        assert_eq!(
            compared(&[&executed("a", 10)], &recorded(&["a", "b"])),
            (0, 0, 0)
        );
        assert_eq!(
            compared(&[&executed("a", 10)], &recorded(&["a", "b", "c"])),
            (0, 0, 1)
        );
    }

    #[test]
    fn a_missing_late_or_other_statement_is_found() {
        assert_eq!(
            compared(&[&executed("a", 10), &executed("b", 11)], &recorded(&["a"])),
            (1, 0, 1)
        );
        assert_eq!(compared(&[&executed("a", 9)], &recorded(&["a"])), (0, 1, 1));
        assert_eq!(
            compared(&[&executed("b", 10)], &recorded(&["a"])),
            (1, 0, 1)
        );
        let mut without_transcript = recorded(&["a"]);
        without_transcript.requests.clear();
        assert_eq!(
            compared(&[&executed("a", 10)], &without_transcript),
            (1, 0, 1)
        );
    }

    #[test]
    fn a_marker_is_found_in_text_and_parameters() {
        assert_eq!(
            marker("INSERT INTO t VALUES (3, 1000000000000007, 'x1')", None),
            Some(1_000_000_000_000_007)
        );
        assert_eq!(
            marker("INSERT $1", Some(&["1000000000000008".to_owned()])),
            Some(1_000_000_000_000_008)
        );
        assert_eq!(marker("END", None), None);
    }
}
