//! Texts in chunks: the first byte says how large they are.
#![no_main]

use std::sync::LazyLock;

use custos_masking::{Detector, Detectors, Scanner};
use libfuzzer_sys::fuzz_target;

static DETECTORS: LazyLock<Detectors> = LazyLock::new(|| {
    Detectors::new(&Detector::BUILT_IN)
        .and_then(|detectors| detectors.with_pattern(r"\bEMP-\d{6}\b"))
        .and_then(|detectors| detectors.with_pattern("(?:ab|b){2,90}c"))
        .unwrap()
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
    let mut scanner = Scanner::new(&DETECTORS);
    for chunk in shifted.chunks(usize::from(size) + 1) {
        scanner.push(chunk, &mut found);
    }
    scanner.finish(&mut found);
    assert_eq!(found, whole);
});
