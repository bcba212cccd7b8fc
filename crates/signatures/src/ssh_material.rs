//! The public numbers of an SSH key, and the crypto library's use of them (RFC 4253 section 6.6, RFC 5656 section 3.1,
//! RFC 8332, RFC 8709, OpenSSH PROTOCOL.u2f).

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents,
};
use ssh_key::encoding::{Decode as _, Reader as _};
use ssh_key::public::{EcdsaPublicKey, KeyData, RsaPublicKey};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, Mpint, Signature};

use crate::ed25519;
use crate::encoding::sha256;
use crate::error::SignatureError;

/// Moduli that are taken, in bits.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

/// `flags` of a security key: somebody touched it (PROTOCOL.u2f, SSH_SK_USER_PRESENCE_REQD).
const PRESENT: u8 = 1;

#[derive(Clone)]
pub(crate) enum Material {
    Ed25519(ParsedPublicKey),
    Ecdsa(EcdsaCurve, ParsedPublicKey),
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// With SHA-256 of the application.
    SecurityEd25519(ParsedPublicKey, [u8; 32]),
    SecurityP256(ParsedPublicKey, [u8; 32]),
}

impl Material {
    pub(crate) fn new(key: &KeyData) -> Result<Self, SignatureError> {
        match key {
            KeyData::Ed25519(key) => ed25519::parse(&key.0).map(Self::Ed25519),
            KeyData::Ecdsa(key) => ecdsa(key),
            KeyData::Rsa(key) => rsa(key),
            KeyData::SkEd25519(key) => {
                let application = application(key.application())?;
                ed25519::parse(&key.public_key().0)
                    .map(|key| Self::SecurityEd25519(key, application))
            }
            KeyData::SkEcdsaSha2NistP256(key) => {
                let application = application(key.application())?;
                point(EcdsaCurve::NistP256, key.ec_point().as_bytes())
                    .map(|key| Self::SecurityP256(key, application))
            }
            _ => Err(SignatureError::KeyUnsupported),
        }
    }

    pub(crate) fn verify(
        &self,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let bytes = signature.as_bytes();
        match (self, signature.algorithm()) {
            (Self::Ed25519(key), Algorithm::Ed25519) => verified(key, message, bytes),
            (Self::Ecdsa(curve, key), Algorithm::Ecdsa { curve: its }) if *curve == its => {
                verified(key, message, &fixed(*curve, bytes)?)
            }
            (Self::Rsa(key), Algorithm::Rsa { hash }) => {
                let parameters = rsa_parameters(hash)?;
                key.verify(parameters, message, bytes)
                    .map_err(|_| SignatureError::SignatureWrong)
            }
            (Self::SecurityEd25519(key, application), Algorithm::SkEd25519) => {
                let (bytes, signed) = of_security_key(application, message, bytes)?;
                verified(key, &signed, bytes)
            }
            (Self::SecurityP256(key, application), Algorithm::SkEcdsaSha2NistP256) => {
                let (bytes, signed) = of_security_key(application, message, bytes)?;
                verified(key, &signed, &fixed(EcdsaCurve::NistP256, bytes)?)
            }
            _ => Err(SignatureError::AlgorithmWrong),
        }
    }
}

fn verified(key: &ParsedPublicKey, message: &[u8], bytes: &[u8]) -> Result<(), SignatureError> {
    key.verify_sig(message, bytes)
        .map_err(|_| SignatureError::SignatureWrong)
}

fn ecdsa(key: &EcdsaPublicKey) -> Result<Material, SignatureError> {
    let curve = key.curve();
    point(curve, key.as_sec1_bytes()).map(|key| Material::Ecdsa(curve, key))
}

/// An uncompressed point (SEC 1 section 2.3.3); RFC 5656 allows another form, which OpenSSH does not take.
fn point(curve: EcdsaCurve, bytes: &[u8]) -> Result<ParsedPublicKey, SignatureError> {
    if bytes.first() != Some(&4) {
        return Err(SignatureError::KeyMalformed);
    }
    ParsedPublicKey::new(ecdsa_algorithm(curve), bytes).map_err(|_| SignatureError::KeyMalformed)
}

