//! Sessions, live and past.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use custos_evidence::reader::{Reader, SessionSummary, StoredRecord};
use custos_evidence::{DetailValue, RecordOutcome, RecordType, Target};
use custos_model::{Rfc3339, SessionId};
use custos_session::LiveSession;
use serde_json::Value;

use crate::admin::Admin;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::peer::Peer;
use crate::record::Act;
use crate::stream;
use crate::wire::SessionRow;

/// What was recorded before a call should show in its answer. A checkpoint is at most a second away.
const CATCH_UP_LIMIT: Duration = Duration::from_millis(1200);
const CATCH_UP_STEP: Duration = Duration::from_millis(10);

impl Admin {
    /// Sessions, newest first. `live`: only those that are open in this gateway.
    pub async fn sessions(&self, limit: usize, live: bool) -> Result<Vec<SessionRow>, ApiError> {
        let mut open: HashMap<String, LiveSession> = self
            .gateway()
            .live()
            .into_iter()
            .map(|it| (it.id.to_string(), it))
            .collect();
        let past = if live {
            Vec::new()
        } else {
            self.past(limit).await?
        };
        let mut rows: Vec<SessionRow> = past
            .into_iter()
            .map(|summary| match open.remove(&summary.id) {
                Some(live) => joined(summary, &live),
                None => past_row(summary),
            })
            .collect();
        let now_utc_ns = self.services().clock.now().utc_ns;
        rows.extend(open.values().map(|live| live_row(live, now_utc_ns)));
        rows.sort_by(|a, b| b.started.cmp(&a.started).then_with(|| b.id.cmp(&a.id)));
        rows.truncate(limit);
        Ok(rows)
    }

