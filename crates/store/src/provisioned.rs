//! The people and groups that a provisioning source (SCIM) says there are, one directory for each provider.
//!
//! Membership lets somebody in, so every row is sealed to its place: a user, a group and each membership. The clear columns
//! only serve the look-up; the sealed content counts.

mod condition;
mod people;
mod rows;

use std::fmt;

use custos_scim::{
    Change, Committed, Directory, Filter, Group, GroupTerm, Listing, Page, User, UserTerm,
};
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, TransactionBehavior, params, params_from_iter};

use crate::database::Store;
use crate::error::StoreError;
use crate::seal::Sealer;
use condition::Condition;

pub use people::{PersonKey, ProvisionedPerson};

/// Users of one provider at most.
pub const PROVISIONED_USERS_MAX: u64 = 100_000;
/// Groups of one provider at most.
pub const PROVISIONED_GROUPS_MAX: u64 = 10_000;

/// The users and groups of one provider, inside one transaction.
pub struct ProvisionedDirectory<'a> {
    connection: &'a Connection,
    sealer: &'a Sealer,
    random: &'a dyn Fn(&mut [u8]),
    provider: &'a str,
    users_max: u64,
    groups_max: u64,
    committed: Option<Committed>,
}

impl Store {
    /// Runs `work` on a provider's directory. What it commits there is stored, in one transaction, when it returns `Ok`;
    /// with an error nothing is. Everybody else waits for it, so it is one request's work and no more.
    ///
    /// `random` fills a buffer with random bytes of cryptographic quality.
    pub fn with_provisioned<T, E: From<StoreError>>(
        &self,
        provider: &str,
        random: &dyn Fn(&mut [u8]),
        work: impl FnOnce(&mut ProvisionedDirectory<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let limits = (PROVISIONED_USERS_MAX, PROVISIONED_GROUPS_MAX);
        self.with_provisioned_up_to(limits, provider, random, work)
    }

    fn with_provisioned_up_to<T, E: From<StoreError>>(
        &self,
        (users_max, groups_max): (u64, u64),
        provider: &str,
        random: &dyn Fn(&mut [u8]),
        work: impl FnOnce(&mut ProvisionedDirectory<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::database("begin a change of provisioned people"))?;
        let mut directory = ProvisionedDirectory {
            connection: &transaction,
            sealer: self.sealer(),
            random,
            provider,
            users_max,
            groups_max,
            committed: None,
        };
        let done = work(&mut directory)?;
        if directory.committed == Some(Committed::Done) {
            transaction
                .commit()
                .map_err(StoreError::database("store a change of provisioned people"))?;
        }
        Ok(done)
    }
}

impl Directory for ProvisionedDirectory<'_> {
    type Error = StoreError;

    fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        let found = self.find_users("id = ?2", &[Value::from(id.to_owned())], 1, 0)?;
        Ok(found.into_iter().next())
    }

    fn users(
        &self,
        filter: Option<&Filter<UserTerm>>,
        page: Page,
    ) -> Result<Listing<User>, StoreError> {
        let condition = Condition::of_users(filter);
        Ok(Listing {
            total: self.count("provisioned_users", &condition)?,
            resources: self.find_users(
                &condition.sql,
                &condition.values,
                page.limit,
                page.offset,
            )?,
        })
    }

    fn group(&self, id: &str) -> Result<Option<Group>, StoreError> {
        let found = self.find_groups("id = ?2", &[Value::from(id.to_owned())], 1, 0)?;
        Ok(found.into_iter().next())
    }

    fn groups(
        &self,
        filter: Option<&Filter<GroupTerm>>,
        page: Page,
    ) -> Result<Listing<Group>, StoreError> {
        let condition = Condition::of_groups(filter);
        Ok(Listing {
            total: self.count("provisioned_groups", &condition)?,
            resources: self.find_groups(
                &condition.sql,
                &condition.values,
                page.limit,
                page.offset,
            )?,
        })
    }

    fn members(&self, group_id: &str) -> Result<Vec<String>, StoreError> {
        let failed = || StoreError::database("read the members of a provisioned group");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT user_id, seal FROM provisioned_members WHERE provider = ?1 AND group_id = ?2",
            )
            .map_err(failed())?;
        let rows = statement
            .query_map([self.provider, group_id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(failed())?;
        let mut members = Vec::new();
        for row in rows {
            let (user_id, seal): (String, Vec<u8>) = row.map_err(failed())?;
            rows::check_member(self.sealer, self.provider, group_id, &user_id, &seal)?;
            members.push(user_id);
        }
        Ok(members)
    }

    /// Durable only when [`Store::with_provisioned`] returns.
    fn commit(&mut self, changes: &[Change]) -> Result<Committed, StoreError> {
        let committed = self.apply_all(changes)?;
        self.committed = Some(committed);
        Ok(committed)
    }
}

