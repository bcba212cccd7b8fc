//! What the target's own catalogue says: relations with their columns, views, functions, types.
//!
//! Read on a connection of the gateway's own, with its own account, and shared by all sessions of a resource and
//! database. It is read again when it is older than [`FRESH_NS`], and after every statement that may have changed it.

mod load;
mod snapshot;
mod view;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use custos_session::{Open, Session, SessionError};

pub(crate) use load::search_path;
pub(crate) use snapshot::{Snapshot, Table, is_telling};
pub(crate) use view::{Names, functions};

/// How long an answer is taken for good: what is changed past the gateway is known after that time.
const FRESH_NS: u64 = 30_000_000_000;
/// How long reading it may take.
const LOAD_TIMEOUT: Duration = Duration::from_secs(20);
/// After a failure it is not tried again for this long.
const RETRY_NS: u64 = 2_000_000_000;
/// Databases whose catalogues are kept.
const KEPT: usize = 256;

/// The catalogues of all targets.
#[derive(Debug, Default)]
pub(crate) struct Catalogues {
    by_database: Mutex<HashMap<(String, String), Arc<Catalogue>>>,
}

/// The catalogue of one database.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    current: Mutex<Option<Loaded>>,
    /// Held while it is read, so that one session reads for all.
    reading: tokio::sync::Mutex<()>,
    /// Counts the statements that may have changed it.
    changes: AtomicU64,
}

#[derive(Clone, Debug)]
struct Loaded {
    /// `None`: it could not be read.
    snapshot: Option<Arc<Snapshot>>,
    at_mono_ns: u64,
    changes: u64,
}

impl Catalogues {
    /// The catalogue of a database of a resource.
    pub(crate) fn of(&self, resource: &str, database: &str) -> Arc<Catalogue> {
        let key = (resource.to_owned(), database.to_owned());
        let mut all = self
            .by_database
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT && !all.contains_key(&key) {
            all.retain(|_, catalogue| Arc::strong_count(catalogue) > 1);
        }
        Arc::clone(all.entry(key).or_default())
    }
}

impl Catalogue {
    /// To be called before and after what may change the database's objects.
    pub(crate) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// What is known now, if it is fresh.
    fn fresh(&self, now_mono_ns: u64) -> Option<Loaded> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = current.as_ref()?;
        let age = now_mono_ns.saturating_sub(loaded.at_mono_ns);
        let is_fresh = match loaded.snapshot {
            Some(_) => age < FRESH_NS && loaded.changes == self.changes.load(Ordering::SeqCst),
            None => age < RETRY_NS,
        };
        is_fresh.then(|| loaded.clone())
    }

    /// The snapshot, read anew where it is not fresh; `None`: it cannot be read, so nothing is known.
    pub(crate) async fn snapshot(
        &self,
        session: &Session<Open>,
        database: Option<&str>,
        random: &(dyn Fn(&mut [u8]) + Send + Sync),
    ) -> Option<Arc<Snapshot>> {
        if let Some(loaded) = self.fresh(session.mono_ns()) {
            return loaded.snapshot;
        }
        let _reading = self.reading.lock().await;
        if let Some(loaded) = self.fresh(session.mono_ns()) {
            return loaded.snapshot;
        }
        let changes = self.changes.load(Ordering::SeqCst);
        // Boxed: sessions wait here rarely, and would hold the room for it always.
        let reading = Box::pin(load::load(session, database, random));
        let read = tokio::time::timeout(LOAD_TIMEOUT, reading).await;
        let read = read.unwrap_or(Err(SessionError::Timeout("reading the target's catalogue")));
        let snapshot = match read {
            Ok(snapshot) => Some(Arc::new(snapshot)),
            Err(error) => {
                let resource = session.resource();
                tracing::warn!(resource, %error, "the target's catalogue cannot be read");
                None
            }
        };
        let loaded = Loaded {
            snapshot: snapshot.clone(),
            at_mono_ns: session.mono_ns(),
            changes,
        };
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
        snapshot
    }
}
