use std::fmt;
use std::sync::Arc;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::ff1::Ff1;
use crate::error::MaskError;

/// The keys of one policy scope. Within a scope the same value becomes the same token, in another scope another one.
/// Cheap to clone; shows nothing of itself.
#[derive(Clone)]
pub struct ScopeKey(Arc<Keys>);

struct Keys {
    token: hmac::Key,
    hash: hmac::Key,
    ff1: Ff1,
}

impl ScopeKey {
    /// Derives the keys of a scope from a master key, each for one use only (HMAC-SHA-256 with the use and the scope's
    /// name as message).
    ///
    /// # Errors
    /// [`MaskError::Key`] if the crypto library refuses the cipher key.
    pub fn derive(master: &[u8; 32], scope: &str) -> Result<Self, MaskError> {
        let master = hmac::Key::new(hmac::HMAC_SHA256, master);
        let derived = |purpose: &str| {
            let mut context = hmac::Context::with_key(&master);
            context.update(b"custos masking v1\0");
            context.update(purpose.as_bytes());
            context.update(b"\0");
            context.update(scope.as_bytes());
            Zeroizing::new(context.sign().as_ref().to_vec())
        };
        let signing = |purpose| hmac::Key::new(hmac::HMAC_SHA256, &derived(purpose));
        let cipher = UnboundCipherKey::new(&AES_256, &derived("format-preserving"))
            .and_then(EncryptingKey::ecb)
            .map_err(|_| MaskError::Key)?;
        Ok(Self(Arc::new(Keys {
            token: signing("token"),
            hash: signing("hash"),
            ff1: Ff1::new(cipher),
        })))
    }

    pub(crate) fn token(&self, value: &[u8]) -> [u8; 32] {
        sign(&self.0.token, value)
    }

    pub(crate) fn hash(&self, value: &[u8]) -> [u8; 32] {
        sign(&self.0.hash, value)
    }

    pub(crate) fn ff1(&self) -> &Ff1 {
        &self.0.ff1
    }
}

fn sign(key: &hmac::Key, value: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (slot, byte) in out.iter_mut().zip(hmac::sign(key, value).as_ref()) {
        *slot = *byte;
    }
    out
}

impl fmt::Debug for ScopeKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ScopeKey(..)")
    }
}
