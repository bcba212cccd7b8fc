//! When to fetch an issuer's keys, and what holds until then. Fetches nothing on its own.

use std::sync::Arc;
use std::time::Duration;

use custos_model::Instant;

use crate::header::Header;
use crate::issuer::Issuer;
use crate::key_event::{FetchError, KeyEvent, KeyLabel, RefreshError};
use crate::key_set::KeySet;
use crate::rejection::Rejection;
use crate::verify::IssuerKeys;

/// How often keys are fetched when nothing else asks for it.
pub const REFRESH_INTERVAL: Duration = Duration::from_mins(10);
/// Least time between the beginnings of two fetches, whatever tokens ask for.
pub const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// How long a `kid` that a fresh set did not have asks for no further fetch.
pub const MISSING_KEY_MEMORY: Duration = Duration::from_mins(2);
/// Oldest keys for a new login of a person.
pub const MAX_AGE_FOR_LOGINS: Duration = Duration::from_hours(1);
/// Oldest keys for anything: sessions that exist, workloads.
pub const MAX_AGE_FOR_SESSIONS: Duration = Duration::from_hours(24);
/// Most names of keys that are remembered as asked for or missing.
const MAX_NAMES: usize = 64;

/// An issuer's keys and the state of fetching them. Time is the monotonic one of [`Instant`].
///
/// Ask [`KeyCache::need_refresh`] about every second; when it says so, fetch and tell [`KeyCache::fetched`].
/// Nothing is retried faster than every 30 seconds, however many tokens come.
#[derive(Debug)]
pub struct KeyCache {
    issuer: Arc<Issuer>,
    loaded: Option<Loaded>,
    fetching: Fetching,
    failing: Option<RefreshError>,
    /// Names that tokens asked for since the last fetch began. `None` stands for tokens without `kid`.
    asked: Vec<Option<String>>,
    /// Names that the fetch under way is to bring.
    expected: Vec<Option<String>>,
    /// Names that the last fetch should have brought and, where they are unknown still, did not.
    missing: Vec<Option<String>>,
    told: Age,
}

#[derive(Debug)]
struct Loaded {
    keys: Arc<KeySet>,
    at: Duration,
}

#[derive(Debug, Default)]
struct Fetching {
    attempts: u64,
    began: Option<Duration>,
    under_way: bool,
}

/// What the age of the keys still allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Fresh,
    LoginsRefused,
    Expired,
}

/// A fetch that was asked for. Given back with its result, so that a late answer never replaces a newer one.
#[derive(Debug, PartialEq, Eq)]
pub struct Attempt(u64);

/// What [`KeyCache::need_refresh`] found.
#[derive(Debug)]
pub struct Due {
    /// Fetch the keys now, within 30 seconds.
    pub refresh: Option<Attempt>,
    /// For the audit log.
    pub events: Vec<KeyEvent>,
}

/// What is known of the key that a token names.
#[derive(Debug)]
pub enum KeyLookup {
    /// The key is there, or the token's own fault is: verify it with these.
    Keys(IssuerKeys),
    /// Not known, but a fetch is due or under way that may bring it: ask again after it, once.
    AfterRefresh,
    /// Not known, and no fetch is to be waited for.
    Refused(Rejection),
}

impl KeyCache {
    /// Without keys yet; the first fetch is due at once.
    pub fn new(issuer: Issuer) -> Self {
        Self {
            issuer: Arc::new(issuer),
            loaded: None,
            fetching: Fetching::default(),
            failing: None,
            asked: Vec::new(),
            expected: Vec::new(),
            missing: Vec::new(),
            told: Age::Fresh,
        }
    }

