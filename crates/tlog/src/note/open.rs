//! Reading notes that someone else may have written.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::key::is_key_name;
use super::{
    KeyId, MAX_SIGNATURES, NoteError, SIGNATURE_PREFIX, VerifierKey, check_length, check_text,
    has_control,
};

/// A note of which at least one signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened<'a> {
    /// The signed text, with its last newline.
    pub text: &'a str,
    /// The keys whose signatures were verified, in the order of the signatures. Never empty.
    pub signers: Vec<VerifierKey>,
}

/// One signature line, not yet verified.
struct Signature<'a> {
    key_name: &'a str,
    key_id: KeyId,
    bytes: Vec<u8>,
}

/// Verifies a note against `keys`.
///
/// Signatures by other keys are ignored, as the specification wants, but must be well-formed.
/// One wrong or repeated signature by a known key spoils the note.
pub fn open<'a>(note: &'a str, keys: &[VerifierKey]) -> Result<Opened<'a>, NoteError> {
    check_length(note)?;
    if has_control(note) {
        return Err(NoteError::Text);
    }
    let (text, signature_block) = split(note)?;
    check_text(text)?;
    let mut signers: Vec<VerifierKey> = Vec::new();
    for signature in parse_signatures(signature_block)? {
        let Some(key) = find_key(&signature, keys)? else {
            continue;
        };
        if signers.contains(key) {
            return Err(NoteError::DuplicateSignature {
                key_name: key.name().to_owned(),
            });
        }
        if !key.verifies(text, &signature.bytes) {
            return Err(NoteError::WrongSignature {
                key_name: key.name().to_owned(),
            });
        }
        signers.push(key.clone());
    }
    if signers.is_empty() {
        return Err(NoteError::UnknownSigner);
    }
    Ok(Opened { text, signers })
}

/// The text with its newline, and the signature lines. The last empty line separates them, as texts may have empty lines too.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    let separator = note.rfind("\n\n").ok_or(NoteError::Signatures)?;
    let (text, rest) = note
        .split_at_checked(separator + 1)
        .ok_or(NoteError::Signatures)?;
    let block = rest.strip_prefix('\n').ok_or(NoteError::Signatures)?;
    Ok((text, block))
}

fn parse_signatures(block: &str) -> Result<Vec<Signature<'_>>, NoteError> {
    let lines = block.strip_suffix('\n').ok_or(NoteError::Signatures)?;
    if lines.split('\n').count() > MAX_SIGNATURES {
        return Err(NoteError::TooManySignatures);
    }
    lines
        .split('\n')
        .map(|line| parse_signature(line).ok_or(NoteError::Signatures))
        .collect()
}

fn parse_signature(line: &str) -> Option<Signature<'_>> {
    let (key_name, encoded) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
    if !is_key_name(key_name) {
        return None;
    }
    let blob = STANDARD.decode(encoded).ok()?;
    let (id, bytes) = blob.split_first_chunk()?;
    if bytes.is_empty() {
        return None;
    }
    Some(Signature {
        key_name,
        key_id: KeyId(*id),
        bytes: bytes.to_vec(),
    })
}

