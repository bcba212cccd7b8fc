//! Both sides' public values, and the secret.

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::digest;
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use zeroize::Zeroizing;

use super::{Kex, Shared};
use crate::error::Broken;

/// ML-KEM-768: the public key (FIPS 203 table 3).
const ENCAPSULATION_KEY_BYTES: usize = 1184;
/// And what is sent back.
const CIPHERTEXT_BYTES: usize = 1088;

/// The client's half: what it keeps until the server's public value has come.
pub(crate) struct Initiator {
    kex: Kex,
    classical: PrivateKey,
    post_quantum: Option<DecapsulationKey>,
}

impl Initiator {
    /// Also returns the public value for the server.
    pub(crate) fn new(kex: Kex) -> Result<(Self, Vec<u8>), Broken> {
        let classical = PrivateKey::generate(curve(kex)).map_err(|_| Broken::Crypto)?;
        let own = classical.compute_public_key().map_err(|_| Broken::Crypto)?;
        let (post_quantum, public) = if kex == Kex::MlKem768X25519 {
            let key = DecapsulationKey::generate(&ML_KEM_768).map_err(|_| Broken::Crypto)?;
            let public = key.encapsulation_key().map_err(|_| Broken::Crypto)?;
            let public = public.key_bytes().map_err(|_| Broken::Crypto)?;
            (Some(key), [public.as_ref(), own.as_ref()].concat())
        } else {
            (None, own.as_ref().to_vec())
        };
        let initiator = Self {
            kex,
            classical,
            post_quantum,
        };
        Ok((initiator, public))
    }

    /// The secret, from the server's public value.
    pub(crate) fn finish(self, theirs: &[u8]) -> Result<Shared, Broken> {
        let Some(key) = self.post_quantum else {
            return agree(self.kex, &self.classical, theirs, Shared::number);
        };
        let (ciphertext, theirs) = theirs
            .split_at_checked(CIPHERTEXT_BYTES)
            .ok_or(Broken::KeyExchange)?;
        let secret = key.decapsulate(Ciphertext::from(ciphertext));
        let secret = secret.map_err(|_| Broken::KeyExchange)?;
        agree(self.kex, &self.classical, theirs, |classical| {
            hybrid(secret.as_ref(), classical)
        })
    }
}

/// The server's half: its public value and the secret, from the client's public value.
pub(crate) fn respond(kex: Kex, theirs: &[u8]) -> Result<(Vec<u8>, Shared), Broken> {
    let classical = PrivateKey::generate(curve(kex)).map_err(|_| Broken::Crypto)?;
    let own = classical.compute_public_key().map_err(|_| Broken::Crypto)?;
    if kex != Kex::MlKem768X25519 {
        let shared = agree(kex, &classical, theirs, Shared::number)?;
        return Ok((own.as_ref().to_vec(), shared));
    }
    let (key, theirs) = theirs
        .split_at_checked(ENCAPSULATION_KEY_BYTES)
        .ok_or(Broken::KeyExchange)?;
    // It is checked as FIPS 203 section 7.2 says.
    let key = EncapsulationKey::new(&ML_KEM_768, key).map_err(|_| Broken::KeyExchange)?;
    let (ciphertext, secret) = key.encapsulate().map_err(|_| Broken::KeyExchange)?;
    let shared = agree(kex, &classical, theirs, |classical| {
        hybrid(secret.as_ref(), classical)
    })?;
    Ok(([ciphertext.as_ref(), own.as_ref()].concat(), shared))
}

fn curve(kex: Kex) -> &'static agreement::Algorithm {
    match kex {
        Kex::MlKem768X25519 | Kex::Curve25519 => &agreement::X25519,
        Kex::NistP256 => &agreement::ECDH_P256,
        Kex::NistP384 => &agreement::ECDH_P384,
        Kex::NistP521 => &agreement::ECDH_P521,
    }
}

/// The library refuses points that are not on the curve, and X25519 values that give zero.
fn agree(
    kex: Kex,
    own: &PrivateKey,
    theirs: &[u8],
    shared: impl FnOnce(&[u8]) -> Shared,
) -> Result<Shared, Broken> {
    let is_nist = matches!(kex, Kex::NistP256 | Kex::NistP384 | Kex::NistP521);
    // RFC 5656 section 3.1.2 allows compressed points, which nobody sends.
    if is_nist && theirs.first() != Some(&4) {
        return Err(Broken::KeyExchange);
    }
    let theirs = UnparsedPublicKey::new(curve(kex), theirs);
    agreement::agree(own, theirs, Broken::KeyExchange, |secret| {
        Ok(shared(secret))
    })
}

/// The two secrets under one hash, as a string.
fn hybrid(post_quantum: &[u8], classical: &[u8]) -> Shared {
    let both = Zeroizing::new([post_quantum, classical].concat());
    Shared::string(digest::digest(&digest::SHA256, &both).as_ref())
}

#[cfg(test)]
mod tests {
    use super::{Initiator, respond};
    use crate::error::Broken;
    use crate::kex::Kex;

    #[test]
    fn both_sides_have_one_secret() {
        for kex in Kex::ALL {
            let (initiator, public) = Initiator::new(kex).unwrap();
            let (answer, shared) = respond(kex, &public).unwrap();
            assert_eq!(
                initiator.finish(&answer).unwrap().encoded(),
                shared.encoded(),
                "{kex:?}"
            );
        }
    }

    #[test]
    fn bad_public_values_give_nothing() {
        for kex in Kex::ALL {
            let (_, public) = Initiator::new(kex).unwrap();
            for bad in [
                &public[1..],
                &[],
                &vec![0; public.len()],
                &[public.as_slice(), &[0]].concat(),
            ] {
                assert_eq!(
                    respond(kex, bad).err(),
                    Some(Broken::KeyExchange),
                    "{kex:?}"
                );
                let (initiator, _) = Initiator::new(kex).unwrap();
                assert_eq!(
                    initiator.finish(bad).err(),
                    Some(Broken::KeyExchange),
                    "{kex:?}"
                );
            }
        }
    }
}
