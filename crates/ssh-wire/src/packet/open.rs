//! Packets that come.

use aws_lc_rs::aead::{Aad, chacha20_poly1305_openssh as chacha};
use aws_lc_rs::cipher::{DecryptionContext, StreamingDecryptingKey, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use bytes::{Buf as _, Bytes, BytesMut};

use super::seal::code;
use super::{
    AES_BLOCK_BYTES, DirectionKeys, Gcm, LENGTH_BYTES, MAX_CLEAR_PACKET_BYTES, MAX_PACKET_BYTES,
    MIN_PADDING, TAG_BYTES, ctr_algorithm, hmac_key,
};
use crate::cipher::{Cipher, Mac};
use crate::error::Broken;

enum Open {
    Clear,
    Gcm(Gcm),
    ChaCha(chacha::OpeningKey),
    Ctr(Box<Ctr>),
}

struct Ctr {
    stream: StreamingDecryptingKey,
    mac: Mac,
    key: hmac::Key,
    scratch: Vec<u8>,
}

impl Ctr {
    /// Decrypts what is next in the stream.
    fn decrypt(&mut self, part: &mut [u8]) -> Result<(), Broken> {
        self.scratch.resize(part.len() + AES_BLOCK_BYTES, 0);
        let update = self.stream.update(part, &mut self.scratch);
        let update = update.map_err(|_| Broken::Crypto)?;
        if update.written().len() != part.len() {
            return Err(Broken::Crypto);
        }
        part.copy_from_slice(update.written());
        Ok(())
    }
}

/// Makes payloads of packets.
pub(crate) struct Opener {
    open: Open,
    sequence: u32,
    /// Of the packet whose first bytes are here.
    length: Option<usize>,
    /// Bytes and packets since the keys were taken.
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
}

impl Default for Opener {
    fn default() -> Self {
        Self {
            open: Open::Clear,
            sequence: 0,
            length: None,
            bytes: 0,
            packets: 0,
        }
    }
}

impl Opener {
    /// Uses new keys from the next packet on. `restart`: its number is 0 (strict key exchange).
    pub(crate) fn take_keys(&mut self, keys: &DirectionKeys, restart: bool) -> Result<(), Broken> {
        self.open = match keys.cipher {
            Cipher::ChaCha20Poly1305 => {
                let key = keys.key.as_slice().try_into().map_err(|_| Broken::Crypto)?;
                Open::ChaCha(chacha::OpeningKey::new(key))
            }
            Cipher::Aes128Gcm | Cipher::Aes256Gcm => Open::Gcm(Gcm::new(keys)?),
            Cipher::Aes128Ctr | Cipher::Aes192Ctr | Cipher::Aes256Ctr => {
                let mac = keys.mac.ok_or(Broken::Crypto)?;
                let key = UnboundCipherKey::new(ctr_algorithm(keys.cipher), &keys.key);
                let key = key.map_err(|_| Broken::Crypto)?;
                let iv: [u8; 16] = keys.iv.as_slice().try_into().map_err(|_| Broken::Crypto)?;
                let context = DecryptionContext::Iv128(FixedLength::from(iv));
                Open::Ctr(Box::new(Ctr {
                    stream: StreamingDecryptingKey::ctr(key, context)
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

    /// The number of the packet that was taken last.
    pub(crate) fn last_sequence(&self) -> u32 {
        self.sequence.wrapping_sub(1)
    }

    /// Takes the next packet off the front of `input`; `None` while it has not come whole.
    pub(crate) fn open(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, Broken> {
        let Some(length) = self.next_length(input)? else {
            return Ok(None);
        };
        let tag_bytes = self.tag_bytes();
        let whole = LENGTH_BYTES + length + tag_bytes;
        if input.len() < whole {
            // Room for all of it at once, and no more than a packet may have.
            input.reserve(whole - input.len());
            return Ok(None);
        }
        let mut packet = input.split_to(whole);
        self.decrypt(&mut packet, length)?;
        packet.truncate(LENGTH_BYTES + length);
        packet.advance(LENGTH_BYTES);
        let padding = usize::from(*packet.first().ok_or(Broken::Integrity)?);
        if padding < MIN_PADDING || padding + 2 > length {
            return Err(Broken::PacketLength(length as u32));
        }
        packet.truncate(length - padding);
        packet.advance(1);
        self.length = None;
        self.sequence = self.sequence.wrapping_add(1);
        self.bytes += length as u64;
        self.packets += 1;
        Ok(Some(packet.freeze()))
    }

    fn tag_bytes(&self) -> usize {
        match &self.open {
            Open::Clear => 0,
            Open::Gcm(_) | Open::ChaCha(_) => TAG_BYTES,
            Open::Ctr(ctr) => ctr.mac.bytes(),
        }
    }

    /// The length of the packet at the front of `input`, as soon as it can be known.
    fn next_length(&mut self, input: &mut BytesMut) -> Result<Option<usize>, Broken> {
        if self.length.is_some() {
            return Ok(self.length);
        }
        let Some(head) = input.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let (head, block, unencrypted) = match &mut self.open {
            Open::Clear => (*head, 8, 0),
            Open::Gcm(_) => (*head, AES_BLOCK_BYTES, LENGTH_BYTES),
            Open::ChaCha(key) => (
                key.decrypt_packet_length(self.sequence, *head),
                8,
                LENGTH_BYTES,
            ),
            Open::Ctr(ctr) if ctr.mac.encrypts_first() => (*head, AES_BLOCK_BYTES, LENGTH_BYTES),
            Open::Ctr(ctr) => {
                let Some(first) = input.get_mut(..AES_BLOCK_BYTES) else {
                    return Ok(None);
                };
                ctr.decrypt(first)?;
                let head = input.first_chunk::<LENGTH_BYTES>().ok_or(Broken::Crypto)?;
                (*head, AES_BLOCK_BYTES, 0)
            }
        };
        let length = u32::from_be_bytes(head);
        let limit = if matches!(self.open, Open::Clear) {
            MAX_CLEAR_PACKET_BYTES
        } else {
            MAX_PACKET_BYTES
        };
        let bytes = usize::try_from(length).map_err(|_| Broken::PacketLength(length))?;
        let is_whole_blocks = bytes
            .checked_add(LENGTH_BYTES - unencrypted)
            .is_some_and(|bytes| bytes % block == 0);
        // A length byte, four of padding and a message number at least, and never less than a block.
        if bytes < MIN_PADDING + 2
            || bytes + LENGTH_BYTES < block
            || bytes > limit
            || !is_whole_blocks
        {
            return Err(Broken::PacketLength(length));
        }
        self.length = Some(bytes);
        Ok(self.length)
    }

    fn decrypt(&mut self, packet: &mut [u8], length: usize) -> Result<(), Broken> {
        let sequence = self.sequence;
        match &mut self.open {
            Open::Clear => Ok(()),
            Open::ChaCha(key) => {
                let (packet, tag) = packet
                    .split_last_chunk_mut::<TAG_BYTES>()
                    .ok_or(Broken::Integrity)?;
                key.open_in_place(sequence, packet, tag)
                    .map_err(|_| Broken::Integrity)?;
                Ok(())
            }
            Open::Gcm(gcm) => {
                let nonce = gcm.next_nonce();
                let (length, body) = packet
                    .split_at_mut_checked(LENGTH_BYTES)
                    .ok_or(Broken::Integrity)?;
                gcm.key
                    .open_in_place(nonce, Aad::from(&*length), body)
                    .map_err(|_| Broken::Integrity)?;
                Ok(())
            }
            Open::Ctr(ctr) => {
                let (packet, tag) = packet
                    .split_at_mut_checked(LENGTH_BYTES + length)
                    .ok_or(Broken::Integrity)?;
                if ctr.mac.encrypts_first() {
                    verify(&ctr.key, sequence, packet, tag)?;
                    let body = packet.get_mut(LENGTH_BYTES..).ok_or(Broken::Integrity)?;
                    return ctr.decrypt(body);
                }
                // Its first block is decrypted already.
                let rest = packet.get_mut(AES_BLOCK_BYTES..).ok_or(Broken::Integrity)?;
                ctr.decrypt(rest)?;
                verify(&ctr.key, sequence, packet, tag)
            }
        }
    }
}

fn verify(key: &hmac::Key, sequence: u32, packet: &[u8], tag: &[u8]) -> Result<(), Broken> {
    verify_slices_are_equal(code(key, sequence, packet).as_ref(), tag)
        .map_err(|_| Broken::Integrity)
}
