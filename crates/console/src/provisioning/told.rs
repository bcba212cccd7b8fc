//! Changes of a directory in the words of records: ids, keys and names for signing in, and nothing else of a person.

use std::collections::HashMap;

use custos_evidence::DetailValue;
use custos_scim::{Change, Directory, Group, User};

/// A text in a record is cut at 1 KiB, so a long list of members takes several.
const MEMBERS_BYTES: usize = 1000;

/// One record's detail.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    event: &'static str,
    texts: Vec<(&'static str, String)>,
    active: Option<bool>,
    count: Option<usize>,
}

impl Told {
    /// With what happened and where.
    pub(super) fn detail<'a>(&'a self, provider: &'a str) -> Vec<(&'static str, DetailValue<'a>)> {
        let mut detail = vec![
            ("event", DetailValue::Text(self.event)),
            ("provider", DetailValue::Text(provider)),
        ];
        let texts = self.texts.iter();
        detail.extend(texts.map(|(name, text)| (*name, DetailValue::Text(text))));
        detail.extend(self.active.map(|active| ("active", active.into())));
        detail.extend(self.count.map(|count| ("count", count.into())));
        detail
    }

    fn new(event: &'static str, texts: Vec<(&'static str, String)>) -> Self {
        Self {
            event,
            texts,
            active: None,
            count: None,
        }
    }

    fn also(mut self, name: &'static str, text: Option<&String>) -> Self {
        self.texts.extend(text.map(|text| (name, text.clone())));
        self
    }
}

/// The records of a request's changes. The directory is as it is after them.
pub(super) fn told<D: Directory>(changes: &[Change], directory: &D) -> Result<Vec<Told>, D::Error> {
    let names = Names::of(changes, directory);
    let mut records = Vec::new();
    let mut rest = changes;
    while let Some((change, after)) = rest.split_first() {
        rest = after;
        match change {
            Change::UserCreated(user) => records.push(Told {
                active: Some(user.active),
                ..of_user("user_created", user)
            }),
            Change::UserUpdated { before, after } => records.extend(updated(before, after)),
            Change::UserActivated { user_id } => {
                records.push(switched("user_activated", user_id, &names)?);
            }
            Change::UserDeactivated { user_id } => {
                records.push(switched("user_deactivated", user_id, &names)?);
            }
            Change::UserDeleted(user) => records.push(of_user("user_deleted", user)),
            Change::GroupCreated(group) => records.push(of_group("group_created", group)),
            Change::GroupUpdated { before, after } => records.extend(regrouped(before, after)),
            Change::GroupDeleted(group) => records.push(of_group("group_deleted", group)),
            Change::MemberAdded { .. } | Change::MemberRemoved { .. } => {
                let run = rest
                    .iter()
                    .take_while(|next| is_alike(change, next))
                    .count();
                rest = rest.get(run..).unwrap_or_default();
                let run = changes.len() - rest.len() - run - 1..changes.len() - rest.len();
                let run = changes.get(run).unwrap_or_default();
                members(run, &names, &mut records)?;
            }
        }
    }
    Ok(records)
}

fn of_user(event: &'static str, user: &User) -> Told {
    let texts = vec![
        ("user", user.id.clone()),
        ("user_name", user.user_name.clone()),
    ];
    Told::new(event, texts).also("external_id", user.external_id.as_ref())
}

fn of_group(event: &'static str, group: &Group) -> Told {
    let texts = vec![
        ("group", group.id.clone()),
        ("group_name", group.display_name.clone()),
    ];
    Told::new(event, texts).also("external_id", group.external_id.as_ref())
}

/// What changed beside `active`, which has a record of its own.
fn updated(before: &User, after: &User) -> Option<Told> {
    let attributes = [
        ("userName", before.user_name != after.user_name),
        ("externalId", before.external_id != after.external_id),
        ("displayName", before.display_name != after.display_name),
        ("name", before.name != after.name),
        ("emails", before.emails != after.emails),
    ];
    let changed = attributes.into_iter().filter(|(_, differs)| *differs);
    let changed: Vec<&str> = changed.map(|(attribute, _)| attribute).collect();
    if changed.is_empty() {
        return None;
    }
    let mut told = of_user("user_updated", after);
    told.texts.push(("changed", changed.join(", ")));
    if before.user_name != after.user_name {
        told = told.also("user_name_before", Some(&before.user_name));
    }
    if before.external_id != after.external_id {
        told = told.also("external_id_before", before.external_id.as_ref());
    }
    Some(told)
}

