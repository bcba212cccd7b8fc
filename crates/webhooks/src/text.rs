//! Texts of users made into mere text.

use custos_model::{Rfc3339, is_hidden};

/// What stands where something was cut.
const CUT: char = '…';

/// The text, cut to at most that many bytes, the mark included.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub(CUT.len_utf8()));
    let mut short = text.get(..end).unwrap_or_default().to_owned();
    short.push(CUT);
    short
}

/// The text with its line ends, and a mark in place of what cannot be seen or turns other text around.
pub(crate) fn visible(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let shown = |letter| match letter {
        '\n' => '\n',
        '\t' => ' ',
        hidden if is_hidden(hidden) => char::REPLACEMENT_CHARACTER,
        letter => letter,
    };
    text.chars().map(shown).collect()
}

/// The same on one line, so that it cannot look like a line of the gateway's own.
pub(crate) fn one_line(text: &str) -> String {
    visible(text).replace('\n', " ")
}

/// A moment for people, to the minute.
pub(crate) fn minute(utc_ns: u64) -> String {
    let text = Rfc3339(utc_ns).to_string();
    let shown = text.get(..16).unwrap_or_default().replace('T', " ");
    format!("{shown} UTC")
}

#[cfg(test)]
mod tests {
    use super::{cut, minute, one_line, visible};

    #[test]
    fn what_is_cut_stays_text_and_within_its_bytes() {
        assert_eq!(cut("abcd", 4), "abcd");
        assert_eq!(cut("abcde", 4), "a…");
        let text = "ä日𝒳".repeat(20);
        for bytes_max in 3..text.len() {
            let short = cut(&text, bytes_max);
            assert!(short.len() <= bytes_max && short.ends_with('…'), "{short}");
            assert!(text.starts_with(short.trim_end_matches('…')));
        }
    }

    #[test]
    fn nothing_is_hidden_or_turned_around() {
        assert_eq!(visible("a\r\nb\tc\nd"), "a\nb c\nd");
        assert_eq!(visible("a\u{202e}b\0c\u{200b}d"), "a�b�c�d");
        assert_eq!(one_line("no\nApproved by: bob"), "no Approved by: bob");
    }

    #[test]
    fn moments_are_short() {
        assert_eq!(minute(1_795_232_787_123_456_789), "2026-11-21 03:46 UTC");
    }
}
