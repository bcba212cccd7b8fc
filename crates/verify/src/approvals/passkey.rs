//! Assertions of passkeys (WebAuthn Level 3 sections 5.8.1, 6.1 and 7.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::crypto::PublicKey;
use super::keys::Passkey;
use super::members::text;
use super::signature::Wrong;
use super::spki;

const DOMAIN: &[u8] = b"custos approval v1\0";
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
/// Attested credential data and extensions: nobody asked for them.
const MORE_DATA: u8 = 1 << 6 | 1 << 7;

/// Verifies an assertion of `key` over a statement; `assertion` is the JSON of `PublicKeyCredential.toJSON()`.
pub(super) fn verify(
    key: &[u8],
    passkey: &Passkey,
    statement: &[u8],
    assertion: &[u8],
) -> Result<(), Wrong> {
    let key = spki::parse(key).ok_or(Wrong::Key)?;
    let assertion = object(assertion).ok_or(MALFORMED)?;
    let id = text(&assertion, "id").ok_or(MALFORMED)?;
    if text(&assertion, "type") != Some("public-key") || text(&assertion, "rawId") != Some(id) {
        return Err(MALFORMED);
    }
    let response = assertion
        .get("response")
        .and_then(Value::as_object)
        .ok_or(MALFORMED)?;
    let bytes = |name| BASE64URL.decode(text(response, name)?).ok();
    let client_data = bytes("clientDataJSON").ok_or(MALFORMED)?;
    let data = bytes("authenticatorData").ok_or(MALFORMED)?;
    let signature = bytes("signature").ok_or(MALFORMED)?;
    if id != passkey.credential_id {
        return Err(Wrong::OtherKey);
    }
    check_client_data(&client_data, statement, &passkey.origin)?;
    check_authenticator_data(&data, &passkey.rp_id)?;
    let signed = [&data[..], &Sha256::digest(&client_data)[..]].concat();
    let good = match &key {
        PublicKey::Ed25519(_) => key.verify_ed25519(&signed, &signature),
        PublicKey::P256(_) => key.verify_p256_der(&signed, &signature),
        PublicKey::Rsa(_) => key.verify_rsa_sha256(&signed, &signature),
    };
    if good { Ok(()) } else { Err(Wrong::Signature) }
}

const MALFORMED: Wrong = Wrong::Malformed("the assertion");

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(bytes).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

fn check_client_data(bytes: &[u8], statement: &[u8], origin: &str) -> Result<(), Wrong> {
    let data = object(bytes).ok_or(Wrong::Malformed("the client data"))?;
    let digest = Sha256::digest([DOMAIN, statement].concat());
    let cross_origin = data
        .get("crossOrigin")
        .is_some_and(|value| *value != Value::Bool(false))
        || data.contains_key("topOrigin");
    if text(&data, "type") != Some("webauthn.get") {
        Err(Wrong::Purpose("the client data is of another type"))
    } else if text(&data, "challenge") != Some(BASE64URL.encode(digest).as_str()) {
        Err(Wrong::Purpose("the challenge is not that of the statement"))
    } else if text(&data, "origin") != Some(origin) || cross_origin {
        Err(Wrong::Purpose("the origin is another"))
    } else {
        Ok(())
    }
}

fn check_authenticator_data(data: &[u8], rp_id: &str) -> Result<(), Wrong> {
    let Some((hash, [flags, ..])) = data
        .split_last_chunk::<5>()
        .filter(|(hash, _)| hash.len() == 32)
    else {
        return Err(Wrong::Malformed("the authenticator data"));
    };
    let backup = flags & (BACKED_UP | BACKUP_ELIGIBLE);
    if flags & MORE_DATA != 0 || backup == BACKED_UP {
        Err(Wrong::Malformed("the authenticator data"))
    } else if hash != Sha256::digest(rp_id).as_slice() {
        Err(Wrong::Purpose("the relying party is another"))
    } else if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
        Err(Wrong::Purpose("the user was not present and verified"))
    } else {
        Ok(())
    }
}
