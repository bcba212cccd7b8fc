//! Output of terminals and programs that is masked while somebody watches it.

mod budget;
mod characters;
mod charset;
mod columns;
mod effect;
mod held;
mod places;
mod reader;
mod sequence;
mod strings;
mod text;

use reader::Reader;

use crate::value::Mask;

/// Bytes of a chunk that are taken at once.
const PIECE_BYTES: usize = 8 << 10;

/// What a flush may pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// What may still become a finding, but is not one in all likelihood: a word, a few digits. For people who type.
    ///
    /// The price: a secret that is printed in two parts, with a flush between them, is only hidden in part if the first
    /// part was short. A first part that says what it is (six digits of a number, an address with a letter behind its
    /// `@`, the prefix of a key) is kept back all the same, until what comes next decides.
    Live,
    /// Nothing that may still become a finding. It waits until what comes next decides, or the stream ends.
    ///
    /// The price: where addresses are looked for, each word may begin one, so the echo of typing appears by the word;
    /// digits appear with what follows them, as does the first part of a sequence or character. What waits for an answer to its last word or number waits for ever: not for
    /// programs that speak a protocol.
    Strict,
}

/// Masks what detectors find in the output of a terminal, or of a program without one, while it is shown.
///
/// **What is searched.** The text without its escape sequences and controls that do not move the cursor (ECMA-48,
/// xterm): colours, modes, sets of characters, titles, bells and zero bytes between the characters of a finding do not
/// hide it. Backspace is followed in the line: what was written over, as bold text is on paper and typing is corrected, is
/// searched as it stood and as it stands then. `CSI C` is blanks, `CSI b` the character that it repeats. Where the cursor
/// goes elsewhere, the text ends and another one begins; a key file goes on over that, until its last line comes or the
/// screen is cleared. Lines that a terminal wraps are not broken in the stream; those that a program wraps itself are
/// searched line by line.
///
/// **What comes out.** Each column of a finding is `*`, whatever transform the mask names for it: a text of another
/// width would move all that comes behind. Wide characters are two stars, combining ones none; control characters and
/// escape sequences in a finding stay in their places. All else comes out as it came, byte by byte. Any chunking without
/// flushes gives the same.
///
/// **Control strings** (OSC, DCS, SOS, PM, APC: titles, links, images) are searched each as a text of its own and masked
/// in place. Those that fill the clipboard (OSC 52, kitty's OSC 5522, iTerm2's OSC 1337 `Copy`) hold what they copy in
/// base64, which no detector reads; they are left out. So are parameters of a sequence searched, if they are more than
/// numbers of five digits. C1 controls are recognised in one byte where that is no part of a UTF-8 character.
///
/// **Limits.** A string of more than 4 KiB is passed on while it comes, and ends the text before it; so do 256 KiB of
/// escape sequences within 2 KiB of text. What was shown cannot be hidden when it is made part of a finding later, by
/// going back in the line; the rest is. Text in other encodings than UTF-8 and ASCII, in base64 and the like, and text
/// that is assembled on the screen cell by cell, is not recognised. Memory: some KiB, and a few MiB whatever comes.
#[derive(Debug)]
pub struct MaskedTerminal {
    flush: Flush,
    reader: Reader,
    /// A flush was made, and nothing came since.
    flushed: bool,
}

impl MaskedTerminal {
    /// At the start of a stream. `None` for a mask without detectors.
    pub fn new(mask: &Mask, flush: Flush) -> Option<Self> {
        let (_, detectors) = mask.detection()?;
        Some(Self {
            flush,
            reader: Reader::new(detectors.clone()),
            flushed: false,
        })
    }

    /// Takes the next bytes and appends all that is decided by now.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        for piece in chunk.chunks(PIECE_BYTES) {
            self.reader.take(piece, out);
            self.flushed = false;
        }
    }

    /// Appends what need not wait longer, by [`Flush`]. To be called when nothing came for some 25 ms.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        if self.flush == Flush::Live {
            self.reader.flush(out);
        }
        self.flushed = true;
    }

    /// Whether something is kept back that a flush may pass on.
    pub fn has_held_back(&self) -> bool {
        self.flush == Flush::Live && !self.flushed && !self.reader.is_empty()
    }

    /// Bytes that came and were neither passed on nor left out yet.
    pub fn held_back_bytes(&self) -> usize {
        self.reader.held_back_bytes()
    }

    /// Appends the rest: the stream has ended. What is pushed after that is another stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.reader.finish(out);
        self.flushed = false;
    }
}
