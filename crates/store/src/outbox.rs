//! Events on their way to webhooks: each stays until it is delivered or given up.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use zeroize::Zeroizing;

use crate::credentials::time;
use crate::database::Store;
use crate::error::StoreError;
use crate::seal::Place;

/// An event that is to go to some webhooks.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// Its id. A webhook that has it queued already does not get it twice.
    pub event: &'a str,
    /// Names of those that get it.
    pub webhooks: &'a [&'a str],
    /// What is sealed.
    pub body: &'a [u8],
    /// The time now, UTC nanoseconds. It is due at once.
    pub queued_utc_ns: u64,
    /// How many events may wait for one webhook. The oldest make room.
    pub waiting_max: usize,
}

/// An event that waits for one webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// The webhook's name.
    pub webhook: String,
    /// The event's id.
    pub event: String,
    /// Since when, UTC nanoseconds.
    pub queued_utc_ns: u64,
    /// Not before, UTC nanoseconds.
    pub due_utc_ns: u64,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// What was sealed; `None` when the row is not as it was written.
    pub body: Option<Zeroizing<Vec<u8>>>,
}

impl Store {
    /// Queues an event for its webhooks; it is durable afterwards, for all of them or for none. Returns what had to
    /// make room, and is queued no more.
    pub fn queue_in_outbox(
        &self,
        outgoing: &Outgoing<'_>,
        random: impl Fn(&mut [u8]),
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let failed = || StoreError::database("queue an event");
        let queued = time(outgoing.queued_utc_ns)?;
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed())?;
        let mut displaced = Vec::new();
        for webhook in outgoing.webhooks {
            let row = row_name(webhook, outgoing.event);
            let bound = queued.to_be_bytes();
            let sealed = self
                .sealer()
                .seal(place(&row, &bound), outgoing.body, &random)?;
            transaction
                .execute(
                    "INSERT INTO outbox (webhook, event, queued_utc_ns, due_utc_ns, body)
                     VALUES (?1, ?2, ?3, ?3, ?4) ON CONFLICT (webhook, event) DO NOTHING",
                    params![webhook, outgoing.event, queued, sealed],
                )
                .map_err(failed())?;
            displaced.extend(make_room(&transaction, webhook, outgoing.waiting_max)?);
        }
        transaction.commit().map_err(failed())?;
        Ok(displaced.into_iter().map(|row| self.entry(row)).collect())
    }

    /// What is due first for a webhook, whether it is due yet or not.
    pub fn next_in_outbox(&self, webhook: &str) -> Result<Option<OutboxEntry>, StoreError> {
        let row = self
            .reading()
            .query_row(
                "SELECT webhook, event, queued_utc_ns, due_utc_ns, attempts, body FROM outbox
                 WHERE webhook = ?1 ORDER BY due_utc_ns, number LIMIT 1",
                [webhook],
                read_row,
            )
            .optional()
            .map_err(StoreError::database("look up what is to be delivered"))?;
        Ok(row.map(|row| self.entry(row)))
    }

    /// Notes that an event was tried in vain, and when it is due again; tells whether it still was queued.
    pub fn postpone_in_outbox(
        &self,
        webhook: &str,
        event: &str,
        attempts: u32,
        due_utc_ns: u64,
    ) -> Result<bool, StoreError> {
        let changed = self
            .connection()
            .execute(
                "UPDATE outbox SET attempts = ?3, due_utc_ns = ?4 WHERE webhook = ?1 AND event = ?2",
                params![webhook, event, attempts, time(due_utc_ns)?],
            )
            .map_err(StoreError::database("postpone a delivery"))?;
        Ok(changed > 0)
    }

    /// Forgets an event that was delivered or given up; tells whether it still was queued.
    pub fn remove_from_outbox(&self, webhook: &str, event: &str) -> Result<bool, StoreError> {
        let deleted = self
            .connection()
            .execute(
                "DELETE FROM outbox WHERE webhook = ?1 AND event = ?2",
                [webhook, event],
            )
            .map_err(StoreError::database("end a delivery"))?;
        Ok(deleted > 0)
    }

    /// How many events wait for each webhook that some wait for, by name.
    pub fn outbox_webhooks(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let failed = || StoreError::database("count what is to be delivered");
        let connection = self.reading();
        let mut statement = connection
            .prepare_cached("SELECT webhook, count(*) FROM outbox GROUP BY webhook")
            .map_err(failed())?;
        let rows = statement
            .query_map([], |row| {
                let waiting: i64 = row.get(1)?;
                Ok((row.get(0)?, u64::try_from(waiting).unwrap_or(0)))
            })
            .map_err(failed())?;
        rows.collect::<rusqlite::Result<_>>().map_err(failed())
    }

    /// A row that was altered is an entry too, so that it can be given up.
    fn entry(&self, row: Row) -> OutboxEntry {
        let name = row_name(&row.webhook, &row.event);
        let bound = row.queued_utc_ns.to_be_bytes();
        let body = self.sealer().open(place(&name, &bound), &row.body).ok();
        OutboxEntry {
            webhook: row.webhook,
            event: row.event,
            queued_utc_ns: u64::try_from(row.queued_utc_ns).unwrap_or(0),
            due_utc_ns: u64::try_from(row.due_utc_ns).unwrap_or(0),
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            body,
        }
    }
}

