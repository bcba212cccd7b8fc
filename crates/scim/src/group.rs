//! Groups, and how patch operations change them and their members (RFC 7643 section 4.2).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::filter::{Filter, MemberTerm, filter};
use crate::json::{Object, member};
use crate::patch::{Kind, Operation};
use crate::user::{given, kept, unchanged};
use crate::value::{optional, required, wrong};
use crate::{MAX_MEMBERS_PER_REQUEST, PatchPath, ScimError};

pub(crate) const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// What is kept of a group; its members stand beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Given by us, never used again.
    pub id: String,
    /// The provisioning source's own key of the group; no two groups have the same.
    pub external_id: Option<String>,
    /// The group's name; no two groups have the same, compared as [`crate::folded`].
    pub display_name: String,
    /// When the group was created here, UTC nanoseconds.
    pub created: u64,
    /// When a kept attribute or a member last changed, UTC nanoseconds.
    pub last_modified: u64,
}

/// A group with its members while a request changes it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) group: Group,
    pub(crate) members: BTreeSet<String>,
    /// How many members the request has named.
    named: usize,
}

impl Draft {
    pub(crate) fn new(group: Group, members: impl IntoIterator<Item = String>) -> Self {
        Self {
            group,
            members: members.into_iter().collect(),
            named: 0,
        }
    }

    /// Takes over a whole representation. No members means none: unassigned and empty are one (RFC 7643 section 2.5).
    pub(crate) fn replace(&mut self, body: &Object) -> Result<(), ScimError> {
        let value = |name| member(body, name).unwrap_or(&Value::Null);
        self.group.display_name = required("displayName", value("displayName"))?;
        if let Some(external_id) = member(body, "externalId") {
            self.group.external_id = optional("externalId", external_id)?;
        }
        self.members = self.ids(value("members"))?;
        Ok(())
    }

    /// Takes over patch operations, in their order.
    pub(crate) fn patch(&mut self, operations: &[Operation]) -> Result<(), ScimError> {
        for operation in operations {
            for (path, value) in operation.targets(SCHEMA)? {
                self.patch_at(operation.kind, &path, value)?;
            }
        }
        Ok(())
    }

    fn patch_at(
        &mut self,
        kind: Kind,
        path: &PatchPath,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        if !path.attribute.belongs_to(SCHEMA) {
            return Ok(());
        }
        match path.attribute.name.to_ascii_lowercase().as_str() {
            "displayname" => {
                path.whole()?;
                let value = given("displayName", kind, value)?;
                self.group.display_name = kept("displayName", value, required)?;
            }
            "externalid" => {
                path.whole()?;
                let value = given("externalId", kind, value)?.unwrap_or(&Value::Null);
                self.group.external_id = optional("externalId", value)?;
            }
            "id" => return unchanged(&self.group.id, path, value),
            "members" => self.patch_members(kind, path, value)?,
            _ => {}
        }
        Ok(())
    }

    fn patch_members(
        &mut self,
        kind: Kind,
        path: &PatchPath,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        if let Some(expression) = &path.filter {
            if kind != Kind::Remove || path.sub.is_some() {
                return Err(ScimError::Path(
                    "members are removed whole, or added by members",
                ));
            }
            return self.remove_by(&filter(expression)?);
        }
        path.whole()?;
        match (kind, value) {
            (Kind::Add, _) => {
                let value = given("members", kind, value)?.unwrap_or(&Value::Null);
                let new = self.ids(value)?;
                self.members.extend(new);
            }
            (Kind::Replace, _) => {
                let value = given("members", kind, value)?.unwrap_or(&Value::Null);
                self.members = self.ids(value)?;
            }
            (Kind::Remove, None) => self.members.clear(),
            // What was meant to name some members does not remove all of them.
            (Kind::Remove, Some(Value::Null)) => {
                return Err(wrong("members", "is null: leave it out to remove all"));
            }
            // As Entra ID removes members.
            (Kind::Remove, Some(value)) => {
                for id in self.ids(value)? {
                    self.members.remove(&id);
                }
            }
        }
        Ok(())
    }

    /// Removes the members that a filter names. Each is looked up: a thousand operations on a large group stay cheap.
    fn remove_by(&mut self, filter: &Filter<MemberTerm>) -> Result<(), ScimError> {
        match filter {
            Filter::Is(MemberTerm(id)) => {
                self.members.remove(id);
                Ok(())
            }
            Filter::Any(filters) => filters.iter().try_for_each(|filter| self.remove_by(filter)),
            Filter::All(_) => Err(ScimError::Filter("a member has one value")),
        }
    }

    /// Reads a list of members, or a single one, as their ids.
    fn ids(&mut self, value: &Value) -> Result<BTreeSet<String>, ScimError> {
        let entries = match value {
            Value::Null => return Ok(BTreeSet::new()),
            Value::Array(entries) => entries.as_slice(),
            single => std::slice::from_ref(single),
        };
        self.named += entries.len();
        if self.named > MAX_MEMBERS_PER_REQUEST {
            return Err(ScimError::Members);
        }
        entries.iter().map(id).collect()
    }
}

fn id(entry: &Value) -> Result<String, ScimError> {
    let Value::Object(entry) = entry else {
        return Err(wrong("members", "has to be a list of objects"));
    };
    let kind = member(entry, "type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Group")) {
        return Err(wrong("members", "cannot be groups"));
    }
    required(
        "members.value",
        member(entry, "value").unwrap_or(&Value::Null),
    )
}

#[cfg(test)]
mod tests;
