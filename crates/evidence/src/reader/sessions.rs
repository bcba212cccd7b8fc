//! Finding sessions: the newest by reading backwards, one by the time in its id.

use std::collections::HashMap;

use custos_model::{Rfc3339, SessionId};
use serde_json::Value;

use super::bundles::LogFiles;
use super::{ReadError, Reader, StoredRecord};

/// Clocks are set back now and then; a session is searched from this much before its id was made.
const CLOCK_SLACK_MS: u64 = 600_000;

/// What a listing says of a session.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SessionSummary {
    /// The session.
    pub id: String,
    /// The log that its start is in.
    pub origin: String,
    /// `time.utc` of its start.
    pub start: String,
    /// `time.utc` of its end; `None` while it is open.
    pub end: Option<String>,
    /// The name of who had it.
    pub actor: String,
    /// The issuer's name for who had it.
    pub subject: String,
    /// Where it came from.
    pub ip: String,
    /// The resource.
    pub resource: String,
    /// The database.
    pub database: Option<String>,
    /// `outcome` of its end.
    pub outcome: Option<String>,
    /// `reason` of its end.
    pub reason: Option<String>,
    /// How many operations it had, known when it has ended.
    pub operations: Option<u64>,
}

/// Reads the logs backwards until `limit` starts are found.
pub(super) fn newest(reader: &Reader, limit: usize) -> Result<Vec<SessionSummary>, ReadError> {
    let mut origins = reader.origins()?;
    // Newest month first, whichever node.
    origins.sort_by(|left, right| month(right).cmp(month(left)));
    let mut found: Vec<SessionSummary> = Vec::new();
    let mut ends = HashMap::new();
    let mut done_month = None;
    for origin in &origins {
        if found.len() >= limit && done_month != Some(month(origin)) {
            break;
        }
        done_month = Some(month(origin));
        let log = LogFiles::open(&reader.dir, origin)?;
        let mut in_log = 0;
        for index in (0..log.bundles()).rev() {
            if in_log >= limit {
                break;
            }
            for record in log.bundle(index)?.iter().rev() {
                if record.is("session.end") {
                    let value = record.value();
                    ends.insert(session_of(&value), value);
                } else if record.is("session.start") {
                    in_log += 1;
                    let start = record.value();
                    let end = ends.remove(&session_of(&start));
                    found.push(summary(origin, &start, end.as_ref()));
                }
            }
        }
    }
    found.sort_by(|left, right| right.start.cmp(&left.start));
    found.truncate(limit);
    Ok(found)
}

/// All records of a session, from the log that was written when its id was made, and the months after it.
pub(super) fn records(reader: &Reader, id: SessionId) -> Result<Vec<StoredRecord>, ReadError> {
    let marker = format!("\"sess\":{{\"id\":\"{id}\"");
    let made_ms = id.unix_ms().saturating_sub(CLOCK_SLACK_MS);
    let made = Rfc3339(made_ms.saturating_mul(1_000_000)).to_string();
    let mut found: Vec<StoredRecord> = Vec::new();
    for origin in reader.origins()? {
        let begun = found
            .first()
            .is_some_and(|first| node(&first.origin) == node(&origin));
        if (!found.is_empty() && !begun) || month(&origin) < made.get(..7).unwrap_or_default() {
            continue;
        }
        let log = LogFiles::open(&reader.dir, &origin)?;
        let from = if begun { 0 } else { first_bundle(&log, &made)? };
        for index in from..log.bundles() {
            for record in log.bundle(index)? {
                if !record.is_of_session(&marker) {
                    continue;
                }
                let is_end = record.is("session.end");
                found.push(record);
                if is_end {
                    return Ok(found);
                }
            }
        }
    }
    Ok(found)
}

/// The last bundle that begins before a time; a search by halves, as times rise through a log.
fn first_bundle(log: &LogFiles, time: &str) -> Result<u64, ReadError> {
    let (mut low, mut high) = (0, log.bundles());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let begins_before = log.bundle(middle)?.first().is_some_and(|record| {
            text(&record.value(), "/time/utc").is_some_and(|utc| utc.as_str() < time)
        });
        if begins_before {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

fn summary(origin: &str, start: &Value, end: Option<&Value>) -> SessionSummary {
    let of_start = |pointer| text(start, pointer).unwrap_or_default();
    let of_end = |pointer| end.and_then(|end| text(end, pointer));
    SessionSummary {
        id: session_of(start),
        origin: origin.to_owned(),
        start: of_start("/time/utc"),
        end: of_end("/time/utc"),
        actor: of_start("/actor/name"),
        subject: of_start("/actor/sub"),
        ip: of_start("/src/ip"),
        resource: of_start("/target/resource"),
        database: text(start, "/target/database"),
        outcome: of_end("/outcome"),
        reason: of_end("/reason"),
        operations: end.and_then(|end| end.pointer("/detail/operations")?.as_u64()),
    }
}

fn session_of(record: &Value) -> String {
    text(record, "/sess/id").unwrap_or_default()
}

fn text(record: &Value, pointer: &str) -> Option<String> {
    record.pointer(pointer)?.as_str().map(str::to_owned)
}

fn month(origin: &str) -> &str {
    origin.rsplit('/').next().unwrap_or_default()
}

fn node(origin: &str) -> &str {
    origin.rsplit_once('/').map_or(origin, |(node, _)| node)
}
