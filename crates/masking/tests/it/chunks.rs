//! Any chunking finds what the whole finds, in bounded memory.

use custos_masking::{
    Detectors, Finding, Format, Mask, Masked, MaskedText, PgType, Scanner, Transform,
};
use proptest::prelude::*;

use crate::world::all;

fn detectors() -> Detectors {
    all()
        .with_pattern(r"\bEMP-\d{6}\b")
        .and_then(|detectors| detectors.with_pattern("(?:ab|cd){2,200}x"))
        .unwrap()
}

fn in_chunks<'a>(detectors: &Detectors, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new(detectors);
    for chunk in chunks {
        scanner.push(chunk, &mut found);
    }
    scanner.finish(&mut found);
    found
}

/// A text under a mask of detectors, whole and in chunks.
fn masked<'a>(
    detectors: Detectors,
    text: &[u8],
    chunks: impl Iterator<Item = &'a [u8]>,
) -> (Vec<u8>, Vec<u8>) {
    let redact = Transform::redact("[gone]").unwrap();
    let mask = Mask::detected(detectors, redact, usize::MAX);
    let whole = match mask.apply(&PgType::Text, Format::Text, text) {
        Masked::Value(masked) => masked,
        Masked::Unchanged => text.to_vec(),
        Masked::Null => unreachable!("a redaction is a text"),
    };
    let mut stream = MaskedText::new(&mask).unwrap();
    let mut out = Vec::new();
    for chunk in chunks {
        stream.push(chunk, &mut out);
    }
    stream.finish(&mut out);
    (whole, out)
}

/// Pieces that begin, end and overlap in all ways; long ones cross the scanner's own borders.
pub(crate) fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("4111 1111 1111 1111".to_owned()),
        Just("alice@example.com".to_owned()),
        Just("4111111111111111@example.com".to_owned()),
        Just("123-45-6789".to_owned()),
        Just("DE89370400440532013000".to_owned()),
        Just("+1 415 555 2671".to_owned()),
        Just("2001:db8::ff00:42:8329".to_owned()),
        Just("10.0.0.1\n".to_owned()),
        Just("EMP-123456".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----\n".to_owned()),
        Just("\n-----END PRIVATE KEY-----\n".to_owned()),
        Just("eyJhbGciOiJIUzI1NiJ9.".to_owned()),
        Just("AKIAIOSFODNN7EXAMPLE".to_owned()),
        (1_usize..200).prop_map(|count| "abcd".repeat(count)),
        (1_usize..3000).prop_map(|count| "eyJ1".repeat(count)),
        (1_usize..3000).prop_map(|count| "7".repeat(count)),
        (1_usize..2000).prop_map(|count| " lorem".repeat(count)),
        "[ -~]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_chunking_finds_what_the_whole_finds(
        pieces in prop::collection::vec(piece(), 0..14),
        sizes in prop::collection::vec(1_usize..5000, 1..8),
    ) {
        let text = pieces.concat().into_bytes();
        let detectors = detectors();
        let whole = detectors.find(&text);
        let mut sizes = sizes.iter().cycle();
        let mut rest = text.as_slice();
        let chunks = std::iter::from_fn(|| {
            let (chunk, tail) = rest.split_at(rest.len().min(*sizes.next()?));
            rest = tail;
            (!chunk.is_empty()).then_some(chunk)
        });
        let chunks: Vec<&[u8]> = chunks.collect();
        prop_assert_eq!(&in_chunks(&detectors, chunks.iter().copied()), &whole);
        let (at_once, as_it_came) = masked(detectors, &text, chunks.into_iter());
        prop_assert_eq!(at_once, as_it_came);
        let in_order = whole.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start);
        prop_assert!(in_order && whole.iter().all(|one| one.range.end <= text.len() as u64));
    }
}

#[test]
fn single_bytes_find_what_the_whole_finds() {
    let text =
        "x 4111-1111-1111-1111 alice@example.com EMP-123456 eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.abc \
                -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n10.0.0.1\n"
            .repeat(60)
            .into_bytes();
    let detectors = detectors();
    let whole = detectors.find(&text);
    assert_eq!(whole.len(), 6 * 60);
    assert_eq!(in_chunks(&detectors, text.chunks(1)), whole);
    let (at_once, as_it_came) = masked(detectors, &text, text.chunks(1));
    assert_eq!(at_once, as_it_came);
}

/// What never ends is withheld, with all that comes after it.
#[test]
fn an_endless_key_is_withheld_in_bounded_memory() {
    let mut stream = {
        let redact = Transform::redact("[gone]").unwrap();
        MaskedText::new(&Mask::detected(detectors(), redact, usize::MAX)).unwrap()
    };
    let mut out = Vec::new();
    stream.push(b"before -----BEGIN PRIVATE KEY-----\n", &mut out);
    for _ in 0..3_000 {
        stream.push(&b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".repeat(32), &mut out);
    }
    stream.finish(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "before [redacted]");
}

/// A finding of any length is followed without being kept.
#[test]
fn a_token_longer_than_all_buffers_is_one_finding() {
    let token = format!("eyJhbGciOiJIUzI1NiJ9.{}", "abcdefgh".repeat(100_000));
    let text = format!("a {token} b");
    let detectors = detectors();
    let found = in_chunks(&detectors, text.as_bytes().chunks(1000));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].range, 2..2 + token.len() as u64);
}

/// A key that begins in the line that ends another one is a key.
#[test]
fn a_key_directly_behind_another_is_found() {
    let text = b"-----BEGIN PRIVATE KEY-----\nM\n-----END -----BEGIN PRIVATE KEY-----\nsecret";
    let whole = detectors().find(text);
    assert_eq!(whole.len(), 1);
    assert_eq!(whole[0].range, 0..text.len() as u64);
}
