//! Which bytes are text and which are not.

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// What a text begins with (Unicode standard, table 3-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Character {
    /// A character of so many bytes.
    Whole(usize),
    /// The first bytes of one.
    Unfinished,
    /// So many bytes that no character has.
    Broken(usize),
}

pub(super) fn character(text: &[u8]) -> Character {
    let (second, length) = match text.first() {
        Some(0x00..=0x7f) => return Character::Whole(1),
        Some(0xc2..=0xdf) => (0x80..=0xbf, 2),
        Some(0xe0) => (0xa0..=0xbf, 3),
        Some(0xe1..=0xec | 0xee | 0xef) => (0x80..=0xbf, 3),
        Some(0xed) => (0x80..=0x9f, 3),
        Some(0xf0) => (0x90..=0xbf, 4),
        Some(0xf1..=0xf3) => (0x80..=0xbf, 4),
        Some(0xf4) => (0x80..=0x8f, 4),
        Some(_) => return Character::Broken(1),
        None => return Character::Unfinished,
    };
    for place in 1..length {
        match text.get(place) {
            None => return Character::Unfinished,
            Some(byte) if place == 1 && second.contains(byte) => {}
            Some(0x80..=0xbf) if place > 1 => {}
            Some(_) => return Character::Broken(place),
        }
    }
    Character::Whole(length)
}

/// How many bytes at the start are text: characters, bytes above ASCII that are neither characters nor controls, and the
/// controls that are text to detectors too, from tab to carriage return.
pub(super) fn text_length(bytes: &[u8]) -> usize {
    let mut index = 0;
    loop {
        let mut rest = bytes.get(index..).unwrap_or(&[]);
        while let Some((block, behind)) = rest.split_first_chunk::<BLOCK>()
            && block.iter().fold(0, |any, byte| any | other(*byte)) == 0
        {
            rest = behind;
        }
        let Some(skip) = rest.iter().position(|byte| other(*byte) != 0) else {
            return bytes.len();
        };
        index = bytes.len() - rest.len() + skip;
        let rest = rest.get(skip..).unwrap_or(&[]);
        match (rest.first(), character(rest)) {
            (Some(0xa0..), Character::Whole(length) | Character::Broken(length)) => index += length,
            _ => return index,
        }
    }
}

/// One for what is not ASCII text. Without branches, so that a block is looked at in one go.
fn other(byte: u8) -> u8 {
    let spaces = byte.wrapping_sub(b'\t') < 5;
    (u8::from(byte < b' ') & u8::from(!spaces)) | u8::from(byte >= 0x7f)
}

/// How many bytes at the start are controls that neither move the cursor nor begin a sequence, nor switch between sets
/// of characters. Terminals show nothing for them.
pub(super) fn silent_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| matches!(byte, 0x00..=0x07 | 0x10..=0x1a | 0x1c..=0x1f | 0x7f))
        .count()
}

#[cfg(test)]
mod tests {
    use super::{Character, character, silent_length, text_length};

    /// The standard library decides by the same table.
    #[test]
    fn characters_are_those_of_the_standard() {
        for first in 0..=0xff_u8 {
            for second in 0..=0xff_u8 {
                let text = [first, second, 0x80, 0x80, b'x'];
                let part = text.utf8_chunks().next().unwrap();
                let expected = match part.valid().chars().next() {
                    Some(letter) => Character::Whole(letter.len_utf8()),
                    None => Character::Broken(part.invalid().len()),
                };
                assert_eq!(character(&text), expected, "{text:?}");
                let error = std::str::from_utf8(&text[..2]).err();
                let cut = error
                    .is_some_and(|error| error.valid_up_to() == 0 && error.error_len().is_none());
                assert_eq!(character(&text[..2]) == Character::Unfinished, cut);
            }
        }
    }

    #[test]
    fn text_ends_where_something_else_begins() {
        let long = "lorem ipsum äöü 漢字\r\n\t".repeat(9);
        assert_eq!(text_length(long.as_bytes()), long.len());
        for other in [&b"\x1b["[..], b"\0", b"\x08", b"\x7f", b"\x9b", b"\x80"] {
            let text = [long.as_bytes(), other, b"and more text behind it"].concat();
            assert_eq!(text_length(&text), long.len(), "{other:?}");
        }
        assert_eq!(text_length(b"a\xff\xc3(\xe2\x82b"), 7);
        assert_eq!(text_length(b"a\xe2\x82"), 1);
        assert_eq!(silent_length(b"\0\0\x07\x7f\x08"), 4);
        assert_eq!(silent_length(b"\x0e"), 0);
    }
}
