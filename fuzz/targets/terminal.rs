//! Output of a terminal in chunks of one byte or more: the first byte says how large they are and whether it is flushed
//! between them. What comes out is the same however it came, and no longer but for repetitions that are written out.
#![no_main]

use std::sync::LazyLock;

use custos_masking::{Detector, Detectors, Flush, Mask, MaskedTerminal, Transform};
use libfuzzer_sys::fuzz_target;

static MASK: LazyLock<Mask> = LazyLock::new(|| {
    let detectors = Detectors::new(&Detector::BUILT_IN)
        .and_then(|detectors| detectors.with_pattern(r"\bEMP-\d{6}\b"))
        .and_then(|detectors| detectors.with_pattern("(?:ab|b){2,90}c"))
        .unwrap();
    Mask::detected(detectors, Transform::null(), usize::MAX)
});

fn masked(text: &[u8], size: usize, flushes: bool) -> Vec<u8> {
    let mode = if flushes { Flush::Live } else { Flush::Strict };
    let mut terminal = MaskedTerminal::new(&MASK, mode).unwrap();
    let mut out = Vec::new();
    for chunk in text.chunks(size) {
        terminal.push(chunk, &mut out);
        if flushes {
            terminal.flush(&mut out);
            assert!(!terminal.has_held_back());
        }
    }
    terminal.finish(&mut out);
    out
}

fuzz_target!(|data: &[u8]| {
    let Some((&size, text)) = data.split_first() else {
        return;
    };
    let whole = masked(text, usize::MAX, false);
    let parts = masked(text, usize::from(size / 2) + 1, false);
    assert_eq!(parts, whole);
    // A character is as wide in stars, and never longer in bytes. `CSI b` writes 255 characters at most.
    let repetitions = text.iter().filter(|byte| **byte == b'b').count();
    let longest = text.len() + 255 * repetitions;
    assert!(whole.len() <= longest);
    if size % 2 == 1 {
        let flushed = masked(text, usize::from(size / 2) + 1, true);
        assert!(flushed.len() <= longest);
    }
});
