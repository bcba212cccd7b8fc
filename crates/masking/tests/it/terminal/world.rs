//! What the tests of terminals share.

use std::sync::LazyLock;

use custos_masking::{Detectors, Flush, Mask, MaskedTerminal, Transform};
use unicode_width::UnicodeWidthStr;

use crate::world::all;

pub(crate) const MODES: [Flush; 2] = [Flush::Live, Flush::Strict];

/// What must never be seen, one of each detector and more. None of them has anything in it that would be seen as a
/// whole but for one letter.
pub(crate) const CANARIES: [&str; 20] = [
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111111111111111",
    "3782 822463 10005",
    "4111\u{a0}1111\u{a0}1111\u{a0}1111",
    "123-45-6789",
    "DE89370400440532013000",
    "GB82 WEST 1234 5698 7654 32",
    "alice@example.com",
    "ålice@exämple.se",
    "+1 (415) 555-2671",
    "(415) 555-2671",
    "07700 900123",
    "192.168.117.10",
    "2001:db8::ff00:42:8329",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "AKIAIOSFODNN7EXAMPLE",
    "abc8Q~defghijklmnopqrstuvwxyz0123456789ab",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "EMP-123456",
];

/// A key file, line by line.
pub(crate) const KEY: [&str; 4] = [
    "-----BEGIN RSA PRIVATE KEY-----",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
    "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "-----END RSA PRIVATE KEY-----",
];

static DETECTORS: LazyLock<Detectors> = LazyLock::new(|| {
    all()
        .with_pattern(r"\bEMP-\d{6}\b")
        .and_then(|detectors| detectors.with_pattern("(?:ab|cd){2,200}x"))
        .unwrap()
});

pub(crate) fn detectors() -> Detectors {
    DETECTORS.clone()
}

pub(crate) fn terminal_of(detectors: Detectors, flush: Flush) -> MaskedTerminal {
    let mask = Mask::detected(detectors, Transform::null(), usize::MAX);
    MaskedTerminal::new(&mask, flush).unwrap()
}

pub(crate) fn terminal(flush: Flush) -> MaskedTerminal {
    terminal_of(detectors(), flush)
}

/// All that comes of chunks, without flushes.
pub(crate) fn of_chunks<'a>(
    mut terminal: MaskedTerminal,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in chunks {
        terminal.push(chunk, &mut out);
    }
    terminal.finish(&mut out);
    out
}

pub(crate) fn masked(stream: impl AsRef<[u8]>) -> Vec<u8> {
    of_chunks(terminal(Flush::Strict), [stream.as_ref()])
}

/// The same, to be read.
pub(crate) fn shown(stream: impl AsRef<[u8]>) -> String {
    String::from_utf8(masked(stream)).unwrap()
}

pub(crate) fn stars(text: &str) -> String {
    "*".repeat(text.width())
}

/// A text made of what is made of each letter.
pub(crate) fn of_letters(text: &str, make: impl Fn(char) -> String) -> String {
    text.chars().map(make).collect()
}
