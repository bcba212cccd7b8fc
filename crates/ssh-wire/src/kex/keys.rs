//! The exchange hash and the keys (RFC 4253 sections 7.2 and 8).

use aws_lc_rs::digest;
use zeroize::Zeroizing;

use crate::cipher::{Cipher, Mac};
use crate::encoding::Put as _;
use crate::kex::Kex;
use crate::packet::DirectionKeys;

/// The secret, as it goes into hashes.
pub(crate) struct Shared(Zeroizing<Vec<u8>>);

impl Shared {
    /// An `mpint`, as methods over curves have it.
    pub(super) fn number(secret: &[u8]) -> Self {
        let mut encoded = Zeroizing::new(Vec::with_capacity(secret.len() + 5));
        encoded.mpint(secret);
        Self(encoded)
    }

    /// A `string`, as hybrid methods have it.
    pub(super) fn string(secret: &[u8]) -> Self {
        let mut encoded = Zeroizing::new(Vec::with_capacity(secret.len() + 4));
        encoded.string(secret);
        Self(encoded)
    }

    pub(crate) fn encoded(&self) -> &[u8] {
        &self.0
    }
}

/// What both sides sent, which the server signs the hash of.
pub(crate) struct ExchangeHash<'a> {
    pub(crate) client_identification: &'a [u8],
    pub(crate) server_identification: &'a [u8],
    pub(crate) client_init: &'a [u8],
    pub(crate) server_init: &'a [u8],
    pub(crate) host_key: &'a [u8],
    pub(crate) client_public: &'a [u8],
    pub(crate) server_public: &'a [u8],
}

impl ExchangeHash<'_> {
    pub(crate) fn of(&self, kex: Kex, shared: &Shared) -> Vec<u8> {
        let parts = [
            self.client_identification,
            self.server_identification,
            self.client_init,
            self.server_init,
            self.host_key,
            self.client_public,
            self.server_public,
        ];
        let mut hash = digest::Context::new(kex.hash());
        for part in parts {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            hash.update(&length.to_be_bytes());
            hash.update(part);
        }
        hash.update(shared.encoded());
        hash.finish().as_ref().to_vec()
    }
}

/// Keys of one direction. `letters`: of its initial value, its key and its integrity key.
pub(crate) fn direction_keys(
    kex: Kex,
    shared: &Shared,
    hash: &[u8],
    session_id: &[u8],
    letters: [u8; 3],
    cipher: Cipher,
    mac: Option<Mac>,
) -> DirectionKeys {
    let [iv, key, mac_key] = letters;
    let derive = |letter, bytes| derive(kex, shared, hash, session_id, letter, bytes);
    DirectionKeys {
        cipher,
        mac,
        iv: derive(iv, cipher.iv_bytes()),
        key: derive(key, cipher.key_bytes()),
        mac_key: derive(mac_key, mac.map_or(0, Mac::bytes)),
    }
}

fn derive(
    kex: Kex,
    shared: &Shared,
    hash: &[u8],
    session_id: &[u8],
    letter: u8,
    bytes: usize,
) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(bytes + kex.hash().output_len()));
    while key.len() < bytes {
        let mut next = digest::Context::new(kex.hash());
        next.update(shared.encoded());
        next.update(hash);
        if key.is_empty() {
            next.update(&[letter]);
            next.update(session_id);
        } else {
            next.update(&key);
        }
        key.extend_from_slice(next.finish().as_ref());
    }
    key.truncate(bytes);
    key
}