    /// One session, live or past.
    pub async fn session(&self, id: SessionId) -> Result<SessionRow, ApiError> {
        let live = self.gateway().live().into_iter().find(|live| live.id == id);
        let records = self.records_of(id).await;
        match (records, live) {
            (Ok(records), live) => Ok(recorded_row(&records, live.as_ref())),
            (Err(ApiError::NotFound(_)), Some(live)) => {
                Ok(live_row(&live, self.services().clock.now().utc_ns))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// A session's records as JSON lines; the look is on record first.
    pub async fn session_records(&self, peer: &Peer, id: SessionId) -> Result<Body, ApiError> {
        let records = self.records_of(id).await?;
        self.record_look(peer, id, &records, "records").await?;
        let lines = records.into_iter().map(|record| Ok(record.json));
        Ok(stream::lines(self.tasks(), lines))
    }

    /// A session's transcript as JSON lines; the look is on record first.
    pub async fn session_transcript(&self, peer: &Peer, id: SessionId) -> Result<Body, ApiError> {
        let records = self.records_of(id).await?;
        self.record_look(peer, id, &records, "transcript").await?;
        let lines = self
            .blocking(move |admin| reader(admin).transcript(&records).map_err(reading))
            .await?;
        Ok(stream::lines(self.tasks(), lines))
    }

    /// Ends a live session at once; its end on record names who did it.
    pub fn cut_session(&self, caller: impl Into<Caller>, id: SessionId) -> Result<(), ApiError> {
        let caller = caller.into();
        if self.gateway().cut(id, &format!("cut by {caller}")) {
            tracing::info!(session = %id, "session cut");
            return Ok(());
        }
        Err(ApiError::NotFound(format!("live session {id}")))
    }

    pub(crate) async fn record_live_look(
        &self,
        peer: &Peer,
        id: SessionId,
    ) -> Result<(), ApiError> {
        let live = self.gateway().live().into_iter().find(|live| live.id == id);
        let resource = live.and_then(|live| live.resource);
        let resource = resource.map_or_else(String::new, |name| name.to_string());
        let id = id.to_string();
        let detail = [
            ("part", DetailValue::Text("live")),
            ("session", DetailValue::Text(&id)),
        ];
        let act = Act {
            kind: RecordType::RecordingRead,
            outcome: RecordOutcome::Ok,
            reason: None,
            target: Some(Target {
                resource: &resource,
                ..Target::default()
            }),
            detail: &detail,
        };
        self.record(peer, act).await
    }

    async fn past(&self, limit: usize) -> Result<Vec<SessionSummary>, ApiError> {
        self.catch_up().await;
        self.blocking(move |admin| reader(admin).sessions(limit).map_err(reading))
            .await
    }

    async fn records_of(&self, id: SessionId) -> Result<Vec<StoredRecord>, ApiError> {
        self.catch_up().await;
        let records = self
            .blocking(move |admin| reader(admin).session(id).map_err(reading))
            .await?;
        if records.is_empty() {
            Err(ApiError::NotFound(format!("session {id}")))
        } else {
            Ok(records)
        }
    }

    /// Waits until what is recorded now can be read back, or a checkpoint's time has passed.
    async fn catch_up(&self) {
        let evidence = &self.services().evidence;
        let waited = tokio::time::timeout(CATCH_UP_LIMIT, async {
            loop {
                let stats = evidence.stats();
                if stats.pending_bytes == 0 && stats.checkpoint_size == stats.tree_size {
                    break;
                }
                tokio::time::sleep(CATCH_UP_STEP).await;
            }
        });
        // On a busy gateway there is always something newer; what is a second old shows then.
        let _ = waited.await;
    }

    async fn record_look(
        &self,
        peer: &Peer,
        id: SessionId,
        records: &[StoredRecord],
        part: &str,
    ) -> Result<(), ApiError> {
        let start = records.first().map(StoredRecord::value).unwrap_or_default();
        let (id, resource) = (id.to_string(), text(&start, "/target/resource"));
        let detail = [
            ("part", DetailValue::Text(part)),
            ("session", DetailValue::Text(&id)),
        ];
        let act = Act {
            kind: RecordType::RecordingRead,
            outcome: RecordOutcome::Ok,
            reason: None,
            target: Some(Target {
                resource: &resource,
                ..Target::default()
            }),
            detail: &detail,
        };
        self.record(peer, act).await
    }
}

fn reader(admin: &Admin) -> Reader {
    Reader::new(&admin.settings().evidence_dir)
}

fn reading(error: custos_evidence::reader::ReadError) -> ApiError {
    ApiError::Reading(Box::new(error))
}

fn past_row(summary: SessionSummary) -> SessionRow {
    SessionRow {
        state: if summary.end.is_some() {
            "ended"
        } else {
            "open"
        }
        .to_owned(),
        id: summary.id,
        started: summary.start,
        ended: summary.end,
        principal: summary.actor,
        kind: None,
        resource: summary.resource,
        database: summary.database,
        source: summary.ip,
        operations: summary.operations,
        outcome: summary.outcome,
        reason: summary.reason,
        idle_seconds: None,
    }
}

fn joined(summary: SessionSummary, live: &LiveSession) -> SessionRow {
    // Its end may be on record a moment before it leaves the list of live ones.
    let state = if summary.end.is_some() {
        "ended"
    } else {
        "live"
    };
    SessionRow {
        state: state.to_owned(),
        idle_seconds: Some(live.idle_seconds),
        ..past_row(summary)
    }
}

fn live_row(live: &LiveSession, now_utc_ns: u64) -> SessionRow {
    let started_ns = now_utc_ns.saturating_sub(live.age_seconds.saturating_mul(1_000_000_000));
    SessionRow {
        id: live.id.to_string(),
        state: "live".to_owned(),
        started: Rfc3339(started_ns).to_string(),
        ended: None,
        principal: live
            .principal
            .as_ref()
            .map(|it| it.name.clone())
            .unwrap_or_default(),
        kind: live
            .principal
            .as_ref()
            .map(|it| it.kind.as_str().to_owned()),
        resource: live
            .resource
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        database: None,
        source: live.peer.ip().to_string(),
        operations: None,
        outcome: None,
        reason: None,
        idle_seconds: Some(live.idle_seconds),
    }
}

fn recorded_row(records: &[StoredRecord], live: Option<&LiveSession>) -> SessionRow {
    let value = |record: Option<&StoredRecord>| record.map(StoredRecord::value).unwrap_or_default();
    let start = value(records.first());
    let last = value(records.last());
    let end = (text(&last, "/type") == "session.end").then_some(last);
    let of_end = |pointer: &str| end.as_ref().map(|end| text(end, pointer));
    let state = match (&end, live) {
        (Some(_), _) => "ended",
        (None, Some(_)) => "live",
        (None, None) => "open",
    };
    let source_port = start
        .pointer("/src/port")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    SessionRow {
        id: text(&start, "/sess/id"),
        state: state.to_owned(),
        started: text(&start, "/time/utc"),
        ended: of_end("/time/utc"),
        principal: text(&start, "/actor/name"),
        kind: Some(text(&start, "/actor/kind")),
        resource: text(&start, "/target/resource"),
        database: Some(text(&start, "/target/database")).filter(|name| !name.is_empty()),
        source: format!("{} port {source_port}", text(&start, "/src/ip")),
        operations: end
            .as_ref()
            .and_then(|end| end.pointer("/detail/operations")?.as_u64()),
        outcome: of_end("/outcome"),
        reason: of_end("/reason").filter(|reason| !reason.is_empty()),
        idle_seconds: live.map(|live| live.idle_seconds),
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
