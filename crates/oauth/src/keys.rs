//! The keys that sign access tokens, and their rotation.

use std::collections::BTreeSet;
use std::sync::Arc;

use custos_jwt::{
    Algorithm, Class, ClassName, ClassRule, Issuer, IssuerKeys, KeySet, Signer, SignerError, Token,
    Verified,
};
use custos_model::Instant;
use serde_json::{Map, Value, json};

use crate::base_url::BaseUrl;
use crate::call::ns;
use crate::{
    ACCESS_TOKEN_LIFE, CLOCK_SKEW, DELEGATION_LIFE_MAX, NEXT_KEY_PUBLISHED, SIGNING_KEY_LIFE,
};

/// `typ` of access tokens (RFC 9068 section 2.1).
const ACCESS_TOKEN_TYPE: &str = "at+jwt";
/// `typ` of delegation tokens.
const DELEGATION_TOKEN_TYPE: &str = "custos-delegation+jwt";
/// More retired keys than fit between two rotations in a quarter of an hour.
const MAX_RETIRED: usize = 8;

/// Current, next and previous signing keys. The next one is published before it signs anything, and a previous one
/// until its last token has expired.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: Arc<Signer>,
    next: Arc<Signer>,
    since: KeyTimes,
    retired: Vec<RetiredKey>,
    own: Arc<IssuerKeys>,
}

/// Since when the two keys are what they are, UTC nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyTimes {
    /// Since when the current key signs.
    pub current_utc_ns: u64,
    /// Since when the next key is published.
    pub next_utc_ns: u64,
}

/// The public half of a key that signs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetiredKey {
    /// As it was published.
    pub jwk: Map<String, Value>,
    /// Until when its tokens are taken, UTC nanoseconds.
    pub until_utc_ns: u64,
}