/// Other members alone have records of their own.
fn regrouped(before: &Group, after: &Group) -> Option<Told> {
    let renamed = before.display_name != after.display_name;
    let rekeyed = before.external_id != after.external_id;
    let mut told = match (renamed, rekeyed) {
        (false, false) => return None,
        (true, _) => {
            of_group("group_renamed", after).also("group_name_before", Some(&before.display_name))
        }
        (false, true) => of_group("group_updated", after),
    };
    if rekeyed {
        told = told.also("external_id_before", before.external_id.as_ref());
    }
    Some(told)
}

fn switched<D: Directory>(
    event: &'static str,
    user_id: &str,
    names: &Names<'_, D>,
) -> Result<Told, D::Error> {
    let texts = vec![
        ("user", user_id.to_owned()),
        ("user_name", names.user(user_id)?),
    ];
    Ok(Told::new(event, texts))
}

/// Whether the next change is of the same kind and about the same group.
fn is_alike(change: &Change, next: &Change) -> bool {
    match (change, next) {
        (Change::MemberAdded { group_id: a, .. }, Change::MemberAdded { group_id: b, .. })
        | (Change::MemberRemoved { group_id: a, .. }, Change::MemberRemoved { group_id: b, .. }) => {
            a == b
        }
        _ => false,
    }
}

/// Who came to a group, or went, in as many records as that takes.
fn members<D: Directory>(
    run: &[Change],
    names: &Names<'_, D>,
    records: &mut Vec<Told>,
) -> Result<(), D::Error> {
    let mut open: Option<Told> = None;
    let mut list = String::new();
    for change in run {
        let (event, group_id, user_id) = match change {
            Change::MemberAdded { group_id, user_id } => ("members_added", group_id, user_id),
            Change::MemberRemoved { group_id, user_id } => ("members_removed", group_id, user_id),
            _ => continue,
        };
        let member = format!("{} ({user_id})", names.user(user_id)?);
        if list.len() + 2 + member.len() > MEMBERS_BYTES
            && let Some(full) = open.take()
        {
            records.push(full.also("members", Some(&std::mem::take(&mut list))));
        }
        if open.is_none() {
            let texts = vec![
                ("group", group_id.clone()),
                ("group_name", names.group(group_id)?),
            ];
            open = Some(Told::new(event, texts));
        }
        if let Some(told) = &mut open {
            told.count = Some(told.count.unwrap_or(0) + 1);
        }
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(&member);
    }
    records.extend(open.map(|told| told.also("members", Some(&list))));
    Ok(())
}

/// Names of users and groups: of those that the request changes, and of others from the directory.
struct Names<'a, D> {
    users: HashMap<&'a str, &'a str>,
    groups: HashMap<&'a str, &'a str>,
    directory: &'a D,
}

impl<'a, D: Directory> Names<'a, D> {
    fn of(changes: &'a [Change], directory: &'a D) -> Self {
        let mut names = Self {
            users: HashMap::new(),
            groups: HashMap::new(),
            directory,
        };
        for change in changes {
            match change {
                Change::UserCreated(user) | Change::UserDeleted(user) => {
                    names.users.insert(&user.id, &user.user_name);
                }
                Change::UserUpdated { after, .. } => {
                    names.users.insert(&after.id, &after.user_name);
                }
                Change::GroupCreated(group)
                | Change::GroupDeleted(group)
                | Change::GroupUpdated { after: group, .. } => {
                    names.groups.insert(&group.id, &group.display_name);
                }
                _ => {}
            }
        }
        names
    }

    fn user(&self, id: &str) -> Result<String, D::Error> {
        if let Some(&name) = self.users.get(id) {
            return Ok(name.to_owned());
        }
        let user = self.directory.user(id)?;
        Ok(user.map(|user| user.user_name).unwrap_or_default())
    }

    fn group(&self, id: &str) -> Result<String, D::Error> {
        if let Some(&name) = self.groups.get(id) {
            return Ok(name.to_owned());
        }
        let group = self.directory.group(id)?;
        Ok(group.map(|group| group.display_name).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
