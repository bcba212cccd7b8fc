//! What a workload's tokens say: one claim and its exact value.

use std::fmt;
use std::str::FromStr;

use custos_jwt::Verified;
use serde_json::Value;

/// The longest claim with its value.
const BYTES_MAX: usize = 1024;

/// A claim and the value that it must have: `repository_id=456789`, or `/kubernetes.io/serviceaccount/uid=…` for one
/// inside another (a JSON pointer, RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimValue {
    path: String,
    value: String,
}

/// Text that is not a claim and its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a claim and its value: write CLAIM=VALUE, at most {BYTES_MAX} bytes")]
pub struct ClaimError(String);

impl ClaimValue {
    /// The claim.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether a token says so.
    pub(super) fn is_in(&self, verified: &Verified) -> bool {
        text_of(verified, &self.path).is_some_and(|text| text == self.value)
    }
}

/// A claim's value as text. Lists and objects have none, so that nothing is compared that is not one thing.
pub(super) fn text_of(verified: &Verified, path: &str) -> Option<String> {
    if path == "sub" {
        return verified.subject().map(str::to_owned);
    }
    if path == "jti" {
        return verified.token_id().map(str::to_owned);
    }
    let claims = verified.claims();
    let value = match path.strip_prefix('/') {
        None => claims.get(path)?,
        Some(pointer) => pointer
            .split('/')
            .try_fold(None, |at: Option<&Value>, part| {
                let part = part.replace("~1", "/").replace("~0", "~");
                let found = match at {
                    None => claims.get(&part),
                    Some(value) => value.as_object()?.get(&part),
                };
                found.map(Some)
            })??,
    };
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl FromStr for ClaimValue {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let refused = || ClaimError(text.chars().take(80).collect());
        let (path, value) = text.split_once('=').ok_or_else(refused)?;
        if text.len() > BYTES_MAX || path.is_empty() || path == "/" || value.is_empty() {
            return Err(refused());
        }
        if text.contains(char::is_control) {
            return Err(refused());
        }
        Ok(Self {
            path: path.to_owned(),
            value: value.to_owned(),
        })
    }
}

impl fmt::Display for ClaimValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.path, self.value)
    }
}
