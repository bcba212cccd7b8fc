//! The keys of an issuer: fetched when they are due, kept while the issuer is away.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use custos_fetch::{Client, FetchError, Request};
use custos_jwt::{
    Attempt, Header, Issuer, IssuerKeys, KeyCache, KeyEvent, KeyLookup, MAX_KEY_SET_BYTES,
    Rejection,
};
use custos_model::Clock;
use serde::Deserialize;
use tokio::sync::Notify;

/// A discovery document is shorter.
const DISCOVERY_BYTES_MAX: usize = 256 << 10;
/// How long somebody who signs in waits for keys that are being fetched.
const WAIT: Duration = Duration::from_secs(11);

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    /// Named by the issuer's discovery document (OpenID Connect Discovery 1.0 section 4).
    Discovery,
    /// At this URL.
    Url(String),
}

/// One issuer's record and keys. Clones share everything.
#[derive(Clone)]
pub struct Keyring {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    source: Source,
    events: Mutex<Vec<KeyEvent>>,
}

enum Source {
    /// They stand in the configuration and do not age.
    Configured(IssuerKeys),
    Fetched(Box<Fetched>),
}

struct Fetched {
    cache: Mutex<KeyCache>,
    client: Client,
    location: KeyLocation,
    changed: Notify,
}

impl Keyring {
    /// Keys that are fetched.
    pub fn fetched(
        cache: KeyCache,
        client: Client,
        location: KeyLocation,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::of(
            Source::Fetched(Box::new(Fetched {
                cache: Mutex::new(cache),
                client,
                location,
                changed: Notify::new(),
            })),
            clock,
        )
    }

    /// Keys that are configured.
    pub fn configured(keys: IssuerKeys, clock: Arc<dyn Clock>) -> Self {
        Self::of(Source::Configured(keys), clock)
    }

    fn of(source: Source, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                source,
                events: Mutex::default(),
            }),
        }
    }

    /// The issuer's record.
    pub fn issuer(&self) -> Issuer {
        match &self.inner.source {
            Source::Configured(keys) => keys.issuer().clone(),
            Source::Fetched(fetched) => locked(&fetched.cache).issuer().clone(),
        }
    }

    /// Where they are fetched from; `None` where they are configured.
    pub fn location(&self) -> Option<&KeyLocation> {
        match &self.inner.source {
            Source::Configured(_) => None,
            Source::Fetched(fetched) => Some(&fetched.location),
        }
    }

    /// The keys to verify a token with this header with. Waits for a fetch that may bring them, once.
    pub async fn for_token(&self, header: &Header) -> Result<IssuerKeys, Rejection> {
        let Fetched { cache, changed, .. } = match &self.inner.source {
            Source::Configured(keys) => return Ok(keys.clone()),
            Source::Fetched(fetched) => fetched.as_ref(),
        };
        let arrived = changed.notified();
        tokio::pin!(arrived);
        arrived.as_mut().enable();
        match self.look_up(cache, header) {
            KeyLookup::Keys(keys) => return Ok(keys),
            KeyLookup::Refused(rejection) => return Err(rejection),
            KeyLookup::AfterRefresh => {}
        }
        // Whoever finds it due fetches it; the others wait for that.
        if !self.refresh_if_due().await {
            let _ = tokio::time::timeout(WAIT, arrived).await;
        }
        match self.look_up(cache, header) {
            KeyLookup::Keys(keys) => Ok(keys),
            KeyLookup::Refused(rejection) => Err(rejection),
            KeyLookup::AfterRefresh => Err(Rejection::KeysUnavailable),
        }
    }

    /// Fetches the keys if that is due; to be called about every second. Tells whether it was.
    pub async fn refresh_if_due(&self) -> bool {
        let Source::Fetched(fetched) = &self.inner.source else {
            return false;
        };
        let Fetched {
            cache,
            client,
            location,
            changed,
        } = fetched.as_ref();
        let now = self.inner.clock.now();
        let due = locked(cache).need_refresh(now);
        self.note(due.events);
        let Some(attempt) = due.refresh else {
            return false;
        };
        let issuer = locked(cache).issuer().name().to_owned();
        let fetched = fetch(client, location, &issuer).await;
        self.take(cache, &attempt, fetched.as_deref());
        changed.notify_waiters();
        true
    }

    /// What happened to the keys since this was last asked; for the records.
    pub fn take_events(&self) -> Vec<KeyEvent> {
        std::mem::take(&mut *locked(&self.inner.events))
    }

    fn look_up(&self, cache: &Mutex<KeyCache>, header: &Header) -> KeyLookup {
        let now = self.inner.clock.now();
        locked(cache).key_for(header, now)
    }

    fn take(
        &self,
        cache: &Mutex<KeyCache>,
        attempt: &Attempt,
        fetched: Result<&[u8], &custos_jwt::FetchError>,
    ) {
        let now = self.inner.clock.now();
        let result = fetched.map_err(|error| *error);
        let events = locked(cache).fetched(attempt, now, result);
        self.note(events);
    }

    fn note(&self, events: Vec<KeyEvent>) {
        locked(&self.inner.events).extend(events);
    }
}

async fn fetch(
    client: &Client,
    location: &KeyLocation,
    issuer: &str,
) -> Result<Vec<u8>, custos_jwt::FetchError> {
    let url = match location {
        KeyLocation::Url(url) => url.clone(),
        KeyLocation::Discovery => discovered(client, issuer).await?,
    };
    document(client, &url, MAX_KEY_SET_BYTES).await
}

/// `jwks_uri` of the issuer's discovery document, which must be the issuer's own.
async fn discovered(client: &Client, issuer: &str) -> Result<String, custos_jwt::FetchError> {
    #[derive(Deserialize)]
    struct Discovery {
        issuer: String,
        jwks_uri: String,
    }
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let url = format!("{base}/.well-known/openid-configuration");
    let body = document(client, &url, DISCOVERY_BYTES_MAX).await?;
    let found: Discovery =
        serde_json::from_slice(&body).map_err(|_| custos_jwt::FetchError::Unreachable)?;
    if found.issuer != issuer {
        return Err(custos_jwt::FetchError::Forbidden);
    }
    Ok(found.jwks_uri)
}

async fn document(
    client: &Client,
    url: &str,
    bytes_max: usize,
) -> Result<Vec<u8>, custos_jwt::FetchError> {
    let response = client
        .fetch(Request::get(url, bytes_max))
        .await
        .map_err(|error| as_key_error(&error))?;
    if response.status != 200 {
        return Err(custos_jwt::FetchError::Status(response.status));
    }
    Ok(response.body.to_vec())
}

fn as_key_error(error: &FetchError) -> custos_jwt::FetchError {
    match error {
        FetchError::ConnectTimeout | FetchError::Timeout => custos_jwt::FetchError::TimedOut,
        FetchError::TooLarge { .. } => custos_jwt::FetchError::TooLong,
        FetchError::Url
        | FetchError::Plain
        | FetchError::Address(_)
        | FetchError::Redirect { .. } => custos_jwt::FetchError::Forbidden,
        _ => custos_jwt::FetchError::Unreachable,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Keyring {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Keyring").finish_non_exhaustive()
    }
}