fn find_key<'k>(
    signature: &Signature<'_>,
    keys: &'k [VerifierKey],
) -> Result<Option<&'k VerifierKey>, NoteError> {
    let mut candidates = keys
        .iter()
        .filter(|key| key.name() == signature.key_name && key.id() == signature.key_id);
    let key = candidates.next();
    // The same key given twice is harmless; another one with the same name and id is an attack on the short id.
    if candidates.any(|other| Some(other) != key) {
        return Err(NoteError::AmbiguousKey {
            key_name: signature.key_name.to_owned(),
        });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{MAX_NOTE_BYTES, Signer};

    // Published vectors: the specification's example note and a second key over the same text.
    const PETER_SEED: &str = "gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM=";
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const BY_PETER: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    const BY_ENOCH: &str = "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

    fn peter() -> VerifierKey {
        VerifierKey::parse(PETER).unwrap()
    }

    fn enoch() -> VerifierKey {
        VerifierKey::parse(ENOCH).unwrap()
    }

    fn note(signatures: &[&str]) -> String {
        format!("{TEXT}\n{}", signatures.concat())
    }

    fn failure(note: &str) -> NoteError {
        open(note, &[peter()]).unwrap_err()
    }

    #[test]
    fn the_published_note_is_made_bit_by_bit() {
        // The published private key is this seed behind the type byte.
        let seed = STANDARD.decode(PETER_SEED).unwrap().try_into().unwrap();
        let signer = Signer::from_seed("PeterNeumann", &seed).unwrap();
        assert_eq!(signer.verifier_key(), peter());
        assert_eq!(signer.sign(TEXT), Ok(note(&[BY_PETER])));
    }

    #[test]
    fn the_published_notes_open() {
        let both = note(&[BY_PETER, BY_ENOCH]);
        let opened = open(&both, &[enoch(), peter()]).unwrap();
        assert_eq!(opened.text, TEXT);
        assert_eq!(opened.signers, [peter(), enoch()]);
        assert_eq!(open(&both, &[enoch()]).unwrap().signers, [enoch()]);
        assert_eq!(open(&both, &[]), Err(NoteError::UnknownSigner));
    }

    #[test]
    fn one_altered_byte_spoils_a_note() {
        let good = note(&[BY_PETER]);
        for position in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[position] ^= 1;
            if let Ok(altered) = String::from_utf8(bytes) {
                assert!(open(&altered, &[peter()]).is_err(), "byte {position}");
            }
        }
        for end in 0..good.len() {
            if let Some(cut) = good.get(..end) {
                assert!(open(cut, &[peter()]).is_err(), "cut at {end}");
            }
        }
    }

    #[test]
    fn a_wrong_signature_spoils_a_note_that_another_key_signed_well() {
        let forged = BY_PETER.replace("ZJku", "AAAA");
        let wrong = NoteError::WrongSignature {
            key_name: "PeterNeumann".to_owned(),
        };
        let note = note(&[BY_ENOCH, &forged]);
        assert_eq!(open(&note, &[peter(), enoch()]), Err(wrong));
        assert_eq!(open(&note, &[enoch()]).unwrap().signers, [enoch()]);
    }

    #[test]
    fn repeated_and_ambiguous_signatures_are_refused() {
        let key_name = "PeterNeumann".to_owned();
        assert_eq!(
            failure(&note(&[BY_PETER, BY_PETER])),
            NoteError::DuplicateSignature { key_name }
        );
        assert!(open(&note(&[BY_PETER]), &[peter(), peter()]).is_ok());

        // A real collision of ids costs 2^32 hashes; this one is made by hand.
        let mut colliding = peter();
        colliding.public_key = *enoch().public_key();
        let key_name = "PeterNeumann".to_owned();
        let opened = open(&note(&[BY_PETER]), &[peter(), colliding.clone()]).map(drop);
        assert_eq!(opened, Err(NoteError::AmbiguousKey { key_name }));
        assert!(open(&note(&[BY_ENOCH]), &[enoch(), peter(), colliding]).is_ok());
    }

    #[test]
    fn malformed_signature_lines_are_refused_even_by_unknown_keys() {
        let other = "\u{2014} other AAAAAAA=\n";
        assert!(open(&note(&[BY_PETER, other]), &[peter()]).is_ok());
        for line in [
            "Unexpected line.\n",
            "- other AAAAAAA=\n",
            "\u{2014} other\n",
            "\u{2014}  AAAAAAA=\n",
            "\u{2014} bad name AAAAAAA=\n",
            "\u{2014} bad+name AAAAAAA=\n",
            "\u{2014} other AAAAAA==\n",
            "\u{2014} other AAAAAAA\n",
            "\u{2014} other AAAAAAB=\n",
            "\u{2014} other AAAA\nAAA=\n",
        ] {
            assert_eq!(
                failure(&note(&[BY_PETER, line])),
                NoteError::Signatures,
                "{line}"
            );
            assert_eq!(
                failure(&note(&[line, BY_PETER])),
                NoteError::Signatures,
                "{line}"
            );
        }
        assert_eq!(failure(TEXT), NoteError::Signatures);
        assert_eq!(failure(&note(&[])), NoteError::Signatures);
        assert_eq!(failure(&note(&[BY_PETER, "\n"])), NoteError::Signatures);
        assert_eq!(failure(note(&[BY_PETER]).trim_end()), NoteError::Signatures);
    }

    #[test]
    fn control_characters_are_refused_wherever_they_are() {
        for bad in ["\u{1}", "\r", "\t", "\0"] {
            assert_eq!(
                failure(&format!("{bad}{}", note(&[BY_PETER]))),
                NoteError::Text
            );
            assert_eq!(
                failure(&format!("{}{bad}", note(&[BY_PETER]))),
                NoteError::Text
            );
            let signer = Signer::from_seed("k", &[1; 32]).unwrap();
            assert_eq!(signer.sign(&format!("a{bad}b\n")), Err(NoteError::Text));
            assert_eq!(signer.sign("no newline"), Err(NoteError::Text));
            assert_eq!(signer.sign(""), Err(NoteError::Text));
        }
    }

    #[test]
    fn an_empty_line_belongs_to_the_text_unless_it_is_the_last() {
        let signer = Signer::from_seed("k", &[1; 32]).unwrap();
        for text in [
            "a\n\nb\n",
            "a\n\n",
            "\n",
            "\n\n\n",
            "\u{2014} k AAAAAAA=\n\nx\n",
        ] {
            let signed = signer.sign(text).unwrap();
            assert_eq!(
                open(&signed, &[signer.verifier_key()]).unwrap().text,
                text,
                "{text:?}"
            );
        }
    }

    #[test]
    fn limits_hold_at_their_edges() {
        let other = "\u{2014} other AAAAAAA=\n";
        let fill = |count| note(&[BY_PETER, &other.repeat(count)]);
        assert!(open(&fill(15), &[peter()]).is_ok());
        assert_eq!(failure(&fill(16)), NoteError::TooManySignatures);

        let signer = Signer::from_seed("k", &[1; 32]).unwrap();
        let overhead = signer.sign("\n").unwrap().len();
        let longest = "a".repeat(MAX_NOTE_BYTES - overhead) + "\n";
        let signed = signer.sign(&longest).unwrap();
        assert_eq!(signed.len(), MAX_NOTE_BYTES);
        assert!(open(&signed, &[signer.verifier_key()]).is_ok());
        let note_bytes = MAX_NOTE_BYTES + 1;
        assert_eq!(
            signer.sign(&format!("a{longest}")),
            Err(NoteError::TooLong { note_bytes })
        );
        assert_eq!(
            failure(&format!("a{signed}")),
            NoteError::TooLong { note_bytes }
        );
    }
}
