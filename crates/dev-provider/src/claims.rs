//! What is said of a person.

use custos_model::Instant;
use serde_json::{Map, Value, json};

use crate::memory::Grant;
use crate::opaque::access_token_hash;
use crate::person::Account;

/// Life of an identity token.
const ID_TOKEN_SECONDS: u64 = 600;
/// Nobody can get mail there (RFC 2606 section 2).
const MAIL_DOMAIN: &str = "dev.example";

/// Claims of userinfo, and of every identity token.
pub(crate) fn person(name: &str, account: &Account) -> Map<String, Value> {
    members(json!({
        "sub": account.subject,
        "preferred_username": name,
        "name": account.display_name,
        "email": format!("{name}@{MAIL_DOMAIN}"),
        "email_verified": false,
        "groups": account.groups,
    }))
}

/// OpenID Connect Core section 2. The nonce belongs to the first token only (section 12.2).
pub(crate) fn identity(
    issuer: &str,
    grant: &Grant,
    account: &Account,
    nonce: Option<&str>,
    access_token: &str,
    now: Instant,
) -> Map<String, Value> {
    let issued = seconds(now);
    let mut claims = person(&grant.person, account);
    claims.extend(members(json!({
        "iss": issuer,
        "aud": grant.client,
        "azp": grant.client,
        "iat": issued,
        "exp": issued.saturating_add(ID_TOKEN_SECONDS),
        "auth_time": grant.authenticated,
        "amr": ["pwd"],
        "sid": grant.session,
        "at_hash": access_token_hash(access_token),
    })));
    if let Some(nonce) = nonce {
        claims.insert("nonce".to_owned(), nonce.into());
    }
    claims
}

/// Seconds since 1970-01-01T00:00:00Z.
pub(crate) fn seconds(now: Instant) -> u64 {
    now.utc_ns / 1_000_000_000
}

/// Of a literal that is an object.
pub(crate) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
