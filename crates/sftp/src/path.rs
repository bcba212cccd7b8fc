//! Paths on the server.

use std::fmt;
use std::sync::Arc;

/// Characters of a path that people are shown at most; of what is longer, begin and end.
pub const MAX_SHOWN_CHARACTERS: usize = 1024;

/// A path as the client wrote it: bytes, relative or absolute, with whatever is in them.
///
/// Two paths may name one file (`..`, symbolic links); only the server knows. `Display` is for people, see
/// [`RemotePath::shown`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemotePath(Arc<[u8]>);

impl RemotePath {
    /// Copies it.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    /// As it stands on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// For people: what would move the cursor, hide or reorder text, and what is not UTF-8, is escaped (`\n`, `\u{202e}`,
    /// `\xff`), and so is `\`. At most [`MAX_SHOWN_CHARACTERS`] and a mark where something was left out.
    pub fn shown(&self) -> String {
        let whole = escaped(&self.0);
        let characters = whole.chars().count();
        if characters <= MAX_SHOWN_CHARACTERS {
            return whole;
        }
        let half = MAX_SHOWN_CHARACTERS / 2;
        let begin: String = whole.chars().take(half).collect();
        let end: String = whole.chars().skip(characters - half).collect();
        format!("{begin}\u{2026}{end}")
    }
}

/// With all its characters.
fn escaped(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' || is_hidden(character) {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
        }
        for byte in chunk.invalid() {
            shown.extend(format!("\\x{byte:02x}").chars());
        }
    }
    shown
}

/// Control characters, and those that change how others look: directions, joiners, separators of lines, tags.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

impl fmt::Display for RemotePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown())
    }
}

impl fmt::Debug for RemotePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{}\"", self.shown())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_SHOWN_CHARACTERS, RemotePath, is_hidden};

    #[test]
    fn what_people_see_cannot_deceive_them() {
        let cases: [(&[u8], &str); 6] = [
            (b"/srv/a b.txt", "/srv/a b.txt"),
            ("/srv/Bücher".as_bytes(), "/srv/Bücher"),
            (b"a\n\x1b[2Jb", "a\\n\\u{1b}[2Jb"),
            (b"caf\xe9/x\xff", "caf\\xe9/x\\xff"),
            ("gpj.\u{202e}exe".as_bytes(), "gpj.\\u{202e}exe"),
            (b"a\\n", "a\\\\n"),
        ];
        for (path, shown) in cases {
            assert_eq!(RemotePath::new(path).to_string(), shown);
        }
    }

    #[test]
    fn long_ones_show_both_ends() {
        let path = [&b"/begin/"[..], &[b'x'; 5000], b"/end"].concat();
        let shown = RemotePath::new(&path).shown();
        assert!(shown.starts_with("/begin/x") && shown.ends_with("x/end"));
        assert_eq!(shown.chars().count(), MAX_SHOWN_CHARACTERS + 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn nothing_hidden_is_left(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let shown = RemotePath::new(&bytes).shown();
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert!(shown.chars().count() <= MAX_SHOWN_CHARACTERS + 1);
        }
    }
}
