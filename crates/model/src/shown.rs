//! Names that look like what they are.

/// Whether a name of a person or a group may stand in records, rules and on pages: not empty, not too long, no space at either end,
/// and no character that hides or turns around what stands beside it.
pub fn is_shown_as_it_is(text: &str, max_bytes: usize) -> bool {
    (1..=max_bytes).contains(&text.len()) && text.trim() == text && !text.contains(is_hidden)
}

/// Whether a character cannot be seen, or hides or turns around what stands beside it.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::is_shown_as_it_is;

    #[test]
    fn names_show_what_they_are() {
        for good in [
            "a",
            "CN=Analysts,OU=DW",
            "Größe",
            "日本",
            "a b",
            "admin:all",
        ] {
            assert!(is_shown_as_it_is(good, 64), "{good}");
        }
        for bad in [
            "",
            " a",
            "a ",
            "a\0",
            "a\nb",
            "a\u{85}",
            "a\u{7f}",
            "\u{202e}nimda",
            "ad\u{200b}min",
            "a\u{2066}b",
            "\u{feff}a",
            "a\u{2028}b",
            "a\u{e0041}",
        ] {
            assert!(!is_shown_as_it_is(bad, 64), "{bad:?}");
        }
        assert!(is_shown_as_it_is(&"a".repeat(64), 64) && !is_shown_as_it_is(&"a".repeat(65), 64));
    }
}
