//! Approvers' own keys. An enrolment proves possession, and somebody else accepts it.

use custos_evidence::Position;
use custos_model::{ApprovalId, Principal};
use custos_signatures::{ApproverKey, PasskeyKey, Signature};
use custos_store::Shelf;
use serde::{Deserialize, Serialize};

use crate::approvals::{Approvals, RelyingParty, State};
use crate::decide::{Approver, ToSign};
use crate::grant::GrantEnd;
use crate::refusal::{ApprovalsError, Refusal};
use crate::request::{Person, canonical, time_text};
use crate::vote::{NAMESPACE, is_person};

/// Keys of one person.
const KEYS_OF_ONE_MAX: usize = 10;
/// Bytes of a public key as text at most: what a record holds.
const PUBLIC_TEXT_BYTES_MAX: usize = 1000;
/// Enrolments that wait for their proof at once, and for how long.
const ENROLLING_MAX: usize = 10_000;
const ENROLLING_NS: u64 = 10 * 60 * 1_000_000_000;
const ENROLMENT_TYPE: &str = "custos.approver.v1";

/// A key, and whose it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// The key.
    pub key: ApproverKey,
    /// Whose.
    pub person: Person,
    /// When she asked, UTC nanoseconds.
    pub since_utc_ns: u64,
    /// Somebody has accepted it.
    pub is_accepted: bool,
}

impl Enrolled {
    /// As people see it.
    pub fn row(&self) -> serde_json::Value {
        serde_json::json!({
            "key": self.key.fingerprint(),
            "method": self.key.method().as_str(),
            "issuer": self.person.issuer,
            "subject": self.person.subject,
            "name": self.person.name,
            "since": custos_model::Rfc3339(self.since_utc_ns).to_string(),
            "accepted": self.is_accepted,
            "public_key": self.key.public_text(),
        })
    }

    pub(crate) fn is_of(&self, principal: &Principal) -> bool {
        let own = (&self.person.issuer, &self.person.subject);
        self.is_accepted && own == (&principal.issuer, &principal.subject)
    }
}

/// An enrolment that waits for its proof.
pub(crate) struct Enrolling {
    key: ApproverKey,
    person: Person,
    statement: String,
    begun_utc_ns: u64,
}

/// Whether verifiers know the kind of key, and a record holds it whole.
fn can_be_verified(key: &ApproverKey) -> bool {
    const UNKNOWN: [&str; 2] = ["ecdsa-sha2-nistp384 ", "ecdsa-sha2-nistp521 "];
    let text = key.public_text();
    text.len() <= PUBLIC_TEXT_BYTES_MAX && !UNKNOWN.iter().any(|kind| text.starts_with(kind))
}

/// What the key signs to prove possession. Members are sorted, as canonical JSON wants them.
#[derive(Serialize)]
struct Enrolment<'a> {
    approver: &'a Person,
    id: ApprovalId,
    key: String,
    log: String,
    method: &'a str,
    nonce: String,
    time: String,
    #[serde(rename = "type")]
    kind: &'a str,
}

impl Approvals {
    /// What passkeys are bound to; nothing where there is no web address.
    pub fn relying_party(&self) -> Option<&RelyingParty> {
        self.inner.relying_party.as_ref()
    }

    /// Begins an enrolment: the statement that the key is to sign.
    pub fn enrol(&self, approver: &Approver, key: ApproverKey) -> Result<ToSign, ApprovalsError> {
        if !is_person(&approver.principal) {
            return Err(Refusal::NotHuman.into());
        }
        let now = self.now();
        let fingerprint = key.fingerprint();
        if !can_be_verified(&key) {
            return Err(Refusal::KeyKind.into());
        }
        let own = self.inner.relying_party.as_ref();
        let is_own = |key: &PasskeyKey| {
            own.is_some_and(|own| (key.rp_id(), key.origin()) == (&own.id, &own.origin))
        };
        if !key.passkey().is_none_or(is_own) {
            return Err(Refusal::OtherOrigin.into());
        }
        let person = Person::approver(&approver.principal);
        let mut state = self.state();
        if state.keys.contains_key(&fingerprint) {
            return Err(Refusal::KeyTaken.into());
        }
        let own = |it: &&Enrolled| {
            (&it.person.issuer, &it.person.subject) == (&person.issuer, &person.subject)
        };
        let is_fresh =
            |begun: &Enrolling| now.utc_ns.saturating_sub(begun.begun_utc_ns) < ENROLLING_NS;
        state.enrolling.retain(|_, begun| is_fresh(begun));
        let begun = state
            .enrolling
            .values()
            .filter(|begun| begun.person == person);
        if state.keys.values().filter(own).count() >= KEYS_OF_ONE_MAX
            || begun.count() >= KEYS_OF_ONE_MAX
            || state.enrolling.len() >= ENROLLING_MAX
        {
            return Err(Refusal::TooMany.into());
        }
        let id = self.inner.ids.approval(now.utc_ns);
        let statement = canonical(&Enrolment {
            approver: &person,
            id,
            key: fingerprint,
            log: self.origin(now.utc_ns),
            method: key.method().as_str(),
            nonce: self.random_hex::<32>(),
            time: time_text(now.utc_ns),
            kind: ENROLMENT_TYPE,
        });
        let statement = statement.map_err(|_| Refusal::Malformed)?;
        let enrolling = Enrolling {
            key,
            person,
            statement: statement.clone(),
            begun_utc_ns: now.utc_ns,
        };
        state.enrolling.insert(id, enrolling);
        Ok(ToSign {
            approval: id,
            statement,
        })
    }

