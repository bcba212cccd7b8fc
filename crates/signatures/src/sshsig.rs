//! OpenSSH PROTOCOL.sshsig.

use aws_lc_rs::digest::{self, SHA256, SHA512};
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, LineEnding, SshSig};

use crate::error::SignatureError;
use crate::ssh_material::Material;

/// Longest armored signature. With an RSA key of 8192 bits it has about 3,000 bytes.
pub const MAX_ARMOR_BYTES: usize = 16 * 1024;

const MAGIC: &[u8] = b"SSHSIG";

pub(crate) fn verify(
    key: &KeyData,
    material: &Material,
    namespace: &str,
    message: &[u8],
    armored: &str,
) -> Result<(), SignatureError> {
    let signature = parse(armored)?;
    if signature.version() != SshSig::VERSION {
        return Err(SignatureError::VersionUnknown);
    }
    if signature.public_key() != key {
        return Err(SignatureError::KeyOther);
    }
    if signature.namespace() != namespace {
        return Err(SignatureError::NamespaceWrong);
    }
    if !signature.reserved().is_empty() {
        return Err(SignatureError::ReservedUsed);
    }
    let (hash, name) = match signature.hash_alg() {
        HashAlg::Sha256 => (&SHA256, "sha256"),
        HashAlg::Sha512 => (&SHA512, "sha512"),
        _ => return Err(SignatureError::AlgorithmWrong),
    };
    let digest = digest::digest(hash, message);
    let mut signed = MAGIC.to_vec();
    for part in [namespace.as_bytes(), b"", name.as_bytes(), digest.as_ref()] {
        let length = u32::try_from(part.len()).map_err(|_| SignatureError::TooLong)?;
        signed.extend_from_slice(&length.to_be_bytes());
        signed.extend_from_slice(part);
    }
    material.verify(&signed, signature.signature())
}

/// What does not come out again as it came in has a second spelling, or something before, between or after it.
fn parse(armored: &str) -> Result<SshSig, SignatureError> {
    if armored.len() > MAX_ARMOR_BYTES {
        return Err(SignatureError::TooLong);
    }
    let signature = SshSig::from_pem(armored).map_err(|_| SignatureError::ArmorMalformed)?;
    let again = signature
        .to_pem(LineEnding::LF)
        .map_err(|_| SignatureError::ArmorMalformed)?;
    if again != armored {
        return Err(SignatureError::ArmorMalformed);
    }
    Ok(signature)
}