    /// The issuer's record.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// How long ago the keys were fetched, if ever.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.loaded.as_ref().map(|loaded| loaded.age(now))
    }

    /// Whether to fetch now, and what time alone has changed. An attempt that is handed out counts as begun.
    pub fn need_refresh(&mut self, now: Instant) -> Due {
        let mut events = Vec::new();
        let age = Age::of(self.age(now).unwrap_or_default());
        if age > self.told {
            let both = [
                (Age::LoginsRefused, KeyEvent::LoginsRefused),
                (Age::Expired, KeyEvent::Expired),
            ];
            let passed = both
                .into_iter()
                .filter(|(step, _)| *step > self.told && *step <= age);
            events.extend(passed.map(|(_, event)| event));
            self.told = age;
        }
        let refresh = self.is_due(now).then(|| {
            self.expected = std::mem::take(&mut self.asked);
            self.fetching.begin(now)
        });
        Due { refresh, events }
    }

    fn is_due(&self, now: Instant) -> bool {
        if !self.fetching.may_begin(now) {
            return false;
        }
        let old = self.age(now).is_none_or(|age| age >= REFRESH_INTERVAL);
        old || !self.asked.is_empty() || self.failing.is_some()
    }

    /// Takes the result of a fetch: a good set replaces the one before, and its absent keys are gone at once;
    /// otherwise the last good one stays. The answer of an attempt that a later one has overtaken is dropped.
    pub fn fetched(
        &mut self,
        attempt: &Attempt,
        now: Instant,
        result: Result<&[u8], FetchError>,
    ) -> Vec<KeyEvent> {
        if !self.fetching.end(attempt) {
            return Vec::new();
        }
        let parsed = result
            .map_err(RefreshError::Fetch)
            .and_then(|bytes| KeySet::parse(bytes).map_err(RefreshError::KeySet));
        match parsed {
            Ok(keys) => self.replace(keys, now),
            Err(reason) => self.failed(reason, now),
        }
    }

    fn replace(&mut self, keys: KeySet, now: Instant) -> Vec<KeyEvent> {
        let mut events = Vec::new();
        if self.failing.take().is_some() || self.told > Age::Fresh {
            events.push(KeyEvent::Recovered);
        }
        events.extend(match &self.loaded {
            None => Some(KeyEvent::Loaded {
                keys: labels(&keys),
                skipped: keys.skipped().len(),
            }),
            Some(before) => change(&before.keys, &keys),
        });
        self.missing = std::mem::take(&mut self.expected);
        self.told = Age::Fresh;
        self.loaded = Some(Loaded {
            keys: Arc::new(keys),
            at: monotonic(now),
        });
        events
    }

    fn failed(&mut self, reason: RefreshError, now: Instant) -> Vec<KeyEvent> {
        if self.failing.replace(reason) == Some(reason) {
            return Vec::new();
        }
        let age = self.age(now);
        vec![KeyEvent::RefreshFailed { reason, age }]
    }

    /// The keys for a token with this header. An unknown `kid` asks for a fetch, at most one every 30 seconds.
    pub fn key_for(&mut self, header: &Header, now: Instant) -> KeyLookup {
        let Some(loaded) = &self.loaded else {
            return self.after_refresh_or(Rejection::KeysUnavailable, now);
        };
        let age = loaded.age(now);
        if age > MAX_AGE_FOR_SESSIONS {
            return self.after_refresh_or(Rejection::KeysExpired, now);
        }
        if loaded.keys.find(header).map(|_| ()) != Err(Rejection::KeyUnknown) {
            let keys = Arc::clone(&loaded.keys);
            return KeyLookup::Keys(IssuerKeys::fetched(
                Arc::clone(&self.issuer),
                keys,
                loaded.at,
            ));
        }
        let name = header.key_id().map(str::to_owned);
        if age < MISSING_KEY_MEMORY && self.missing.contains(&name) {
            return KeyLookup::Refused(Rejection::KeyUnknown);
        }
        if self.asked.len() < MAX_NAMES && !self.asked.contains(&name) {
            self.asked.push(name);
        }
        self.after_refresh_or(Rejection::KeyUnknown, now)
    }

    fn after_refresh_or(&self, rejection: Rejection, now: Instant) -> KeyLookup {
        if self.fetching.may_be_waited_for(now) {
            return KeyLookup::AfterRefresh;
        }
        KeyLookup::Refused(rejection)
    }
}

impl Loaded {
    fn age(&self, now: Instant) -> Duration {
        monotonic(now).saturating_sub(self.at)
    }
}

impl Fetching {
    fn may_begin(&self, now: Instant) -> bool {
        let since = |began| monotonic(now).saturating_sub(began);
        self.began
            .is_none_or(|began| since(began) >= MIN_REFRESH_INTERVAL)
    }

    /// One that is under way for longer is lost: it is overtaken by the next.
    fn may_be_waited_for(&self, now: Instant) -> bool {
        self.may_begin(now) || self.under_way
    }

    fn begin(&mut self, now: Instant) -> Attempt {
        self.attempts += 1;
        self.began = Some(monotonic(now));
        self.under_way = true;
        Attempt(self.attempts)
    }

    fn end(&mut self, attempt: &Attempt) -> bool {
        let current = self.under_way && attempt.0 == self.attempts;
        if current {
            self.under_way = false;
        }
        current
    }
}

impl Age {
    fn of(age: Duration) -> Self {
        if age > MAX_AGE_FOR_SESSIONS {
            Self::Expired
        } else if age > MAX_AGE_FOR_LOGINS {
            Self::LoginsRefused
        } else {
            Self::Fresh
        }
    }
}

fn monotonic(now: Instant) -> Duration {
    Duration::from_nanos(now.mono_ns)
}

fn labels(keys: &KeySet) -> Vec<KeyLabel> {
    keys.keys().iter().map(KeyLabel::of).collect()
}

fn change(before: &KeySet, after: &KeySet) -> Option<KeyEvent> {
    let (before, after) = (labels(before), labels(after));
    let only = |these: &[KeyLabel], those: &[KeyLabel]| -> Vec<KeyLabel> {
        let missing = these.iter().filter(|label| !those.contains(label));
        missing.cloned().collect()
    };
    let (added, removed) = (only(&after, &before), only(&before, &after));
    let changed = !added.is_empty() || !removed.is_empty();
    changed.then_some(KeyEvent::Changed { added, removed })
}
