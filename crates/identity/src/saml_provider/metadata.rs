//! A provider's metadata: configured, or fetched when that is due and kept while the provider is away.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use custos_fetch::{Client, Request};
use custos_model::Clock;
use custos_saml::{Metadata, MetadataOptions, Transport};
use custos_store::Store;

use super::failure::SamlFailure;

/// A longer document is not read.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;
/// Fetched metadata is fetched again after this.
const AGE: Duration = Duration::from_hours(1);
/// And after this when that failed.
const PAUSE: Duration = Duration::from_secs(15);

/// Where a provider's metadata comes from.
#[derive(Debug)]
pub enum SamlMetadata {
    /// It stands in the configuration.
    Configured(Box<Metadata>),
    /// It is fetched.
    Fetched(Box<MetadataAddress>),
}

/// Where metadata is fetched, and which one is taken.
pub struct MetadataAddress {
    /// The address.
    pub url: String,
    /// SHA-256 of the certificate that signs it.
    pub signed_by: [u8; 32],
    /// The provider in it. Pinned, so that whoever signs the metadata cannot speak for another provider.
    pub entity_id: String,
    /// Whether addresses in it may be plain HTTP on loopback.
    pub transport: Transport,
    /// Goes there.
    pub client: Client,
    /// Keeps the last good one.
    pub store: Store,
    /// Fills a buffer with random bytes of cryptographic quality.
    pub random: fn(&mut [u8]),
}

impl fmt::Debug for MetadataAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MetadataAddress")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// What happened to a provider's metadata: for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataEvent {
    /// It is there for the first time since the start; with SHA-256 of its signing keys.
    Loaded {
        /// The keys.
        keys: Vec<String>,
    },
    /// Its keys or addresses changed.
    Changed {
        /// Keys that are new.
        added: Vec<String>,
        /// Keys that are gone.
        removed: Vec<String>,
    },
    /// It could not be fetched; told once until it can be again.
    RefreshFailed {
        /// Why, a stable word.
        reason: &'static str,
    },
    /// It could be fetched again.
    Recovered,
}

impl MetadataEvent {
    /// A stable word for records, the same as for the keys of other issuers.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Loaded { .. } => "keys_loaded",
            Self::Changed { .. } => "keys_changed",
            Self::RefreshFailed { .. } => "keys_refresh_failed",
            Self::Recovered => "keys_recovered",
        }
    }
}

/// The metadata in force.
pub(super) struct Keeper {
    provider: String,
    clock: Arc<dyn Clock>,
    address: Option<Box<MetadataAddress>>,
    known: Mutex<Option<Arc<Metadata>>>,
    events: Mutex<Vec<MetadataEvent>>,
    /// Held while it is fetched.
    fetching: tokio::sync::Mutex<Fetching>,
}

#[derive(Debug, Default)]
struct Fetching {
    /// Monotonic time of the next fetch.
    due_mono_ns: u64,
    failing: bool,
}

