//! The credentials of a node: what is shared by issuing and checking, and what an operator sees.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use custos_model::{Instant, Principal, ResourceName, Secret};
use custos_store::{CredentialId, SourceNetwork, Store, StoredCredential, StoredVerifier};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::IdentityError;

/// Issues, checks, lists and revokes connection credentials. Clones share everything. Calls block for a local disk access.
#[derive(Clone)]
pub struct Credentials {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    random: Box<Random>,
    /// Yields the salt of each login name, known or not.
    salt_key: hmac::Key,
    /// Stands in where a name has no credential, so that the same work is done. No secret is known that fits it.
    decoy: StoredVerifier,
}

/// Fills a buffer with random bytes.
type Random = dyn Fn(&mut [u8]) + Send + Sync;

/// What a client needs to derive its SCRAM keys (RFC 5802 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScramParameters {
    /// The salt.
    pub salt: [u8; 16],
    /// The iteration count.
    pub iterations: u32,
}

/// A credential without anything that checks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialSummary {
    /// Its public name.
    pub id: CredentialId,
    /// Whom it signs in.
    pub principal: Principal,
    /// What it opens.
    pub resource: ResourceName,
    /// Since when, UTC nanoseconds.
    pub issued_utc_ns: u64,
    /// Until when, UTC nanoseconds.
    pub expires_utc_ns: u64,
    /// When it was revoked, if it was.
    pub revoked_utc_ns: Option<u64>,
    /// Where it may be used from; empty: anywhere.
    pub source_networks: Vec<SourceNetwork>,
}

/// Whether a credential still opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialState {
    /// It does.
    Valid,
    /// Its time is over.
    Expired,
    /// An operator ended it, whether or not its time is over too.
    Revoked,
}

/// What RFC 7677 section 4 asks for at least, and what some clients insist on. Iterations make guessing a *weak* secret
/// slow; these secrets have 256 random bits, which nobody guesses at any speed, so more would only cost every login
/// its time.
pub(crate) const ITERATIONS: u32 = 4096;

const SALT_SECRET: &str = "credentials.salt";

impl Credentials {
    /// `random` fills a buffer with random bytes of cryptographic quality.
    pub fn new(
        store: Store,
        random: impl Fn(&mut [u8]) + Send + Sync + 'static,
    ) -> Result<Self, IdentityError> {
        let make = || {
            let mut bytes = Zeroizing::new([0; 32]);
            random(bytes.as_mut_slice());
            Secret::new(STANDARD.encode(bytes.as_slice()))
        };
        let salt_secret = store
            .secret_or_create(SALT_SECRET, make, &random)
            .map_err(IdentityError::store("read the node's salt secret"))?;
        let salt_key = hmac::Key::new(hmac::HMAC_SHA256, salt_secret.expose().as_bytes());
        let decoy = decoy(&random);
        let inner = Inner {
            store,
            random: Box::new(random),
            salt_key,
            decoy,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The parameters for a login name. They are the same for all its credentials, and exist for every name, so that
    /// they do not tell whether a name is known.
    pub fn scram_parameters(&self, login_name: &str) -> ScramParameters {
        let mut context = hmac::Context::with_key(&self.inner.salt_key);
        context.update(b"custos.scram.salt.v1\0");
        context.update(login_name.as_bytes());
        let tag = context.sign();
        let mut salt = [0; 16];
        for (to, from) in salt.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        ScramParameters {
            salt,
            iterations: ITERATIONS,
        }
    }

    /// Revokes a credential and returns it as it is now; `None`: there is no such credential. Revoking again changes
    /// nothing. Sessions that it opened go on until they are cut.
    pub fn revoke(
        &self,
        id: CredentialId,
        now: Instant,
    ) -> Result<Option<CredentialSummary>, IdentityError> {
        self.inner
            .store
            .revoke_credential(id, now.utc_ns)
            .map_err(IdentityError::store("revoke a credential"))?;
        self.get(id)
    }

    /// One credential.
    pub fn get(&self, id: CredentialId) -> Result<Option<CredentialSummary>, IdentityError> {
        let credential = self
            .inner
            .store
            .credential(id)
            .map_err(IdentityError::store("look up a credential"))?;
        Ok(credential.map(CredentialSummary::from))
    }

    /// All credentials that are kept, the oldest first. They are kept for a day after they expire.
    pub fn list(&self) -> Result<Vec<CredentialSummary>, IdentityError> {
        let credentials = self
            .inner
            .store
            .credentials()
            .map_err(IdentityError::store("list the credentials"))?;
        Ok(credentials
            .into_iter()
            .map(CredentialSummary::from)
            .collect())
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn random(&self, bytes: &mut [u8]) {
        (self.inner.random)(bytes);
    }

    pub(crate) fn decoy(&self) -> &StoredVerifier {
        &self.inner.decoy
    }
}

fn decoy(random: impl Fn(&mut [u8])) -> StoredVerifier {
    let mut stored_key = [0; 32];
    let mut server_key = [0; 32];
    random(&mut stored_key);
    random(&mut server_key);
    StoredVerifier {
        salt: Vec::new(),
        iterations: ITERATIONS,
        stored_key,
        server_key,
    }
}

impl CredentialSummary {
    /// What it is good for at a time.
    pub fn state(&self, utc_ns: u64) -> CredentialState {
        if self.revoked_utc_ns.is_some() {
            CredentialState::Revoked
        } else if utc_ns >= self.expires_utc_ns {
            CredentialState::Expired
        } else {
            CredentialState::Valid
        }
    }
}

impl CredentialState {
    /// The word that people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl From<StoredCredential> for CredentialSummary {
    fn from(credential: StoredCredential) -> Self {
        Self {
            id: credential.id,
            principal: credential.principal,
            resource: credential.resource,
            issued_utc_ns: credential.issued_utc_ns,
            expires_utc_ns: credential.expires_utc_ns,
            revoked_utc_ns: credential.revoked_utc_ns,
            source_networks: credential.source_networks,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials")
            .field("store", &self.inner.store)
            .finish_non_exhaustive()
    }
}
