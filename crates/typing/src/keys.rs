//! What was typed, key by key.

use crate::MAX_LINE_BYTES;

const INTERRUPT: u8 = 0x03;
const END_OF_FILE: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const LINE_FEED: u8 = 0x0a;
const REDRAW: u8 = 0x0c;
const RETURN: u8 = 0x0d;
/// Enters the line and recalls the next of the history.
const OPERATE: u8 = 0x0f;
const DISCARD: u8 = 0x15;
const RUB_OUT_WORD: u8 = 0x17;
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;
/// Bytes of parameters of a key that are kept.
const PARAMETERS_MAX: usize = 8;

/// A line up to where it was typed.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    text: String,
    /// The first bytes of a character.
    partial: Vec<u8>,
    /// Where the text stood when the terminal last began a new row.
    row_began: usize,
    escape: Escape,
    /// A paste in brackets goes on.
    is_pasting: bool,
    /// There was a key since the line began.
    has_any: bool,
    /// A key did what only the program knows.
    is_doubtful: bool,
    is_too_long: bool,
    /// Its end was given already, and no key since.
    has_ended: bool,
}

/// Where in an escape sequence the keys are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// Behind ESC.
    Begun,
    /// Behind `ESC O`.
    Single,
    /// Behind `ESC [`, with parameters.
    Control(Vec<u8>),
}

/// What becomes of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Taken,
    /// It would enter the line, and was not taken.
    Enters,
}

impl Keys {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What was typed since the terminal began the row.
    pub(crate) fn of_row(&self) -> Option<&str> {
        let recent = self.text.get(self.row_began..)?;
        (self.row_began > 0 && !recent.is_empty()).then_some(recent)
    }

    pub(crate) fn has_any(&self) -> bool {
        self.has_any
    }

    pub(crate) fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    pub(crate) fn is_too_long(&self) -> bool {
        self.is_too_long
    }

    /// The terminal began a row.
    pub(crate) fn row_begins(&mut self) {
        self.row_began = self.text.len();
    }

    /// Another line begins.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The key that would enter a line went on.
    pub(crate) fn entered(&mut self, key: u8) {
        if key == END_OF_FILE {
            // The program may have taken what was typed, or done something else.
            self.is_doubtful = true;
            self.has_ended = true;
        } else {
            self.clear();
        }
    }

    /// Takes a key, if it does not enter the line. `has_brackets`: the program asked for brackets around pastes.
    pub(crate) fn key(&mut self, byte: u8, has_brackets: bool) -> Key {
        if !has_brackets {
            self.is_pasting = false;
        }
        let is_line_end = matches!(byte, LINE_FEED | RETURN);
        if is_line_end && self.is_pasting {
            self.push('\n');
            return Key::Taken;
        }
        // Once for a text: each time costs as much as the text is long.
        let may_end = self.has_any && !self.has_ended && !self.is_pasting;
        if is_line_end || byte == OPERATE || byte == END_OF_FILE && may_end {
            return Key::Enters;
        }
        self.has_ended &= byte == END_OF_FILE;
        if byte == INTERRUPT {
            self.clear();
            return Key::Taken;
        }
        // At an empty line it says that there are no more.
        self.has_any |= byte != END_OF_FILE;
        match std::mem::take(&mut self.escape) {
            _ if byte == ESCAPE => self.escape = Escape::Begun,
            Escape::None if self.is_pasting => self.pasted(byte),
            Escape::None => self.plain(byte),
            Escape::Begun => match byte {
                b'[' => self.escape = Escape::Control(Vec::new()),
                b'O' => self.escape = Escape::Single,
                _ => self.is_doubtful = true,
            },
            Escape::Single => self.is_doubtful = true,
            Escape::Control(parameters) => self.control(parameters, byte, has_brackets),
        }
        Key::Taken
    }

    fn control(&mut self, mut parameters: Vec<u8>, byte: u8, has_brackets: bool) {
        if matches!(byte, b' '..=b'?') {
            if parameters.len() < PARAMETERS_MAX {
                parameters.push(byte);
            }
            self.escape = Escape::Control(parameters);
            return;
        }
        match (parameters.as_slice(), byte) {
            (b"200", b'~') if has_brackets => self.is_pasting = true,
            (b"201", b'~') if has_brackets => self.is_pasting = false,
            _ => self.is_doubtful = true,
        }
    }

    fn plain(&mut self, byte: u8) {
        match byte {
            BACKSPACE | DELETE => {
                self.partial.clear();
                self.text.pop();
            }
            DISCARD => {
                self.partial.clear();
                self.text.clear();
            }
            RUB_OUT_WORD => self.rub_out_word(),
            REDRAW => {}
            b' '..=b'~' | 0x80.. => self.character(byte),
            _ => self.is_doubtful = true,
        }
        self.row_began = self.row_began.min(self.text.len());
    }

    fn pasted(&mut self, byte: u8) {
        match byte {
            b'\t' | b' '..=b'~' | 0x80.. => self.character(byte),
            _ => self.is_doubtful = true,
        }
    }

    /// Takes a byte of a character in UTF-8.
    fn character(&mut self, byte: u8) {
        if self.partial.is_empty() && byte.is_ascii() {
            return self.push(char::from(byte));
        }
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial).map(|text| text.chars().next()) {
            Ok(Some(character)) => self.push(character),
            Err(error) if error.error_len().is_none() => return,
            _ => self.is_doubtful = true,
        }
        self.partial.clear();
    }

    /// As bash has it. The kernel and zsh have other words, but for those of letters.
    fn rub_out_word(&mut self) {
        let is_blank = [' ', '\t'];
        let kept = self.text.trim_end_matches(is_blank);
        let start = kept.rfind(is_blank).map_or(0, |at| at + 1);
        let word = kept.get(start..).unwrap_or_default();
        let is_plain = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
        self.is_doubtful |= !word.chars().all(is_plain);
        self.text.truncate(start);
        self.partial.clear();
    }

    fn push(&mut self, character: char) {
        if self.text.len() + character.len_utf8() > MAX_LINE_BYTES {
            self.is_too_long = true;
            self.text.clear();
        }
        self.text.push(character);
    }
}