/// The hash is the curve's (RFC 5656 section 6.2.1).
fn ecdsa_algorithm(curve: EcdsaCurve) -> &'static EcdsaVerificationAlgorithm {
    match curve {
        EcdsaCurve::NistP256 => &signature::ECDSA_P256_SHA256_FIXED,
        EcdsaCurve::NistP384 => &signature::ECDSA_P384_SHA384_FIXED,
        EcdsaCurve::NistP521 => &signature::ECDSA_P521_SHA512_FIXED,
    }
}

/// Two numbers of the curve's full length, from the two of RFC 5656 section 3.1.2.
fn fixed(curve: EcdsaCurve, mut bytes: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let length = match curve {
        EcdsaCurve::NistP256 => 32,
        EcdsaCurve::NistP384 => 48,
        EcdsaCurve::NistP521 => 66,
    };
    let mut both = Vec::with_capacity(2 * length);
    for _ in 0..2 {
        let number = Mpint::decode(&mut bytes).map_err(|_| SignatureError::SignatureWrong)?;
        let number = number
            .as_positive_bytes()
            .ok_or(SignatureError::SignatureWrong)?;
        let zeros = length
            .checked_sub(number.len())
            .ok_or(SignatureError::SignatureWrong)?;
        both.resize(both.len() + zeros, 0);
        both.extend_from_slice(number);
    }
    if !bytes.is_finished() {
        return Err(SignatureError::SignatureWrong);
    }
    Ok(both)
}

fn rsa(key: &RsaPublicKey) -> Result<Material, SignatureError> {
    let (Some(n), Some(e)) = (key.n().as_positive_bytes(), key.e().as_positive_bytes()) else {
        return Err(SignatureError::KeyMalformed);
    };
    let (Some(high), Some(low)) = (n.first(), n.last()) else {
        return Err(SignatureError::KeyMalformed);
    };
    if low % 2 == 0 {
        return Err(SignatureError::KeyMalformed);
    }
    let bits = u32::try_from(n.len() * 8).map_or(u32::MAX, |bits| bits - high.leading_zeros());
    let odd = e.last().is_some_and(|last| last % 2 == 1);
    if !RSA_BITS.contains(&bits) || !odd || e == [1] || e.len() > 4 {
        return Err(SignatureError::KeyRsaSize);
    }
    let (n, e) = (n.to_vec(), e.to_vec());
    Ok(Material::Rsa(RsaPublicKeyComponents { n, e }))
}

/// RFC 8332. SHA-1 (`ssh-rsa`) is not taken.
fn rsa_parameters(hash: Option<HashAlg>) -> Result<&'static RsaParameters, SignatureError> {
    match hash {
        Some(HashAlg::Sha256) => Ok(&signature::RSA_PKCS1_2048_8192_SHA256),
        Some(HashAlg::Sha512) => Ok(&signature::RSA_PKCS1_2048_8192_SHA512),
        _ => Err(SignatureError::AlgorithmWrong),
    }
}

/// PROTOCOL.u2f, "SSH U2F Signatures": a security key signs for sites too, whose names do not begin like this.
fn application(name: &str) -> Result<[u8; 32], SignatureError> {
    if !name.starts_with("ssh:") {
        return Err(SignatureError::KeyApplication);
    }
    Ok(sha256(&[name.as_bytes()]))
}

/// The signature itself, and what the security key signed in place of the message: the digest of the application, its
/// flags, its counter and the digest of the message.
fn of_security_key<'a>(
    application: &[u8; 32],
    message: &[u8],
    bytes: &'a [u8],
) -> Result<(&'a [u8], Vec<u8>), SignatureError> {
    let (bytes, [flags, counter @ ..]) = bytes
        .split_last_chunk::<5>()
        .ok_or(SignatureError::SignatureWrong)?;
    if flags & PRESENT == 0 {
        return Err(SignatureError::PresenceMissing);
    }
    let signed = [&application[..], &[*flags], counter, &sha256(&[message])].concat();
    Ok((bytes, signed))
}
