//! A directory in memory that checks each change against what it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use custos_scim::{
    Change, Committed, Directory, Filter, Group, GroupTerm, Listing, Page, User, UserTerm,
};

/// Users and groups by their ids, which is the order of lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) members: BTreeMap<String, BTreeSet<String>>,
    /// The next commit says that another resource was faster.
    pub(crate) conflict: bool,
}

impl Directory for Memory {
    type Error = Infallible;

    fn user(&self, id: &str) -> Result<Option<User>, Infallible> {
        Ok(self.users.get(id).cloned())
    }

    fn users(
        &self,
        filter: Option<&Filter<UserTerm>>,
        page: Page,
    ) -> Result<Listing<User>, Infallible> {
        let fits = |user: &&User| filter.is_none_or(|f| f.matches(&|term| term.holds(user)));
        Ok(listing(self.users.values().filter(fits), page))
    }

    fn group(&self, id: &str) -> Result<Option<Group>, Infallible> {
        Ok(self.groups.get(id).cloned())
    }

    fn groups(
        &self,
        filter: Option<&Filter<GroupTerm>>,
        page: Page,
    ) -> Result<Listing<Group>, Infallible> {
        let fits = |group: &&Group| {
            let has = |id: &str| self.members[&group.id].contains(id);
            filter.is_none_or(|f| f.matches(&|term| term.holds(group, has)))
        };
        Ok(listing(self.groups.values().filter(fits), page))
    }

    fn members(&self, group_id: &str) -> Result<Vec<String>, Infallible> {
        Ok(self.members[group_id].iter().cloned().collect())
    }

    fn commit(&mut self, changes: &[Change]) -> Result<Committed, Infallible> {
        assert!(!changes.is_empty());
        if std::mem::take(&mut self.conflict) {
            return Ok(Committed::Conflict);
        }
        for change in changes {
            self.apply(change);
        }
        self.check();
        Ok(Committed::Done)
    }
}

impl Memory {
    fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::UserCreated(user) => {
                assert_eq!(self.users.insert(user.id.clone(), user), None);
            }
            Change::UserUpdated { before, after } => {
                assert_ne!(before, after);
                assert_eq!(self.users.insert(after.id.clone(), *after), Some(*before));
            }
            Change::UserActivated { user_id } => assert!(self.users[&user_id].active),
            Change::UserDeactivated { user_id } => {
                assert!(!self.users[&user_id].active);
                assert_eq!(change.ends_access_of(), Some(user_id.as_str()));
            }
            Change::UserDeleted(user) => {
                assert_eq!(change.ends_access_of(), Some(user.id.as_str()));
                assert_eq!(self.users.remove(&user.id), Some(user));
            }
            Change::GroupCreated(group) => {
                self.members.insert(group.id.clone(), BTreeSet::new());
                assert_eq!(self.groups.insert(group.id.clone(), group), None);
            }
            Change::GroupUpdated { before, after } => {
                assert_eq!(self.groups.insert(after.id.clone(), after), Some(before));
            }
            Change::GroupDeleted(group) => {
                assert_eq!(self.members.remove(&group.id), Some(BTreeSet::new()));
                assert_eq!(self.groups.remove(&group.id), Some(group));
            }
            Change::MemberAdded { group_id, user_id } => {
                assert!(self.members.get_mut(&group_id).unwrap().insert(user_id));
            }
            Change::MemberRemoved { group_id, user_id } => {
                assert!(self.members.get_mut(&group_id).unwrap().remove(&user_id));
            }
        }
    }

    /// What holds after every commit.
    pub(crate) fn check(&self) {
        unique(
            self.users
                .values()
                .map(|user| custos_scim::folded(&user.user_name)),
        );
        unique(
            self.users
                .values()
                .filter_map(|user| user.external_id.clone()),
        );
        unique(
            self.groups
                .values()
                .map(|group| custos_scim::folded(&group.display_name)),
        );
        unique(
            self.groups
                .values()
                .filter_map(|group| group.external_id.clone()),
        );
        let mut members = self.members.values().flatten();
        assert!(members.all(|id| self.users.contains_key(id)));
        for user in self.users.values() {
            assert!(!user.user_name.is_empty());
            assert!(user.emails.iter().all(|email| !email.value.is_empty()));
            assert!(user.emails.iter().filter(|email| email.primary).count() <= 1);
        }
    }
}

fn unique(texts: impl Iterator<Item = String>) {
    let mut seen = BTreeSet::new();
    for text in texts {
        assert!(!text.is_empty() && seen.insert(text));
    }
}

fn listing<'a, T: Clone + 'a>(found: impl Iterator<Item = &'a T>, page: Page) -> Listing<T> {
    let found: Vec<&T> = found.collect();
    let resources = found
        .iter()
        .skip(usize::try_from(page.offset).unwrap_or(usize::MAX));
    Listing {
        total: found.len() as u64,
        resources: resources
            .take(page.limit as usize)
            .map(|&found| found.clone())
            .collect(),
    }
}
