//! Keys of signed notes.

use std::{fmt, str::FromStr};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{NoteError, SIGNATURE_PREFIX, check_length, check_text};
use crate::hash::sha256;

/// Signature type byte of Ed25519 in key ids and verifier keys.
const ED25519_TYPE: u8 = 1;

const PUBLIC_KEY_BYTES: usize = 32;
const MAX_KEY_NAME_BYTES: usize = 255;

/// First four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key). Prints as eight hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyId(pub [u8; 4]);

/// The public half: what verifiers pin. Its text form is `name+id+base64(0x01 ‖ public key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    pub(super) name: String,
    pub(super) id: KeyId,
    pub(super) public_key: [u8; PUBLIC_KEY_BYTES],
}

/// The private half. Its debug form shows the public key only.
#[derive(Debug)]
pub struct Signer {
    pair: Ed25519KeyPair,
    key: VerifierKey,
}

impl Signer {
    /// A key from its 32-byte RFC 8032 seed.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        Self::from_pair(name, pair.map_err(|_| NoteError::PrivateKey)?)
    }

    /// A key from PKCS#8 DER, version 1 (RFC 5208) or 2 (RFC 8410).
    pub fn from_pkcs8(name: &str, der: &[u8]) -> Result<Self, NoteError> {
        // "Unchecked" means that the public key may be absent; if present it must belong to the private one.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
        Self::from_pair(name, pair.map_err(|_| NoteError::PrivateKey)?)
    }

    /// The key name.
    pub fn name(&self) -> &str {
        self.key.name()
    }

    /// The public half.
    pub fn verifier_key(&self) -> VerifierKey {
        self.key.clone()
    }

    /// The note with this text, which must end in a newline, and one signature.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        check_text(text)?;
        let signature = self
            .pair
            .try_sign(text.as_bytes())
            .map_err(|_| NoteError::Signing)?;
        let blob = STANDARD.encode([&self.key.id.0, signature.as_ref()].concat());
        let note = format!("{text}\n{SIGNATURE_PREFIX}{} {blob}\n", self.key.name);
        check_length(&note)?;
        Ok(note)
    }

    fn from_pair(name: &str, pair: Ed25519KeyPair) -> Result<Self, NoteError> {
        let public_key = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| NoteError::PrivateKey)?;
        let key = VerifierKey::new(name, public_key)?;
        Ok(Self { pair, key })
    }
}

impl VerifierKey {
    /// A verifier key from its name and raw Ed25519 public key.
    pub fn new(name: &str, public_key: [u8; PUBLIC_KEY_BYTES]) -> Result<Self, NoteError> {
        if !is_key_name(name) {
            return Err(NoteError::KeyName);
        }
        let id = key_id(name, &public_key);
        Ok(Self {
            name: name.to_owned(),
            id,
            public_key,
        })
    }

    /// Reads the one form that [`fmt::Display`] writes; the id must belong to name and key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(NoteError::VerifierKey);
        };
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| NoteError::VerifierKey)?;
        let [ED25519_TYPE, public_key @ ..] = bytes.as_slice() else {
            return Err(NoteError::VerifierKey);
        };
        let public_key = public_key.try_into().map_err(|_| NoteError::VerifierKey)?;
        let key = Self::new(name, public_key)?;
        if key.id.to_string() != id {
            return Err(NoteError::VerifierKey);
        }
        Ok(key)
    }

    /// The key name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The raw Ed25519 public key.
    pub fn public_key(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.public_key
    }

    /// Whether `signature` (64 bytes) over `text` is by this key.
    pub(super) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public_key)
            .verify(text.as_bytes(), signature)
            .is_ok()
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        Self::parse(text)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[ED25519_TYPE][..], &self.public_key].concat();
        write!(out, "{}+{}+{}", self.name, self.id, STANDARD.encode(typed))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// Key names are printed and split on spaces and plus signs, so they may hold neither, nor anything invisible.
