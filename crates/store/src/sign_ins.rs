//! Sign-ins: who is present at the gateway, and until when.

use custos_model::{Authentication, Principal, SignInId};
use rusqlite::params;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::credentials::time;
use crate::database::Store;
use crate::error::StoreError;
use crate::seal::Place;

/// As many sign-ins may hang on one another; more are not looked at.
const CHAIN_MAX: usize = 16;

/// One sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSignIn {
    /// Its public name.
    pub id: SignInId,
    /// Who signed in.
    pub principal: Principal,
    /// How.
    pub authentication: Authentication,
    /// The provider's own name for its session (OpenID Connect `sid`, SAML `SessionIndex`), for logout.
    pub provider_session: Option<String>,
    /// Sign-ins that it hangs on: it lives only as long as each of them.
    pub parents: Vec<SignInId>,
    /// Since when, UTC nanoseconds.
    pub issued_utc_ns: u64,
    /// Until when, UTC nanoseconds, that moment excluded.
    pub expires_utc_ns: u64,
    /// When it was ended before its time, if it was.
    pub revoked_utc_ns: Option<u64>,
}

/// Which sign-ins are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInsOf<'a> {
    /// One.
    Id(SignInId),
    /// All of a principal.
    Principal {
        /// Its issuer.
        issuer: &'a str,
        /// The issuer's name for it.
        subject: &'a str,
    },
    /// Those of one session at a provider.
    ProviderSession {
        /// The provider's name in the configuration.
        provider: &'a str,
        /// The provider's name for the session.
        session: &'a str,
    },
}

impl StoredSignIn {
    /// Whether it is good at a time, as far as it is its own to say: see [`Store::live_sign_in`].
    pub fn is_live(&self, utc_ns: u64) -> bool {
        self.revoked_utc_ns.is_none() && utc_ns < self.expires_utc_ns
    }

    /// Gives whoever of its chain this is the groups that she has now.
    fn take_groups(&mut self, now: &Principal) {
        let same = |it: &Principal| (&it.issuer, &it.subject) == (&now.issuer, &now.subject);
        let principal = &mut self.principal;
        if same(principal) {
            principal.groups.clone_from(&now.groups);
        }
        for other in principal.on_behalf_of.iter_mut().filter(|it| same(it)) {
            other.groups.clone_from(&now.groups);
        }
    }
}

