//! What a provider gave with a sign-in, for asking it again and for signing out there. These are its secrets, so they
//! are sealed.

use custos_model::{Secret, SignInId};
use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::credentials::time;
use crate::database::Store;
use crate::error::StoreError;
use crate::seal::Place;

/// A sign-in as its provider knows it.
#[derive(Clone)]
pub struct StoredProviderSession {
    /// Whose it is.
    pub sign_in: SignInId,
    /// The provider's name in the configuration.
    pub provider: String,
    /// The identity token, by which the provider knows whose session ends.
    pub id_token: Secret,
    /// For new tokens; `None` where the provider gives none.
    pub refresh_token: Option<Secret>,
    /// The provider's name for the person.
    pub subject: String,
    /// The nonce of the sign-in.
    pub nonce: String,
    /// `auth_time` of the sign-in, seconds since 1970-01-01T00:00:00Z.
    pub authenticated_at: Option<u64>,
    /// When the provider is to be asked again, UTC nanoseconds; `None` where it cannot be.
    pub due_utc_ns: Option<u64>,
}

impl Store {
    /// Keeps it in place of what was known of the sign-in. Nothing is kept for one that was ended or is not there;
    /// tells whether it was.
    pub fn put_provider_session(
        &self,
        session: &StoredProviderSession,
        random: impl Fn(&mut [u8]),
    ) -> Result<bool, StoreError> {
        let id = session.sign_in.to_string();
        let clear = serde_json::to_vec(&Body::from(session))
            .map(Zeroizing::new)
            .map_err(|source| StoreError::Encode {
                what: format!("the provider's session of {id}"),
                source,
            })?;
        let sealed = self.sealer().seal(place(&id), &clear, random)?;
        self.connection()
            .execute(
                "INSERT OR REPLACE INTO provider_sessions (sign_in, provider, due_utc_ns, body)
                 SELECT id, ?2, ?3, ?4 FROM sign_ins WHERE id = ?1 AND revoked_utc_ns IS NULL",
                params![
                    id,
                    session.provider,
                    session.due_utc_ns.map(time).transpose()?,
                    sealed
                ],
            )
            .map(|changed| changed > 0)
            .map_err(StoreError::database("keep a provider's session"))
    }

    /// That of a sign-in.
    pub fn provider_session(
        &self,
        sign_in: SignInId,
    ) -> Result<Option<StoredProviderSession>, StoreError> {
        let row = self
            .reading()
            .query_row(
                "SELECT sign_in, provider, due_utc_ns, body FROM provider_sessions WHERE sign_in = ?1",
                [sign_in.to_string()],
                read_row,
            )
            .optional()
            .map_err(StoreError::database("look up a provider's session"))?;
        row.map(|row| self.open_provider_session(&row)).transpose()
    }

    /// Those of a provider that are due at a time and whose sign-in is not over, the longest due first; at most
    /// `at_most`.
    pub fn provider_sessions_due(
        &self,
        provider: &str,
        utc_ns: u64,
        at_most: usize,
    ) -> Result<Vec<StoredProviderSession>, StoreError> {
        let failed = || StoreError::database("look up what is to be checked");
        let rows: Vec<Row> = {
            let connection = self.reading();
            let mut statement = connection
                .prepare_cached(
                    "SELECT sign_in, provider_sessions.provider, due_utc_ns, provider_sessions.body
                     FROM provider_sessions JOIN sign_ins ON sign_ins.id = sign_in
                     WHERE provider_sessions.provider = ?3 AND due_utc_ns <= ?1 AND revoked_utc_ns IS NULL AND expires_utc_ns > ?1
                     ORDER BY due_utc_ns LIMIT ?2",
                )
                .map_err(failed())?;
            let limit = i64::try_from(at_most).unwrap_or(i64::MAX);
            let rows = statement
                .query_map(params![time(utc_ns)?, limit, provider], read_row)
                .map_err(failed())?;
            rows.collect::<rusqlite::Result<_>>().map_err(failed())?
        };
        rows.iter()
            .map(|row| self.open_provider_session(row))
            .collect()
    }

    fn open_provider_session(&self, row: &Row) -> Result<StoredProviderSession, StoreError> {
        let damaged = || StoreError::Damaged {
            what: format!("the provider's session of {}", row.sign_in),
        };
        let clear = self.sealer().open(place(&row.sign_in), &row.body)?;
        let body: Body = serde_json::from_slice(&clear).map_err(|_| damaged())?;
        // The columns only serve the look-up; the sealed content counts.
        if body.provider != row.provider {
            return Err(damaged());
        }
        Ok(StoredProviderSession {
            sign_in: row.sign_in.parse().map_err(|_| damaged())?,
            provider: body.provider,
            id_token: Secret::new(body.id_token),
            refresh_token: body.refresh_token.map(Secret::new),
            subject: body.subject,
            nonce: body.nonce,
            authenticated_at: body.authenticated_at,
            due_utc_ns: row
                .due_utc_ns
                .map(u64::try_from)
                .transpose()
                .map_err(|_| damaged())?,
        })
    }
}

/// The sealed content: all but whose it is and when it is due.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    provider: String,
    id_token: String,
    refresh_token: Option<String>,
    subject: String,
    nonce: String,
    authenticated_at: Option<u64>,
}

impl From<&StoredProviderSession> for Body {
    fn from(session: &StoredProviderSession) -> Self {
        let refresh_token = session.refresh_token.as_ref();
        Self {
            provider: session.provider.clone(),
            id_token: session.id_token.expose().to_owned(),
            refresh_token: refresh_token.map(|token| token.expose().to_owned()),
            subject: session.subject.clone(),
            nonce: session.nonce.clone(),
            authenticated_at: session.authenticated_at,
        }
    }
}

struct Row {
    sign_in: String,
    provider: String,
    due_utc_ns: Option<i64>,
    body: Vec<u8>,
}

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        sign_in: row.get(0)?,
        provider: row.get(1)?,
        due_utc_ns: row.get(2)?,
        body: row.get(3)?,
    })
}

fn place(sign_in: &str) -> Place<'_> {
    Place {
        table: "provider_sessions",
        row: sign_in,
        column: "body",
        bound: b"",
    }
}

impl std::fmt::Debug for StoredProviderSession {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("StoredProviderSession")
            .field("sign_in", &self.sign_in)
            .field("provider", &self.provider)
            .field("due_utc_ns", &self.due_utc_ns)
            .finish_non_exhaustive()
    }
}
