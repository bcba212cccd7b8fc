//! The public numbers of a key (RFC 7518 section 6, RFC 8037 section 2), and the crypto library's use of them.

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::key::SkipReason;

/// Moduli that are taken, in bits.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

#[derive(Clone)]
pub(crate) enum Material {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    P256(ParsedPublicKey),
    P384(ParsedPublicKey),
    Ed25519(ParsedPublicKey),
}

impl Material {
    pub(crate) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, SkipReason> {
        match text(jwk, "kty")? {
            Some("RSA") => rsa(jwk),
            Some("EC") => match text(jwk, "crv")? {
                Some("P-256") => {
                    let point = point(jwk, 32)?;
                    parsed(&signature::ECDSA_P256_SHA256_FIXED, &point).map(Self::P256)
                }
                Some("P-384") => {
                    let point = point(jwk, 48)?;
                    parsed(&signature::ECDSA_P384_SHA384_FIXED, &point).map(Self::P384)
                }
                Some(_) => Err(SkipReason::UnknownCurve),
                None => Err(SkipReason::Malformed),
            },
            Some("OKP") => match text(jwk, "crv")? {
                Some("Ed25519") => {
                    let point = coordinate(jwk, "x", 32)?;
                    parsed(&signature::ED25519, &point).map(Self::Ed25519)
                }
                Some(_) => Err(SkipReason::UnknownCurve),
                None => Err(SkipReason::Malformed),
            },
            Some("oct") => Err(SkipReason::Symmetric),
            Some(_) => Err(SkipReason::UnknownType),
            None => Err(SkipReason::Malformed),
        }
    }

    /// Whether type and curve are the algorithm's.
    pub(crate) fn suits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa(_) => rsa_parameters(algorithm).is_some(),
            Self::P256(_) => algorithm == Algorithm::Es256,
            Self::P384(_) => algorithm == Algorithm::Es384,
            Self::Ed25519(_) => algorithm == Algorithm::EdDsa,
        }
    }

    /// Whether the signature is good. The algorithm must suit.
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let checked = match self {
            Self::Rsa(key) => rsa_parameters(algorithm)
                .is_some_and(|parameters| key.verify(parameters, message, signature).is_ok()),
            Self::P256(key) | Self::P384(key) | Self::Ed25519(key) => {
                key.verify_sig(message, signature).is_ok()
            }
        };
        checked && self.suits(algorithm)
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => None,
    }
}

/// `n` and `e` are unsigned and without leading zeros (RFC 7518 section 6.3.1).
fn rsa(jwk: &Map<String, Value>) -> Result<Material, SkipReason> {
    let n = bytes(jwk, "n")?;
    let e = bytes(jwk, "e")?;
    let (Some(high), Some(low)) = (n.first(), n.last()) else {
        return Err(SkipReason::Malformed);
    };
    if *high == 0 || e.first().is_none_or(|first| *first == 0) || low % 2 == 0 {
        return Err(SkipReason::Malformed);
    }
    let bits = u32::try_from(n.len() * 8).map_or(u32::MAX, |bits| bits - high.leading_zeros());
    let odd = e.last().is_some_and(|last| last % 2 == 1);
    if !RSA_BITS.contains(&bits) || !odd || e == [1] || e.len() > 4 {
        return Err(SkipReason::RsaSize);
    }
    Ok(Material::Rsa(RsaPublicKeyComponents { n, e }))
}

/// An uncompressed point (SEC 1 section 2.3.3); both coordinates have the curve's full length.
fn point(jwk: &Map<String, Value>, length: usize) -> Result<Vec<u8>, SkipReason> {
    let x = coordinate(jwk, "x", length)?;
    let y = coordinate(jwk, "y", length)?;
    Ok([&[4][..], &x, &y].concat())
}

fn coordinate(jwk: &Map<String, Value>, name: &str, length: usize) -> Result<Vec<u8>, SkipReason> {
    bytes(jwk, name).and_then(|bytes| {
        let fits = bytes.len() == length;
        fits.then_some(bytes).ok_or(SkipReason::Malformed)
    })
}

fn parsed(
    algorithm: &'static dyn signature::VerificationAlgorithm,
    point: &[u8],
) -> Result<ParsedPublicKey, SkipReason> {
    ParsedPublicKey::new(algorithm, point).map_err(|_| SkipReason::Malformed)
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, SkipReason> {
    text(jwk, name)?
        .and_then(base64url::decode)
        .ok_or(SkipReason::Malformed)
}

pub(crate) fn text<'a>(
    jwk: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a str>, SkipReason> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(SkipReason::Malformed),
    }
}
