//! E-mail addresses of users (RFC 7643 section 4.1.2). They are shown to people; nobody is found or joined by them.

use serde_json::Value;

use crate::json::{Object, member};
use crate::value::{boolean, optional, wrong};
use crate::{MAX_EMAILS, ScimError};

/// One e-mail address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Email {
    /// The address, as it was sent.
    pub value: String,
    /// `work`, `home` or another word.
    pub kind: Option<String>,
    /// The preferred address; one of a user's at most.
    pub primary: bool,
}

impl Email {
    /// Takes over the sub-attributes that the object has.
    pub(crate) fn merge(&mut self, object: &Object) -> Result<(), ScimError> {
        for name in ["value", "type", "primary"] {
            if let Some(value) = member(object, name) {
                self.set(name, value)?;
            }
        }
        Ok(())
    }

    /// Sets one sub-attribute; other names are not kept.
    pub(crate) fn set(&mut self, name: &str, value: &Value) -> Result<(), ScimError> {
        if name.eq_ignore_ascii_case("value") {
            self.value = optional("emails.value", value)?.unwrap_or_default();
        } else if name.eq_ignore_ascii_case("type") {
            self.kind = optional("emails.type", value)?;
        } else if name.eq_ignore_ascii_case("primary") {
            self.primary = !value.is_null() && boolean("emails.primary", value)?;
        }
        Ok(())
    }
}

/// Reads a list of addresses, or a single one. Entries without an address are left out.
pub(crate) fn list(value: &Value) -> Result<Vec<Email>, ScimError> {
    let entries = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(entries) => entries.as_slice(),
        single => std::slice::from_ref(single),
    };
    if entries.len() > MAX_EMAILS {
        return Err(ScimError::Emails);
    }
    let mut emails = Vec::with_capacity(entries.len());
    for entry in entries {
        let Value::Object(object) = entry else {
            return Err(wrong("emails", "has to be a list of objects"));
        };
        let mut email = Email::default();
        email.merge(object)?;
        emails.push(email);
    }
    emails.retain(|email| !email.value.is_empty());
    Ok(distinct(emails))
}

/// Each address of one type once (RFC 7643 section 2.4).
pub(crate) fn distinct(emails: Vec<Email>) -> Vec<Email> {
    let mut kept = Vec::with_capacity(emails.len());
    add(&mut kept, emails);
    kept
}

/// Adds addresses that are not there yet. One with the same address and type is changed.
pub(crate) fn add(emails: &mut Vec<Email>, new: Vec<Email>) {
    for email in new {
        let mut kept = emails.iter_mut();
        match kept.find(|kept| kept.value == email.value && kept.kind == email.kind) {
            Some(kept) => kept.primary |= email.primary,
            None => emails.push(email),
        }
    }
}

/// Checks the list after a change. Where an operation made another address the primary one, the one that `before` had
/// is so no longer (RFC 7644 section 3.5.2).
pub(crate) fn settle(emails: &mut [Email], before: &[Email]) -> Result<(), ScimError> {
    if emails.len() > MAX_EMAILS {
        return Err(ScimError::Emails);
    }
    let primary = |emails: &[Email]| emails.iter().filter(|email| email.primary).count();
    if primary(emails) > 1 {
        let old: Vec<&Email> = before.iter().filter(|email| email.primary).collect();
        for email in emails.iter_mut().filter(|email| old.contains(&&**email)) {
            email.primary = false;
        }
    }
    match primary(emails) {
        0 | 1 => Ok(()),
        _ => Err(wrong("emails", "has more than one primary address")),
    }
}