    /// Takes the proof of possession. The key waits to be accepted from then on; its fingerprint.
    pub fn prove(
        &self,
        approver: &Approver,
        enrolment: ApprovalId,
        signature: &Signature,
    ) -> Result<(String, Position), ApprovalsError> {
        let mut state = self.state();
        let found = state
            .enrolling
            .remove(&enrolment)
            .ok_or(Refusal::OtherStatement)?;
        if found.person != Person::approver(&approver.principal) {
            return Err(Refusal::OtherStatement.into());
        }
        let verified = found
            .key
            .verify(NAMESPACE, found.statement.as_bytes(), signature);
        verified.map_err(|_| Refusal::WrongSignature)?;
        let fingerprint = found.key.fingerprint();
        if state.keys.contains_key(&fingerprint) {
            return Err(Refusal::KeyTaken.into());
        }
        let enrolled = Enrolled {
            key: found.key,
            person: found.person,
            since_utc_ns: self.now().utc_ns,
            is_accepted: false,
        };
        self.keep(Shelf::ApproverKeys, &fingerprint, &enrolled)?;
        let position = self.record_key_requested(&approver.principal, &enrolled)?;
        state.keys.insert(fingerprint.clone(), enrolled);
        Ok((fingerprint, position))
    }

    /// Accepts a key that waits. Not by whose it is; the operator of the host may accept any.
    pub fn accept_key(
        &self,
        fingerprint: &str,
        by: &Principal,
    ) -> Result<Position, ApprovalsError> {
        let mut state = self.state();
        let found = state.keys.get(fingerprint).filter(|it| !it.is_accepted);
        let found = found.ok_or(Refusal::NotFound)?;
        if is_person(by) && found.person.may_be(&Person::approver(by)) {
            return Err(Refusal::OwnKey.into());
        }
        let accepted = Enrolled {
            is_accepted: true,
            ..found.clone()
        };
        // On record first: a verifier knows every key that ever counted.
        let position = self.record_key_enrolled(by, &accepted)?;
        self.keep(Shelf::ApproverKeys, fingerprint, &accepted)?;
        state.keys.insert(fingerprint.to_owned(), accepted);
        state.keys_version += 1;
        Ok(position)
    }

    /// Takes a key away, for good, and with it what it agreed to. Grants that it approved end; sessions of theirs are to be cut.
    /// `is_operator`: whoever asks may revoke any key, and not only her own.
    pub fn revoke_key(
        &self,
        fingerprint: &str,
        by: &Principal,
        is_operator: bool,
        reason: &str,
    ) -> Result<(Vec<GrantEnd>, Position), ApprovalsError> {
        let mut state = self.state();
        let found = state
            .keys
            .get(fingerprint)
            .ok_or(Refusal::NotFound)?
            .clone();
        if !is_operator && found.person != Person::approver(by) {
            return Err(Refusal::NotFound.into());
        }
        self.inner.store.discard(Shelf::ApproverKeys, fingerprint)?;
        state.keys.remove(fingerprint);
        state.keys_version += 1;
        let position = self.record_key_revoked(by, &found, reason)?;
        let approved = |votes: &[crate::vote::Vote]| {
            let mut votes = votes.iter();
            votes.any(|vote| vote.key().as_deref() == Some(fingerprint))
        };
        let grants = state.grants.values();
        let grants = grants.filter(|grant| grant.until_utc_ns > 0 && approved(&grant.votes));
        let grants: Vec<_> = grants.map(crate::grant::Grant::id).collect();
        let ended = grants.into_iter();
        let ended = ended
            .map(|id| self.end_grant(&mut state, id, "key", None))
            .collect();
        Ok((ended, position))
    }

    /// All keys, those that wait first, then by name.
    pub fn keys(&self) -> Vec<Enrolled> {
        let state = self.state();
        let mut keys: Vec<Enrolled> = state.keys.values().cloned().collect();
        keys.sort_by(|a, b| {
            (a.is_accepted, &a.person.name, a.since_utc_ns).cmp(&(
                b.is_accepted,
                &b.person.name,
                b.since_utc_ns,
            ))
        });
        keys
    }

    pub(crate) fn load_keys(&self) -> Result<(), ApprovalsError> {
        let mut state: std::sync::MutexGuard<'_, State> = self.state();
        for (fingerprint, body) in self.inner.store.kept(Shelf::ApproverKeys)? {
            let enrolled: Enrolled =
                serde_json::from_slice(&body).map_err(|_| ApprovalsError::Damaged {
                    what: fingerprint.clone(),
                })?;
            state.keys.insert(fingerprint, enrolled);
        }
        Ok(())
    }
}
