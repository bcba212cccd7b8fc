//! Takes a stream apart into texts and sequences.

use super::characters::{Character, character, silent_length, text_length};
use super::charset::Charsets;
use super::effect::{self, Effect};
use super::held::{Held, Marks};
use super::sequence::{
    self, ESCAPE, End, Kind, MAX_SEQUENCE_BYTES, Sequence, StringEnd, is_acting,
};
use super::strings::{self, LongString, is_withheld};
use super::text::Text;
use crate::detect::Detectors;

const BACKSPACE: u8 = 0x08;
const SHIFT_OUT: u8 = 0x0e;
const SHIFT_IN: u8 = 0x0f;
/// Most characters that one sequence may write.
const MAX_REPEATED: usize = 255;

/// A stream, up to where it was read, and what is not passed on yet.
#[derive(Debug)]
pub(super) struct Reader {
    detectors: Detectors,
    held: Held,
    marks: Marks,
    /// Up to where the stream was read. Behind it are the first bytes of a sequence or character.
    read: u64,
    /// Up to where it was passed on.
    passed: u64,
    text: Text,
    string: Option<LongString>,
    charsets: Charsets,
    /// The character that was written last, if it is ASCII, and where it ends in the stream.
    last: Option<(u8, u64)>,
}

impl Reader {
    pub(super) fn new(detectors: Detectors) -> Self {
        Self {
            text: Text::new(detectors.clone()),
            detectors,
            held: Held::default(),
            marks: Marks::default(),
            read: 0,
            passed: 0,
            string: None,
            charsets: Charsets::default(),
            last: None,
        }
    }

    /// Whether all that came was passed on.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// How much of what came was not passed on.
    pub(super) fn held_back_bytes(&self) -> usize {
        usize::try_from(self.held.end().saturating_sub(self.held.passed())).unwrap_or(usize::MAX)
    }

