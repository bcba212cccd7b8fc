//! What the browser says it asked the authenticator to sign (WebAuthn Level 3 section 5.8.1).

use custos_strict_json::{Names, object};
use serde_json::{Map, Value};

use crate::encoding::encode;
use crate::error::SignatureError;

/// Deepest nesting of objects and arrays, the outermost object counted.
const MAX_DEPTH: usize = 8;

/// Section 7.2, steps 9 to 14. Members that are not named there are not looked at: browsers add some so that
/// nobody compares the text as a whole.
pub(crate) fn check(json: &[u8], challenge: &[u8; 32], origin: &str) -> Result<(), SignatureError> {
    let data =
        object(json, Names::Exact, MAX_DEPTH).map_err(|_| SignatureError::ClientDataMalformed)?;
    if text(&data, "type")? != "webauthn.get" {
        return Err(SignatureError::ClientDataType);
    }
    if text(&data, "challenge")? != encode(challenge) {
        return Err(SignatureError::ChallengeWrong);
    }
    if text(&data, "origin")? != origin {
        return Err(SignatureError::OriginWrong);
    }
    match data.get("crossOrigin") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::Bool(true)) => return Err(SignatureError::CrossOrigin),
        Some(_) => return Err(SignatureError::ClientDataMalformed),
    }
    // There only when the page is in a frame of another site.
    if data.contains_key("topOrigin") {
        return Err(SignatureError::CrossOrigin);
    }
    Ok(())
}

fn text<'a>(data: &'a Map<String, Value>, name: &str) -> Result<&'a str, SignatureError> {
    data.get(name)
        .and_then(Value::as_str)
        .ok_or(SignatureError::ClientDataMalformed)
}
