//! The service provider's own key.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};

use crate::algorithm::SignatureAlgorithm;
use crate::key::KeyError;

/// Signs requests. RSA signatures are deterministic; for ECDSA the cryptographic library draws its own nonce.
pub(crate) enum SigningKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

impl SigningKey {
    /// `pkcs8`: RSA with 2048 to 8192 bits, or P-256, DER.
    pub(crate) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8) {
            return Ok(Self::P256(key));
        }
        let key = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Malformed)?;
        // The library refuses these sizes too; this line does not depend on it.
        if !(256..=1024).contains(&key.public_modulus_len()) {
            return Err(KeyError::Size);
        }
        Ok(Self::Rsa(key))
    }

    pub(crate) fn algorithm(&self) -> SignatureAlgorithm {
        match self {
            Self::Rsa(_) => SignatureAlgorithm::RsaSha256,
            Self::P256(_) => SignatureAlgorithm::EcdsaSha256,
        }
    }

    /// As in a certificate: `RSAPublicKey` or the point.
    pub(crate) fn public_key(&self) -> &[u8] {
        match self {
            Self::Rsa(key) => key.public_key().as_ref(),
            Self::P256(key) => key.public_key().as_ref(),
        }
    }

    /// XML Signature, sections 6.4.2 and 6.4.3: the format is the same in the redirect binding.
    ///
    /// # Errors
    /// Only when the cryptographic library fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| KeyError::Malformed)?;
                Ok(signature)
            }
            Self::P256(key) => key
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::Malformed),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}
