//! Refresh tokens, by hash, and the grants that were revoked.

use custos_model::SignInId;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::credentials::time;
use crate::database::Store;
use crate::error::StoreError;

/// A refresh token as it is stored. The token itself is not, so there is nothing to seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRefreshToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// The family that it belongs to.
    pub grant: [u8; 16],
    /// The only client that may use it.
    pub client: String,
    /// The sign-in that it belongs to.
    pub sign_in: SignInId,
    /// What it can be used for.
    pub scopes: String,
    /// Until when, UTC nanoseconds, that moment excluded.
    pub expires_utc_ns: u64,
    /// Whether another has taken its place.
    pub used: bool,
}

/// How a token was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStored {
    /// It is stored.
    Stored,
    /// It is not: the one before was used already.
    AlreadyUsed,
    /// It is not: its grant is revoked.
    Revoked,
}

impl Store {
    /// Stores a token; with `used`, in place of that one, which is used up.
    pub fn add_refresh_token(
        &self,
        token: &StoredRefreshToken,
        used: Option<&[u8; 32]>,
    ) -> Result<TokenStored, StoreError> {
        let failed = || StoreError::database("store a refresh token");
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed())?;
        if is_revoked(&transaction, &token.grant)? {
            return Ok(TokenStored::Revoked);
        }
        if let Some(used) = used {
            let changed = transaction
                .execute(
                    "UPDATE refresh_tokens SET used = 1 WHERE hash = ?1 AND used = 0",
                    [used],
                )
                .map_err(failed())?;
            if changed == 0 {
                return Ok(TokenStored::AlreadyUsed);
            }
        }
        transaction
            .execute(
                "INSERT INTO refresh_tokens (hash, grant_id, client, sign_in, scopes, expires_utc_ns)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    token.hash,
                    token.grant,
                    token.client,
                    token.sign_in.to_string(),
                    token.scopes,
                    time(token.expires_utc_ns)?,
                ],
            )
            .map_err(failed())?;
        transaction.commit().map_err(failed())?;
        Ok(TokenStored::Stored)
    }

    /// A token by its hash, used ones too.
    pub fn refresh_token(&self, hash: &[u8; 32]) -> Result<Option<StoredRefreshToken>, StoreError> {
        let found = self
            .reading()
            .query_row(
                "SELECT hash, grant_id, client, sign_in, scopes, expires_utc_ns, used
                 FROM refresh_tokens WHERE hash = ?1",
                [hash],
                |row| {
                    Ok((
                        row.get(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get::<_, String>(3)?,
                        row.get(4)?,
                        row.get::<_, i64>(5)?,
                        row.get(6)?,
                    ))
                },
            )
            .optional()
            .map_err(StoreError::database("look up a refresh token"))?;
        let Some((hash, grant, client, sign_in, scopes, expires, used)) = found else {
            return Ok(None);
        };
        let damaged = || StoreError::Damaged {
            what: "a refresh token".to_owned(),
        };
        Ok(Some(StoredRefreshToken {
            hash,
            grant,
            client,
            sign_in: sign_in.parse().map_err(|_| damaged())?,
            scopes,
            expires_utc_ns: u64::try_from(expires).map_err(|_| damaged())?,
            used,
        }))
    }

    /// Revokes a grant; remembered until `keep_utc_ns` at least.
    pub fn revoke_grant(&self, grant: &[u8; 16], keep_utc_ns: u64) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "INSERT INTO revoked_grants (grant_id, keep_utc_ns) VALUES (?1, ?2)
                 ON CONFLICT (grant_id) DO UPDATE SET keep_utc_ns = max(keep_utc_ns, ?2)",
                params![grant, time(keep_utc_ns)?],
            )
            .map_err(StoreError::database("revoke a grant"))?;
        Ok(())
    }

    /// Whether a grant was revoked.
    pub fn is_grant_revoked(&self, grant: &[u8; 16]) -> Result<bool, StoreError> {
        is_revoked(&self.reading(), grant)
    }

    /// Forgets tokens and revocations whose time is over.
    pub fn delete_expired_tokens(&self, before_utc_ns: u64) -> Result<(), StoreError> {
        let failed = || StoreError::database("delete expired refresh tokens");
        let before = time(before_utc_ns)?;
        let connection = self.connection();
        connection
            .execute(
                "DELETE FROM refresh_tokens WHERE expires_utc_ns < ?1",
                [before],
            )
            .map_err(failed())?;
        connection
            .execute(
                "DELETE FROM revoked_grants WHERE keep_utc_ns < ?1",
                [before],
            )
            .map_err(failed())?;
        Ok(())
    }
}

fn is_revoked(connection: &Connection, grant: &[u8; 16]) -> Result<bool, StoreError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM revoked_grants WHERE grant_id = ?1)",
            [grant],
            |row| row.get(0),
        )
        .map_err(StoreError::database("look up a grant"))
}
