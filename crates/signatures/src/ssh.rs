//! An approver's SSH key.

use std::fmt;

use serde::{Deserialize, Serialize};
use ssh_key::encoding::{Decode as _, Reader as _};
use ssh_key::public::KeyData;
use ssh_key::{PublicKey, Signature};

use crate::encoding::fingerprint;
use crate::error::SignatureError;
use crate::ssh_material::Material;
use crate::sshsig;

/// Longest line with a public key, its comment counted. RSA keys of 8192 bits have 1400 bytes.
pub const MAX_KEY_LINE_BYTES: usize = 8 * 1024;

/// A public SSH key that may sign: Ed25519, ECDSA over P-256, P-384 or P-521, RSA of 2048 to 8192 bits, or a security key
/// (`sk-`, OpenSSH PROTOCOL.u2f). Serialized as [`SshKey::openssh`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SshKey {
    openssh: String,
    fingerprint: String,
    data: KeyData,
    material: Material,
}

impl SshKey {
    /// Reads one line of `id_….pub`: type, base64, and perhaps a comment, which is dropped. One newline at its end is taken.
    /// Options, as in `authorized_keys`, are not.
    pub fn parse(line: &str) -> Result<Self, SignatureError> {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.len() > MAX_KEY_LINE_BYTES || line.contains(char::is_control) {
            return Err(SignatureError::KeyMalformed);
        }
        let mut words = line.splitn(3, ' ');
        let (Some(name), Some(base64)) = (words.next(), words.next()) else {
            return Err(SignatureError::KeyMalformed);
        };
        if name.contains("-cert-v") {
            return Err(SignatureError::KeyCertificate);
        }
        let openssh = format!("{name} {base64}");
        let key = PublicKey::from_openssh(&openssh).map_err(|_| SignatureError::KeyMalformed)?;
        let material = Material::new(key.key_data())?;
        let bytes = key.to_bytes().map_err(|_| SignatureError::KeyMalformed)?;
        // One spelling: base64 that ends in other bits, or numbers with zeros before them, would be another key to others.
        if key.to_openssh().as_deref() != Ok(&*openssh) {
            return Err(SignatureError::KeyMalformed);
        }
        Ok(Self {
            openssh,
            fingerprint: fingerprint(&bytes),
            data: KeyData::from(key),
            material,
        })
    }

    /// Reads a key as it goes over the wire (RFC 4253 section 6.6). Certificates are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, SignatureError> {
        if bytes.len() > MAX_KEY_LINE_BYTES {
            return Err(SignatureError::KeyMalformed);
        }
        let mut reader = bytes;
        let data = KeyData::decode(&mut reader).map_err(|_| SignatureError::KeyMalformed)?;
        if !reader.is_finished() {
            return Err(SignatureError::KeyMalformed);
        }
        let key = PublicKey::from(data);
        let openssh = key.to_openssh().map_err(|_| SignatureError::KeyMalformed)?;
        let key = Self::parse(&openssh)?;
        // One spelling, as in `parse`.
        if key.encode() != bytes {
            return Err(SignatureError::KeyMalformed);
        }
        Ok(key)
    }

    /// The key as it goes over the wire.
    pub fn encode(&self) -> Vec<u8> {
        PublicKey::from(self.data.clone())
            .to_bytes()
            .unwrap_or_default()
    }

    /// Its type, such as `ssh-ed25519`.
    pub fn kind(&self) -> &str {
        self.openssh.split(' ').next().unwrap_or_default()
    }

    /// `SHA256:` and base64, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Type and base64, without a comment.
    pub fn openssh(&self) -> &str {
        &self.openssh
    }

    /// Whether `armored` is this key's signature over `message` for `namespace`, as `ssh-keygen -Y sign -n NAMESPACE` makes it
    /// (OpenSSH PROTOCOL.sshsig). It must be byte for byte as `ssh-keygen` writes it. A security key must have been touched.
    pub fn verify(
        &self,
        namespace: &str,
        message: &[u8],
        armored: &str,
    ) -> Result<(), SignatureError> {
        sshsig::verify(&self.data, &self.material, namespace, message, armored)
    }

    /// Whether `signature`, as it goes over the wire (RFC 4253 section 6.6), is this key's over `message` by the algorithm of
    /// that name, such as `ssh-ed25519` or `rsa-sha2-512`.
    pub fn verify_plain(
        &self,
        algorithm: &str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let signature =
            Signature::try_from(signature).map_err(|_| SignatureError::SignatureWrong)?;
        if signature.algorithm().as_str() != algorithm {
            return Err(SignatureError::AlgorithmWrong);
        }
        self.material.verify(message, &signature)
    }
}

impl PartialEq for SshKey {
    fn eq(&self, other: &Self) -> bool {
        self.openssh == other.openssh
    }
}

impl Eq for SshKey {}

impl fmt::Debug for SshKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SshKey({})", self.openssh)
    }
}

impl TryFrom<String> for SshKey {
    type Error = SignatureError;

    fn try_from(line: String) -> Result<Self, SignatureError> {
        Self::parse(&line)
    }
}

impl From<SshKey> for String {
    fn from(key: SshKey) -> Self {
        key.openssh
    }
}
