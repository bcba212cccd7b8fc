//! Checkpoints: C2SP tlog-checkpoint, with no extension lines.

use crate::note::{self, NoteError, Signer, VerifierKey};
use crate::tile::parse_decimal;
use crate::{Hash, HashError};

/// The largest tree size that other implementations can read (Go's are signed 64-bit).
const MAX_SIZE: u64 = i64::MAX as u64;

/// The longest origin in bytes.
const MAX_ORIGIN_BYTES: usize = 255;

/// A tree head: which log, how many leaves, and their root hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: 1 to 255 bytes, no control characters.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root hash over them.
    pub root: Hash,
}

/// A text is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not exactly three lines, each ended by a newline.
    #[error("a checkpoint has exactly three lines")]
    Lines,
    /// The origin is empty, too long or holds control characters.
    #[error("the checkpoint's origin is malformed")]
    Origin,
    /// The size is not a plain decimal number below 2^63.
    #[error("the checkpoint's size is malformed")]
    Size,
    /// The root is not the base64 of a hash, or an empty tree has another root than the empty one.
    #[error("the checkpoint's root hash is malformed")]
    Root(#[source] HashError),
}

/// A signed checkpoint could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The signed note is bad.
    #[error("the checkpoint is not a note signed by a known key")]
    Note(#[source] NoteError),
    /// The note is good and its text is not a checkpoint.
    #[error("the signed text is not a checkpoint")]
    Text(#[source] CheckpointError),
}

impl Checkpoint {
    /// The three lines, each with its newline: the text to be signed.
    ///
    /// [`Self::parse`] refuses it if the fields break the limits given at the type; [`Self::sign`] checks that.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// Reads exactly what [`Self::to_text`] writes: no extension lines, no leading zeros, canonical base64.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<_> = text
            .strip_suffix('\n')
            .ok_or(CheckpointError::Lines)?
            .splitn(4, '\n')
            .collect();
        let [origin, size, root] = lines.as_slice() else {
            return Err(CheckpointError::Lines);
        };
        if !is_origin(origin) {
            return Err(CheckpointError::Origin);
        }
        let size = parse_decimal(size, MAX_SIZE).ok_or(CheckpointError::Size)?;
        let root = Hash::from_base64(root).map_err(CheckpointError::Root)?;
        if size == 0 && root != Hash::empty_root() {
            return Err(CheckpointError::Root(HashError));
        }
        Ok(Self {
            origin: (*origin).to_owned(),
            size,
            root,
        })
    }

    /// The signed note with this checkpoint as text.
    pub fn sign(&self, signer: &Signer) -> Result<String, OpenError> {
        let text = self.to_text();
        Self::parse(&text).map_err(OpenError::Text)?;
        signer.sign(&text).map_err(OpenError::Note)
    }

    /// Reads a signed note: at least one of `keys` signed it, and its text is a checkpoint.
    ///
    /// Whether the signer may speak for the origin is the caller's to judge.
    pub fn open(signed: &str, keys: &[VerifierKey]) -> Result<Self, OpenError> {
        let opened = note::open(signed, keys).map_err(OpenError::Note)?;
        Self::parse(opened.text).map_err(OpenError::Text)
    }
}

fn is_origin(origin: &str) -> bool {
    !origin.is_empty() && origin.len() <= MAX_ORIGIN_BYTES && !origin.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;

    const ROOT: &str = "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=";

    #[test]
    fn the_three_lines_are_written_and_read() {
        let checkpoint = Checkpoint {
            origin: "custos/gw1/2026-11".to_owned(),
            size: 1,
            root: leaf_hash(b""),
        };
        let text = format!("custos/gw1/2026-11\n1\n{ROOT}\n");
        assert_eq!(checkpoint.to_text(), text);
        assert_eq!(Checkpoint::parse(&text), Ok(checkpoint));
    }

    #[test]
    fn malformed_texts_are_refused_for_what_is_wrong() {
        let parse = |text: String| Checkpoint::parse(&text).unwrap_err();
        for lines in [
            format!("o\n1\n{ROOT}"),
            "o\n1\n".to_owned(),
            format!("o\n1\n{ROOT}\nextension\n"),
            format!("o\n1\n{ROOT}\n\n"),
            String::new(),
        ] {
            assert_eq!(parse(lines), CheckpointError::Lines);
        }
        for origin in [
            String::new(),
            "a\tb".to_owned(),
            "a\r".to_owned(),
            "o".repeat(256),
        ] {
            assert_eq!(
                parse(format!("{origin}\n1\n{ROOT}\n")),
                CheckpointError::Origin
            );
        }
        for size in [
            "",
            "01",
            "00",
            "+1",
            "-1",
            " 1",
            "1 ",
            "0x1",
            "9223372036854775808",
            "99999999999999999999",
        ] {
            assert_eq!(
                parse(format!("o\n{size}\n{ROOT}\n")),
                CheckpointError::Size,
                "{size}"
            );
        }
        let unpadded = ROOT.trim_end_matches('=');
        let url_safe = ROOT.replace('+', "-");
        for root in ["", "AAAA", unpadded, &url_safe] {
            assert_eq!(
                parse(format!("o\n1\n{root}\n")),
                CheckpointError::Root(HashError)
            );
        }
    }

    #[test]
    fn an_empty_tree_has_the_empty_root() {
        let empty = Checkpoint {
            origin: "o".to_owned(),
            size: 0,
            root: Hash::empty_root(),
        };
        assert_eq!(Checkpoint::parse(&empty.to_text()), Ok(empty));
        let text = format!("o\n0\n{ROOT}\n");
        assert_eq!(
            Checkpoint::parse(&text),
            Err(CheckpointError::Root(HashError))
        );
    }

    #[test]
    fn a_signed_checkpoint_opens_and_a_bad_one_is_not_signed() {
        let signer = Signer::from_seed("custos/gw1", &[7; 32]).unwrap();
        let keys = [signer.verifier_key()];
        let checkpoint = Checkpoint {
            origin: "custos/gw1/2026-11".to_owned(),
            size: 1,
            root: leaf_hash(b""),
        };
        let signed = checkpoint.sign(&signer).unwrap();
        assert_eq!(Checkpoint::open(&signed, &keys).unwrap(), checkpoint);
        assert!(matches!(
            Checkpoint::open(&signed.replace("2026-11", "2026-12"), &keys),
            Err(OpenError::Note(NoteError::WrongSignature { .. }))
        ));
        let other = signer.sign("some other text\n").unwrap();
        assert!(matches!(
            Checkpoint::open(&other, &keys),
            Err(OpenError::Text(CheckpointError::Lines))
        ));
        let two_lines = Checkpoint {
            origin: "a\nb".to_owned(),
            ..checkpoint
        };
        assert!(matches!(two_lines.sign(&signer), Err(OpenError::Text(_))));
    }
}
