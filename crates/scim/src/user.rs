//! Users, and how patch operations change them (RFC 7643 section 4.1, RFC 7644 section 3.5.2).

use serde_json::Value;

use crate::email::{self, Email};
use crate::filter::{EmailTerm, Filter, filter};
use crate::json::{Object, member};
use crate::patch::{Kind, Operation};
use crate::value::{boolean, optional, required, wrong};
use crate::{PatchPath, ScimError};

pub(crate) const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// What is kept of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Given by us, never used again.
    pub id: String,
    /// The provisioning source's own key of the user; no two users have the same.
    pub external_id: Option<String>,
    /// The name for signing in; no two users have the same, compared as [`crate::folded`].
    pub user_name: String,
    /// Whether the user may do anything.
    pub active: bool,
    /// The name for people to read.
    pub display_name: Option<String>,
    /// The parts of the name.
    pub name: Name,
    /// Addresses, at most [`crate::MAX_EMAILS`].
    pub emails: Vec<Email>,
    /// When the user was created here, UTC nanoseconds.
    pub created: u64,
    /// When a kept attribute last changed, UTC nanoseconds.
    pub last_modified: u64,
}

/// The parts of a name (RFC 7643 section 4.1.1) that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// The whole name.
    pub formatted: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
}

impl Name {
    fn part(&mut self, name: &str) -> Option<(&'static str, &mut Option<String>)> {
        match name.to_ascii_lowercase().as_str() {
            "formatted" => Some(("name.formatted", &mut self.formatted)),
            "givenname" => Some(("name.givenName", &mut self.given_name)),
            "familyname" => Some(("name.familyName", &mut self.family_name)),
            _ => None,
        }
    }

    /// Sets one part; others than the kept ones are ignored.
    fn set(&mut self, part: &str, value: &Value) -> Result<(), ScimError> {
        if let Some((attribute, slot)) = self.part(part) {
            *slot = optional(attribute, value)?;
        }
        Ok(())
    }

    /// Takes over the parts that the object has (RFC 7644 section 3.5.2.3); null clears all.
    fn merge(&mut self, value: &Value) -> Result<(), ScimError> {
        match value {
            Value::Null => *self = Self::default(),
            Value::Object(object) => {
                for (part, value) in object {
                    self.set(part, value)?;
                }
            }
            _ => return Err(wrong("name", "has to be an object")),
        }
        Ok(())
    }
}

impl User {
    /// A user of whom nothing is known yet.
    pub(crate) fn new(id: String, now: u64) -> Self {
        Self {
            id,
            external_id: None,
            user_name: String::new(),
            active: true,
            display_name: None,
            name: Name::default(),
            emails: Vec::new(),
            created: now,
            last_modified: now,
        }
    }

    /// Takes over a whole representation. What it leaves out is cleared, but for `externalId` and `active`: who it is
    /// and whether access is open changes only where it is said.
    pub(crate) fn replace(&mut self, body: &Object) -> Result<(), ScimError> {
        let value = |name| member(body, name).unwrap_or(&Value::Null);
        self.user_name = required("userName", value("userName"))?;
        if let Some(external_id) = member(body, "externalId") {
            self.external_id = optional("externalId", external_id)?;
        }
        if let Some(active) = member(body, "active") {
            self.active = boolean("active", active)?;
        }
        self.display_name = optional("displayName", value("displayName"))?;
        self.name = Name::default();
        self.name.merge(value("name"))?;
        self.emails = email::list(value("emails"))?;
        email::settle(&mut self.emails, &[])
    }

