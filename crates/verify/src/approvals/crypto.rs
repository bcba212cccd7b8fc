//! Public keys and signatures, by the RustCrypto implementations: the gateway has other ones.

use ed25519_dalek::{Signature as EdSignature, VerifyingKey as EdKey};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature as P256Signature, VerifyingKey as P256Key};
use rsa::pkcs1v15::{Signature as RsaSignature, VerifyingKey as RsaKey};
use rsa::{BoxedUint, PublicKey as RsaPublicKey};
use sha2::{Sha256, Sha512};

/// Moduli that are taken, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Longest exponent in bytes, as longer ones only take time.
const RSA_EXPONENT_BYTES: usize = 4;

/// A public key of a kind that this program knows.
#[derive(Debug, Clone)]
pub(super) enum PublicKey {
    Ed25519(EdKey),
    P256(P256Key),
    Rsa(RsaPublicKey),
}

impl PublicKey {
    pub(super) fn ed25519(key: &[u8]) -> Option<Self> {
        let key = EdKey::from_bytes(key.try_into().ok()?).ok()?;
        (!key.is_weak()).then_some(Self::Ed25519(key))
    }

    /// An uncompressed point (SEC 1 section 2.3.3).
    pub(super) fn p256(point: &[u8]) -> Option<Self> {
        let uncompressed = point.len() == 65 && point.first() == Some(&4);
        let key = P256Key::from_sec1_bytes(point).ok()?;
        uncompressed.then_some(Self::P256(key))
    }

    /// Modulus and exponent, big-endian.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        if modulus.len() > RSA_BITS.end() / 8 || exponent.len() > RSA_EXPONENT_BYTES {
            return None;
        }
        let number = |bytes: &[u8]| BoxedUint::from_be_slice_vartime(bytes);
        RsaPublicKey::new_with_size_limits(number(modulus), number(exponent), RSA_BITS)
            .ok()
            .map(Self::Rsa)
    }

    /// Ed25519 (RFC 8032).
    pub(super) fn verify_ed25519(&self, message: &[u8], signature: &[u8]) -> bool {
        let Self::Ed25519(key) = self else {
            return false;
        };
        EdSignature::from_slice(signature)
            .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
    }

    /// ECDSA over P-256 with SHA-256; the two numbers of 32 bytes.
    pub(super) fn verify_p256(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let Self::P256(key) = self else {
            return false;
        };
        P256Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }

    /// The same from DER.
    pub(super) fn verify_p256_der(&self, message: &[u8], signature: &[u8]) -> bool {
        let Self::P256(key) = self else {
            return false;
        };
        P256Signature::from_der(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub(super) fn verify_rsa_sha256(&self, message: &[u8], signature: &[u8]) -> bool {
        let Self::Rsa(key) = self else {
            return false;
        };
        let key = RsaKey::<Sha256>::new(key.clone());
        RsaSignature::try_from(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }

    /// RSASSA-PKCS1-v1_5 with SHA-512.
    pub(super) fn verify_rsa_sha512(&self, message: &[u8], signature: &[u8]) -> bool {
        let Self::Rsa(key) = self else {
            return false;
        };
        let key = RsaKey::<Sha512>::new(key.clone());
        RsaSignature::try_from(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}
