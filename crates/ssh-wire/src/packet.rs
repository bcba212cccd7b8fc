//! Packets of one direction: lengths, padding, encryption and integrity (RFC 4253 section 6).
//!
//! Padding is zeros once there are keys: each cipher here encrypts it under a key stream that is used once, so what it
//! holds is not seen. Before that it hides nothing either.

mod open;
mod seal;

use aws_lc_rs::aead::{self, LessSafeKey, UnboundKey};
use aws_lc_rs::hmac;

pub(crate) use open::Opener;
pub(crate) use seal::Sealer;

use crate::cipher::{Cipher, Mac};
use crate::error::Broken;

/// Bytes of a packet at most, as OpenSSH has it: its length, padding and payload, without the integrity code.
pub const MAX_PACKET_BYTES: usize = 256 * 1024;
/// Before keys are agreed on nothing long has to come.
const MAX_CLEAR_PACKET_BYTES: usize = 35_000;
/// Bytes of a packet's length.
const LENGTH_BYTES: usize = 4;
/// Padding at least.
const MIN_PADDING: usize = 4;
/// Integrity code of GCM and of Poly1305.
const TAG_BYTES: usize = 16;
/// Block size of AES.
const AES_BLOCK_BYTES: usize = 16;
/// What packets are padded to where the cipher has no blocks.
const MIN_BLOCK_BYTES: usize = 8;

/// The keys of one direction, as the key exchange gives them (RFC 4253 section 7.2).
pub(crate) struct DirectionKeys {
    pub(crate) cipher: Cipher,
    pub(crate) mac: Option<Mac>,
    pub(crate) iv: zeroize::Zeroizing<Vec<u8>>,
    pub(crate) key: zeroize::Zeroizing<Vec<u8>>,
    pub(crate) mac_key: zeroize::Zeroizing<Vec<u8>>,
}

/// AES-GCM as RFC 5647 section 7.1 uses it: four bytes that stay, eight that count.
struct Gcm {
    key: LessSafeKey,
    fixed: [u8; 4],
    counter: u64,
}

impl Gcm {
    fn new(keys: &DirectionKeys) -> Result<Self, Broken> {
        let algorithm = if keys.cipher == Cipher::Aes128Gcm {
            &aead::AES_128_GCM
        } else {
            &aead::AES_256_GCM
        };
        let key = UnboundKey::new(algorithm, &keys.key).map_err(|_| Broken::Crypto)?;
        let (fixed, counter) = keys.iv.split_first_chunk::<4>().ok_or(Broken::Crypto)?;
        let counter: [u8; 8] = counter.try_into().map_err(|_| Broken::Crypto)?;
        Ok(Self {
            key: LessSafeKey::new(key),
            fixed: *fixed,
            counter: u64::from_be_bytes(counter),
        })
    }

    fn next_nonce(&mut self) -> aead::Nonce {
        let mut nonce = [0; 12];
        let (fixed, counter) = nonce.split_at_mut(4);
        fixed.copy_from_slice(&self.fixed);
        counter.copy_from_slice(&self.counter.to_be_bytes());
        self.counter = self.counter.wrapping_add(1);
        aead::Nonce::assume_unique_for_key(nonce)
    }
}

fn hmac_key(keys: &DirectionKeys, mac: Mac) -> hmac::Key {
    hmac::Key::new(mac.algorithm(), &keys.mac_key)
}

fn ctr_algorithm(cipher: Cipher) -> &'static aws_lc_rs::cipher::Algorithm {
    match cipher {
        Cipher::Aes128Ctr => &aws_lc_rs::cipher::AES_128,
        Cipher::Aes192Ctr => &aws_lc_rs::cipher::AES_192,
        _ => &aws_lc_rs::cipher::AES_256,
    }
}

#[cfg(test)]
mod tests;
