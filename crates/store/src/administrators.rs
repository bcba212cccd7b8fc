//! Administrators, and the one-time token that makes the first.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use rusqlite::{OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use crate::database::Store;
use crate::error::StoreError;
use crate::seal::Place;

/// Somebody who may administer the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Administrator {
    /// Who vouches for her.
    pub issuer: String,
    /// The issuer's name for her.
    pub subject: String,
    /// Her name when she became one, for people to read.
    pub name: String,
    /// Since when, UTC nanoseconds.
    pub since_utc_ns: u64,
}

/// How an administrator token was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It was right and is used up; whoever showed it is an administrator now.
    Granted,
    /// It is not the token that was offered last.
    Wrong,
    /// It was right, too late.
    Expired,
    /// None is offered: the last one was used, or there are administrators.
    NoneOffered,
}

/// The token as it is stored: its hash.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offer {
    hash: [u8; 32],
    expires_utc_ns: u64,
}

impl Store {
    /// Every administrator, by issuer and subject.
    pub fn administrators(&self) -> Result<Vec<Administrator>, StoreError> {
        let failed = || StoreError::database("list the administrators");
        let rows: Vec<(String, String, Vec<u8>)> = {
            let connection = self.connection();
            let mut statement = connection
                .prepare(
                    "SELECT issuer, subject, body FROM administrators ORDER BY issuer, subject",
                )
                .map_err(failed())?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
            rows.and_then(Iterator::collect).map_err(failed())?
        };
        rows.iter()
            .map(|(issuer, subject, body)| self.open_administrator(issuer, subject, body))
            .collect()
    }

    /// Whether that principal is an administrator.
    pub fn is_administrator(&self, issuer: &str, subject: &str) -> Result<bool, StoreError> {
        let body: Option<Vec<u8>> = self
            .connection()
            .query_row(
                "SELECT body FROM administrators WHERE issuer = ?1 AND subject = ?2",
                params![issuer, subject],
                |row| row.get(0),
            )
            .optional()
            .map_err(StoreError::database("look up an administrator"))?;
        match body {
            Some(body) => self
                .open_administrator(issuer, subject, &body)
                .map(|_| true),
            None => Ok(false),
        }
    }

    /// Takes an administrator away; tells whether there was that one.
    pub fn remove_administrator(&self, issuer: &str, subject: &str) -> Result<bool, StoreError> {
        self.connection()
            .execute(
                "DELETE FROM administrators WHERE issuer = ?1 AND subject = ?2",
                params![issuer, subject],
            )
            .map(|changed| changed > 0)
            .map_err(StoreError::database("remove an administrator"))
    }

    /// Offers a token, by its SHA-256, in place of an earlier one. `None` only takes the earlier one back.
    pub fn offer_administration(
        &self,
        token: Option<([u8; 32], u64)>,
        random: impl Fn(&mut [u8]),
    ) -> Result<(), StoreError> {
        let failed = || StoreError::database("offer an administrator token");
        let sealed = match token {
            Some((hash, expires_utc_ns)) => {
                let offer = Offer {
                    hash,
                    expires_utc_ns,
                };
                Some(self.sealed_json(OFFER, &offer, random)?)
            }
            None => None,
        };
        let mut connection = self.connection();
        let transaction = connection.transaction().map_err(failed())?;
        transaction
            .execute("DELETE FROM administrator_token", [])
            .map_err(failed())?;
        if let Some(sealed) = sealed {
            transaction
                .execute(
                    "INSERT INTO administrator_token (id, body) VALUES (1, ?1)",
                    [sealed],
                )
                .map_err(failed())?;
        }
        transaction.commit().map_err(failed())
    }

    /// Takes a token by its SHA-256: where it is right, it is used up and `who` becomes an administrator, in one
    /// transaction.
    pub fn claim_administration(
        &self,
        hash: &[u8; 32],
        who: &Administrator,
        now_utc_ns: u64,
        random: impl Fn(&mut [u8]),
    ) -> Result<Claim, StoreError> {
        let failed = || StoreError::database("take an administrator token");
        let place = administrator_place(&who.issuer, who.subject.as_bytes());
        let sealed = self.sealed_json(place, who, random)?;
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed())?;
        let found: Option<Vec<u8>> = transaction
            .query_row("SELECT body FROM administrator_token", [], |row| row.get(0))
            .optional()
            .map_err(failed())?;
        let Some(found) = found else {
            return Ok(Claim::NoneOffered);
        };
        let clear = self.sealer().open(OFFER, &found)?;
        let offer: Offer = serde_json::from_slice(&clear).map_err(|_| StoreError::Damaged {
            what: "the administrator token".to_owned(),
        })?;
        if verify_slices_are_equal(&offer.hash, hash).is_err() {
            return Ok(Claim::Wrong);
        }
        if now_utc_ns >= offer.expires_utc_ns {
            return Ok(Claim::Expired);
        }
        transaction
            .execute("DELETE FROM administrator_token", [])
            .map_err(failed())?;
        transaction
            .execute(
                "INSERT INTO administrators (issuer, subject, body) VALUES (?1, ?2, ?3)
                 ON CONFLICT (issuer, subject) DO UPDATE SET body = ?3",
                params![who.issuer, who.subject, sealed],
            )
            .map_err(failed())?;
        transaction.commit().map_err(failed())?;
        Ok(Claim::Granted)
    }

    fn sealed_json(
        &self,
        place: Place<'_>,
        value: &impl Serialize,
        random: impl Fn(&mut [u8]),
    ) -> Result<Vec<u8>, StoreError> {
        let clear = serde_json::to_vec(value).map_err(|source| StoreError::Encode {
            what: "an administrator".to_owned(),
            source,
        })?;
        self.sealer().seal(place, &clear, random)
    }

    /// The columns only serve the look-up; the sealed content counts.
    fn open_administrator(
        &self,
        issuer: &str,
        subject: &str,
        body: &[u8],
    ) -> Result<Administrator, StoreError> {
        let damaged = || StoreError::Damaged {
            what: format!("administrator {subject} of {issuer}"),
        };
        let place = administrator_place(issuer, subject.as_bytes());
        let clear = self.sealer().open(place, body)?;
        let found: Administrator = serde_json::from_slice(&clear).map_err(|_| damaged())?;
        if (found.issuer.as_str(), found.subject.as_str()) == (issuer, subject) {
            Ok(found)
        } else {
            Err(damaged())
        }
    }
}

const OFFER: Place<'_> = Place {
    table: "administrator_token",
    row: "1",
    column: "body",
    bound: b"",
};

fn administrator_place<'a>(issuer: &'a str, subject: &'a [u8]) -> Place<'a> {
    Place {
        table: "administrators",
        row: issuer,
        column: "body",
        bound: subject,
    }
}
