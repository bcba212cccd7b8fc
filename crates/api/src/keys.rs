//! The keys that sign our tokens: which there are, and other ones.

use custos_evidence::{DetailValue, EvidenceError, NodeRecord, RecordOutcome, RecordType};
use custos_identity::{KeyChange, KeyChangeKind, OwnIssuer, SigningKeyState};
use custos_model::{Principal, Rfc3339};

use crate::admin::Admin;
use crate::error::ApiError;
use crate::peer::Peer;
use crate::wire::{KeyRow, KeysChanged};

impl Admin {
    /// The published keys, the one that signs first.
    pub fn signing_keys(&self) -> Result<Vec<KeyRow>, ApiError> {
        let now = self.services().clock.now();
        let keys = self.own_issuer()?.signing_keys(now).into_iter();
        Ok(keys
            .map(|key| {
                let time = Some(Rfc3339(key.time_utc_ns).to_string());
                let (since, until) = match key.state {
                    SigningKeyState::Retired => (None, time),
                    SigningKeyState::Current | SigningKeyState::Next => (time, None),
                };
                KeyRow {
                    id: key.id,
                    state: key.state.as_str().to_owned(),
                    since,
                    until,
                }
            })
            .collect())
    }

    /// Other keys sign from now on: the one that is published for it, or, where the old ones may have leaked, new ones
    /// in place of all.
    ///
    /// # Errors
    /// [`custos_identity::SigningKeysError::NextTooNew`] where the next key is not published for a day yet.
    pub async fn change_keys(
        &self,
        peer: &Peer,
        kind: KeyChangeKind,
    ) -> Result<KeysChanged, ApiError> {
        let (admin, peer) = (self.clone(), peer.clone());
        self.to_the_end(async move {
            let issuer = admin.own_issuer()?;
            let now = admin.services().clock.now();
            let change = match kind {
                KeyChangeKind::Rotation => issuer.early_rotation(now).await,
                KeyChangeKind::Replacement => issuer.replacement(now).await,
            };
            let change = change.map_err(ApiError::SigningKeys)?;
            admin.change(change, Some(&peer.actor())).await
        })
        .await
    }

    /// Rotates the keys if that is due; tells whether it was.
    pub async fn rotate_due_keys(&self) -> Result<bool, ApiError> {
        let Some(issuer) = self.services().own_issuer.clone() else {
            return Ok(false);
        };
        let now = self.services().clock.now();
        let due = issuer.due_rotation(now).await;
        let Some(change) = due.map_err(ApiError::SigningKeys)? else {
            return Ok(false);
        };
        let admin = self.clone();
        self.to_the_end(async move { admin.change(change, None).await })
            .await?;
        Ok(true)
    }

    /// A rotation is on record before it is in force. A replacement is in force first, because an attack must not last
    /// until the disk has room.
    async fn change(
        &self,
        change: KeyChange,
        actor: Option<&Principal>,
    ) -> Result<KeysChanged, ApiError> {
        let issuer = self.own_issuer()?;
        let kind = change.kind();
        let changed = KeysChanged {
            signs: change.signs().to_owned(),
            added: change.added(),
            removed: change.removed(),
        };
        let tell = async |outcome| {
            let told = self.record_keys(&issuer, kind, &changed, outcome, actor);
            told.await.map_err(ApiError::Evidence)
        };
        if kind == KeyChangeKind::Rotation {
            tell(RecordOutcome::Ok).await?;
        }
        let used = issuer.clone();
        let done = self
            .blocking(move |_| used.put_in_force(change).map_err(ApiError::SigningKeys))
            .await;
        if let Err(error) = done {
            if let Err(unrecorded) = tell(RecordOutcome::Failed).await {
                tracing::error!(error = %unrecorded, "failed change of keys could not be put on record");
            }
            return Err(error);
        }
        if kind == KeyChangeKind::Replacement {
            tell(RecordOutcome::Ok).await?;
        }
        tracing::info!(event = kind.as_str(), signs = %changed.signs, "signing keys changed");
        Ok(changed)
    }

    /// Returns when the record is on disk.
    async fn record_keys(
        &self,
        issuer: &OwnIssuer,
        kind: KeyChangeKind,
        changed: &KeysChanged,
        outcome: RecordOutcome,
        actor: Option<&Principal>,
    ) -> Result<(), EvidenceError> {
        let (added, removed) = (changed.added.join(" "), changed.removed.join(" "));
        let detail = [
            ("added", added.as_str()),
            ("event", kind.as_str()),
            ("issuer", issuer.base_url().as_str()),
            ("removed", &removed),
            ("signs", &changed.signs),
        ];
        let detail: Vec<_> = detail
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name, DetailValue::Text(text)))
            .collect();
        let evidence = &self.services().evidence;
        let position = evidence.append(&NodeRecord {
            actor,
            detail: &detail,
            ..NodeRecord::new(RecordType::IssuerKeys, outcome)
        })?;
        evidence.sync(position).await
    }

    fn own_issuer(&self) -> Result<OwnIssuer, ApiError> {
        let issuer = self.services().own_issuer.clone();
        issuer.ok_or_else(|| ApiError::NotFound("signing key without a web address".to_owned()))
    }
}