pub(super) fn is_key_name(name: &str) -> bool {
    let bad =
        |character: char| character.is_whitespace() || character.is_control() || character == '+';
    !name.is_empty() && name.len() <= MAX_KEY_NAME_BYTES && !name.contains(bad)
}

fn key_id(name: &str, public_key: &[u8; PUBLIC_KEY_BYTES]) -> KeyId {
    let hash = sha256(&[name.as_bytes(), b"\n", &[ED25519_TYPE], public_key]);
    let [a, b, c, d, ..] = hash.0;
    KeyId([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example key of the specification.
    const EXAMPLE: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn the_example_key_is_read_and_printed() {
        let key = VerifierKey::parse(EXAMPLE).unwrap();
        assert_eq!(key.name(), "PeterNeumann");
        assert_eq!(key.id(), KeyId([0xc7, 0x4f, 0x20, 0xa3]));
        assert_eq!(key.to_string(), EXAMPLE);
    }

    #[test]
    fn no_part_and_no_alteration_of_a_key_is_a_key() {
        for start in 0..=EXAMPLE.len() {
            for end in start..=EXAMPLE.len() {
                let part = &EXAMPLE[start..end];
                assert_eq!(VerifierKey::parse(part).is_ok(), part == EXAMPLE, "{part}");
            }
        }
        for position in 0..EXAMPLE.len() {
            let mut altered = EXAMPLE.as_bytes().to_vec();
            altered[position] += 1;
            let altered = String::from_utf8(altered).unwrap();
            assert!(VerifierKey::parse(&altered).is_err(), "{altered}");
        }
        assert!(VerifierKey::parse(&EXAMPLE.replace("c74f20a3", "C74F20A3")).is_err());
    }

    #[test]
    fn other_types_and_lengths_are_refused_even_with_a_fitting_id() {
        let key = VerifierKey::parse(EXAMPLE).unwrap();
        for typed in [
            [&[2][..], key.public_key()].concat(),
            [&[ED25519_TYPE][..], &key.public_key()[..31]].concat(),
            [&[ED25519_TYPE][..], key.public_key(), &[0]].concat(),
            vec![],
        ] {
            let id = sha256(&[b"PeterNeumann\n", &typed]).to_hex();
            let text = format!("PeterNeumann+{}+{}", &id[..8], STANDARD.encode(&typed));
            assert_eq!(VerifierKey::parse(&text), Err(NoteError::VerifierKey));
        }
    }

    #[test]
    fn key_names_that_would_not_survive_a_note_are_refused() {
        let long = "n".repeat(256);
        for name in [
            "",
            "a b",
            "a+b",
            "a\nb",
            "a\u{a0}b",
            "a\u{2028}b",
            "a\0",
            &long,
        ] {
            assert_eq!(
                Signer::from_seed(name, &[1; 32]).unwrap_err(),
                NoteError::KeyName,
                "{name:?}"
            );
        }
        assert!(Signer::from_seed("custos/gw1", &[1; 32]).is_ok());
    }

    #[test]
    fn a_pkcs8_key_signs_as_its_seed_does() {
        let seed = [9; 32];
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let by_seed = Signer::from_seed("k", &seed).unwrap();
        for der in [pair.to_pkcs8().unwrap(), pair.to_pkcs8v1().unwrap()] {
            let by_pkcs8 = Signer::from_pkcs8("k", der.as_ref()).unwrap();
            assert_eq!(by_pkcs8.sign("t\n"), by_seed.sign("t\n"));
        }
        assert_eq!(
            Signer::from_pkcs8("k", b"not DER").unwrap_err(),
            NoteError::PrivateKey
        );
    }

    #[test]
    fn the_debug_form_of_a_signer_hides_the_seed() {
        let debug = format!("{:?}", Signer::from_seed("k", &[0xab; 32]).unwrap());
        assert!(
            !debug.contains("abababab") && !debug.contains("171, 171"),
            "{debug}"
        );
    }
}
