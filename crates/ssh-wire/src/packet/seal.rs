//! Packets that are sent.

use aws_lc_rs::aead::{Aad, chacha20_poly1305_openssh as chacha};
use aws_lc_rs::cipher::{EncryptionContext, StreamingEncryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use bytes::{BufMut as _, BytesMut};

use super::{
    AES_BLOCK_BYTES, DirectionKeys, Gcm, LENGTH_BYTES, MIN_BLOCK_BYTES, MIN_PADDING, TAG_BYTES,
    ctr_algorithm, hmac_key,
};
use crate::cipher::{Cipher, Mac};
use crate::error::Broken;

enum Seal {
    Clear,
    Gcm(Gcm),
    ChaCha(chacha::SealingKey),
    Ctr(Box<Ctr>),
}

struct Ctr {
    stream: StreamingEncryptingKey,
    mac: Mac,
    key: hmac::Key,
    scratch: Vec<u8>,
}

/// Makes packets of payloads.
pub(crate) struct Sealer {
    seal: Seal,
    sequence: u32,
    /// Bytes and packets since the keys were taken.
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
}

impl Default for Sealer {
    fn default() -> Self {
        Self {
            seal: Seal::Clear,
            sequence: 0,
            bytes: 0,
            packets: 0,
        }
    }
}

impl Sealer {
    /// Uses new keys from the next packet on. `restart`: its number is 0 (strict key exchange).
    pub(crate) fn take_keys(&mut self, keys: &DirectionKeys, restart: bool) -> Result<(), Broken> {
        self.seal = match keys.cipher {
            Cipher::ChaCha20Poly1305 => {
                let key = keys.key.as_slice().try_into().map_err(|_| Broken::Crypto)?;
                Seal::ChaCha(chacha::SealingKey::new(key))
            }
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => Seal::Gcm(Gcm::new(keys)?),
            Cipher::Aes128Ctr | Cipher::Aes192Ctr | Cipher::Aes256Ctr => {
                let mac = keys.mac.ok_or(Broken::Crypto)?;
                let key = UnboundCipherKey::new(ctr_algorithm(keys.cipher), &keys.key);
                let key = key.map_err(|_| Broken::Crypto)?;
                let iv: [u8; 16] = keys.iv.as_slice().try_into().map_err(|_| Broken::Crypto)?;
                let context = EncryptionContext::Iv128(FixedLength::from(iv));
                Seal::Ctr(Box::new(Ctr {
                    stream: StreamingEncryptingKey::less_safe_ctr(key, context)
                        .map_err(|_| Broken::Crypto)?,
                    mac,
                    key: hmac_key(keys, mac),
                    scratch: Vec::new(),
                }))
            }
        };
        if restart {
            self.sequence = 0;
        }
        (self.bytes, self.packets) = (0, 0);
        Ok(())
    }

    /// Appends one packet, whose payload `write` appends.
    pub(crate) fn seal(
        &mut self,
        out: &mut BytesMut,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<(), Broken> {
        let start = out.len();
        out.put_bytes(0, LENGTH_BYTES + 1);
        write(out);
        let body = out.len().saturating_sub(start + LENGTH_BYTES);
        let padding = self.padding(body);
        out.put_bytes(0, padding);
        let length = body + padding;
        let packet = out.get_mut(start..).ok_or(Broken::Crypto)?;
        let (head, rest) = packet
            .split_first_chunk_mut::<LENGTH_BYTES>()
            .ok_or(Broken::Crypto)?;
        *head = u32::try_from(length)
            .map_err(|_| Broken::Crypto)?
            .to_be_bytes();
        let padding_length = rest.first_mut().ok_or(Broken::Crypto)?;
        *padding_length = u8::try_from(padding).map_err(|_| Broken::Crypto)?;
        self.encrypt(out, start)?;
        self.sequence = self.sequence.wrapping_add(1);
        self.bytes += length as u64;
        self.packets += 1;
        Ok(())
    }

    /// Padding after `body` bytes, the byte that counts the padding included in them.
    fn padding(&self, body: usize) -> usize {
        let (block, counted) = match &self.seal {
            Seal::Clear => (MIN_BLOCK_BYTES, body + LENGTH_BYTES),
            Seal::ChaCha(_) => (MIN_BLOCK_BYTES, body),
            Seal::Gcm(_) => (AES_BLOCK_BYTES, body),
            Seal::Ctr(ctr) if ctr.mac.encrypts_first() => (AES_BLOCK_BYTES, body),
            Seal::Ctr(_) => (AES_BLOCK_BYTES, body + LENGTH_BYTES),
        };
        let padding = block - counted % block;
        if padding < MIN_PADDING {
            padding + block
        } else {
            padding
        }
    }

    fn encrypt(&mut self, out: &mut BytesMut, start: usize) -> Result<(), Broken> {
        let sequence = self.sequence;
        let packet = out.get_mut(start..).ok_or(Broken::Crypto)?;
        match &mut self.seal {
            Seal::Clear => {}
            Seal::ChaCha(key) => {
                let mut tag = [0; TAG_BYTES];
                key.seal_in_place(sequence, packet, &mut tag);
                out.put_slice(&tag);
            }
            Seal::Gcm(gcm) => {
                let nonce = gcm.next_nonce();
                let (length, body) = packet
                    .split_at_mut_checked(LENGTH_BYTES)
                    .ok_or(Broken::Crypto)?;
                let tag = gcm
                    .key
                    .seal_in_place_separate_tag(nonce, Aad::from(&*length), body)
                    .map_err(|_| Broken::Crypto)?;
                out.put_slice(tag.as_ref());
            }
            Seal::Ctr(ctr) => {
                let Ctr {
                    stream,
                    mac,
                    key,
                    scratch,
                } = &mut **ctr;
                let clear = if mac.encrypts_first() {
                    LENGTH_BYTES
                } else {
                    0
                };
                let before = (!mac.encrypts_first()).then(|| code(key, sequence, packet));
                let part = packet.get_mut(clear..).ok_or(Broken::Crypto)?;
                scratch.resize(part.len() + AES_BLOCK_BYTES, 0);
                let update = stream.update(part, scratch).map_err(|_| Broken::Crypto)?;
                let written = update.written();
                if written.len() != part.len() {
                    return Err(Broken::Crypto);
                }
                part.copy_from_slice(written);
                let tag = before.unwrap_or_else(|| code(key, sequence, packet));
                out.put_slice(tag.as_ref());
            }
        }
        Ok(())
    }
}

/// RFC 4253 section 6.4.
pub(super) fn code(key: &hmac::Key, sequence: u32, packet: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(&sequence.to_be_bytes());
    context.update(packet);
    context.sign()
}
