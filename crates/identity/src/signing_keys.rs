//! The keys that sign our tokens, as they are kept: all of them in one secret of the store, so that they change together.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_jwt::{Signer, SignerError};
use custos_model::{Instant, Secret};
use custos_oauth::{BaseUrl, KeyRing, KeyRingError, KeyTimes, RetiredKey};
use custos_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

/// Name of the secret.
const KEPT: &str = "oauth.keys";
/// Where the current and the next key were kept before they had an age.
const UNDATED: [&str; 2] = ["oauth.key.current", "oauth.key.next"];

/// Signing keys could not be made, read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeysError {
    /// What the store has is not what was kept.
    #[error("the signing keys in the store are damaged")]
    Damaged,
    /// A key could not be made.
    #[error("a signing key cannot be made")]
    Key(#[source] SignerError),
    /// The keys do not fit together.
    #[error("the signing keys cannot be used")]
    Ring(#[source] KeyRingError),
    /// The store failed.
    #[error("the signing keys cannot be kept")]
    Store(#[source] StoreError),
    /// The next key is published for less than a day.
    #[error(
        "the next signing key is published for less than a day, so others may not have seen it"
    )]
    NextTooNew,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    current: KeptKey,
    next: KeptKey,
    retired: Vec<KeptRetiredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptKey {
    /// DER in base64.
    pkcs8: String,
    since_utc_ns: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptRetiredKey {
    jwk: Map<String, Value>,
    until_utc_ns: u64,
}

impl Drop for KeptKey {
    fn drop(&mut self) {
        self.pkcs8.zeroize();
    }
}

impl fmt::Debug for KeptKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KeptKey").finish_non_exhaustive()
    }
}

/// The keys of the store. Where there are none, new ones are made and kept; those of before they had an age begin it now.
pub fn open_signing_keys(
    store: &Store,
    base_url: &BaseUrl,
    now: Instant,
    random: impl Fn(&mut [u8]),
) -> Result<KeyRing, SigningKeysError> {
    let first = first_keys(store, base_url, now)?;
    let text = text_of(&first)?;
    let kept = store
        .secret_or_create(KEPT, || text, random)
        .map_err(SigningKeysError::Store)?;
    let ring = ring_of(&kept, base_url)?;
    for name in UNDATED {
        store.delete_secret(name).map_err(SigningKeysError::Store)?;
    }
    Ok(ring)
}

/// Keeps the keys, in place of those that are kept.
pub(crate) fn keep(
    store: &Store,
    ring: &KeyRing,
    random: impl Fn(&mut [u8]),
) -> Result<(), SigningKeysError> {
    store
        .put_secret(KEPT, &text_of(ring)?, random)
        .map_err(SigningKeysError::Store)
}

/// Two new keys, and nothing of any other.
pub(crate) fn new_keys(base_url: &BaseUrl, now: Instant) -> Result<KeyRing, SigningKeysError> {
    let ring = KeyRing::new(base_url, new_key()?, new_key()?, Vec::new());
    Ok(ring.map_err(SigningKeysError::Ring)?.since(KeyTimes {
        current_utc_ns: now.utc_ns,
        next_utc_ns: now.utc_ns,
    }))
}

pub(crate) fn new_key() -> Result<Signer, SigningKeysError> {
    Signer::generate().map_err(SigningKeysError::Key)
}

fn first_keys(
    store: &Store,
    base_url: &BaseUrl,
    now: Instant,
) -> Result<KeyRing, SigningKeysError> {
    let undated = |name| -> Result<Option<Signer>, SigningKeysError> {
        let kept = store.secret(name).map_err(SigningKeysError::Store)?;
        kept.map(|kept| signer(kept.expose())).transpose()
    };
    let [current, next] = UNDATED;
    let (Some(current), Some(next)) = (undated(current)?, undated(next)?) else {
        return new_keys(base_url, now);
    };
    let ring = KeyRing::new(base_url, current, next, Vec::new());
    Ok(ring.map_err(SigningKeysError::Ring)?.since(KeyTimes {
        current_utc_ns: now.utc_ns,
        next_utc_ns: now.utc_ns,
    }))
}

fn text_of(ring: &KeyRing) -> Result<Secret, SigningKeysError> {
    let (current, next) = ring.signers();
    let times = ring.times();
    let key = |signer: &Signer, since_utc_ns| {
        let der = signer.to_pkcs8().map_err(SigningKeysError::Key)?;
        Ok(KeptKey {
            pkcs8: STANDARD.encode(der.as_slice()),
            since_utc_ns,
        })
    };
    let retired = ring.retired().iter().map(|key| KeptRetiredKey {
        jwk: key.jwk.clone(),
        until_utc_ns: key.until_utc_ns,
    });
    let kept = Kept {
        current: key(current, times.current_utc_ns)?,
        next: key(next, times.next_utc_ns)?,
        retired: retired.collect(),
    };
    serde_json::to_string(&kept)
        .map(Secret::new)
        .map_err(|_| SigningKeysError::Damaged)
}

fn ring_of(kept: &Secret, base_url: &BaseUrl) -> Result<KeyRing, SigningKeysError> {
    let kept: Kept = serde_json::from_str(kept.expose()).map_err(|_| SigningKeysError::Damaged)?;
    let times = KeyTimes {
        current_utc_ns: kept.current.since_utc_ns,
        next_utc_ns: kept.next.since_utc_ns,
    };
    let (current, next) = (signer(&kept.current.pkcs8)?, signer(&kept.next.pkcs8)?);
    let retired = kept.retired.into_iter().map(|key| RetiredKey {
        jwk: key.jwk,
        until_utc_ns: key.until_utc_ns,
    });
    let ring = KeyRing::new(base_url, current, next, retired.collect());
    Ok(ring.map_err(SigningKeysError::Ring)?.since(times))
}

fn signer(base64: &str) -> Result<Signer, SigningKeysError> {
    let der = STANDARD
        .decode(base64)
        .map(zeroize::Zeroizing::new)
        .map_err(|_| SigningKeysError::Damaged)?;
    Signer::from_pkcs8(&der).map_err(|_| SigningKeysError::Damaged)
}