impl Store {
    /// Adds a sign-in. Its content is sealed, so that nobody can write one without the master key.
    pub fn add_sign_in(
        &self,
        sign_in: &StoredSignIn,
        random: impl Fn(&mut [u8]),
    ) -> Result<(), StoreError> {
        let id = sign_in.id.to_string();
        let sealed = self.seal_sign_in(sign_in, random)?;
        self.connection()
            .execute(
                "INSERT INTO sign_ins (id, issuer, subject, provider, provider_session, expires_utc_ns, revoked_utc_ns, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    id,
                    sign_in.principal.issuer,
                    sign_in.principal.subject,
                    sign_in.authentication.provider,
                    sign_in.provider_session,
                    time(sign_in.expires_utc_ns)?,
                    sign_in.revoked_utc_ns.map(time).transpose()?,
                    sealed
                ],
            )
            .map_err(StoreError::database("add a sign-in"))?;
        Ok(())
    }

    /// The sign-ins that are meant, the oldest first, ended ones among them until they are deleted.
    pub fn sign_ins(&self, of: SignInsOf<'_>) -> Result<Vec<StoredSignIn>, StoreError> {
        let rows = match of {
            SignInsOf::Id(id) => self.sign_in_rows("id = ?1", params![id.to_string()]),
            SignInsOf::Principal { issuer, subject } => {
                self.sign_in_rows("issuer = ?1 AND subject = ?2", params![issuer, subject])
            }
            SignInsOf::ProviderSession { provider, session } => self.sign_in_rows(
                "provider = ?1 AND provider_session = ?2",
                params![provider, session],
            ),
        };
        let rows = rows.map_err(StoreError::database("look up sign-ins"))?;
        rows.iter().map(|row| self.open_sign_in(row)).collect()
    }

    /// A sign-in that is good at a time, and with it all that it hangs on. Whoever acts for others is in the groups, and they
    /// are, that the sign-ins have now on which it hangs.
    pub fn live_sign_in(
        &self,
        id: SignInId,
        utc_ns: u64,
    ) -> Result<Option<StoredSignIn>, StoreError> {
        let mut found: Option<StoredSignIn> = None;
        let mut waiting = vec![id];
        for _ in 0..CHAIN_MAX {
            let Some(next) = waiting.pop() else {
                return Ok(found);
            };
            let kept = self.sign_ins(SignInsOf::Id(next))?.into_iter().next();
            let Some(live) = kept.filter(|sign_in| sign_in.is_live(utc_ns)) else {
                return Ok(None);
            };
            waiting.extend_from_slice(&live.parents);
            match &mut found {
                Some(found) => found.take_groups(&live.principal),
                None => found = Some(live),
            }
        }
        Ok(None)
    }

    /// All sign-ins that are kept, the oldest first.
    pub fn all_sign_ins(&self) -> Result<Vec<StoredSignIn>, StoreError> {
        let rows = self
            .sign_in_rows("true", params![])
            .map_err(StoreError::database("list the sign-ins"))?;
        rows.iter().map(|row| self.open_sign_in(row)).collect()
    }

    /// Ends a sign-in and, with it, its connection credentials; tells whether it was there and not ended yet.
    pub fn revoke_sign_in(&self, id: SignInId, utc_ns: u64) -> Result<bool, StoreError> {
        let failed = || StoreError::database("end a sign-in");
        let mut connection = self.connection();
        let transaction = connection.transaction().map_err(failed())?;
        let (id, utc_ns) = (id.to_string(), time(utc_ns)?);
        let changed = transaction
            .execute(
                "UPDATE sign_ins SET revoked_utc_ns = ?2 WHERE id = ?1 AND revoked_utc_ns IS NULL",
                params![id, utc_ns],
            )
            .map_err(failed())?;
        transaction
            .execute(
                "UPDATE credentials SET revoked_utc_ns = ?2 WHERE sign_in = ?1 AND revoked_utc_ns IS NULL",
                params![id, utc_ns],
            )
            .map_err(failed())?;
        transaction
            .execute("DELETE FROM provider_sessions WHERE sign_in = ?1", [&id])
            .map_err(failed())?;
        transaction.commit().map_err(failed())?;
        Ok(changed > 0)
    }

    /// Gives a sign-in that was not ended another content: other groups. Tells whether there was one.
    pub fn change_sign_in(
        &self,
        sign_in: &StoredSignIn,
        random: impl Fn(&mut [u8]),
    ) -> Result<bool, StoreError> {
        let id = sign_in.id.to_string();
        let sealed = self.seal_sign_in(sign_in, random)?;
        self.connection()
            .execute(
                "UPDATE sign_ins SET body = ?4
                 WHERE id = ?1 AND issuer = ?2 AND subject = ?3 AND revoked_utc_ns IS NULL",
                params![
                    id,
                    sign_in.principal.issuer,
                    sign_in.principal.subject,
                    sealed
                ],
            )
            .map(|changed| changed > 0)
            .map_err(StoreError::database("change a sign-in"))
    }

    /// Deletes the sign-ins that expired before a time, ended or not; tells how many.
    pub fn delete_expired_sign_ins(&self, before_utc_ns: u64) -> Result<usize, StoreError> {
        self.connection()
            .execute(
                "DELETE FROM sign_ins WHERE expires_utc_ns < ?1",
                [time(before_utc_ns)?],
            )
            .map_err(StoreError::database("delete expired sign-ins"))
    }

    fn seal_sign_in(
        &self,
        sign_in: &StoredSignIn,
        random: impl Fn(&mut [u8]),
    ) -> Result<Vec<u8>, StoreError> {
        let id = sign_in.id.to_string();
        let clear = serde_json::to_vec(&Body::from(sign_in))
            .map(Zeroizing::new)
            .map_err(|source| StoreError::Encode {
                what: format!("sign-in {id}"),
                source,
            })?;
        self.sealer().seal(body_place(&id), &clear, random)
    }

    fn sign_in_rows(
        &self,
        condition: &str,
        parameters: impl rusqlite::Params,
    ) -> rusqlite::Result<Vec<Row>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&format!(
            "SELECT id, issuer, subject, revoked_utc_ns, body FROM sign_ins WHERE {condition} ORDER BY id"
        ))?;
        statement.query_map(parameters, read_row)?.collect()
    }

    fn open_sign_in(&self, row: &Row) -> Result<StoredSignIn, StoreError> {
        let damaged = || StoreError::Damaged {
            what: format!("sign-in {}", row.id),
        };
        let clear = self.sealer().open(body_place(&row.id), &row.body)?;
        let body: Body = serde_json::from_slice(&clear).map_err(|_| damaged())?;
        // The columns only serve the look-up; the sealed content counts.
        if (&body.principal.issuer, &body.principal.subject) != (&row.issuer, &row.subject) {
            return Err(damaged());
        }
        Ok(StoredSignIn {
            id: row.id.parse().map_err(|_| damaged())?,
            principal: body.principal,
            authentication: body.authentication,
            provider_session: body.provider_session,
            parents: body.parents,
            issued_utc_ns: body.issued_utc_ns,
            expires_utc_ns: body.expires_utc_ns,
            revoked_utc_ns: row
                .revoked_utc_ns
                .map(u64::try_from)
                .transpose()
                .map_err(|_| damaged())?,
        })
    }
}

/// The sealed content: all but its id and whether it was ended.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    principal: Principal,
    authentication: Authentication,
    provider_session: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parents: Vec<SignInId>,
    issued_utc_ns: u64,
    expires_utc_ns: u64,
}

impl From<&StoredSignIn> for Body {
    fn from(sign_in: &StoredSignIn) -> Self {
        Self {
            principal: sign_in.principal.clone(),
            authentication: sign_in.authentication.clone(),
            provider_session: sign_in.provider_session.clone(),
            parents: sign_in.parents.clone(),
            issued_utc_ns: sign_in.issued_utc_ns,
            expires_utc_ns: sign_in.expires_utc_ns,
        }
    }
}

struct Row {
    id: String,
    issuer: String,
    subject: String,
    revoked_utc_ns: Option<i64>,
    body: Vec<u8>,
}

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        issuer: row.get(1)?,
        subject: row.get(2)?,
        revoked_utc_ns: row.get(3)?,
        body: row.get(4)?,
    })
}

fn body_place(id: &str) -> Place<'_> {
    Place {
        table: "sign_ins",
        row: id,
        column: "body",
        bound: b"",
    }
}
