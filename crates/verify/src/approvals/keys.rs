//! Keys that approvers enrolled: whose they are, from which record to which.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::members::{Person, detail};

/// What a passkey is bound to, beside its key.
#[derive(Debug, Clone)]
pub(super) struct Passkey {
    pub(super) credential_id: String,
    pub(super) rp_id: String,
    pub(super) origin: String,
}

/// A key as its `approver.enrolled` has it.
#[derive(Debug, Clone)]
pub(super) struct Enrolled {
    pub(super) owner: Person,
    pub(super) method: String,
    pub(super) public_key: String,
    pub(super) passkey: Option<Passkey>,
}

/// The keys that count at the record being read, by fingerprint.
#[derive(Debug, Default)]
pub(super) struct Keys {
    enrolled: BTreeMap<String, Vec<Enrolled>>,
}

impl Keys {
    /// `approver.enrolled`
    pub(super) fn enrol(&mut self, record: &Map<String, Value>) {
        let text = |name| detail(record, name).unwrap_or_default().to_owned();
        let passkey = detail(record, "rp_id").map(|rp_id| Passkey {
            credential_id: text("credential_id"),
            rp_id: rp_id.to_owned(),
            origin: text("origin"),
        });
        let enrolled = Enrolled {
            owner: owner(record),
            method: text("method"),
            public_key: text("public_key"),
            passkey,
        };
        let keys = self.enrolled.entry(text("key")).or_default();
        keys.retain(|other| other.owner != enrolled.owner);
        keys.push(enrolled);
    }

    /// `approver.revoked`
    pub(super) fn revoke(&mut self, record: &Map<String, Value>) {
        let owner = owner(record);
        if let Some(keys) = self
            .enrolled
            .get_mut(detail(record, "key").unwrap_or_default())
        {
            keys.retain(|other| other.owner != owner);
        }
    }

    /// The key of this fingerprint, if it is this person's now.
    pub(super) fn of(&self, fingerprint: &str, owner: &Person) -> Option<&Enrolled> {
        let keys = self.enrolled.get(fingerprint)?;
        keys.iter().find(|key| key.owner == *owner)
    }
}

fn owner(record: &Map<String, Value>) -> Person {
    let text = |name| detail(record, name).unwrap_or_default().to_owned();
    Person {
        issuer: text("issuer"),
        subject: text("subject"),
    }
}