impl ProvisionedDirectory<'_> {
    fn apply_all(&self, changes: &[Change]) -> Result<Committed, StoreError> {
        for change in changes {
            if self.is_full_for(change)? {
                return Ok(Committed::Full);
            }
            match self.apply(change) {
                Ok(()) => {}
                Err(StoreError::Database { source, .. }) if is_conflict(&source) => {
                    return Ok(Committed::Conflict);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Committed::Done)
    }

    fn is_full_for(&self, change: &Change) -> Result<bool, StoreError> {
        let (table, most) = match change {
            Change::UserCreated(_) => ("provisioned_users", self.users_max),
            Change::GroupCreated(_) => ("provisioned_groups", self.groups_max),
            _ => return Ok(false),
        };
        Ok(self.count(table, &Condition::all())? >= most)
    }

    fn apply(&self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::UserCreated(user) => self.put_user(
                user,
                "INSERT INTO provisioned_users (external_id, user_name_folded, active, body, provider, id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            ),
            Change::UserUpdated { after, .. } => self.put_user(
                after,
                "UPDATE provisioned_users SET external_id = ?1, user_name_folded = ?2, active = ?3, body = ?4
                 WHERE provider = ?5 AND id = ?6",
            ),
            // The update before it has stored that.
            Change::UserActivated { .. } | Change::UserDeactivated { .. } => Ok(()),
            Change::UserDeleted(user) => self.delete("provisioned_users", &user.id),
            Change::GroupCreated(group) => self.put_group(
                group,
                "INSERT INTO provisioned_groups (external_id, display_name_folded, body, provider, id)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            ),
            Change::GroupUpdated { after, .. } => self.put_group(
                after,
                "UPDATE provisioned_groups SET external_id = ?1, display_name_folded = ?2, body = ?3
                 WHERE provider = ?4 AND id = ?5",
            ),
            Change::GroupDeleted(group) => self.delete("provisioned_groups", &group.id),
            Change::MemberAdded { group_id, user_id } => self.add_member(group_id, user_id),
            Change::MemberRemoved { group_id, user_id } => self.changed_one(
                "DELETE FROM provisioned_members WHERE provider = ?1 AND group_id = ?2 AND user_id = ?3",
                params![self.provider, group_id, user_id],
            ),
        }
    }

    fn put_user(&self, user: &User, sql: &str) -> Result<(), StoreError> {
        let body = rows::seal_user(self.sealer, self.provider, user, self.random)?;
        let folded = custos_scim::folded(&user.user_name);
        self.changed_one(
            sql,
            params![
                user.external_id,
                folded,
                user.active,
                body,
                self.provider,
                user.id
            ],
        )
    }

    fn put_group(&self, group: &Group, sql: &str) -> Result<(), StoreError> {
        let body = rows::seal_group(self.sealer, self.provider, group, self.random)?;
        let folded = custos_scim::folded(&group.display_name);
        self.changed_one(
            sql,
            params![group.external_id, folded, body, self.provider, group.id],
        )
    }

    fn add_member(&self, group_id: &str, user_id: &str) -> Result<(), StoreError> {
        let seal = rows::seal_member(self.sealer, self.provider, group_id, user_id, self.random)?;
        self.changed_one(
            "INSERT INTO provisioned_members (provider, group_id, user_id, seal) VALUES (?1, ?2, ?3, ?4)",
            params![self.provider, group_id, user_id, seal],
        )
    }

    fn delete(&self, table: &str, id: &str) -> Result<(), StoreError> {
        self.changed_one(
            &format!("DELETE FROM {table} WHERE provider = ?1 AND id = ?2"),
            params![self.provider, id],
        )
    }

    /// What was read is what is changed: a row that is not there was taken away by other means.
    fn changed_one(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(sql)
            .map_err(StoreError::database("change provisioned people"))?;
        let changed = statement
            .execute(parameters)
            .map_err(StoreError::database("change provisioned people"))?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::Damaged {
                what: format!("the directory of {}", self.provider),
            })
        }
    }

    fn count(&self, table: &str, condition: &Condition) -> Result<u64, StoreError> {
        let failed = || StoreError::database("count provisioned people");
        let sql = format!(
            "SELECT count(*) FROM {table} WHERE provider = ?1 AND ({})",
            condition.sql
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(failed())?;
        let total: i64 = statement
            .query_row(
                params_from_iter(self.with_provider(&condition.values)),
                |row| row.get(0),
            )
            .map_err(failed())?;
        Ok(u64::try_from(total).unwrap_or_default())
    }

    fn find_users(
        &self,
        condition: &str,
        values: &[Value],
        limit: u32,
        offset: u64,
    ) -> Result<Vec<User>, StoreError> {
        let columns = "id, external_id, user_name_folded, body, active";
        let rows = self.rows(
            "provisioned_users",
            columns,
            condition,
            values,
            limit,
            offset,
        )?;
        rows.iter()
            .map(|row| rows::open_user(self.sealer, self.provider, row))
            .collect()
    }

    fn find_groups(
        &self,
        condition: &str,
        values: &[Value],
        limit: u32,
        offset: u64,
    ) -> Result<Vec<Group>, StoreError> {
        let columns = "id, external_id, display_name_folded, body, true";
        let rows = self.rows(
            "provisioned_groups",
            columns,
            condition,
            values,
            limit,
            offset,
        )?;
        rows.iter()
            .map(|row| rows::open_group(self.sealer, self.provider, row))
            .collect()
    }

    fn rows(
        &self,
        table: &str,
        columns: &str,
        condition: &str,
        values: &[Value],
        limit: u32,
        offset: u64,
    ) -> Result<Vec<rows::Row>, StoreError> {
        let failed = || StoreError::database("read provisioned people");
        let mut values = self.with_provider(values);
        let sql = format!(
            "SELECT {columns} FROM {table} WHERE provider = ?1 AND ({condition})
             ORDER BY id LIMIT ?{} OFFSET ?{}",
            values.len() + 1,
            values.len() + 2
        );
        values.push(Value::from(i64::from(limit)));
        values.push(Value::from(i64::try_from(offset).unwrap_or(i64::MAX)));
        let mut statement = self.connection.prepare_cached(&sql).map_err(failed())?;
        let found = statement
            .query_map(params_from_iter(values), rows::Row::read)
            .map_err(failed())?;
        found.collect::<rusqlite::Result<_>>().map_err(failed())
    }

    fn with_provider(&self, values: &[Value]) -> Vec<Value> {
        let provider = Value::from(self.provider.to_owned());
        std::iter::once(provider)
            .chain(values.iter().cloned())
            .collect()
    }
}

impl fmt::Debug for ProvisionedDirectory<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ProvisionedDirectory")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// Another resource has the id, key or name, or a member is none of the directory's.
fn is_conflict(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

#[cfg(test)]
mod tests;
