//! Either kind of key, and either kind of signature (docs/adr/0015-approvals.md).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::assertion::Assertion;
use crate::authenticator_data::Facts;
use crate::encoding::sha256;
use crate::error::SignatureError;
use crate::passkey::PasskeyKey;
use crate::ssh::SshKey;

/// The SSHSIG namespace of statements.
pub const APPROVAL_NAMESPACE: &str = "custos-approval";

/// What stands before a statement in the challenge of a passkey, with a zero byte between them.
pub const APPROVAL_DOMAIN: &str = "custos approval v1";

/// What a passkey signs for a statement: SHA-256 of [`APPROVAL_DOMAIN`], a zero byte and the statement.
pub fn approval_challenge(statement: &[u8]) -> [u8; 32] {
    sha256(&[APPROVAL_DOMAIN.as_bytes(), &[0], statement])
}

/// How somebody signs: `method` of a statement. `attested`, where nobody does, is not one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// SSHSIG.
    Ssh,
    /// An assertion of a passkey.
    WebAuthn,
}

impl Method {
    /// The word in statements and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::WebAuthn => "webauthn",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// An enrolled public key. Serialized as `{"method": …, "key": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "key", deny_unknown_fields)]
pub enum ApproverKey {
    /// One line, as in `id_….pub`.
    #[serde(rename = "ssh")]
    Ssh(SshKey),
    /// An object.
    #[serde(rename = "webauthn")]
    Passkey(PasskeyKey),
}

impl ApproverKey {
    /// `SHA256:` and base64 without padding: `key` of a statement.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Ssh(key) => key.fingerprint().to_owned(),
            Self::Passkey(key) => key.fingerprint(),
        }
    }

    /// The public key as text: its OpenSSH line, or its SubjectPublicKeyInfo in base64url without padding.
    pub fn public_text(&self) -> String {
        match self {
            Self::Ssh(key) => key.openssh().to_owned(),
            Self::Passkey(key) => URL_SAFE_NO_PAD.encode(key.spki()),
        }
    }

    /// The passkey, if it is one.
    pub fn passkey(&self) -> Option<&PasskeyKey> {
        match self {
            Self::Ssh(_) => None,
            Self::Passkey(key) => Some(key),
        }
    }

    /// How this key signs.
    pub fn method(&self) -> Method {
        match self {
            Self::Ssh(_) => Method::Ssh,
            Self::Passkey(_) => Method::WebAuthn,
        }
    }

    /// Whether the signature is this key's over the statement. Passkeys know only [`APPROVAL_NAMESPACE`], and say
    /// something besides ([`Facts`]); SSH keys do not.
    pub fn verify(
        &self,
        namespace: &str,
        statement: &[u8],
        signature: &Signature,
    ) -> Result<Option<Facts>, SignatureError> {
        match (self, signature) {
            (Self::Ssh(key), Signature::Ssh(armored)) => {
                key.verify(namespace, statement, armored).map(|()| None)
            }
            (Self::Passkey(key), Signature::WebAuthn(assertion)) => {
                if namespace != APPROVAL_NAMESPACE {
                    return Err(SignatureError::NamespaceWrong);
                }
                key.verify(&approval_challenge(statement), assertion)
                    .map(Some)
            }
            _ => Err(SignatureError::MethodWrong),
        }
    }
}

/// A signature over a statement. Serialized as `{"method": …, "signature": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "signature", deny_unknown_fields)]
pub enum Signature {
    /// The armored text of an SSHSIG.
    #[serde(rename = "ssh")]
    Ssh(String),
    /// The JSON of an assertion.
    #[serde(rename = "webauthn")]
    WebAuthn(Assertion),
}

impl Signature {
    /// How it was made.
    pub fn method(&self) -> Method {
        match self {
            Self::Ssh(_) => Method::Ssh,
            Self::WebAuthn(_) => Method::WebAuthn,
        }
    }
}
