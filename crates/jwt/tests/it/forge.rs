//! Builds a good token of a class, and lets one thing of it be changed.

use std::collections::BTreeMap;

use custos_jwt::ClassName;
use serde_json::{Map, Value, json};

use crate::keys::{ES256, TestKey, encode};
use crate::world::{CLIENT, ISSUER, NOW, OURS, WORKLOAD};

pub(crate) const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

/// A token that is not signed yet. Signed by ES256 under the name `es` unless that is changed.
pub(crate) struct Forge {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) key: &'static TestKey,
    raw_header: Option<Vec<u8>>,
    raw_claims: Option<Vec<u8>>,
}

impl Forge {
    /// A good token.
    pub(crate) fn good(class: ClassName) -> Self {
        let kind = match class {
            ClassName::IdToken | ClassName::WorkloadToken | ClassName::ClientAssertion => "JWT",
            ClassName::AccessToken => "at+jwt",
            ClassName::DelegationToken => "custos-delegation+jwt",
            ClassName::LogoutToken => "logout+jwt",
            ClassName::SecurityEvent => "secevent+jwt",
        };
        Self {
            header: members(json!({"alg": "ES256", "kid": "es", "typ": kind})),
            claims: members(claims(class)),
            key: &ES256,
            raw_header: None,
            raw_claims: None,
        }
    }

    /// With another claim.
    pub(crate) fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// Without a claim.
    pub(crate) fn without(mut self, name: &str) -> Self {
        assert!(self.claims.remove(name).is_some(), "{name} was there");
        self
    }

    /// With another header member.
    pub(crate) fn header(mut self, name: &str, value: Value) -> Self {
        self.header.insert(name.to_owned(), value);
        self
    }

    /// Without a header member.
    pub(crate) fn headless(mut self, name: &str) -> Self {
        assert!(self.header.remove(name).is_some(), "{name} was there");
        self
    }

    /// Signed by another key that says so.
    pub(crate) fn signed(mut self, key: &'static TestKey, algorithm: &str, kid: &str) -> Self {
        self.key = key;
        self.header("alg", algorithm.into())
            .header("kid", kid.into())
    }

    /// With another key, and nothing said of it.
    pub(crate) fn key(self, key: &'static TestKey) -> Self {
        Self { key, ..self }
    }

    /// With these bytes as header.
    pub(crate) fn raw_header(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_header = Some(bytes.into());
        self
    }

    /// With these bytes as claims.
    pub(crate) fn raw_claims(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_claims = Some(bytes.into());
        self
    }

    /// The claims as text, with one piece of it replaced.
    pub(crate) fn edited(self, from: &str, to: &str) -> Self {
        let text = text_of(&self.claims);
        assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
        self.raw_claims(text.replace(from, to))
    }

    /// What is signed.
    pub(crate) fn input(&self) -> String {
        let json = |raw: &Option<Vec<u8>>, members: &Map<String, Value>| match raw {
            Some(bytes) => bytes.clone(),
            None => text_of(members).into_bytes(),
        };
        let header = encode(json(&self.raw_header, &self.header));
        format!("{header}.{}", encode(json(&self.raw_claims, &self.claims)))
    }

    /// With that signature.
    pub(crate) fn with_signature(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.input(), encode(signature))
    }

    /// The token.
    pub(crate) fn text(&self) -> String {
        let input = self.input();
        format!("{input}.{}", encode(self.key.sign(input.as_bytes())))
    }
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

fn claims(class: ClassName) -> Value {
    let (iat, exp) = (NOW - 10, NOW + 300);
    match class {
        ClassName::IdToken => json!({
            "iss": ISSUER, "sub": "alice", "aud": CLIENT, "iat": iat, "exp": exp, "nonce": "n-1",
            "auth_time": NOW - 20, "groups": ["sre", "dba"], "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
        }),
        ClassName::AccessToken => json!({
            "iss": ISSUER, "sub": "alice", "aud": OURS, "iat": iat, "exp": exp, "jti": "a-1",
            "client_id": "cli", "scope": "connect",
        }),
        ClassName::DelegationToken => json!({
            "iss": ISSUER, "sub": "alice", "aud": OURS, "iat": iat, "exp": exp, "jti": "d-1",
            "client_id": "cli", "may_act": {"iss": OURS, "sub": "machine:helper"},
        }),
        ClassName::WorkloadToken => json!({
            "iss": ISSUER, "sub": WORKLOAD, "aud": OURS, "iat": iat, "nbf": iat, "exp": exp, "repository_id": "456789",
        }),
        ClassName::LogoutToken => json!({
            "iss": ISSUER, "sub": "alice", "aud": CLIENT, "iat": iat, "exp": exp, "jti": "l-1", "sid": "s-1",
            "events": {LOGOUT_EVENT: {}},
        }),
        ClassName::ClientAssertion => json!({
            "iss": CLIENT, "sub": CLIENT, "aud": OURS, "iat": iat, "exp": iat + 60, "jti": "c-1",
        }),
        ClassName::SecurityEvent => json!({
            "iss": ISSUER, "aud": OURS, "iat": iat, "jti": "e-1",
            "events": {REVOKED: {"event_timestamp": iat}}, "sub_id": {"format": "opaque", "id": "alice"},
        }),
    }
}

/// The members by name: what the JSON library keeps them in depends on who else uses it.
fn text_of(members: &Map<String, Value>) -> String {
    let sorted: BTreeMap<_, _> = members.iter().collect();
    serde_json::to_string(&sorted).expect("claims are JSON")
}