/// Keys do not make a ring.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// A published key is not what the verifier takes.
    #[error("a signing key cannot be published")]
    Published(#[source] custos_jwt::KeySetError),
    /// Two keys of one name, or one that cannot be used.
    #[error("the signing keys are not distinct P-256 keys")]
    NotDistinct,
    /// The base URL cannot be an issuer.
    #[error("the base URL is not an issuer that the verifier takes")]
    Issuer(#[source] custos_jwt::IssuerError),
}

impl KeyRing {
    /// Keys as they were kept, previous ones too, so that a restart invalidates no token. Their age is unknown until
    /// [`KeyRing::since`] says it.
    pub fn new(
        base_url: &BaseUrl,
        current: Signer,
        next: Signer,
        retired: Vec<RetiredKey>,
    ) -> Result<Self, KeyRingError> {
        let since = KeyTimes::default();
        Self::of(base_url, Arc::new(current), Arc::new(next), since, retired)
    }

    /// The same keys, with their age.
    #[must_use]
    pub fn since(self, since: KeyTimes) -> Self {
        Self { since, ..self }
    }

    fn of(
        base_url: &BaseUrl,
        current: Arc<Signer>,
        next: Arc<Signer>,
        since: KeyTimes,
        retired: Vec<RetiredKey>,
    ) -> Result<Self, KeyRingError> {
        let own = verifier(base_url, &current, &next, &retired)?;
        Ok(Self {
            current,
            next,
            since,
            retired,
            own: Arc::new(own),
        })
    }

    /// The ring in which the next key signs, `new` is published as the one after it, and the current one is there for
    /// its last tokens.
    pub fn rotated(
        &self,
        base_url: &BaseUrl,
        new: Signer,
        now: Instant,
    ) -> Result<Self, KeyRingError> {
        let life = ns(ACCESS_TOKEN_LIFE) + ns(CLOCK_SKEW);
        let mut retired = self.retired.clone();
        retired.retain(|key| now.utc_ns < key.until_utc_ns);
        retired.insert(
            0,
            RetiredKey {
                jwk: self.current.public_jwk().clone(),
                until_utc_ns: now.utc_ns.saturating_add(life),
            },
        );
        retired.truncate(MAX_RETIRED);
        let since = KeyTimes {
            current_utc_ns: now.utc_ns,
            next_utc_ns: now.utc_ns,
        };
        Self::of(
            base_url,
            Arc::clone(&self.next),
            Arc::new(new),
            since,
            retired,
        )
    }

    /// Whether the current key has signed for [`SIGNING_KEY_LIFE`] and the next one may.
    pub fn is_rotation_due(&self, now: Instant) -> bool {
        let signed = now.utc_ns.saturating_sub(self.since.current_utc_ns);
        signed >= ns(SIGNING_KEY_LIFE) && self.may_next_sign(now)
    }

    /// Whether the next key is published for [`NEXT_KEY_PUBLISHED`], so that whoever keeps the set has seen it.
    pub fn may_next_sign(&self, now: Instant) -> bool {
        now.utc_ns.saturating_sub(self.since.next_utc_ns) >= ns(NEXT_KEY_PUBLISHED)
    }

    /// For keeping them: since when they are what they are.
    pub fn times(&self) -> KeyTimes {
        self.since
    }

    /// For keeping them: the key that signs and the one after it.
    pub fn signers(&self) -> (&Signer, &Signer) {
        (&self.current, &self.next)
    }

    /// For keeping them: keys that sign no more.
    pub fn retired(&self) -> &[RetiredKey] {
        &self.retired
    }

    /// The key set document (RFC 7517 section 5).
    pub fn published(&self, now: Instant) -> Value {
        let retired = self
            .retired
            .iter()
            .filter(|key| now.utc_ns < key.until_utc_ns)
            .map(|key| &key.jwk);
        let keys: Vec<_> = [self.current.public_jwk(), self.next.public_jwk()]
            .into_iter()
            .chain(retired)
            .collect();
        json!({ "keys": keys })
    }

    pub(crate) fn sign(&self, claims: &Map<String, Value>) -> Result<String, SignerError> {
        self.current.sign(ACCESS_TOKEN_TYPE, claims)
    }

    pub(crate) fn sign_delegation(
        &self,
        claims: &Map<String, Value>,
    ) -> Result<String, SignerError> {
        self.current.sign(DELEGATION_TOKEN_TYPE, claims)
    }

    /// Verifies an access token of our own.
    pub(crate) fn verify(&self, token: &str, now: Instant) -> Result<Verified, &'static str> {
        self.verify_as(&Class::AccessToken, token, now)
    }

    /// Verifies a delegation token of our own.
    pub(crate) fn verify_delegation(
        &self,
        token: &str,
        now: Instant,
    ) -> Result<Verified, &'static str> {
        self.verify_as(&Class::DelegationToken, token, now)
    }

    fn verify_as(
        &self,
        class: &Class<'_>,
        token: &str,
        now: Instant,
    ) -> Result<Verified, &'static str> {
        let token = Token::parse(token.as_bytes()).map_err(|rejection| rejection.code())?;
        let verified = self
            .own
            .verify(&token, class, now)
            .map_err(|rejection| rejection.code())?;
        let retired = self.retired.iter().find(|key| {
            key.jwk.get("kid").and_then(Value::as_str) == Some(verified.key_thumbprint())
        });
        match retired {
            Some(key) if key.until_utc_ns <= now.utc_ns => Err("key_retired"),
            _ => Ok(verified),
        }
    }
}

fn verifier(
    base_url: &BaseUrl,
    current: &Signer,
    next: &Signer,
    retired: &[RetiredKey],
) -> Result<IssuerKeys, KeyRingError> {
    let keys: Vec<_> = [current.public_jwk(), next.public_jwk()]
        .into_iter()
        .chain(retired.iter().map(|key| &key.jwk))
        .collect();
    let set = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
        .map_err(KeyRingError::Published)?;
    let ids: BTreeSet<_> = set.keys().iter().map(|key| key.id()).collect();
    if ids.len() != keys.len() {
        return Err(KeyRingError::NotDistinct);
    }
    let rules = [
        ClassRule::new(ClassName::AccessToken).max_age(ACCESS_TOKEN_LIFE),
        ClassRule::new(ClassName::DelegationToken).max_age(DELEGATION_LIFE_MAX),
    ];
    let name = base_url.as_str();
    let issuer = Issuer::new(name, &[Algorithm::Es256], &[name], rules)
        .and_then(|issuer| issuer.with_clock_skew(CLOCK_SKEW))
        .map_err(KeyRingError::Issuer)?;
    Ok(IssuerKeys::configured(issuer, set))
}
