//! Which address a token belongs to: that which presented it first.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;
use custos_model::Instant;

use super::TokenFailure;

/// A token is still taken for so long after its end, because clocks differ.
const SKEW_SECONDS: u64 = 60;

type Fingerprint = [u8; 32];

/// Tokens in use, each with its address, until they have ended.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    capacity: usize,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    sources: HashMap<Fingerprint, IpAddr>,
    by_end: BTreeSet<(u64, Fingerprint)>,
}

impl Bindings {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            used: Mutex::default(),
        }
    }

    /// Fails when the token is another address's, or when there is no room to remember whose it is.
    pub(super) fn bind(
        &self,
        issuer: &str,
        token: &str,
        source: IpAddr,
        ends_at: u64,
        now: Instant,
    ) -> Result<(), TokenFailure> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.forget_ended(now.utc_ns / 1_000_000_000);
        let fingerprint = fingerprint(issuer, token);
        let source = source.to_canonical();
        match used.sources.get(&fingerprint) {
            Some(first) if *first == source => return Ok(()),
            Some(_) => return Err(TokenFailure::Replayed),
            None if used.sources.len() >= self.capacity => return Err(TokenFailure::Full),
            None => {}
        }
        used.sources.insert(fingerprint, source);
        used.by_end
            .insert((ends_at.saturating_add(SKEW_SECONDS), fingerprint));
        Ok(())
    }
}

impl Used {
    fn forget_ended(&mut self, now_seconds: u64) {
        while let Some((end, fingerprint)) = self.by_end.first().copied() {
            if end > now_seconds {
                return;
            }
            self.by_end.pop_first();
            self.sources.remove(&fingerprint);
        }
    }
}

/// What is signed and not the signature: an ECDSA signature has a second spelling.
fn fingerprint(issuer: &str, token: &str) -> Fingerprint {
    let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&(issuer.len() as u64).to_be_bytes());
    context.update(issuer.as_bytes());
    context.update(signed.as_bytes());
    let mut fingerprint = [0; 32];
    for (to, from) in fingerprint.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    fingerprint
}

#[cfg(test)]
mod tests {
    use custos_model::Instant;

    use super::{Bindings, TokenFailure};

    fn at(seconds: u64) -> Instant {
        Instant {
            utc_ns: seconds * 1_000_000_000,
            mono_ns: 0,
        }
    }

    #[test]
    fn a_token_stays_with_its_address_until_it_has_ended() {
        let bindings = Bindings::new(2);
        let (here, there) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let bind = |token: &str, source, now| bindings.bind("i", token, source, 100, at(now));
        assert_eq!(bind("a.b.c", here, 1), Ok(()));
        assert_eq!(bind("a.b.c", here, 2), Ok(()));
        assert_eq!(bind("a.b.c", there, 2), Err(TokenFailure::Replayed));
        // The same token under another spelling of its signature.
        assert_eq!(bind("a.b.d", there, 2), Err(TokenFailure::Replayed));
        assert_eq!(bind("a.x.c", there, 2), Ok(()));
        assert_eq!(bind("a.y.c", there, 2), Err(TokenFailure::Full));
        assert_eq!(bind("a.y.c", there, 160), Ok(()));
    }
}
