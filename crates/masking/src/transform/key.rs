use std::fmt;
use std::sync::Arc;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::cmac::Cmac;
use super::ff1::Ff1;
use crate::error::MaskError;

/// The keys of one policy scope. Within a scope the same value becomes the same token, in another scope another one.
/// Cheap to clone; shows nothing of itself.
#[derive(Clone)]
pub struct ScopeKey(Arc<Keys>);

struct Keys {
    token: Cmac,
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
        let cipher = |purpose| {
            UnboundCipherKey::new(&AES_256, &derived(purpose))
                .and_then(EncryptingKey::ecb)
                .map_err(|_| MaskError::Key)
        };
        Ok(Self(Arc::new(Keys {
            token: Cmac::new(cipher("token")?).ok_or(MaskError::Key)?,
            hash: hmac::Key::new(hmac::HMAC_SHA256, &derived("hash")),
            ff1: Ff1::new(cipher("format-preserving")?),
        })))
    }

    /// The code that tokens are made of. Nothing if the cipher fails.
    pub(crate) fn token(&self, value: &[u8]) -> Option<[u8; 16]> {
        self.0.token.code(value)
    }

    pub(crate) fn hash(&self, value: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        let tag = hmac::sign(&self.0.hash, value);
        for (slot, byte) in out.iter_mut().zip(tag.as_ref()) {
            *slot = *byte;
        }
        out
    }

    pub(crate) fn ff1(&self) -> &Ff1 {
        &self.0.ff1
    }
}

impl fmt::Debug for ScopeKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ScopeKey(..)")
    }
}
