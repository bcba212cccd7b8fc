//! Where escape sequences and control strings end (ECMA-48 sections 5.3 to 5.6; DEC STD 070 as real terminals follow it:
//! controls inside of a sequence act, CAN, SUB and ESC end it).

use super::characters::{Character, character};

/// Longest sequence that is kept whole. Longer ones are strings, or nobody's.
pub(super) const MAX_SEQUENCE_BYTES: usize = 4 << 10;
/// Digits of the largest number that means something in a sequence.
const MAX_NUMBER_DIGITS: usize = 5;

const BELL: u8 = 0x07;
const CANCEL: u8 = 0x18;
const SUBSTITUTE: u8 = 0x1a;
pub(super) const ESCAPE: u8 = 0x1b;
/// The string terminator in one byte.
const TERMINATOR: u8 = 0x9c;

/// What a sequence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// ESC, intermediate bytes, a final byte.
    Escape,
    /// CSI, parameters, intermediate bytes, a final byte.
    Control,
    /// OSC and a text, which BEL may end too.
    Command,
    /// DCS, SOS, PM or APC, and a text.
    Text,
}

impl Kind {
    pub(super) fn is_string(self) -> bool {
        matches!(self, Self::Command | Self::Text)
    }

    /// Whether this byte ends one of this kind by itself.
    pub(super) fn is_final(self, byte: u8) -> bool {
        match self {
            Self::Escape => matches!(byte, b'0'..=b'~'),
            Self::Control => matches!(byte, b'@'..=b'~'),
            Self::Command => matches!(byte, BELL | TERMINATOR),
            Self::Text => byte == TERMINATOR,
        }
    }
}

/// How one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    /// By CAN, SUB, another sequence or a byte that belongs to none: it does nothing.
    Aborted,
}

/// A sequence at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) kind: Kind,
    pub(super) end: End,
    /// Bytes up to its body.
    pub(super) header: usize,
    /// Bytes up to the end of its body. The final byte of those that are no strings belongs to the body.
    pub(super) body_end: usize,
    /// All bytes.
    pub(super) bytes: usize,
    /// Controls stand in it, which act.
    pub(super) has_controls: bool,
    /// Something that is no parameter of anything may be hidden in it.
    pub(super) is_strange: bool,
}

/// What begins here, and how many bytes say so. `None`: more is needed.
pub(super) fn introducer(text: &[u8]) -> Option<(Kind, usize)> {
    Some(match text.first()? {
        0x9b => (Kind::Control, 1),
        0x9d => (Kind::Command, 1),
        0x90 | 0x98 | 0x9e | 0x9f => (Kind::Text, 1),
        &byte if byte != ESCAPE => return None,
        _ => {
            let rest = text.get(1..)?;
            let acting = rest.iter().take_while(|byte| is_acting(**byte)).count();
            match rest.get(acting)? {
                b'[' => (Kind::Control, acting + 2),
                b']' => (Kind::Command, acting + 2),
                b'P' | b'X' | b'^' | b'_' => (Kind::Text, acting + 2),
                _ => (Kind::Escape, acting + 1),
            }
        }
    })
}

/// A control that does not end the sequence in which it stands.
pub(super) fn is_acting(byte: u8) -> bool {
    (byte < b' ' && !matches!(byte, CANCEL | SUBSTITUTE | ESCAPE)) || byte == 0x7f
}

/// The sequence at the start of a text that begins with ESC or one of the C1 controls. `None`: more is needed.
pub(super) fn sequence(text: &[u8]) -> Option<Sequence> {
    let (kind, header) = introducer(text)?;
    if kind.is_string() {
        return string(text, kind, header);
    }
    let mut has_controls = has_controls(kind, header);
    let mut is_strange = header == 1 && kind == Kind::Control;
    let (mut digits, mut has_intermediates) = (0, false);
    for (index, &byte) in text.iter().enumerate().skip(header) {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        has_intermediates |= matches!(byte, b' '..=b'/');
        is_strange |= digits > MAX_NUMBER_DIGITS || (has_intermediates && digits > 0);
        let (end, body_end, bytes) = match byte {
            CANCEL | SUBSTITUTE => (End::Aborted, index, index + 1),
            ESCAPE | 0x80.. => (End::Aborted, index, index),
            _ if kind.is_final(byte) => (End::Complete, index + 1, index + 1),
            _ => {
                has_controls |= is_acting(byte);
                continue;
            }
        };
        return Some(Sequence {
            kind,
            end,
            header,
            body_end,
            bytes,
            has_controls,
            is_strange: is_strange || end != End::Complete,
        });
    }
    None
}

