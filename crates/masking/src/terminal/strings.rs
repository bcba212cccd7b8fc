//! Control strings: which of them may not be passed on, and those that are too long to be kept.

use super::held::Marks;
use super::sequence::{Kind, is_acting};
use super::text::Text;
use crate::detect::Detectors;

/// Commands that put something into the clipboard of who watches: xterm's and kitty's.
const CLIPBOARD: [usize; 2] = [52, 5522];
/// The command of iTerm2, and the word that makes it one of those.
const ITERM: (usize, &[u8]) = (1337, b"Copy=");

/// Whether the body of an operating system command holds a text that nobody can search.
pub(super) fn is_withheld(kind: Kind, body: &[u8]) -> bool {
    if kind != Kind::Command {
        return false;
    }
    let mut bytes = body.iter().copied().filter(|byte| !is_acting(*byte));
    let mut number = 0_usize;
    for byte in bytes.by_ref() {
        match byte {
            b'0'..=b'9' => {
                number = number
                    .saturating_mul(10)
                    .saturating_add(usize::from(byte & 15));
            }
            b';' => break,
            _ => return false,
        }
    }
    let (iterm, word) = ITERM;
    CLIPBOARD.contains(&number)
        || (number == iterm && bytes.take(word.len()).eq(word.iter().copied()))
}

/// Searches the body of a sequence as a text of its own, without the controls in it.
pub(super) fn search(detectors: &Detectors, body: &[u8], at: u64, marks: &mut Marks) {
    let is_text = |byte: u8| !is_acting(byte) || matches!(byte, b'\t'..=b'\r');
    let seen = body.iter().enumerate().filter(|(_, byte)| is_text(**byte));
    let (places, text): (Vec<u64>, Vec<u8>) =
        seen.map(|(index, byte)| (at + index as u64, *byte)).unzip();
    for finding in detectors.find(&text) {
        let range = finding.range.start as usize..finding.range.end as usize;
        for place in places.get(range).unwrap_or(&[]) {
            marks.hide(*place..place + 1);
        }
    }
}

/// A string that is passed on while it comes.
#[derive(Debug)]
pub(super) struct LongString {
    pub(super) kind: Kind,
    /// What is in it, as a text of its own.
    pub(super) text: Text,
    /// It is left out.
    pub(super) is_withheld: bool,
}

impl LongString {
    /// Takes some of its text.
    pub(super) fn print(&mut self, bytes: &[u8], at: u64, marks: &mut Marks) {
        if self.is_withheld {
            self.pass_over(bytes.len(), at, marks);
        } else {
            self.text.print(bytes, at, marks);
        }
    }

    /// Takes some of it that is no text.
    pub(super) fn pass_over(&mut self, bytes: usize, at: u64, marks: &mut Marks) {
        if self.is_withheld {
            marks.remove(at..at + bytes as u64);
        } else {
            self.text.pass_over(bytes, marks);
        }
    }

    /// How many bytes of a text belong to it, and whether it ends with them. Those that are no strings end by themselves.
    pub(super) fn length_of(&self, text: &[u8]) -> (usize, bool) {
        if self.kind.is_string() {
            return (text.len(), false);
        }
        let end = text
            .iter()
            .position(|byte| self.kind.is_final(*byte) || !byte.is_ascii());
        match end {
            Some(end) if text.get(end).is_some_and(u8::is_ascii) => (end + 1, true),
            Some(end) => (end, true),
            None => (text.len(), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_withheld;
    use crate::terminal::sequence::Kind;

    #[test]
    fn clipboards_are_withheld_however_they_are_written() {
        for body in [
            "52;c;YQ==",
            "052;;YQ==",
            "5\x002;c;",
            "52",
            "5522;type=write",
            "1337;Copy=:YQ==",
        ] {
            assert!(is_withheld(Kind::Command, body.as_bytes()), "{body}");
        }
        for body in [
            "0;52;c",
            "5;2",
            "1337;SetMark",
            "1337;Cop",
            "",
            "8;;http://a",
            "52x;",
        ] {
            assert!(!is_withheld(Kind::Command, body.as_bytes()), "{body}");
        }
        assert!(!is_withheld(Kind::Text, b"52;c;YQ=="));
    }
}
