//! What hides a text on a screen: a star for each column that it takes.

use unicode_width::UnicodeWidthChar;

/// What stands for a column.
pub(super) const STAR: u8 = b'*';

/// Appends stars for all that takes columns. Control characters stay, since they place what comes behind them; what is
/// no UTF-8 is one column, as terminals show it.
pub(super) fn hide(text: &[u8], out: &mut Vec<u8>) {
    for part in text.utf8_chunks() {
        for character in part.valid().chars() {
            match character.width() {
                Some(columns) => out.extend(std::iter::repeat_n(STAR, columns)),
                None => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !part.invalid().is_empty() {
            out.push(STAR);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::hide;

    #[test]
    fn each_column_is_a_star() {
        for (text, hidden) in [
            (&b"a1\xc3\xa9"[..], "***"),
            ("漢字".as_bytes(), "****"),
            ("e\u{301}".as_bytes(), "*"),
            (b"a\r\n\tb", "*\r\n\t*"),
            (b"a\xff\xe2\x82z", "****"),
            ("\u{200b}".as_bytes(), ""),
        ] {
            let mut out = Vec::new();
            hide(text, &mut out);
            assert_eq!(out, hidden.as_bytes(), "{text:?}");
        }
    }
}
