//! Words in quotes again, by the same rules by which they are read.

use std::fmt;

use crate::lexer::is_plain;

/// Writes a part of a word so that it is read as these characters and nothing else.
///
/// `begins` says that the part is at the beginning of its word.
pub(crate) fn write_literal(out: &mut impl fmt::Write, text: &str, begins: bool) -> fmt::Result {
    if is_bare(text, begins) {
        return out.write_str(text);
    }
    if fits_single_quotes(text) {
        return write!(out, "'{text}'");
    }
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let special = begins && rest.len() == text.len() && matches!(first, '%' | '=');
        let length = if is_plain(first) && !special {
            out.write_char(first)?;
            1
        } else if has_escape(first) {
            write!(out, "\\{first}")?;
            1
        } else {
            let length = rest.find(has_spelling).unwrap_or(rest.len());
            write!(out, "'{}'", rest.get(..length).unwrap_or_default())?;
            length
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// A backslash is for signs only: before a letter it means something else in fish.
fn has_escape(character: char) -> bool {
    character == ' ' || character.is_ascii_punctuation()
}

/// Whether it can stand outside quotes. A tab cannot.
fn has_spelling(character: char) -> bool {
    is_plain(character) || has_escape(character)
}

fn is_bare(text: &str, begins: bool) -> bool {
    if text.is_empty() || (begins && (text.starts_with(['%', '=']) || text == "...")) {
        return false;
    }
    text.chars().all(is_plain)
}

/// Without what ends single quotes or is read differently inside them.
fn fits_single_quotes(text: &str) -> bool {
    let bad_escape = ["\\\\", "\\\"", "\\$", "\\`"]
        .iter()
        .any(|pair| text.contains(pair));
    !bad_escape && !text.contains(['\'', '!']) && !text.ends_with('\\')
}

#[cfg(test)]
mod tests {
    use super::write_literal;
    use crate::{Command, Word};

    fn quoted(text: &str) -> String {
        let mut out = String::new();
        write_literal(&mut out, text, true).unwrap();
        out
    }

    #[test]
    fn quotes_are_as_few_as_can_be() {
        assert_eq!(quoted("/srv/app"), "/srv/app");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("..."), "'...'");
        assert_eq!(quoted("=ls"), "'=ls'");
        assert_eq!(quoted("it's"), r"it\'s");
        assert_eq!(quoted("%it's!"), r"\%it\'s\!");
        assert_eq!(quoted("a\\"), r"a\\");
        assert_eq!(quoted("x'y"), r"x\'y");
        assert_eq!(quoted("\t'"), "'\t'\\'");
    }

    #[test]
    fn what_is_quoted_reads_back() {
        for text in [
            "", "a\\\\b", "it's", "'", "!", "\t'", "'\t", "a\\", "\t!", "'\t'", "x=y", "%%", "...",
            "\\\"", "a\\$b\\`",
        ] {
            let command = format!("echo {}", quoted(text));
            let read = Command::parse(command.as_bytes());
            let words = read
                .words()
                .unwrap_or_else(|| panic!("{command}: {read:?}"));
            assert_eq!(words.last().map(Word::as_str), Some(text), "{command}");
        }
    }
}
