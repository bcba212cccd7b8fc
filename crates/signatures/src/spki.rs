//! The public key of a passkey, as `AuthenticatorAttestationResponse.getPublicKey()` gives it: SubjectPublicKeyInfo in DER
//! (RFC 5280 section 4.1.2.7, WebAuthn section 5.2.1.1).

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use serde::{Deserialize, Serialize};

use crate::ed25519;
use crate::error::SignatureError;

/// Longest SubjectPublicKeyInfo: that of an RSA key of 8192 bits has 1062 bytes.
const MAX_BYTES: usize = 2048;

/// Moduli that are taken, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What stands before the uncompressed point of a P-256 key (RFC 5480 section 2).
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// What stands before an Ed25519 key (RFC 8410 section 4).
const ED25519: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A COSE algorithm (RFC 9053, RFC 8812). Serialized as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "i64", try_from = "i64")]
pub enum PasskeyAlgorithm {
    /// -7: ECDSA over P-256 with SHA-256.
    Es256,
    /// -8: Ed25519.
    EdDsa,
    /// -257: RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl PasskeyAlgorithm {
    /// All of them, in the order in which a page should ask for them.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// The number that COSE and WebAuthn know it by.
    pub fn number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }

    /// The key, if it is one of this algorithm in its one spelling.
    pub(crate) fn parse(self, spki: &[u8]) -> Result<ParsedPublicKey, SignatureError> {
        if spki.len() > MAX_BYTES {
            return Err(SignatureError::KeyMalformed);
        }
        match self {
            Self::Es256 => {
                let point = spki
                    .strip_prefix(P256)
                    .filter(|point| point.len() == 65 && point.first() == Some(&4))
                    .ok_or(SignatureError::KeyMalformed)?;
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
                    .map_err(|_| SignatureError::KeyMalformed)
            }
            Self::EdDsa => {
                let key = spki
                    .strip_prefix(ED25519)
                    .and_then(|key| key.try_into().ok())
                    .ok_or(SignatureError::KeyMalformed)?;
                ed25519::parse(key)
            }
            Self::Rs256 => rsa(spki),
        }
    }
}

fn rsa(spki: &[u8]) -> Result<ParsedPublicKey, SignatureError> {
    let key = PublicEncryptingKey::from_der(spki).map_err(|_| SignatureError::KeyMalformed)?;
    if !RSA_BITS.contains(&key.key_size_bits()) {
        return Err(SignatureError::KeyRsaSize);
    }
    let again: PublicKeyX509Der<'_> = key.as_der().map_err(|_| SignatureError::KeyMalformed)?;
    if again.as_ref() != spki {
        return Err(SignatureError::KeyMalformed);
    }
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki)
        .map_err(|_| SignatureError::KeyMalformed)
}

impl TryFrom<i64> for PasskeyAlgorithm {
    type Error = SignatureError;

    fn try_from(number: i64) -> Result<Self, SignatureError> {
        Self::ALL
            .into_iter()
            .find(|known| known.number() == number)
            .ok_or(SignatureError::KeyUnsupported)
    }
}

impl From<PasskeyAlgorithm> for i64 {
    fn from(algorithm: PasskeyAlgorithm) -> Self {
        algorithm.number()
    }
}
