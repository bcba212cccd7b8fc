//! AES-256-GCM (NIST SP 800-38D) for single columns.
//!
//! Stored form: key version (1 byte, now 1), nonce (12 bytes, random), ciphertext, tag (16 bytes).
//! Random nonces are good for 2^32 writes under one key (SP 800-38D section 8.3), which no control database reaches.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::master_key::MasterKey;

/// Seals and opens with a key derived from the master key.
pub(crate) struct Sealer {
    key: LessSafeKey,
    check: [u8; 32],
    masking: Zeroizing<[u8; 32]>,
}

/// Where a sealed value stands. It opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a str,
    pub(crate) column: &'static str,
    /// Clear text that belongs to the value and must not change without it.
    pub(crate) bound: &'a [u8],
}

impl Sealer {
    pub(crate) fn new(master: &MasterKey) -> Result<Self, StoreError> {
        let sealing = Zeroizing::new(derive(master, b"custos.store.seal.v1")?);
        let key = UnboundKey::new(&AES_256_GCM, sealing.as_slice())
            .map_err(|_| StoreError::MasterKeyText)?;
        Ok(Self {
            key: LessSafeKey::new(key),
            check: derive(master, b"custos.store.key-check.v1")?,
            masking: Zeroizing::new(derive(master, b"custos.masking.v1")?),
        })
    }

    /// A value that only this master key yields, and that tells nothing about it: it stands in the database, so that a
    /// wrong key is noticed at once and not when the first password is needed.
    pub(crate) fn check_value(&self) -> &[u8; 32] {
        &self.check
    }

    /// What masks derive their keys from.
    pub(crate) fn masking_key(&self) -> Zeroizing<[u8; 32]> {
        self.masking.clone()
    }

    pub(crate) fn seal(
        &self,
        place: Place<'_>,
        clear: &[u8],
        random: impl Fn(&mut [u8]),
    ) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce);
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + clear.len() + AES_256_GCM.tag_len());
        sealed.push(KEY_VERSION);
        sealed.extend_from_slice(&nonce);
        let mut body = Zeroizing::new(clear.to_vec());
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.associated_data()),
                body.as_mut_slice(),
            )
            .map_err(|_| StoreError::Encrypt {
                what: place.to_string(),
            })?;
        sealed.extend_from_slice(&body);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    pub(crate) fn open(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.try_open(place, sealed)
            .ok_or_else(|| StoreError::Damaged {
                what: place.to_string(),
            })
    }

    fn try_open(&self, place: Place<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&version, rest) = sealed.split_first()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>()?;
        if version != KEY_VERSION {
            return None;
        }
        let mut clear = Zeroizing::new(ciphertext.to_vec());
        let clear_bytes = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(place.associated_data()),
                clear.as_mut_slice(),
            )
            .ok()?
            .len();
        clear.truncate(clear_bytes);
        Some(clear)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Sealer(…)")
    }
}

impl Place<'_> {
    /// Unambiguous because no name before `bound` has a NUL byte in it.
    fn associated_data(&self) -> Vec<u8> {
        let names = format!(
            "{KEY_VERSION}\0{}\0{}\0{}\0",
            self.table, self.row, self.column
        );
        let mut data = names.into_bytes();
        data.extend_from_slice(self.bound);
        data
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of {} {}", self.column, self.table, self.row)
    }
}

/// Rotation will add a second key and write this number for it.
const KEY_VERSION: u8 = 1;

/// HKDF-SHA256 (RFC 5869) without salt: the master key is uniformly random.
fn derive(master: &MasterKey, purpose: &[u8]) -> Result<[u8; 32], StoreError> {
    let mut key = [0; 32];
    Salt::new(HKDF_SHA256, &[])
        .extract(master.bytes())
        .expand(&[purpose], Bits256)
        .and_then(|output| output.fill(&mut key))
        .map_err(|_| StoreError::MasterKeyText)?;
    Ok(key)
}

#[derive(Clone, Copy)]
struct Bits256;

impl KeyType for Bits256 {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Sealer};
    use crate::{MasterKey, StoreError};

    const PLACE: Place<'_> = Place {
        table: "resources",
        row: "postgres/shop",
        column: "password",
        bound: b"{}",
    };

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&MasterKey::from_bytes([byte; 32])).unwrap()
    }

    fn sealed() -> Vec<u8> {
        sealer(1)
            .seal(PLACE, b"correct horse", |bytes| bytes.fill(7))
            .unwrap()
    }

    #[test]
    fn opens_what_was_sealed() {
        assert_eq!(
            sealer(1).open(PLACE, &sealed()).unwrap().as_slice(),
            b"correct horse"
        );
        let empty = sealer(1).seal(PLACE, b"", |bytes| bytes.fill(7)).unwrap();
        assert_eq!(sealer(1).open(PLACE, &empty).unwrap().as_slice(), b"");
    }

    #[test]
    fn every_changed_byte_and_every_truncation_is_noticed() {
        let good = sealed();
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 0x20;
            assert!(sealer(1).open(PLACE, &bad).is_err(), "byte {index}");
            assert!(
                sealer(1).open(PLACE, &good[..index]).is_err(),
                "length {index}"
            );
        }
    }

    #[test]
    fn opens_nowhere_else() {
        for place in [
            Place {
                table: "secrets",
                ..PLACE
            },
            Place {
                row: "postgres/other",
                ..PLACE
            },
            Place {
                column: "body",
                ..PLACE
            },
            Place {
                bound: b"{ }",
                ..PLACE
            },
        ] {
            let error = sealer(1).open(place, &sealed()).unwrap_err();
            assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        }
        assert!(sealer(2).open(PLACE, &sealed()).is_err());
    }

    #[test]
    fn the_check_value_depends_on_the_key() {
        assert_ne!(sealer(1).check_value(), sealer(2).check_value());
        assert_eq!(sealer(1).check_value(), sealer(1).check_value());
    }
}
