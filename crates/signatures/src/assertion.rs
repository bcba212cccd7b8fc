//! An assertion as a page sends it (WebAuthn Level 3 section 5.1, `AuthenticationResponseJSON`).

use custos_strict_json::{Names, object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::encoding::{decode, encode};
use crate::error::SignatureError;

/// Longest JSON of an assertion that [`Assertion::parse`] reads.
pub const MAX_ASSERTION_BYTES: usize = 16 * 1024;

/// Longest `clientDataJSON`, in bytes.
pub const MAX_CLIENT_DATA_BYTES: usize = 4 * 1024;

/// Longest credential id (section 4, "Credential ID").
pub const MAX_CREDENTIAL_BYTES: usize = 1023;

const MAX_AUTHENTICATOR_DATA_BYTES: usize = 1024;

/// RSA of 8192 bits.
const MAX_SIGNATURE_BYTES: usize = 1024;

/// Section 5.4.3.
const MAX_USER_HANDLE_BYTES: usize = 64;

const MAX_DEPTH: usize = 8;

/// What `navigator.credentials.get()` gave a page: well formed, and proof of nothing before
/// [`crate::PasskeyKey::verify`].
///
/// Serialized as `PublicKeyCredential.toJSON()` does. Members that are not known here (`authenticatorAttachment`,
/// `clientExtensionResults` and what browsers will add) are passed over and not written again: nothing signs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Credential", try_from = "Credential")]
pub struct Assertion {
    credential_id: Vec<u8>,
    client_data_json: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<Vec<u8>>,
}

impl Assertion {
    /// Reads the JSON of one. No member of any object in it may be named twice.
    pub fn parse(json: &[u8]) -> Result<Self, SignatureError> {
        if json.len() > MAX_ASSERTION_BYTES {
            return Err(SignatureError::TooLong);
        }
        let members = object(json, Names::Exact, MAX_DEPTH)
            .map_err(|_| SignatureError::AssertionMalformed)?;
        let credential: Credential = serde_json::from_value(Value::Object(members))
            .map_err(|_| SignatureError::AssertionMalformed)?;
        Self::try_from(credential)
    }

    /// Which passkey is said to have signed.
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    /// What the browser had signed, byte for byte.
    pub fn client_data_json(&self) -> &[u8] {
        &self.client_data_json
    }

    /// What the authenticator added.
    pub fn authenticator_data(&self) -> &[u8] {
        &self.authenticator_data
    }

    /// The signature: DER for ECDSA, bare for the others (section 6.5.5).
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// `user.id` of when the passkey was made, where the authenticator remembers it. Nothing signs it.
    pub fn user_handle(&self) -> Option<&[u8]> {
        self.user_handle.as_deref()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    id: String,
    raw_id: String,
    r#type: String,
    response: Response,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    authenticator_data: String,
    signature: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_handle: Option<String>,
}

impl TryFrom<Credential> for Assertion {
    type Error = SignatureError;

    fn try_from(credential: Credential) -> Result<Self, SignatureError> {
        if credential.r#type != "public-key" || credential.id != credential.raw_id {
            return Err(SignatureError::AssertionMalformed);
        }
        let response = credential.response;
        Ok(Self {
            credential_id: bytes(&credential.id, MAX_CREDENTIAL_BYTES)?,
            client_data_json: bytes(&response.client_data_json, MAX_CLIENT_DATA_BYTES)?,
            authenticator_data: bytes(&response.authenticator_data, MAX_AUTHENTICATOR_DATA_BYTES)?,
            signature: bytes(&response.signature, MAX_SIGNATURE_BYTES)?,
            user_handle: response
                .user_handle
                .map(|handle| bytes(&handle, MAX_USER_HANDLE_BYTES))
                .transpose()?,
        })
    }
}

/// base64url of one to `limit` bytes.
fn bytes(text: &str, limit: usize) -> Result<Vec<u8>, SignatureError> {
    decode(text)
        .filter(|bytes| !bytes.is_empty() && bytes.len() <= limit)
        .ok_or(SignatureError::AssertionMalformed)
}

impl From<Assertion> for Credential {
    fn from(assertion: Assertion) -> Self {
        let id = encode(&assertion.credential_id);
        Self {
            raw_id: id.clone(),
            id,
            r#type: "public-key".to_owned(),
            response: Response {
                client_data_json: encode(&assertion.client_data_json),
                authenticator_data: encode(&assertion.authenticator_data),
                signature: encode(&assertion.signature),
                user_handle: assertion.user_handle.as_deref().map(encode),
            },
        }
    }
}