    /// Takes over patch operations, in their order.
    pub(crate) fn patch(&mut self, operations: &[Operation]) -> Result<(), ScimError> {
        for operation in operations {
            for (path, value) in operation.targets(SCHEMA)? {
                self.patch_at(operation.kind, &path, value)?;
            }
        }
        // Only now: type and primary of an address may come before the address itself.
        self.emails.retain(|email| !email.value.is_empty());
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
        let name = path.attribute.name.to_ascii_lowercase();
        match name.as_str() {
            "username" => {
                let value = single("userName", kind, path, value)?;
                self.user_name = kept("userName", value, required)?;
            }
            "active" => {
                let value = single("active", kind, path, value)?;
                self.active = kept("active", value, boolean)?;
            }
            "externalid" => {
                let value = single("externalId", kind, path, value)?;
                self.external_id = optional("externalId", value.unwrap_or(&Value::Null))?;
            }
            "displayname" => {
                let value = single("displayName", kind, path, value)?;
                self.display_name = optional("displayName", value.unwrap_or(&Value::Null))?;
            }
            "id" => return unchanged(&self.id, path, value),
            "name" => self.patch_name(kind, path, value)?,
            "emails" => {
                let before = self.emails.clone();
                self.patch_emails(kind, path, value)?;
                self.emails = email::distinct(std::mem::take(&mut self.emails));
                email::settle(&mut self.emails, &before)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn patch_name(
        &mut self,
        kind: Kind,
        path: &PatchPath,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        if path.filter.is_some() {
            return Err(ScimError::Path("the attribute has one value"));
        }
        let value = given("name", kind, value)?.unwrap_or(&Value::Null);
        match path.sub() {
            Some(part) => self.name.set(part, value),
            None => self.name.merge(value),
        }
    }

    fn patch_emails(
        &mut self,
        kind: Kind,
        path: &PatchPath,
        value: Option<&Value>,
    ) -> Result<(), ScimError> {
        let value = given("emails", kind, value)?;
        let Some(expression) = &path.filter else {
            path.whole()?;
            let new = email::list(value.unwrap_or(&Value::Null))?;
            match kind {
                Kind::Add => email::add(&mut self.emails, new),
                Kind::Replace | Kind::Remove => self.emails = new,
            }
            return Ok(());
        };
        let filter: Filter<EmailTerm> = filter(expression)?;
        let fits = |email: &Email| filter.matches(&|term| term.holds(email));
        if value.is_none() && path.sub.is_none() {
            self.emails.retain(|email| !fits(email));
            return Ok(());
        }
        if value.is_some() && !self.emails.iter().any(fits) {
            self.emails.push(new_by(&filter)?);
        }
        let value = value.unwrap_or(&Value::Null);
        for email in self.emails.iter_mut().filter(|email| fits(email)) {
            match (&path.sub, value) {
                (Some(sub), _) => email.set(sub, value)?,
                (None, Value::Object(object)) => email.merge(object)?,
                (None, _) => return Err(wrong("emails", "has to be an object")),
            }
        }
        Ok(())
    }
}

/// Entra ID sets `emails[type eq "work"].value` of a user who has none: then one of this type is made. Another filter
/// does not say what to make.
fn new_by(filter: &Filter<EmailTerm>) -> Result<Email, ScimError> {
    match filter {
        Filter::Is(EmailTerm::Type(kind)) if !kind.is_empty() => Ok(Email {
            kind: Some(crate::value::checked("emails.type", kind)?),
            ..Email::default()
        }),
        _ => Err(ScimError::NoTarget("no value fits the filter")),
    }
}

/// The value for a whole attribute with one value; none if it is to be removed.
fn single<'a>(
    attribute: &'static str,
    kind: Kind,
    path: &PatchPath,
    value: Option<&'a Value>,
) -> Result<Option<&'a Value>, ScimError> {
    path.whole()?;
    given(attribute, kind, value)
}

/// Adding and replacing need a value; removing has none, whatever stands there.
pub(crate) fn given<'a>(
    attribute: &'static str,
    kind: Kind,
    value: Option<&'a Value>,
) -> Result<Option<&'a Value>, ScimError> {
    match (kind, value) {
        (Kind::Remove, _) => Ok(None),
        (_, None) => Err(wrong(attribute, "the operation has no value")),
        (_, value) => Ok(value),
    }
}

/// Reads a value that cannot be removed.
pub(crate) fn kept<T>(
    attribute: &'static str,
    value: Option<&Value>,
    read: fn(&'static str, &Value) -> Result<T, ScimError>,
) -> Result<T, ScimError> {
    value.map_or(Err(ScimError::Mutability(attribute)), |value| {
        read(attribute, value)
    })
}

/// Okta repeats the id where it renames a group; another id is refused.
pub(crate) fn unchanged(
    id: &str,
    path: &PatchPath,
    value: Option<&Value>,
) -> Result<(), ScimError> {
    path.whole()?;
    match value.and_then(Value::as_str) {
        Some(same) if same == id => Ok(()),
        _ => Err(ScimError::Mutability("id")),
    }
}

#[cfg(test)]
mod tests;
