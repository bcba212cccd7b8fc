//! Users, groups and memberships as sealed rows.

use custos_scim::{Email, Group, Name, User, folded};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::seal::{Place, Sealer};

/// A row of users or groups.
#[derive(Debug)]
pub(super) struct Row {
    id: String,
    external_id: Option<String>,
    folded: String,
    body: Vec<u8>,
    active: bool,
}

impl Row {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            external_id: row.get(1)?,
            folded: row.get(2)?,
            body: row.get(3)?,
            active: row.get(4)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserBody {
    external_id: Option<String>,
    user_name: String,
    active: bool,
    display_name: Option<String>,
    formatted: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    emails: Vec<EmailBody>,
    created: u64,
    last_modified: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EmailBody {
    value: String,
    kind: Option<String>,
    primary: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupBody {
    external_id: Option<String>,
    display_name: String,
    created: u64,
    last_modified: u64,
}

pub(super) fn seal_user(
    sealer: &Sealer,
    provider: &str,
    user: &User,
    random: &dyn Fn(&mut [u8]),
) -> Result<Vec<u8>, StoreError> {
    let body = UserBody {
        external_id: user.external_id.clone(),
        user_name: user.user_name.clone(),
        active: user.active,
        display_name: user.display_name.clone(),
        formatted: user.name.formatted.clone(),
        given_name: user.name.given_name.clone(),
        family_name: user.name.family_name.clone(),
        emails: user.emails.iter().map(EmailBody::from).collect(),
        created: user.created,
        last_modified: user.last_modified,
    };
    seal(
        sealer,
        USERS,
        &row_name(&[provider, &user.id]),
        &body,
        random,
    )
}

pub(super) fn open_user(sealer: &Sealer, provider: &str, row: &Row) -> Result<User, StoreError> {
    let name = row_name(&[provider, &row.id]);
    let body: UserBody = open(sealer, USERS, &name, &row.body)?;
    let same = body.external_id == row.external_id
        && folded(&body.user_name) == row.folded
        && body.active == row.active;
    if !same {
        return Err(damaged(USERS, &name));
    }
    Ok(User {
        id: row.id.clone(),
        external_id: body.external_id,
        user_name: body.user_name,
        active: body.active,
        display_name: body.display_name,
        name: Name {
            formatted: body.formatted,
            given_name: body.given_name,
            family_name: body.family_name,
        },
        emails: body.emails.into_iter().map(Email::from).collect(),
        created: body.created,
        last_modified: body.last_modified,
    })
}

pub(super) fn seal_group(
    sealer: &Sealer,
    provider: &str,
    group: &Group,
    random: &dyn Fn(&mut [u8]),
) -> Result<Vec<u8>, StoreError> {
    let body = GroupBody {
        external_id: group.external_id.clone(),
        display_name: group.display_name.clone(),
        created: group.created,
        last_modified: group.last_modified,
    };
    seal(
        sealer,
        GROUPS,
        &row_name(&[provider, &group.id]),
        &body,
        random,
    )
}

pub(super) fn open_group(sealer: &Sealer, provider: &str, row: &Row) -> Result<Group, StoreError> {
    let name = row_name(&[provider, &row.id]);
    let body: GroupBody = open(sealer, GROUPS, &name, &row.body)?;
    let same = body.external_id == row.external_id && folded(&body.display_name) == row.folded;
    if !same {
        return Err(damaged(GROUPS, &name));
    }
    Ok(Group {
        id: row.id.clone(),
        external_id: body.external_id,
        display_name: body.display_name,
        created: body.created,
        last_modified: body.last_modified,
    })
}

/// A membership has no content: its seal says that this gateway wrote it.
pub(super) fn seal_member(
    sealer: &Sealer,
    provider: &str,
    group_id: &str,
    user_id: &str,
    random: &dyn Fn(&mut [u8]),
) -> Result<Vec<u8>, StoreError> {
    let name = row_name(&[provider, group_id, user_id]);
    sealer.seal(place(MEMBERS, &name), b"", random)
}

pub(super) fn check_member(
    sealer: &Sealer,
    provider: &str,
    group_id: &str,
    user_id: &str,
    seal: &[u8],
) -> Result<(), StoreError> {
    let name = row_name(&[provider, group_id, user_id]);
    sealer.open(place(MEMBERS, &name), seal).map(drop)
}

const USERS: &str = "provisioned_users";
const GROUPS: &str = "provisioned_groups";
const MEMBERS: &str = "provisioned_members";

/// Names of providers and ids have no spaces.
fn row_name(parts: &[&str]) -> String {
    parts.join(" ")
}

fn place<'a>(table: &'static str, row: &'a str) -> Place<'a> {
    Place {
        table,
        row,
        column: if table == MEMBERS { "seal" } else { "body" },
        bound: b"",
    }
}

fn seal(
    sealer: &Sealer,
    table: &'static str,
    row: &str,
    body: &impl Serialize,
    random: &dyn Fn(&mut [u8]),
) -> Result<Vec<u8>, StoreError> {
    let clear = serde_json::to_vec(body)
        .map(Zeroizing::new)
        .map_err(|source| StoreError::Encode {
            what: place(table, row).to_string(),
            source,
        })?;
    sealer.seal(place(table, row), &clear, random)
}

fn open<T: DeserializeOwned>(
    sealer: &Sealer,
    table: &'static str,
    row: &str,
    sealed: &[u8],
) -> Result<T, StoreError> {
    let clear = sealer.open(place(table, row), sealed)?;
    serde_json::from_slice(&clear).map_err(|_| damaged(table, row))
}

fn damaged(table: &'static str, row: &str) -> StoreError {
    StoreError::Damaged {
        what: place(table, row).to_string(),
    }
}

impl From<&Email> for EmailBody {
    fn from(email: &Email) -> Self {
        Self {
            value: email.value.clone(),
            kind: email.kind.clone(),
            primary: email.primary,
        }
    }
}

impl From<EmailBody> for Email {
    fn from(body: EmailBody) -> Self {
        Self {
            value: body.value,
            kind: body.kind,
            primary: body.primary,
        }
    }
}