    /// Takes more of the stream and passes on what is decided.
    pub(super) fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.held.append(piece);
        self.read(false);
        self.text.decide(&mut self.marks);
        let mut to = self
            .text
            .settled()
            .map_or(self.read, |at| at.min(self.read));
        if let Some(string) = &mut self.string {
            string.text.decide(&mut self.marks);
            to = string.text.settled().map_or(to, |at| at.min(to));
        }
        self.pass(to, out);
    }

    /// Passes on what is no finding in all likelihood.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        let mut to = self.held.end();
        let unread = self.held.from(self.read).to_vec();
        if self.unfinished(&unread) {
            to = self.read;
        }
        let passed = self.passed;
        let texts = [
            Some(&mut self.text),
            self.string.as_mut().map(|string| &mut string.text),
        ];
        for text in texts.into_iter().flatten() {
            text.decide_as_it_is(&mut self.marks);
            to = text.likely_beginning(passed).map_or(to, |at| at.min(to));
        }
        self.pass(to, out);
    }

    /// The stream has ended: passes on the rest, and begins another one.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.read(true);
        self.text.interrupt(false, &mut self.marks);
        self.end_string();
        self.pass(self.held.end(), out);
        *self = Self::new(self.detectors.clone());
    }

    fn pass(&mut self, to: u64, out: &mut Vec<u8>) {
        self.held.pass(to, &mut self.marks, out);
        self.held.forget(self.read);
        self.passed = self.held.passed();
        self.text.forget(self.passed);
        if let Some(string) = &mut self.string {
            string.text.forget(self.passed);
        }
    }

    /// Reads what came. `last`: nothing more will come.
    fn read(&mut self, last: bool) {
        let held = std::mem::take(&mut self.held);
        loop {
            let rest = held.from(self.read);
            let before = self.string.is_some();
            let used = match (rest, before) {
                ([], _) => break,
                (_, true) => self.string_part(rest, last),
                (_, false) => self.part(rest, last),
            };
            self.read += used as u64;
            // A string that ended before this byte leaves it to what comes next.
            if used == 0 && before == self.string.is_some() {
                break;
            }
        }
        self.held = held;
    }

    /// Reads the next piece of text, control or sequence. Nothing, if more is needed to tell.
    fn part(&mut self, rest: &[u8], last: bool) -> usize {
        if rest.first() == Some(&ESCAPE) {
            return self.sequence(rest, last);
        }
        let length = text_length(rest);
        if length > 0 {
            self.print(rest.get(..length).unwrap_or(&[]));
            return length;
        }
        let silent = silent_length(rest);
        if silent > 0 {
            self.text.pass_over(silent, &mut self.marks);
            return silent;
        }
        let first = rest.first().copied().unwrap_or(0);
        match (first, character(rest)) {
            (BACKSPACE | SHIFT_OUT | SHIFT_IN, _) => self.control(first),
            (0x90 | 0x98 | 0x9b | 0x9d..=0x9f, _) => return self.sequence(rest, last),
            (0x80..=0x9f, _) => self.apply(effect::of_c1(first), 1),
            (_, Character::Unfinished) if !last => return 0,
            (_, Character::Broken(length)) => {
                self.print(rest.get(..length).unwrap_or(&[]));
                return length;
            }
            _ => {
                self.print(rest);
                return rest.len();
            }
        }
        self.text.pass_over(1, &mut self.marks);
        1
    }

    fn print(&mut self, bytes: &[u8]) {
        self.print_at(bytes, self.read);
    }

    fn print_at(&mut self, bytes: &[u8], at: u64) {
        let end = at + bytes.len() as u64;
        let ascii = bytes.last().filter(|byte| matches!(byte, b' '..=b'~'));
        self.last = ascii.map(|byte| (*byte, end));
        if self.charsets.draws() {
            let seen: Vec<u8> = bytes.iter().map(|byte| self.charsets.seen(*byte)).collect();
            self.text.print(&seen, at, &mut self.marks);
        } else {
            self.text.print(bytes, at, &mut self.marks);
        }
    }

    fn control(&mut self, byte: u8) {
        match byte {
            BACKSPACE => self.text.left(1, &mut self.marks),
            SHIFT_OUT => self.charsets.shift(1),
            SHIFT_IN => self.charsets.shift(0),
            _ => {}
        }
    }

    fn sequence(&mut self, rest: &[u8], last: bool) -> usize {
        let kept = rest
            .get(..rest.len().min(MAX_SEQUENCE_BYTES))
            .unwrap_or(rest);
        match sequence::sequence(kept) {
            Some(sequence) => {
                let all = rest.get(..sequence.bytes).unwrap_or(rest);
                self.whole(sequence, all);
                sequence.bytes
            }
            None if rest.len() >= MAX_SEQUENCE_BYTES => self.begin_string(kept),
            None if last => {
                if self.unfinished(rest) {
                    self.marks.remove(self.read..self.read + rest.len() as u64);
                }
                rest.len()
            }
            None => 0,
        }
    }

    /// A sequence that is here as a whole.
    fn whole(&mut self, sequence: Sequence, all: &[u8]) {
        let body = all.get(sequence.header..sequence.body_end).unwrap_or(&[]);
        if is_withheld(sequence.kind, body) {
            self.withhold(sequence, all.len());
            return;
        }
        if sequence.is_strange {
            let is_control = (sequence.kind, sequence.end) == (Kind::Control, End::Complete);
            let searched = body.len() - usize::from(is_control);
            let body = body.get(..searched).unwrap_or(&[]);
            self.search(body, self.read + sequence.header as u64);
        }
        let clean: Vec<u8>;
        let body = if sequence.has_controls {
            self.controls_in(all);
            clean = body
                .iter()
                .copied()
                .filter(|byte| !is_acting(*byte))
                .collect();
            &clean
        } else {
            body
        };
        let effect = match (sequence.end, sequence.kind) {
            (End::Aborted, _) | (_, Kind::Command | Kind::Text) => Effect::None,
            (End::Complete, Kind::Control) => effect::of_control(body),
            (End::Complete, Kind::Escape) => effect::of_escape(body),
        };
        self.apply(effect, all.len());
        self.text.pass_over(all.len(), &mut self.marks);
    }

    /// Leaves out a sequence, or what is in it if its beginning is gone.
    fn withhold(&mut self, sequence: Sequence, length: usize) {
        let begun = self.passed > self.read;
        let (from, to) = if begun {
            (sequence.header, sequence.body_end)
        } else {
            (0, length)
        };
        let part = self.read + from as u64..self.read + to as u64;
        self.marks.remove(part);
        self.text.pass_over(length, &mut self.marks);
    }

    /// Controls in the middle of a sequence act before it does.
    fn controls_in(&mut self, all: &[u8]) {
        for (index, byte) in all.iter().enumerate().skip(1) {
            match byte {
                b'\t'..=b'\r' => self.print_at(&[*byte], self.read + index as u64),
                _ if is_acting(*byte) => self.control(*byte),
                _ => {}
            }
        }
    }

    fn apply(&mut self, effect: Effect, bytes: usize) {
        let marks = &mut self.marks;
        match effect {
            Effect::None => {}
            Effect::Left(columns) => self.text.left(columns, marks),
            Effect::Right(columns) => self.text.right(columns),
            Effect::EraseRight => self.text.erase_right(marks),
            Effect::AtEndOnly => self.text.at_end_only(marks),
            Effect::Repeat(count) => self.repeat(count, bytes),
            Effect::Move => self.text.interrupt(true, marks),
            Effect::Clear => self.text.interrupt(false, marks),
            Effect::Charset { place, draws } => self.charsets.choose(place, draws),
            Effect::Shift(place) => self.charsets.shift(place),
            Effect::Reset => {
                self.charsets = Charsets::default();
                self.text.interrupt(false, marks);
            }
        }
    }

    fn repeat(&mut self, count: usize, bytes: usize) {
        let part = self.read..self.read + bytes as u64;
        match self.last {
            Some((byte, after)) if count <= MAX_REPEATED => {
                self.marks.repeat(part.clone(), byte, count, after);
                self.last = Some((byte, part.end));
                let seen = self.charsets.seen(byte);
                self.text.repeat(seen, count, &part, &mut self.marks);
            }
            _ => self.text.interrupt(true, &mut self.marks),
        }
    }

    /// Searches what the stream ends with before it is a sequence. Whether it is one that may not be passed on.
    fn unfinished(&mut self, rest: &[u8]) -> bool {
        let Some((kind, header)) = sequence::introducer(rest) else {
            return false;
        };
        let body = rest.get(header..).unwrap_or(&[]);
        if !is_withheld(kind, body) {
            self.search(body, self.read + header as u64);
            return false;
        }
        true
    }

    fn search(&mut self, bytes: &[u8], at: u64) {
        strings::search(&self.detectors, bytes, at, &mut self.marks);
    }

    /// A sequence that is too long to be kept is a text of its own. Returns the length of its header.
    fn begin_string(&mut self, kept: &[u8]) -> usize {
        let (kind, header) = sequence::introducer(kept).unwrap_or((Kind::Text, 1));
        self.text.interrupt(true, &mut self.marks);
        let mut string = LongString {
            kind,
            text: Text::new(self.detectors.clone()),
            is_withheld: is_withheld(kind, kept.get(header..).unwrap_or(&[])),
        };
        string.pass_over(header, self.read, &mut self.marks);
        self.string = Some(string);
        header
    }

    /// Reads the next piece of a long string.
    fn string_part(&mut self, rest: &[u8], last: bool) -> usize {
        let Some(string) = &mut self.string else {
            return 0;
        };
        let at = self.read;
        let marks = &mut self.marks;
        let length = text_length(rest);
        if length > 0 {
            let (length, ends) = string.length_of(rest.get(..length).unwrap_or(&[]));
            string.print(rest.get(..length).unwrap_or(&[]), at, marks);
            if ends {
                self.end_string();
            }
            return length;
        }
        let end = match sequence::string_end(rest, string.kind) {
            StringEnd::Unfinished if last => Some(rest.len()),
            StringEnd::Unfinished => return 0,
            StringEnd::At(_, length) => Some(length),
            StringEnd::NotHere => None,
        };
        if let Some(length) = end {
            string.pass_over(length, at, marks);
            self.end_string();
            return length;
        }
        let length = match character(rest) {
            Character::Unfinished if !last => return 0,
            Character::Unfinished => rest.len(),
            Character::Whole(length) | Character::Broken(length) => length,
        };
        if rest.first().is_some_and(u8::is_ascii) {
            string.pass_over(length, at, marks);
        } else {
            string.print(rest.get(..length).unwrap_or(&[]), at, marks);
        }
        length
    }

    fn end_string(&mut self) {
        if let Some(mut string) = self.string.take() {
            string.text.interrupt(false, &mut self.marks);
        }
    }
}
