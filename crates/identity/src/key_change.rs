//! Other signing keys for our own issuer: month by month, and at once after a leak.

use custos_model::Instant;
use custos_oauth::KeyRing;
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;

use crate::own_issuer::OwnIssuer;
use crate::signing_keys::{self, SigningKeysError};

/// A change of keys that is prepared and not in force. While one is there, no other can be prepared.
#[derive(Debug)]
pub struct KeyChange {
    ring: KeyRing,
    kind: KeyChangeKind,
    before: Vec<String>,
    _only: OwnedMutexGuard<()>,
}

/// What happens to the keys that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChangeKind {
    /// The next key signs; tokens of the one before are good until they expire.
    Rotation,
    /// All keys are new, and every token that was signed before is refused from now on.
    Replacement,
}

/// A published key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// `kid`: its RFC 7638 thumbprint.
    pub id: String,
    /// What it is there for.
    pub state: SigningKeyState,
    /// Since when it signs or is published, or until when its tokens are taken; UTC nanoseconds.
    pub time_utc_ns: u64,
}

/// What a key is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningKeyState {
    /// It signs.
    Current,
    /// It is published, and will sign.
    Next,
    /// It signs no more; its last tokens are taken.
    Retired,
}

impl KeyChange {
    /// What happens to the keys that are there.
    pub fn kind(&self) -> KeyChangeKind {
        self.kind
    }

    /// The key that signs once it is in force.
    pub fn signs(&self) -> &str {
        self.ring.signers().0.key_id()
    }

    /// Keys that were not there before.
    pub fn added(&self) -> Vec<String> {
        let (current, next) = self.ring.signers();
        let ids = [current.key_id(), next.key_id()].into_iter();
        ids.filter(|id| !self.before.iter().any(|old| old == id))
            .map(str::to_owned)
            .collect()
    }

    /// Keys whose tokens are refused once it is in force.
    pub fn removed(&self) -> Vec<String> {
        let kept = key_ids(&self.ring);
        let gone = self.before.iter().filter(|id| !kept.contains(id));
        gone.cloned().collect()
    }
}

impl KeyChangeKind {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rotation => "keys_rotated",
            Self::Replacement => "keys_replaced",
        }
    }
}

impl SigningKeyState {
    /// The word that people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Retired => "retired",
        }
    }
}

impl OwnIssuer {
    /// The keys that are published, the one that signs first.
    pub fn signing_keys(&self, now: Instant) -> Vec<SigningKey> {
        let server = self.server();
        let ring = server.keys();
        let ((current, next), times) = (ring.signers(), ring.times());
        let key = |id: &str, state, time_utc_ns| SigningKey {
            id: id.to_owned(),
            state,
            time_utc_ns,
        };
        let mut keys = vec![
            key(
                current.key_id(),
                SigningKeyState::Current,
                times.current_utc_ns,
            ),
            key(next.key_id(), SigningKeyState::Next, times.next_utc_ns),
        ];
        let retired = ring.retired().iter();
        let retired = retired.filter(|retired| now.utc_ns < retired.until_utc_ns);
        keys.extend(retired.filter_map(|retired| {
            let id = retired.jwk.get("kid").and_then(Value::as_str)?;
            Some(key(id, SigningKeyState::Retired, retired.until_utc_ns))
        }));
        keys
    }

    /// The rotation that is due, if one is.
    pub async fn due_rotation(&self, now: Instant) -> Result<Option<KeyChange>, SigningKeysError> {
        let only = self.only_change().await;
        let ring = self.server().keys().clone();
        if !ring.is_rotation_due(now) {
            return Ok(None);
        }
        self.rotation_of(&ring, now, only).map(Some)
    }

    /// A rotation before it is due.
    ///
    /// # Errors
    /// [`SigningKeysError::NextTooNew`].
    pub async fn early_rotation(&self, now: Instant) -> Result<KeyChange, SigningKeysError> {
        let only = self.only_change().await;
        let ring = self.server().keys().clone();
        if !ring.may_next_sign(now) {
            return Err(SigningKeysError::NextTooNew);
        }
        self.rotation_of(&ring, now, only)
    }

    /// All keys anew, for when those that are there may be in other hands.
    pub async fn replacement(&self, now: Instant) -> Result<KeyChange, SigningKeysError> {
        let only = self.only_change().await;
        Ok(KeyChange {
            before: key_ids(self.server().keys()),
            ring: signing_keys::new_keys(self.base_url(), now)?,
            kind: KeyChangeKind::Replacement,
            _only: only,
        })
    }

    /// Keeps the new keys, then uses them. Blocks for a disk access.
    pub fn put_in_force(&self, change: KeyChange) -> Result<(), SigningKeysError> {
        self.keep(&change.ring)?;
        self.server().set_keys(change.ring);
        Ok(())
    }

    fn rotation_of(
        &self,
        ring: &KeyRing,
        now: Instant,
        only: OwnedMutexGuard<()>,
    ) -> Result<KeyChange, SigningKeysError> {
        let new = signing_keys::new_key()?;
        let rotated = ring.rotated(self.base_url(), new, now);
        Ok(KeyChange {
            before: key_ids(ring),
            ring: rotated.map_err(SigningKeysError::Ring)?,
            kind: KeyChangeKind::Rotation,
            _only: only,
        })
    }
}

fn key_ids(ring: &KeyRing) -> Vec<String> {
    let (current, next) = ring.signers();
    let retired = ring.retired().iter();
    let retired = retired.filter_map(|key| key.jwk.get("kid").and_then(Value::as_str));
    [current.key_id(), next.key_id()]
        .into_iter()
        .chain(retired)
        .map(str::to_owned)
        .collect()
}
