//! The gateway's own tokens.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::thumbprint;
use crate::token::MAX_TOKEN_BYTES;

/// Bytes of a coordinate on P-256.
const COORDINATE: usize = 32;

/// Why there is no signer or no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// Not a PKCS#8 private key on P-256.
    #[error("the text is not a P-256 private key in PKCS#8")]
    Key,
    /// The crypto library failed.
    #[error("the crypto library failed")]
    Crypto,
    /// The token would be longer than our own verifier takes.
    #[error("the token would be longer than 16 KiB")]
    TooLong,
}

/// Signs tokens with ES256. `Debug` shows the public key's thumbprint only.
pub struct Signer {
    key: EcdsaKeyPair,
    public: Map<String, Value>,
    key_id: String,
}

impl Signer {
    /// A new key. Randomness comes from the crypto library, as it does for signatures.
    pub fn generate() -> Result<Self, SignerError> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self::of(key.map_err(|_| SignerError::Crypto)?)
    }

    /// A key that [`Signer::to_pkcs8`] wrote, or another unencrypted PKCS#8 key in DER (RFC 5208).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignerError> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
        Self::of(key.map_err(|_| SignerError::Key)?)
    }

    fn of(key: EcdsaKeyPair) -> Result<Self, SignerError> {
        let (x, y) = coordinates(key.public_key().as_ref()).ok_or(SignerError::Crypto)?;
        let mut public = Map::new();
        let members = [("kty", "EC"), ("crv", "P-256"), ("x", &x), ("y", &y)];
        for (name, value) in members {
            public.insert(name.to_owned(), value.into());
        }
        let key_id = thumbprint::of_public(&public).ok_or(SignerError::Crypto)?;
        for (name, value) in [("kid", key_id.as_str()), ("alg", "ES256"), ("use", "sig")] {
            public.insert(name.to_owned(), value.into());
        }
        Ok(Self {
            key,
            public,
            key_id,
        })
    }

    /// The private key as PKCS#8 DER, wiped when dropped.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SignerError> {
        let document = self.key.to_pkcs8v1().map_err(|_| SignerError::Crypto)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// `kid`: the key's RFC 7638 thumbprint.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public key as a JSON Web Key, for a published key set.
    pub fn public_jwk(&self) -> &Map<String, Value> {
        &self.public
    }

    /// A token with these claims. `kind` is the `typ` of its header, for example `at+jwt`.
    pub fn sign(&self, kind: &str, claims: &Map<String, Value>) -> Result<String, SignerError> {
        let header = json!({"alg": Algorithm::Es256.name(), "kid": self.key_id, "typ": kind});
        let claims = serde_json::to_vec(claims).map_err(|_| SignerError::Crypto)?;
        let header = base64url::encode(header.to_string());
        let mut token = format!("{header}.{}", base64url::encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), token.as_bytes());
        let signature = signature.map_err(|_| SignerError::Crypto)?;
        token.push('.');
        token.push_str(&base64url::encode(signature));
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SignerError::TooLong);
        }
        Ok(token)
    }
}

/// Of an uncompressed point: 4, x, y (SEC 1 section 2.3.3).
fn coordinates(point: &[u8]) -> Option<(String, String)> {
    let (form, rest) = point.split_first()?;
    let (x, y) = rest.split_at_checked(COORDINATE)?;
    let uncompressed = *form == 4 && y.len() == COORDINATE;
    uncompressed.then(|| (base64url::encode(x), base64url::encode(y)))
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Signer")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::{Signer, SignerError};

    #[test]
    fn a_key_survives_its_file() {
        let signer = Signer::generate().expect("a key");
        let file = signer.to_pkcs8().expect("written");
        let again = Signer::from_pkcs8(&file).expect("read");
        assert_eq!(again.public_jwk(), signer.public_jwk());
        assert_eq!(signer.public_jwk()["kid"], signer.key_id());
        assert!(!signer.public_jwk().contains_key("d"));
        assert_eq!(
            Signer::from_pkcs8(&file[1..]).map(|_| ()),
            Err(SignerError::Key)
        );
    }

    #[test]
    fn no_token_is_longer_than_the_verifier_takes() {
        let signer = Signer::generate().expect("a key");
        let mut claims = Map::new();
        claims.insert("pad".to_owned(), json!("x".repeat(13_000)));
        assert_eq!(signer.sign("JWT", &claims), Err(SignerError::TooLong));
    }
}
