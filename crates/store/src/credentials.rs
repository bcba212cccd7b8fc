//! Connection credentials.

use custos_model::{Authentication, Principal, ResourceName, SignInId};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::credential::{CredentialId, StoredCredential, StoredVerifier};
use crate::database::Store;
use crate::error::StoreError;
use crate::network::SourceNetwork;
use crate::resource::is_name;
use crate::seal::Place;

/// As many credentials of one login name are looked at when somebody signs in.
pub const CANDIDATES_MAX: usize = 1000;

impl Store {
    /// Adds a credential. Its content is sealed, so that nobody can write one without the master key.
    pub fn add_credential(
        &self,
        credential: &StoredCredential,
        random: impl Fn(&mut [u8]),
    ) -> Result<(), StoreError> {
        let login_name = credential.principal.name.as_str();
        if !is_name(login_name) {
            return Err(StoreError::LoginName);
        }
        let id = credential.id.to_string();
        let clear = serde_json::to_vec(&Body::from(credential))
            .map(Zeroizing::new)
            .map_err(|source| StoreError::Encode {
                what: format!("credential {id}"),
                source,
            })?;
        let sealed = self.sealer().seal(body_place(&id), &clear, random)?;
        self.connection()
            .execute(
                "INSERT INTO credentials (id, login_name, expires_utc_ns, revoked_utc_ns, body, sign_in, uses)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    id,
                    login_name,
                    time(credential.expires_utc_ns)?,
                    credential.revoked_utc_ns.map(time).transpose()?,
                    sealed,
                    credential.sign_in.map(|id| id.to_string()),
                    time(credential.uses)?,
                ],
            )
            .map_err(StoreError::database("add a credential"))?;
        Ok(())
    }

    /// The credentials of a login name, at most [`CANDIDATES_MAX`]: first those not revoked, the longest valid first, then
    /// those revoked. Expired ones are among them until they are deleted.
    pub fn credentials_named(&self, login_name: &str) -> Result<Vec<StoredCredential>, StoreError> {
        let limit = i64::try_from(CANDIDATES_MAX).unwrap_or(i64::MAX);
        let rows = self
            .credential_rows(
                "SELECT id, login_name, revoked_utc_ns, body, uses FROM credentials WHERE login_name = ?1
                 ORDER BY revoked_utc_ns IS NOT NULL, expires_utc_ns DESC LIMIT ?2",
                params![login_name, limit],
            )
            .map_err(StoreError::database("look up credentials"))?;
        rows.iter().map(|row| self.open_credential(row)).collect()
    }

    /// How many credentials of a login name are neither revoked nor expired.
    pub fn live_credentials_count(
        &self,
        login_name: &str,
        utc_ns: u64,
    ) -> Result<usize, StoreError> {
        let count: i64 = self
            .connection()
            .query_row(
                "SELECT count(*) FROM credentials
                 WHERE login_name = ?1 AND revoked_utc_ns IS NULL AND expires_utc_ns > ?2",
                params![login_name, time(utc_ns)?],
                |row| row.get(0),
            )
            .map_err(StoreError::database("count credentials"))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// How many credentials under sign-ins of a principal are neither revoked nor expired.
    pub fn live_credentials_of(
        &self,
        issuer: &str,
        subject: &str,
        utc_ns: u64,
    ) -> Result<usize, StoreError> {
        let count: i64 = self
            .connection()
            .query_row(
                "SELECT count(*) FROM credentials JOIN sign_ins ON sign_ins.id = credentials.sign_in
                 WHERE sign_ins.issuer = ?1 AND sign_ins.subject = ?2
                 AND credentials.revoked_utc_ns IS NULL AND credentials.expires_utc_ns > ?3",
                params![issuer, subject, time(utc_ns)?],
                |row| row.get(0),
            )
            .map_err(StoreError::database("count credentials"))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// One credential.
    pub fn credential(&self, id: CredentialId) -> Result<Option<StoredCredential>, StoreError> {
        let row = self
            .connection()
            .query_row(
                "SELECT id, login_name, revoked_utc_ns, body, uses FROM credentials WHERE id = ?1",
                [id.to_string()],
                read_row,
            )
            .optional()
            .map_err(StoreError::database("look up a credential"))?;
        row.map(|row| self.open_credential(&row)).transpose()
    }

    /// All credentials, the oldest first.
    pub fn credentials(&self) -> Result<Vec<StoredCredential>, StoreError> {
        let rows = self
            .credential_rows(
                "SELECT id, login_name, revoked_utc_ns, body, uses FROM credentials ORDER BY id",
                params![],
            )
            .map_err(StoreError::database("list the credentials"))?;
        rows.iter().map(|row| self.open_credential(row)).collect()
    }

    /// Revokes a credential; tells whether it was there and not yet revoked. The first time stays.
    pub fn revoke_credential(&self, id: CredentialId, utc_ns: u64) -> Result<bool, StoreError> {
        self.connection()
            .execute(
                "UPDATE credentials SET revoked_utc_ns = ?2 WHERE id = ?1 AND revoked_utc_ns IS NULL",
                params![id.to_string(), time(utc_ns)?],
            )
            .map(|changed| changed > 0)
            .map_err(StoreError::database("revoke a credential"))
    }

    /// Counts one more use, unless that would be more than allowed or the credential was revoked meanwhile; tells
    /// whether it was counted.
    pub fn use_credential(
        &self,
        id: CredentialId,
        uses_max: Option<u64>,
    ) -> Result<bool, StoreError> {
        let uses_max = uses_max.map_or(Ok(i64::MAX), time)?;
        self.connection()
            .execute(
                "UPDATE credentials SET uses = uses + 1
                 WHERE id = ?1 AND revoked_utc_ns IS NULL AND uses < ?2",
                params![id.to_string(), uses_max],
            )
            .map(|changed| changed > 0)
            .map_err(StoreError::database("count a use of a credential"))
    }

    /// Deletes the credentials that expired before a time, revoked or not; tells how many.
    pub fn delete_expired(&self, before_utc_ns: u64) -> Result<usize, StoreError> {
        self.connection()
            .execute(
                "DELETE FROM credentials WHERE expires_utc_ns < ?1",
                [time(before_utc_ns)?],
            )
            .map_err(StoreError::database("delete expired credentials"))
    }

    fn credential_rows(
        &self,
        query: &str,
        parameters: impl rusqlite::Params,
    ) -> rusqlite::Result<Vec<Row>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(query)?;
        statement.query_map(parameters, read_row)?.collect()
    }

    fn open_credential(&self, row: &Row) -> Result<StoredCredential, StoreError> {
        let damaged = || StoreError::Damaged {
            what: format!("credential {}", row.id),
        };
        let clear = self.sealer().open(body_place(&row.id), &row.body)?;
        let body: Body = serde_json::from_slice(&clear).map_err(|_| damaged())?;
        // The column only serves the look-up; the sealed content counts.
        if body.principal.name != row.login_name {
            return Err(damaged());
        }
        Ok(StoredCredential {
            id: row.id.parse().map_err(|_| damaged())?,
            principal: body.principal,
            resource: body.resource,
            issued_utc_ns: body.issued_utc_ns,
            expires_utc_ns: body.expires_utc_ns,
            revoked_utc_ns: row
                .revoked_utc_ns
                .map(u64::try_from)
                .transpose()
                .map_err(|_| damaged())?,
            source_networks: body.source_networks,
            verifier: body.verifier,
            authentication: body
                .authentication
                .unwrap_or_else(|| Authentication::by_operator(body.issued_utc_ns)),
            sign_in: body.sign_in,
            uses_max: body.uses_max,
            uses: u64::try_from(row.uses).map_err(|_| damaged())?,
        })
    }
}

