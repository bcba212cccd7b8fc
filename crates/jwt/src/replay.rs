//! Tokens that may be used once.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;
use custos_model::Instant;

use crate::rejection::Rejection;

type Fingerprint = [u8; 32];

/// Remembers which single-use tokens were used, each until it would be refused anyway.
///
/// Bounded: when it is full, further tokens are refused, and none is forgotten early. Holds fingerprints only, about
/// 150 bytes for each token. Shared by reference; what it does is short.
pub struct ReplayCache {
    capacity: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    known: HashSet<Fingerprint>,
    by_end: BTreeSet<(u64, Fingerprint)>,
    /// The latest time seen: a clock that is set back brings no used token back to life.
    latest: u64,
}

impl ReplayCache {
    /// Room for that many tokens at a time.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            used: Mutex::default(),
        }
    }

    /// Uses up the token `id` of an issuer, which is refused on its own from the second `refused_from` on (since
    /// 1970-01-01T00:00:00Z). Fails if it was used before, if it has ended, or if there is no room.
    pub fn use_once(
        &self,
        issuer: &str,
        id: &str,
        refused_from: u64,
        now: Instant,
    ) -> Result<(), Rejection> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.forget_ended(now.utc_ns / 1_000_000_000);
        if refused_from <= used.latest {
            return Err(Rejection::Expired);
        }
        let fingerprint = fingerprint(issuer, id);
        if used.known.contains(&fingerprint) {
            return Err(Rejection::Replayed);
        }
        if used.known.len() >= self.capacity {
            return Err(Rejection::ReplayCacheFull);
        }
        used.known.insert(fingerprint);
        used.by_end.insert((refused_from, fingerprint));
        Ok(())
    }

    /// How many tokens are remembered.
    pub fn len(&self) -> usize {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Used {
    fn forget_ended(&mut self, now: u64) {
        self.latest = self.latest.max(now);
        while let Some((end, fingerprint)) = self.by_end.first().copied() {
            if end > self.latest {
                break;
            }
            self.by_end.pop_first();
            self.known.remove(&fingerprint);
        }
    }
}

/// The length keeps issuer and id apart.
fn fingerprint(issuer: &str, id: &str) -> Fingerprint {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&issuer.len().to_be_bytes());
    hash.update(issuer.as_bytes());
    hash.update(id.as_bytes());
    let mut fingerprint = [0; 32];
    for (slot, byte) in fingerprint.iter_mut().zip(hash.finish().as_ref()) {
        *slot = *byte;
    }
    fingerprint
}

impl fmt::Debug for ReplayCache {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ReplayCache")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use custos_model::Instant;

    use super::ReplayCache;
    use crate::Rejection;

    fn at(second: u64) -> Instant {
        Instant {
            utc_ns: second * 1_000_000_000,
            mono_ns: 0,
        }
    }

    #[test]
    fn once_for_each_issuer() {
        let cache = ReplayCache::new(10);
        assert_eq!(cache.use_once("a", "1", 100, at(10)), Ok(()));
        assert_eq!(
            cache.use_once("a", "1", 100, at(10)),
            Err(Rejection::Replayed)
        );
        assert_eq!(
            cache.use_once("a", "1", 900, at(99)),
            Err(Rejection::Replayed)
        );
        assert_eq!(cache.use_once("b", "1", 100, at(10 + 89)), Ok(()));
        assert_eq!(cache.use_once("a1", "", 200, at(99)), Ok(()));
        assert_eq!(cache.use_once("a", "1x", 200, at(99)), Ok(()));
    }

    #[test]
    fn full_refuses_and_forgets_only_what_has_ended() {
        let cache = ReplayCache::new(2);
        assert_eq!(cache.use_once("a", "1", 100, at(10)), Ok(()));
        assert_eq!(cache.use_once("a", "2", 50, at(10)), Ok(()));
        assert_eq!(
            cache.use_once("a", "3", 100, at(49)),
            Err(Rejection::ReplayCacheFull)
        );
        assert_eq!(
            cache.use_once("a", "1", 100, at(49)),
            Err(Rejection::Replayed)
        );
        assert_eq!(cache.use_once("a", "3", 100, at(50)), Ok(()));
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.use_once("a", "4", 200, at(100)), Ok(()));
        assert_eq!(cache.len(), 1);
    }

    #[test]
    fn a_clock_set_back_revives_nothing() {
        let cache = ReplayCache::new(10);
        assert_eq!(cache.use_once("a", "1", 100, at(10)), Ok(()));
        assert_eq!(cache.use_once("a", "2", 900, at(500)), Ok(()));
        assert_eq!(
            cache.use_once("a", "1", 100, at(10)),
            Err(Rejection::Expired)
        );
    }
}
