//! Certificates for the key that the gateway proves itself with to clients: for its own names, and for those of targets, in
//! whose place it answers.
//!
//! The authority is not the one of [`crate::CertificateAuthority`]: who trusts either for the one thing trusts it for nothing
//! else, and each can be given a new key alone.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use custos_model::Instant;
use custos_signatures::SshKey;
use custos_ssh_wire::{Certificate, CertificateKind, Grant, PrivateKey};
use custos_store::Store;

use crate::authority_key::authority_key;
use crate::error::IdentityError;

/// Where the authority's seed is kept.
const SEED_SECRET: &str = "ssh.host_authority";
/// How long a certificate is good.
const TTL: Duration = Duration::from_hours(1);
/// It is made anew when it is good for no longer than this.
const LEFT_MIN: Duration = Duration::from_mins(30);
/// Clocks of clients may be behind by so much.
const CLOCK_SKEW: Duration = Duration::from_mins(5);
/// Certificates that are kept. There are as many as names that are asked for.
const KEPT_MAX: usize = 1024;
const NANOSECONDS: u64 = 1_000_000_000;

/// Fills a buffer with random bytes.
type Random = dyn Fn(&mut [u8]) + Send + Sync;

/// Issues certificates of hosts. Clones share everything.
#[derive(Clone)]
pub struct HostAuthority {
    inner: Arc<Inner>,
}

struct Inner {
    key: PrivateKey,
    random: Box<Random>,
    kept: Mutex<HashMap<(String, Vec<String>), Kept>>,
}

#[derive(Clone)]
struct Kept {
    certificate: Vec<u8>,
    /// UTC seconds.
    valid_before: u64,
}

impl fmt::Debug for HostAuthority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("HostAuthority")
            .field(&self.inner.key)
            .finish()
    }
}

impl HostAuthority {
    /// The authority of this node; its key is made at the first start. `random` fills a buffer with random bytes of
    /// cryptographic quality. Blocks for a local disk access.
    pub fn open(
        store: &Store,
        random: impl Fn(&mut [u8]) + Send + Sync + 'static,
    ) -> Result<Self, IdentityError> {
        let inner = Inner {
            key: authority_key(store, SEED_SECRET, &random)?,
            random: Box::new(random),
            kept: Mutex::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Its public key.
    pub fn public(&self) -> &SshKey {
        self.inner.key.public()
    }

    /// A certificate for a key under these names, as it goes over the wire; good for half an hour at least, an hour at most.
    ///
    /// # Errors
    /// [`IdentityError::KeyKind`] for keys that are not certified, and for no names or such as clients would read as patterns.
    pub fn certificate(
        &self,
        key: &SshKey,
        names: &[String],
        now: Instant,
    ) -> Result<Vec<u8>, IdentityError> {
        if names.is_empty() || !names.iter().all(|name| is_plain(name)) {
            return Err(IdentityError::KeyKind);
        }
        let seconds = now.utc_ns / NANOSECONDS;
        let what = (key.fingerprint().to_owned(), names.to_vec());
        let mut kept = self
            .inner
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_good = |it: &Kept| it.valid_before > seconds + LEFT_MIN.as_secs();
        if let Some(found) = kept.get(&what).filter(|it| is_good(it)) {
            return Ok(found.certificate.clone());
        }
        let valid_before = seconds + TTL.as_secs();
        let certificate = self.issue(key, names, seconds, valid_before)?;
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let made = Kept {
            certificate: certificate.clone(),
            valid_before,
        };
        kept.insert(what, made);
        Ok(certificate)
    }

    fn issue(
        &self,
        key: &SshKey,
        names: &[String],
        seconds: u64,
        valid_before: u64,
    ) -> Result<Vec<u8>, IdentityError> {
        let mut serial = [0; 8];
        (self.inner.random)(&mut serial);
        let mut nonce = [0; 32];
        (self.inner.random)(&mut nonce);
        let grant = Grant {
            kind: CertificateKind::Host,
            serial: u64::from_be_bytes(serial),
            key_id: names.join(" "),
            principals: names.to_vec(),
            valid_after: seconds.saturating_sub(CLOCK_SKEW.as_secs()),
            valid_before,
            critical_options: BTreeMap::new(),
            extensions: BTreeMap::new(),
        };
        Certificate::issue(key, &grant, &self.inner.key, nonce).map_err(|_| IdentityError::KeyKind)
    }
}

/// Clients take `*` and `?` in a name for patterns (OpenSSH since 6.9), and no name is none of all.
fn is_plain(name: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    !name.is_empty() && name.len() <= 255 && name.bytes().all(is_known)
}