fn string(text: &[u8], kind: Kind, header: usize) -> Option<Sequence> {
    let mut index = header;
    let (end, bytes) = loop {
        let rest = text.get(index..)?;
        match (string_end(rest, kind), character(rest)) {
            (StringEnd::At(end, length), _) => break (end, index + length),
            (StringEnd::Unfinished, _) | (_, Character::Unfinished) => return None,
            (_, Character::Whole(length) | Character::Broken(length)) => index += length,
        }
    };
    Some(Sequence {
        kind,
        end,
        header,
        body_end: index,
        bytes,
        has_controls: has_controls(kind, header),
        is_strange: true,
    })
}

/// Whether a header is longer than one without controls is.
fn has_controls(kind: Kind, header: usize) -> bool {
    header > 2 || (kind == Kind::Escape && header > 1)
}

/// Whether a string ends at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StringEnd {
    NotHere,
    /// With so many bytes.
    At(End, usize),
    /// More is needed to tell.
    Unfinished,
}

/// Whether a string of this kind ends at the start of a text.
pub(super) fn string_end(text: &[u8], kind: Kind) -> StringEnd {
    match (text.first(), text.get(1)) {
        (None, _) | (Some(&ESCAPE), None) => StringEnd::Unfinished,
        (Some(&ESCAPE), Some(b'\\')) => StringEnd::At(End::Complete, 2),
        (Some(&ESCAPE), Some(_)) => StringEnd::At(End::Aborted, 0),
        (Some(&(CANCEL | SUBSTITUTE)), _) => StringEnd::At(End::Aborted, 1),
        (Some(byte), _) if kind.is_final(*byte) => StringEnd::At(End::Complete, 1),
        _ => StringEnd::NotHere,
    }
}

#[cfg(test)]
mod tests {
    use super::{End, Kind, sequence};

    #[test]
    fn sequences_end_where_terminals_end_them() {
        use End::{Aborted, Complete};
        use Kind::{Command, Control, Escape, Text};
        for (text, kind, end, bytes) in [
            (&b"\x1b[31mx"[..], Control, Complete, 5),
            (b"\x1b[?1049hx", Control, Complete, 8),
            (b"\x9b1;2Hx", Control, Complete, 5),
            (b"\x1b[3\n1mx", Control, Complete, 6),
            (b"\x1b[3\x181m", Control, Aborted, 4),
            (b"\x1b[3\x1b[1m", Control, Aborted, 3),
            (b"\x1b[3\xc3\xa9", Control, Aborted, 3),
            (b"\x1b(0x", Escape, Complete, 3),
            (b"\x1b7x", Escape, Complete, 2),
            (b"\x1b\x1b[m", Escape, Aborted, 1),
            (b"\x1b\n[mx", Control, Complete, 4),
            (b"\x1b]0;t\x07x", Command, Complete, 6),
            (b"\x1b]0;t\x1b\\x", Command, Complete, 7),
            (b"\x1b]0;t\x9cx", Command, Complete, 6),
            ("\x1b]0;✜\x07x".as_bytes(), Command, Complete, 8),
            (b"\x1b]0;t\x1b[m", Command, Aborted, 5),
            (b"\x1b]0;t\x1ax", Command, Aborted, 6),
            (b"\x1bPq\x07#\x1b\\x", Text, Complete, 7),
            (b"\x9f_\x9cx", Text, Complete, 3),
        ] {
            let found = sequence(text).unwrap();
            assert_eq!(
                (found.kind, found.end, found.bytes),
                (kind, end, bytes),
                "{text:?}"
            );
            // Each beginning of it asks for more, but for those that the next byte ends.
            for length in 1..bytes {
                assert_eq!(sequence(&text[..length]), None, "{text:?} {length}");
            }
        }
    }

    #[test]
    fn strange_ones_are_told_from_usual_ones() {
        let is_strange = |text: &[u8]| sequence(text).unwrap().is_strange;
        assert!(!is_strange(b"\x1b[38;2;255;255;255;48;2;255;255;255m"));
        assert!(!is_strange(b"\x1b[?25l"));
        assert!(is_strange(b"\x1b[4111111111111111m"));
        assert!(is_strange(b"\x9b31m"));
        assert!(is_strange(b"\x1b[31\x18"));
        assert!(is_strange(b"\x1b[4111 1111m"));
        assert!(!is_strange(b"\x1b[2 q"));
    }
}
