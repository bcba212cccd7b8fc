//! Assertions and logout requests that were used, until they expire.

use std::collections::{BTreeSet, HashSet};

use aws_lc_rs::digest;

use crate::logout::AGE_MAX_NS;
use crate::time::SKEW_NS;
use crate::{Assertion, LogoutRequest, Rejection};

/// Which of the assertion IDs is meant, whatever its length.
type Fingerprint = [u8; 32];

/// Remembers used assertions until they would be refused as expired (SAML profiles, section 4.1.4.5). It holds
/// a bounded number of them and refuses further ones rather than forget one.
#[derive(Debug)]
pub struct ReplayCache {
    capacity: usize,
    used: HashSet<Fingerprint>,
    by_expiry: BTreeSet<(u64, Fingerprint)>,
    /// The latest time seen. What expired before it is forgotten, so an earlier clock must not bring it back.
    latest: u64,
}

impl ReplayCache {
    /// Remembers at most `capacity` assertions, about 100 bytes each.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            used: HashSet::new(),
            by_expiry: BTreeSet::new(),
            latest: 0,
        }
    }

    /// Marks the assertion as used. To be called once for each assertion, before anything is done with it.
    ///
    /// # Errors
    /// [`Rejection::Replayed`], [`Rejection::ReplayCacheFull`]; [`Rejection::Expired`] also when the clock went back
    /// to a time at which the assertion may have been forgotten.
    pub fn use_once(&mut self, assertion: &Assertion, utc_ns: u64) -> Result<(), Rejection> {
        let expiry = assertion.not_on_or_after.saturating_add(SKEW_NS);
        self.remember(
            fingerprint(&assertion.issuer, &assertion.id),
            expiry,
            utc_ns,
        )
    }

    /// The same for a logout request, which has a cache of its own.
    ///
    /// # Errors
    /// [`Rejection::Replayed`], [`Rejection::ReplayCacheFull`].
    pub fn use_logout_once(
        &mut self,
        request: &LogoutRequest,
        utc_ns: u64,
    ) -> Result<(), Rejection> {
        // The request may be issued a little in the future, and it is refused when it is older than this.
        let expiry = utc_ns.saturating_add(AGE_MAX_NS + 2 * SKEW_NS);
        self.remember(fingerprint(&request.issuer, &request.id), expiry, utc_ns)
    }

    fn remember(
        &mut self,
        fingerprint: Fingerprint,
        expiry: u64,
        utc_ns: u64,
    ) -> Result<(), Rejection> {
        self.latest = self.latest.max(utc_ns);
        self.forget_expired();
        if expiry <= self.latest {
            return Err(Rejection::Expired);
        }
        if self.used.contains(&fingerprint) {
            return Err(Rejection::Replayed);
        }
        if self.used.len() >= self.capacity {
            return Err(Rejection::ReplayCacheFull);
        }
        self.used.insert(fingerprint);
        self.by_expiry.insert((expiry, fingerprint));
        Ok(())
    }

    /// How many assertions are remembered.
    pub fn len(&self) -> usize {
        self.used.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    fn forget_expired(&mut self) {
        while let Some((expiry, fingerprint)) = self.by_expiry.first().copied() {
            if expiry > self.latest {
                break;
            }
            self.by_expiry.pop_first();
            self.used.remove(&fingerprint);
        }
    }
}

/// An ID is unique for its issuer. The length keeps the two apart.
fn fingerprint(issuer: &str, id: &str) -> Fingerprint {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&(issuer.len() as u64).to_be_bytes());
    context.update(issuer.as_bytes());
    context.update(id.as_bytes());
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}
