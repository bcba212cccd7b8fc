//! Texts in chunks of one byte or more: the first byte says how large they are. What is found in them, and what a mask leaves of them.
#![no_main]

use std::sync::LazyLock;

use custos_masking::{
    Detector, Detectors, Format, Mask, Masked, MaskedText, PgType, Scanner, Transform,
};
use libfuzzer_sys::fuzz_target;

static DETECTORS: LazyLock<Detectors> = LazyLock::new(|| {
    Detectors::new(&Detector::BUILT_IN)
        .and_then(|detectors| detectors.with_pattern(r"\bEMP-\d{6}\b"))
        .and_then(|detectors| detectors.with_pattern("(?:ab|b){2,90}c"))
        .unwrap()
});

static MASK: LazyLock<Mask> = LazyLock::new(|| {
    let redact = Transform::redact("[gone]").unwrap();
    Mask::detected(DETECTORS.clone(), redact, usize::MAX)
});

fuzz_target!(|data: &[u8]| {
    let Some((&size, text)) = data.split_first() else {
        return;
    };
    let whole = DETECTORS.find(text);
    let mut last = 0;
    for finding in &whole {
        assert!(last <= finding.range.start && finding.range.start < finding.range.end);
        last = finding.range.end;
    }
    assert!(last <= text.len() as u64);
    // Longer than what the scanner keeps, so that it must forget.
    let front = b" lorem ipsum".repeat(300);
    let shifted = [front.as_slice(), b" ", text].concat();
    let whole = DETECTORS.find(&shifted);
    let mut found = Vec::new();
    let mut scanner = Scanner::new(&*DETECTORS);
    for chunk in shifted.chunks(usize::from(size) * 8 + 1) {
        scanner.push(chunk, &mut found);
    }
    scanner.finish(&mut found);
    assert_eq!(found, whole);

    let masked = match MASK.apply(&PgType::Text, Format::Text, &shifted) {
        Masked::Value(masked) => masked,
        Masked::Unchanged => shifted.clone(),
        Masked::Null => unreachable!("a redaction is a text"),
    };
    let mut out = Vec::new();
    let mut stream = MaskedText::new(&MASK).unwrap();
    for chunk in shifted.chunks(usize::from(size) * 8 + 1) {
        stream.push(chunk, &mut out);
    }
    stream.finish(&mut out);
    assert_eq!(out, masked);
});
