//! C2SP signed notes, verifier keys, and the checkpoint text inside a note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::hash::Hash;

/// Longest note that is read, in bytes; far above any checkpoint with its signatures.
pub(crate) const MAX_NOTE_BYTES: u64 = 1_000_000;

const ALGORITHM_ED25519: u8 = 1;

/// An Ed25519 verifier key with its name (C2SP signed-note, "verifier keys").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    text: String,
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl VerifierKey {
    /// Reads `name+hex(key id)+base64(0x01 ‖ public key)`.
    ///
    /// # Errors
    /// [`Error::Key`] when the text has another form, another algorithm, or a key id that is not the key's.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |reason| Error::Key { reason };
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("expected name+id+key"));
        };
        if name.is_empty() || name.chars().any(char::is_whitespace) {
            return Err(bad("the name is empty or has a space"));
        }
        let key = BASE64
            .decode(key)
            .map_err(|_| bad("the key is not base64"))?;
        let Some((&ALGORITHM_ED25519, public)) = key.split_first() else {
            return Err(bad("the key is not of algorithm 1 (Ed25519)"));
        };
        let public = <[u8; 32]>::try_from(public).map_err(|_| bad("the key is not 32 bytes"))?;
        let expected = key_id(name, &public);
        if hex(&expected) != id {
            return Err(bad("the key id is not that of the key"));
        }
        Ok(Self {
            text: text.to_owned(),
            name: name.to_owned(),
            id: expected,
            key: VerifyingKey::from_bytes(&public).map_err(|_| bad("not a point of the curve"))?,
        })
    }

    /// The key's name, `<cluster>/<node>` for a node's log key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key as text, as it was read.
    pub fn as_text(&self) -> &str {
        &self.text
    }
}

/// A signed tree head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

impl Checkpoint {
    /// Reads the three lines of a checkpoint without extension.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let number: u64 = size.parse().ok()?;
        if origin.is_empty() || lines.next().is_some() || number.to_string() != size {
            return None;
        }
        Some(Self {
            origin: origin.to_owned(),
            size: number,
            root: decode_hash(root)?,
        })
    }
}

/// Why a note was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoteError {
    Malformed(&'static str),
    NotSigned(&'static str),
}

/// The text of a note that one of `keys` signed, and that key's name.
///
/// As C2SP signed-note demands, signatures by unknown keys are ignored, and a wrong one by a known key spoils the note.
pub(crate) fn open<'k>(
    note: &[u8],
    keys: &'k [VerifierKey],
) -> Result<(String, &'k VerifierKey), NoteError> {
    let note = std::str::from_utf8(note).map_err(|_| NoteError::Malformed("it is not UTF-8"))?;
    if note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Malformed("it has a control character"));
    }
    let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed(
        "it has no blank line before signatures",
    ))?;
    let text = format!("{text}\n");
    let signatures = signatures
        .strip_suffix('\n')
        .ok_or(NoteError::Malformed("its last line does not end"))?;
    let mut signer = None;
    for line in signatures.split('\n') {
        let (name, id, signature) =
            parse_signature(line).ok_or(NoteError::Malformed("a signature line is malformed"))?;
        let Some(key) = keys.iter().find(|key| key.name == name && key.id == id) else {
            continue;
        };
        Signature::from_slice(&signature)
            .and_then(|signature| key.key.verify_strict(text.as_bytes(), &signature))
            .map_err(|_| NoteError::NotSigned("the signature is wrong"))?;
        signer = signer.or(Some(key));
    }
    let key = signer.ok_or(NoteError::NotSigned(
        "none of its signatures is by a pinned key",
    ))?;
    Ok((text, key))
}

/// Reads standard base64 with padding of exactly 32 bytes.
pub(crate) fn decode_hash(text: &str) -> Option<Hash> {
    BASE64.decode(text).ok()?.try_into().ok()
}

/// Standard base64 with padding.
pub(crate) fn encode_hash(hash: &Hash) -> String {
    BASE64.encode(hash)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn parse_signature(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = BASE64.decode(encoded).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    let good = !name.is_empty() && !name.contains('+') && !signature.is_empty();
    good.then(|| (name, *id, signature.to_vec()))
}

fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update([b'\n', ALGORITHM_ED25519]);
    hasher.update(public);
    let digest: Hash = hasher.finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of golang.org/x/mod/sumdb/note: an independent signer made both.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_note_signed_elsewhere_opens() {
        let key = VerifierKey::parse(KEY).unwrap();
        let (text, signer) = open(NOTE.as_bytes(), std::slice::from_ref(&key)).unwrap();
        assert!(text.ends_with("what your problem is.\n"));
        assert_eq!(signer.name(), "PeterNeumann");
        assert_eq!(signer.as_text(), KEY);
    }

    #[test]
    fn a_changed_note_does_not() {
        let keys = [VerifierKey::parse(KEY).unwrap()];
        let changed = NOTE.replace("cryptography", "cryptographi");
        assert!(matches!(
            open(changed.as_bytes(), &keys),
            Err(NoteError::NotSigned(_))
        ));
        assert!(matches!(
            open(NOTE.as_bytes(), &[]),
            Err(NoteError::NotSigned(_))
        ));
        for broken in [
            NOTE.trim_end().to_owned(),
            NOTE.replace("\n\n", "\n"),
            NOTE.replace('\u{2014}', "-"),
            NOTE.replace("think", "th\tnk"),
        ] {
            assert!(
                matches!(open(broken.as_bytes(), &keys), Err(NoteError::Malformed(_))),
                "{broken}"
            );
        }
    }

    #[test]
    fn keys_with_another_id_or_form_are_refused() {
        for text in [
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+AhRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann",
            "",
        ] {
            assert!(VerifierKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_checkpoint_has_three_lines_and_a_plain_number() {
        let root = encode_hash(&[7; 32]);
        assert_eq!(
            Checkpoint::parse(&format!("custos/gw1/2026-11\n17\n{root}\n")),
            Some(Checkpoint {
                origin: "custos/gw1/2026-11".into(),
                size: 17,
                root: [7; 32]
            })
        );
        for text in [
            format!("o\n017\n{root}\n"),
            format!("o\n+17\n{root}\n"),
            format!("o\n17\n{root}\nmore\n"),
            format!("o\n17\n{root}"),
            "o\n17\nAAAA\n".to_owned(),
        ] {
            assert_eq!(Checkpoint::parse(&text), None, "{text}");
        }
    }
}
