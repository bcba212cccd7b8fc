//! Whether an enrolled key signed a statement.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::keys::Enrolled;
use super::{passkey, ssh};
use crate::finding::Code;

/// What is wrong with a signature, or with the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The enrolled key cannot be read, or is not the one of its fingerprint.
    Key,
    /// This part has another form.
    Malformed(&'static str),
    /// Another key signed.
    OtherKey,
    /// It was made for something else, or without somebody there.
    Purpose(&'static str),
    /// It is not the key's over these bytes.
    Signature,
    /// A kind of key that this program cannot judge.
    Unknown(String),
}

impl Wrong {
    /// The code and sentence of a finding.
    pub(super) fn finding(&self) -> (Code, String) {
        match self {
            Self::Key => (
                Code::ApprovalKey,
                "the enrolled key cannot be, or is not that of its fingerprint".to_owned(),
            ),
            Self::Malformed(part) => (Code::ApprovalMalformed, format!("{part} has another form")),
            Self::OtherKey => (
                Code::ApprovalSignature,
                "another key than the recorded one signed".to_owned(),
            ),
            Self::Purpose(what) => (Code::ApprovalSignature, (*what).to_owned()),
            Self::Signature => (
                Code::ApprovalSignature,
                "the signature is not that of the key over the statement".to_owned(),
            ),
            Self::Unknown(kind) => (Code::ApprovalKey, format!("a key of kind {kind}")),
        }
    }
}

/// Verifies the content of a signature's file; `fingerprint` is the one that records name the key by.
pub(super) fn verify(
    key: &Enrolled,
    fingerprint: &str,
    statement: &[u8],
    signature: &[u8],
) -> Result<(), Wrong> {
    let bytes = match (key.method.as_str(), &key.passkey) {
        ("ssh", _) => ssh::key_bytes(&key.public_key),
        ("webauthn", Some(_)) => URL_SAFE_NO_PAD.decode(&key.public_key).ok(),
        _ => None,
    }
    .ok_or(Wrong::Key)?;
    let digest = STANDARD_NO_PAD.encode(Sha256::digest(&bytes));
    if fingerprint != format!("SHA256:{digest}") {
        return Err(Wrong::Key);
    }
    match &key.passkey {
        Some(passkey) if key.method == "webauthn" => {
            passkey::verify(&bytes, passkey, statement, signature)
        }
        _ => ssh::verify(&bytes, statement, signature),
    }
}
