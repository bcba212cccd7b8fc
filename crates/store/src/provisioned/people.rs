//! What a directory means for signing in: who may, with which groups, and whose sign-ins are whose.

use std::collections::BTreeSet;

use custos_model::SignInId;
use custos_scim::folded;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{ProvisionedDirectory, rows};
use crate::credentials::time;
use crate::database::Store;
use crate::error::StoreError;

/// What a person is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKey<'a> {
    /// `externalId`, exactly.
    ExternalId(&'a str),
    /// `userName`, exactly: its case counts, though no two differ in case alone.
    UserName(&'a str),
}

/// Somebody whom a directory knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionedPerson {
    /// The directory's id.
    pub user_id: String,
    /// Whether she may do anything.
    pub active: bool,
    /// Display names of her groups, sorted.
    pub groups: Vec<String>,
}

impl Store {
    /// Who somebody is in a provider's directory.
    pub fn provisioned_person(
        &self,
        provider: &str,
        key: PersonKey<'_>,
    ) -> Result<Option<ProvisionedPerson>, StoreError> {
        let connection = self.connection();
        let no_random = |_: &mut [u8]| {};
        let directory = ProvisionedDirectory {
            connection: &connection,
            sealer: self.sealer(),
            // Nothing is written.
            random: &no_random,
            provider,
            users_max: 0,
            groups_max: 0,
            committed: None,
        };
        directory.person(key)
    }

    /// Says whose sign-in it is: what happens to the user happens to it.
    pub fn link_provisioned_sign_in(
        &self,
        sign_in: SignInId,
        provider: &str,
        user_id: &str,
    ) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "INSERT INTO provisioned_sign_ins (sign_in, provider, user_id) VALUES (?1, ?2, ?3)",
                params![sign_in.to_string(), provider, user_id],
            )
            .map_err(StoreError::database("say whose sign-in it is"))?;
        Ok(())
    }

    /// The user whose sign-in it is; `None` where nobody said so.
    pub fn provisioned_user_of(
        &self,
        provider: &str,
        sign_in: SignInId,
    ) -> Result<Option<String>, StoreError> {
        self.reading()
            .query_row(
                "SELECT user_id FROM provisioned_sign_ins WHERE sign_in = ?1 AND provider = ?2",
                params![sign_in.to_string(), provider],
                |row| row.get(0),
            )
            .optional()
            .map_err(StoreError::database("look up whose sign-in it is"))
    }

    /// The sign-ins of these users that are good at a time.
    pub fn provisioned_sign_ins(
        &self,
        provider: &str,
        user_ids: &BTreeSet<String>,
        utc_ns: u64,
    ) -> Result<Vec<SignInId>, StoreError> {
        let utc_ns = time(utc_ns)?;
        let connection = self.connection();
        let mut found = Vec::new();
        for user_id in user_ids {
            let ids = sign_ins_of(&connection, provider, user_id, utc_ns)
                .map_err(StoreError::database("look up the sign-ins of a user"))?;
            for id in ids {
                let id = id.parse().map_err(|_| StoreError::Damaged {
                    what: format!("sign-in {id}"),
                })?;
                found.push(id);
            }
        }
        Ok(found)
    }
}

fn sign_ins_of(
    connection: &Connection,
    provider: &str,
    user_id: &str,
    utc_ns: i64,
) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached(
            "SELECT id FROM provisioned_sign_ins AS of_user JOIN sign_ins ON id = sign_in
             WHERE of_user.provider = ?1 AND user_id = ?2 AND revoked_utc_ns IS NULL AND expires_utc_ns > ?3",
        )?
        .query_map(params![provider, user_id, utc_ns], |row| row.get(0))?
        .collect()
}

impl ProvisionedDirectory<'_> {
    fn person(&self, key: PersonKey<'_>) -> Result<Option<ProvisionedPerson>, StoreError> {
        let (condition, value) = match key {
            PersonKey::ExternalId(id) => ("external_id = ?2", id.to_owned()),
            PersonKey::UserName(name) => ("user_name_folded = ?2", folded(name)),
        };
        let found = self.find_users(condition, &[Value::from(value)], 1, 0)?;
        let Some(user) = found.into_iter().next() else {
            return Ok(None);
        };
        if matches!(key, PersonKey::UserName(name) if name != user.user_name) {
            return Ok(None);
        }
        Ok(Some(ProvisionedPerson {
            groups: self.group_names_of(&user.id)?,
            user_id: user.id,
            active: user.active,
        }))
    }

    fn group_names_of(&self, user_id: &str) -> Result<Vec<String>, StoreError> {
        let failed = || StoreError::database("read the groups of a provisioned user");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT id, external_id, display_name_folded, body, true, seal
                 FROM provisioned_members AS member
                 JOIN provisioned_groups AS own ON own.provider = member.provider AND own.id = group_id
                 WHERE member.provider = ?1 AND user_id = ?2",
            )
            .map_err(failed())?;
        let found = statement
            .query_map([self.provider, user_id], |row| {
                Ok((rows::Row::read(row)?, row.get::<_, Vec<u8>>(5)?))
            })
            .map_err(failed())?;
        let mut names = BTreeSet::new();
        for row in found {
            let (row, seal) = row.map_err(failed())?;
            let group = rows::open_group(self.sealer, self.provider, &row)?;
            rows::check_member(self.sealer, self.provider, &group.id, user_id, &seal)?;
            names.insert(group.display_name);
        }
        Ok(names.into_iter().collect())
    }
}