impl Keeper {
    /// Blocks for a local disk access where metadata is fetched: the last good one is in force until then.
    pub(super) fn new(provider: &str, metadata: SamlMetadata, clock: Arc<dyn Clock>) -> Self {
        let (address, known) = match metadata {
            SamlMetadata::Configured(metadata) => (None, Some(*metadata)),
            SamlMetadata::Fetched(address) => {
                let kept = address.store.saml_metadata(provider).ok().flatten();
                // What no longer fits the configuration, or is too old, is fetched anew like one that was never there.
                let kept = kept.and_then(|kept| address.read(&kept, clock.now().utc_ns).ok());
                (Some(address), kept)
            }
        };
        let mut events = Vec::new();
        if let (Some(_), Some(known)) = (&address, &known) {
            events.push(MetadataEvent::Loaded {
                keys: known.key_fingerprints(),
            });
        }
        Self {
            provider: provider.to_owned(),
            clock,
            address,
            known: Mutex::new(known.map(Arc::new)),
            events: Mutex::new(events),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// What is in force.
    pub(super) fn known(&self) -> Result<Arc<Metadata>, SamlFailure> {
        let known = locked(&self.known).clone();
        known.ok_or(SamlFailure::MetadataUnavailable)
    }

    /// What is in force; waits for a fetch where nothing is.
    pub(super) async fn known_or_fetched(&self) -> Result<Arc<Metadata>, SamlFailure> {
        if let Ok(known) = self.known() {
            return Ok(known);
        }
        self.refresh_if_due().await;
        self.known()
    }

    /// Puts configured metadata in place of the one before; does nothing where it is fetched.
    pub(super) fn replace(&self, metadata: Metadata) {
        if self.address.is_none() {
            *locked(&self.known) = Some(Arc::new(metadata));
        }
    }

    /// What happened since this was last asked.
    pub(super) fn take_events(&self) -> Vec<MetadataEvent> {
        std::mem::take(&mut *locked(&self.events))
    }

    pub(super) async fn refresh_if_due(&self) {
        let Some(address) = &self.address else {
            return;
        };
        let mut fetching = self.fetching.lock().await;
        if self.clock.now().mono_ns < fetching.due_mono_ns {
            return;
        }
        let fetched = self.fetch(address).await;
        let pause = if fetched.is_ok() { AGE } else { PAUSE };
        let now = self.clock.now();
        fetching.due_mono_ns = now.mono_ns.saturating_add(pause.as_nanos() as u64);
        let failed_before = std::mem::replace(&mut fetching.failing, fetched.is_err());
        match fetched {
            Ok(metadata) => {
                if failed_before {
                    self.note(MetadataEvent::Recovered);
                }
                self.put_in_force(metadata);
            }
            Err(failure) if !failed_before => self.note(MetadataEvent::RefreshFailed {
                reason: failure.code(),
            }),
            Err(_) => {}
        }
    }

    async fn fetch(&self, address: &MetadataAddress) -> Result<Metadata, SamlFailure> {
        let request = Request::get(&address.url, DOCUMENT_BYTES_MAX);
        let answer = address.client.fetch(request).await;
        let answer = answer.map_err(SamlFailure::Fetch)?;
        if answer.status != 200 {
            return Err(SamlFailure::Status(answer.status));
        }
        let metadata = address.read(&answer.body, self.clock.now().utc_ns)?;
        let (store, provider, random) =
            (address.store.clone(), self.provider.clone(), address.random);
        // When it cannot be kept, it is good all the same: only a restart while the provider is away would miss it.
        let _ = tokio::task::spawn_blocking(move || {
            if store.saml_metadata(&provider).ok().flatten().as_deref() == Some(&*answer.body) {
                return Ok(());
            }
            store.put_saml_metadata(&provider, &answer.body, random)
        })
        .await;
        Ok(metadata)
    }

    fn put_in_force(&self, new: Metadata) {
        let mut known = locked(&self.known);
        let keys = new.key_fingerprints();
        let event = match known.as_deref() {
            None => Some(MetadataEvent::Loaded { keys }),
            Some(old) => {
                let before = old.key_fingerprints();
                let same_addresses = old.sso_location() == new.sso_location()
                    && old.logout_location() == new.logout_location();
                let beside = |these: &[String], those: &[String]| -> Vec<String> {
                    let left = these.iter().filter(|key| !those.contains(key));
                    left.cloned().collect()
                };
                (before != keys || !same_addresses).then(|| MetadataEvent::Changed {
                    added: beside(&keys, &before),
                    removed: beside(&before, &keys),
                })
            }
        };
        *known = Some(Arc::new(new));
        drop(known);
        if let Some(event) = event {
            self.note(event);
        }
    }

    fn note(&self, event: MetadataEvent) {
        locked(&self.events).push(event);
    }
}

impl MetadataAddress {
    fn read(&self, document: &[u8], utc_ns: u64) -> Result<Metadata, SamlFailure> {
        let options = MetadataOptions {
            entity_id: Some(&self.entity_id),
            transport: self.transport,
            signed_by: Some(self.signed_by),
            utc_ns,
        };
        Metadata::parse(document, &options).map_err(SamlFailure::Metadata)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
