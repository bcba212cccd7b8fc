//! Keys of identity providers, taken out of certificates. Nothing else in a certificate is looked at: metadata pins it.

use std::fmt;
use std::fmt::Write as _;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    self, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters, UnparsedPublicKey, VerificationAlgorithm,
};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;

use crate::algorithm::SignatureAlgorithm;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// Why a certificate's key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are no certificate or no private key.
    #[error("the key or certificate cannot be read")]
    Malformed,
    /// Not RSA, P-256 or P-384; for signing not RSA or P-256.
    #[error("the kind of key is not supported")]
    Kind,
    /// RSA with less than 2048 or more than 8192 bits.
    #[error("the RSA key has less than 2048 or more than 8192 bits")]
    Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
}

/// A public key that signatures are checked with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct VerifyingKey {
    kind: Kind,
    /// RSA: `RSAPublicKey` (RFC 8017); else the point, uncompressed.
    bytes: Vec<u8>,
}

impl VerifyingKey {
    pub(crate) fn from_certificate(der: &[u8]) -> Result<Self, KeyError> {
        let certificate = Certificate::from_der(der).map_err(|_| KeyError::Malformed)?;
        let info = certificate.tbs_certificate().subject_public_key_info();
        let curve = info
            .algorithm
            .parameters
            .as_ref()
            .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
        let kind = match (info.algorithm.oid, curve) {
            (RSA_ENCRYPTION, None) => Kind::Rsa,
            (EC_PUBLIC_KEY, Some(P256)) => Kind::P256,
            (EC_PUBLIC_KEY, Some(P384)) => Kind::P384,
            _ => return Err(KeyError::Kind),
        };
        let bytes = info
            .subject_public_key
            .as_bytes()
            .ok_or(KeyError::Malformed)?;
        check(kind, bytes)?;
        Ok(Self {
            kind,
            bytes: bytes.to_owned(),
        })
    }

    /// As `RSAPublicKey` or as a point.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the key itself, in lower-case hexadecimal: the same for each certificate of the key.
    pub(crate) fn fingerprint(&self) -> String {
        let digest = digest::digest(&digest::SHA256, &self.bytes);
        digest
            .as_ref()
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    /// Whether the signature of this algorithm over the message was made with this key. False for an algorithm of
    /// another kind of key.
    pub(crate) fn verifies(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match (self.kind, algorithm) {
            (Kind::Rsa, SignatureAlgorithm::RsaSha256) => &RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa, SignatureAlgorithm::RsaSha384) => &RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa, SignatureAlgorithm::RsaSha512) => &RSA_PKCS1_2048_8192_SHA512,
            (Kind::P256, SignatureAlgorithm::EcdsaSha256) => &signature::ECDSA_P256_SHA256_FIXED,
            (Kind::P384, SignatureAlgorithm::EcdsaSha384) => &signature::ECDSA_P384_SHA384_FIXED,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, &self.bytes)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("VerifyingKey")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn check(kind: Kind, bytes: &[u8]) -> Result<(), KeyError> {
    let algorithm: &'static dyn VerificationAlgorithm = match kind {
        Kind::Rsa => {
            let bits = RsaParameters::public_modulus_len(bytes).map_err(|_| KeyError::Malformed)?;
            return if RSA_BITS.contains(&bits) {
                Ok(())
            } else {
                Err(KeyError::Size)
            };
        }
        Kind::P256 => &signature::ECDSA_P256_SHA256_FIXED,
        Kind::P384 => &signature::ECDSA_P384_SHA384_FIXED,
    };
    ParsedPublicKey::new(algorithm, bytes)
        .map(|_| ())
        .map_err(|_| KeyError::Malformed)
}
