//! Signed notes: <https://c2sp.org/signed-note>, Ed25519 signatures only.
//!
//! A note is a text, an empty line, and signature lines `— <key name> <base64(key id ‖ signature)>`.
//! Limits: 1 MiB a note, 16 signatures, key names of 255 bytes.

mod key;
mod open;

pub use key::{KeyId, Signer, VerifierKey};
pub use open::{Opened, open};

/// The longest note that is read or made, in bytes.
pub const MAX_NOTE_BYTES: usize = 1 << 20;

/// The most signature lines that a note may have.
pub const MAX_SIGNATURES: usize = 16;

/// Begins each signature line: an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// A key or a note is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A key name is empty, longer than 255 bytes, or holds white space, control characters or a plus sign.
    #[error("not a key name")]
    KeyName,
    /// A private key is not an Ed25519 key in the form asked for.
    #[error("not an Ed25519 private key")]
    PrivateKey,
    /// A verifier key is not `name+id+base64` of an Ed25519 key, or its id does not belong to it.
    #[error("not an Ed25519 verifier key")]
    VerifierKey,
    /// The note is longer than [`MAX_NOTE_BYTES`].
    #[error("a note of {note_bytes} bytes is too long (1 MiB at most)")]
    TooLong {
        /// Its length.
        note_bytes: usize,
    },
    /// The text is empty, does not end in a newline, or holds control characters.
    #[error("the note's text is malformed")]
    Text,
    /// There is no signature block, or one of its lines is malformed.
    #[error("the note's signatures are malformed")]
    Signatures,
    /// There are more than [`MAX_SIGNATURES`] signatures.
    #[error("the note has more than 16 signatures")]
    TooManySignatures,
    /// A known key has signed twice.
    #[error("the note has two signatures by {key_name}")]
    DuplicateSignature {
        /// The key's name.
        key_name: String,
    },
    /// Two of the given keys share name and id, so that a signature could be by either.
    #[error("two keys have the name and id of {key_name}")]
    AmbiguousKey {
        /// The name.
        key_name: String,
    },
    /// A signature by a known key is wrong.
    #[error("the signature by {key_name} is wrong")]
    WrongSignature {
        /// The key's name.
        key_name: String,
    },
    /// None of the signatures is by a known key.
    #[error("no known key has signed the note")]
    UnknownSigner,
    /// The cryptographic library could not sign.
    #[error("signing failed")]
    Signing,
}

/// Text of a note: valid UTF-8 (by type), ends in a newline, no ASCII control characters but newlines.
fn check_text(text: &str) -> Result<(), NoteError> {
    if text.ends_with('\n') && !has_control(text) {
        return Ok(());
    }
    Err(NoteError::Text)
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

fn check_length(note: &str) -> Result<(), NoteError> {
    if note.len() <= MAX_NOTE_BYTES {
        return Ok(());
    }
    Err(NoteError::TooLong {
        note_bytes: note.len(),
    })
}