/// The sealed content of a credential: all but its id and whether it is revoked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    principal: Principal,
    resource: ResourceName,
    issued_utc_ns: u64,
    expires_utc_ns: u64,
    source_networks: Vec<SourceNetwork>,
    verifier: StoredVerifier,
    /// Absent in credentials of the first schema.
    #[serde(default)]
    authentication: Option<Authentication>,
    #[serde(default)]
    sign_in: Option<SignInId>,
    #[serde(default)]
    uses_max: Option<u64>,
}

impl From<&StoredCredential> for Body {
    fn from(credential: &StoredCredential) -> Self {
        Self {
            principal: credential.principal.clone(),
            resource: credential.resource.clone(),
            issued_utc_ns: credential.issued_utc_ns,
            expires_utc_ns: credential.expires_utc_ns,
            source_networks: credential.source_networks.clone(),
            verifier: credential.verifier.clone(),
            authentication: Some(credential.authentication.clone()),
            sign_in: credential.sign_in,
            uses_max: credential.uses_max,
        }
    }
}

struct Row {
    id: String,
    login_name: String,
    revoked_utc_ns: Option<i64>,
    body: Vec<u8>,
    uses: i64,
}

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        login_name: row.get(1)?,
        revoked_utc_ns: row.get(2)?,
        body: row.get(3)?,
        uses: row.get(4)?,
    })
}

fn body_place(id: &str) -> Place<'_> {
    Place {
        table: "credentials",
        row: id,
        column: "body",
        bound: b"",
    }
}

/// The database's integers have a sign.
pub(crate) fn time(utc_ns: u64) -> Result<i64, StoreError> {
    i64::try_from(utc_ns).map_err(|_| StoreError::Time(utc_ns))
}