/// Takes the oldest rows of a webhook out until no more than `waiting_max` are left.
fn make_room(
    connection: &Connection,
    webhook: &str,
    waiting_max: usize,
) -> Result<Vec<Row>, StoreError> {
    let failed = || StoreError::database("make room in the outbox");
    let waiting: i64 = connection
        .query_row(
            "SELECT count(*) FROM outbox WHERE webhook = ?1",
            [webhook],
            |row| row.get(0),
        )
        .map_err(failed())?;
    let excess = waiting.saturating_sub(i64::try_from(waiting_max).unwrap_or(i64::MAX));
    if excess <= 0 {
        return Ok(Vec::new());
    }
    let mut statement = connection
        .prepare_cached(
            "SELECT webhook, event, queued_utc_ns, due_utc_ns, attempts, body FROM outbox
             WHERE webhook = ?1 ORDER BY number LIMIT ?2",
        )
        .map_err(failed())?;
    let rows = statement
        .query_map(params![webhook, excess], read_row)
        .map_err(failed())?
        .collect::<rusqlite::Result<Vec<Row>>>()
        .map_err(failed())?;
    for row in &rows {
        connection
            .execute(
                "DELETE FROM outbox WHERE webhook = ?1 AND event = ?2",
                [&row.webhook, &row.event],
            )
            .map_err(failed())?;
    }
    Ok(rows)
}

struct Row {
    webhook: String,
    event: String,
    queued_utc_ns: i64,
    due_utc_ns: i64,
    attempts: i64,
    body: Vec<u8>,
}

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        webhook: row.get(0)?,
        event: row.get(1)?,
        queued_utc_ns: row.get(2)?,
        due_utc_ns: row.get(3)?,
        attempts: row.get(4)?,
        body: row.get(5)?,
    })
}

/// Names of webhooks have no space in them.
fn row_name(webhook: &str, event: &str) -> String {
    format!("{webhook} {event}")
}

/// `queued`: the moment from which the time is counted after which a delivery is given up.
fn place<'a>(row: &'a str, queued: &'a [u8]) -> Place<'a> {
    Place {
        table: "outbox",
        row,
        column: "body",
        bound: queued,
    }
}

impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Outgoing")
            .field("event", &self.event)
            .field("webhooks", &self.webhooks)
            .field("queued_utc_ns", &self.queued_utc_ns)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OutboxEntry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OutboxEntry")
            .field("webhook", &self.webhook)
            .field("event", &self.event)
            .field("queued_utc_ns", &self.queued_utc_ns)
            .field("due_utc_ns", &self.due_utc_ns)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
