//! Signed notes and verifier keys, in the writer's and in the verifier's implementation.
#![no_main]

use std::sync::LazyLock;

use custos_tlog::Checkpoint;
use custos_tlog::note::{self, NoteError, Signer, VerifierKey};
use libfuzzer_sys::fuzz_target;

/// The seeds are notes signed by this key.
static SIGNER: LazyLock<Signer> =
    LazyLock::new(|| Signer::from_seed("custos/gw1", &[7; 32]).unwrap());
static KEYS: LazyLock<[VerifierKey; 1]> = LazyLock::new(|| [SIGNER.verifier_key()]);

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        opened_notes_are_genuine(text);
        signed_texts_open(text);
        keys_have_one_spelling(text);
    }
});

/// Ed25519 signatures are deterministic: a note that opens holds the very line that signing its text again makes.
fn opened_notes_are_genuine(text: &str) {
    match note::open(text, &*KEYS) {
        Ok(opened) => {
            assert_eq!(opened.signers, *KEYS);
            let again = SIGNER.sign(opened.text).unwrap();
            let line = again
                .strip_prefix(opened.text)
                .unwrap()
                .trim_start_matches('\n');
            assert!(text.starts_with(opened.text) && text.contains(line));
        }
        // A repeated or forged line of a known key is refused, so no other note may pass as good.
        Err(error) => assert!(Checkpoint::open(text, &*KEYS).is_err(), "{error}"),
    }
}

fn signed_texts_open(text: &str) {
    match SIGNER.sign(text) {
        Ok(signed) => assert_eq!(note::open(&signed, &*KEYS).unwrap().text, text),
        Err(error) => assert!(matches!(error, NoteError::Text | NoteError::TooLong { .. })),
    }
}

/// Whatever both implementations accept means the same to both; neither accepts two spellings of a key.
fn keys_have_one_spelling(text: &str) {
    let written = VerifierKey::parse(text);
    if let Ok(key) = &written {
        assert_eq!(key.to_string(), text);
    }
    if let (Ok(ours), Ok(theirs)) = (written, custos_verify::VerifierKey::parse(text)) {
        assert_eq!(ours.name(), theirs.name());
    }
}
