//! What the caller stores.

use crate::{Change, Filter, Group, GroupTerm, User, UserTerm};

/// The users and groups of one provisioning source.
///
/// One request reads several times and commits once. The caller lets nobody else write between (a write transaction
/// around [`crate::ServiceProvider::handle`], for example): what was read is what is changed.
pub trait Directory {
    /// Why it cannot be read or written. Goes back to the caller of `handle` as it is.
    type Error;

    /// The user with this id.
    fn user(&self, id: &str) -> Result<Option<User>, Self::Error>;

    /// Users that fit the filter, all without one, in an order that stays the same between requests.
    fn users(
        &self,
        filter: Option<&Filter<UserTerm>>,
        page: Page,
    ) -> Result<Listing<User>, Self::Error>;

    /// The group with this id.
    fn group(&self, id: &str) -> Result<Option<Group>, Self::Error>;

    /// Groups that fit the filter, all without one, in an order that stays the same between requests.
    fn groups(
        &self,
        filter: Option<&Filter<GroupTerm>>,
        page: Page,
    ) -> Result<Listing<Group>, Self::Error>;

    /// Ids of the users in a group, in any order.
    fn members(&self, group_id: &str) -> Result<Vec<String>, Self::Error>;

    /// Makes all the changes, in their order, or none, durably. They are never empty.
    fn commit(&mut self, changes: &[Change]) -> Result<Committed, Self::Error>;
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Everything is stored.
    Done,
    /// Nothing is: another resource has the id, `externalId`, folded `userName` or folded `displayName`. `handle` has
    /// looked for this before; a unique index says it again.
    Conflict,
    /// Nothing is: there are as many users or groups as the caller takes.
    Full,
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many to pass over.
    pub offset: u64,
    /// How many to return at most, up to [`crate::MAX_PAGE`]. Zero asks for the total alone.
    pub limit: u32,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// How many there are on all pages.
    pub total: u64,
    /// Those of the page.
    pub resources: Vec<T>,
}
