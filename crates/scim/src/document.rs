//! Resources as JSON (RFC 7643 sections 3.1, 4.1 and 4.2; RFC 7644 section 3.4.2). What has no value is left out.

use custos_model::Rfc3339;
use serde::Serialize;

use crate::projection::Projection;
use crate::{Email, Group, Page, User, group, user};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListDocument<T> {
    schemas: [&'static str; 1],
    total_results: u64,
    start_index: u64,
    items_per_page: usize,
    #[serde(rename = "Resources")]
    resources: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_type: &'static str,
    created: String,
    last_modified: String,
    location: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserDocument<'a> {
    schemas: [&'static str; 1],
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<NameDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emails: Option<Vec<EmailDocument<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NameDocument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    formatted: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
}

#[derive(Serialize)]
struct EmailDocument<'a> {
    value: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    primary: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupDocument<'a> {
    schemas: [&'static str; 1],
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<MemberDocument<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

#[derive(Serialize)]
struct MemberDocument<'a> {
    value: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl<T> ListDocument<T> {
    pub(crate) fn new(total: u64, page: Page, resources: Vec<T>) -> Self {
        Self {
            schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            total_results: total,
            start_index: page.offset + 1,
            items_per_page: resources.len(),
            resources,
        }
    }
}

impl<'a> UserDocument<'a> {
    pub(crate) fn new(user: &'a User, base_url: &str, projection: &Projection) -> Self {
        let keeps = |name| projection.keeps(name);
        let name = NameDocument {
            formatted: user.name.formatted.as_deref(),
            given_name: user.name.given_name.as_deref(),
            family_name: user.name.family_name.as_deref(),
        };
        let has_name = user.name != crate::Name::default();
        let emails = || user.emails.iter().map(EmailDocument::new).collect();
        Self {
            schemas: [user::SCHEMA],
            id: &user.id,
            external_id: user.external_id.as_deref().filter(|_| keeps("externalid")),
            user_name: keeps("username").then_some(&user.user_name),
            active: keeps("active").then_some(user.active),
            display_name: user
                .display_name
                .as_deref()
                .filter(|_| keeps("displayname")),
            name: (has_name && keeps("name")).then_some(name),
            emails: (!user.emails.is_empty() && keeps("emails")).then(emails),
            meta: keeps("meta").then(|| Meta {
                resource_type: "User",
                created: timestamp(user.created),
                last_modified: timestamp(user.last_modified),
                location: user_location(base_url, &user.id),
            }),
        }
    }
}

impl<'a> EmailDocument<'a> {
    fn new(email: &'a Email) -> Self {
        Self {
            value: &email.value,
            kind: email.kind.as_deref(),
            primary: email.primary,
        }
    }
}

impl<'a> GroupDocument<'a> {
    /// Without members if they are `None`.
    pub(crate) fn new(
        group: &'a Group,
        members: Option<impl Iterator<Item = &'a String>>,
        base_url: &str,
        projection: &Projection,
    ) -> Self {
        let keeps = |name| projection.keeps(name);
        let member = |value: &'a String| MemberDocument {
            value,
            kind: "User",
        };
        Self {
            schemas: [group::SCHEMA],
            id: &group.id,
            external_id: group.external_id.as_deref().filter(|_| keeps("externalid")),
            display_name: keeps("displayname").then_some(&group.display_name),
            members: members.map(|members| members.map(member).collect()),
            meta: keeps("meta").then(|| Meta {
                resource_type: "Group",
                created: timestamp(group.created),
                last_modified: timestamp(group.last_modified),
                location: group_location(base_url, &group.id),
            }),
        }
    }
}

pub(crate) fn user_location(base_url: &str, id: &str) -> String {
    format!("{base_url}/Users/{id}")
}

pub(crate) fn group_location(base_url: &str, id: &str) -> String {
    format!("{base_url}/Groups/{id}")
}

/// RFC 3339 with milliseconds: readers of xsd:dateTime do not all take nine digits.
fn timestamp(utc_ns: u64) -> String {
    let mut text = Rfc3339(utc_ns).to_string();
    text.truncate("2026-11-21T00:00:00.000".len());
    text + "Z"
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn timestamps_have_milliseconds() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            timestamp(1_795_232_787_123_456_789),
            "2026-11-21T03:46:27.123Z"
        );
    }
}
