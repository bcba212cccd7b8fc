//! Bytes that were not passed on yet, and what is to be changed in them.

use std::ops::Range;

use super::characters::{Character, character};
use super::columns::{self, STAR};

/// Bytes that are gone at least before the others are moved to the front.
const FORGET_BYTES: usize = 8 << 10;

/// A change of a part of the stream. Places are counted in bytes from its start.
#[derive(Clone, Debug)]
struct Mark {
    start: u64,
    end: u64,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    /// Each column is hidden.
    Hide,
    /// All of it is left out.
    Remove,
    /// A sequence that repeats the character which ends at `after`.
    Repeat(Repeat),
}

#[derive(Clone, Debug)]
struct Repeat {
    byte: u8,
    count: usize,
    after: u64,
    hidden: Vec<Range<usize>>,
}

/// What is to be changed.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<Mark>);

impl Marks {
    /// Hides a text.
    pub(super) fn hide(&mut self, part: Range<u64>) {
        self.add(part, Change::Hide);
    }

    /// Leaves out a part that may not be seen at all.
    pub(super) fn remove(&mut self, part: Range<u64>) {
        self.add(part, Change::Remove);
    }

    /// Says that this part is a sequence that repeats the character which ends at `after`.
    pub(super) fn repeat(&mut self, part: Range<u64>, byte: u8, count: usize, after: u64) {
        let repeat = Repeat {
            byte,
            count,
            after,
            hidden: Vec::new(),
        };
        self.add(part, Change::Repeat(repeat));
    }

    /// Hides some of the characters which the sequence at `start` writes.
    pub(super) fn hide_repeated(&mut self, start: u64, copies: Range<usize>) {
        let marks = self.0.iter_mut().rev();
        let found =
            marks
                .filter(|mark| mark.start == start)
                .find_map(|mark| match &mut mark.change {
                    Change::Repeat(repeat) => Some(repeat),
                    _ => None,
                });
        if let Some(repeat) = found {
            repeat.hidden.push(copies);
        }
    }

    fn add(&mut self, part: Range<u64>, change: Change) {
        self.0.push(Mark {
            start: part.start,
            end: part.end,
            change,
        });
    }
}

/// What has come and was not passed on, or is still read.
#[derive(Debug, Default)]
pub(super) struct Held {
    bytes: Vec<u8>,
    /// Where in the stream they begin.
    base: u64,
    /// Up to where they were passed on.
    passed: u64,
    /// The end of the last text that was hidden.
    hidden_to: u64,
}

impl Held {
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The place behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.passed >= self.end()
    }

    /// What has come from this place on.
    pub(super) fn from(&self, place: u64) -> &[u8] {
        self.part(place, self.end())
    }

    fn part(&self, from: u64, to: u64) -> &[u8] {
        let index = |place: u64| usize::try_from(place.saturating_sub(self.base)).ok();
        let range = index(from).zip(index(to));
        range
            .and_then(|(from, to)| self.bytes.get(from..to))
            .unwrap_or(&[])
    }

    /// Passes on all before this place, with its changes.
    pub(super) fn pass(&mut self, to: u64, marks: &mut Marks, out: &mut Vec<u8>) {
        let to = self.character_around(to).start;
        if to <= self.passed {
            return;
        }
        let mut later = Vec::new();
        // A character whose first bytes are gone cannot be hidden any more.
        let mut at = self.character_around(self.passed).end.min(to);
        out.extend_from_slice(self.part(self.passed, at));
        for mark in &mut marks.0 {
            if matches!(mark.change, Change::Hide) {
                mark.start = self.character_around(mark.start).start;
                mark.end = self.character_around(mark.end).end;
            }
        }
        marks.0.sort_by_key(|mark| mark.start);
        for mark in std::mem::take(&mut marks.0) {
            if mark.start >= to {
                later.push(mark);
                continue;
            }
            let (start, end) = (mark.start.max(at), mark.end.min(to));
            out.extend_from_slice(self.part(at, start));
            if start < end {
                self.change(&mark, start..end, out);
            }
            at = at.max(start).max(end);
            if mark.end > to {
                later.push(Mark { start: to, ..mark });
            }
        }
        out.extend_from_slice(self.part(at, to));
        marks.0 = later;
        self.passed = to;
    }

    fn change(&mut self, mark: &Mark, part: Range<u64>, out: &mut Vec<u8>) {
        match &mark.change {
            Change::Hide => {
                columns::hide(self.part(part.start, part.end), out);
                self.hidden_to = part.end;
            }
            Change::Remove => {}
            Change::Repeat(repeat) => {
                let is_hidden = |copy: usize| repeat.hidden.iter().any(|part| part.contains(&copy));
                // It would repeat the star. Where its first bytes are gone, it must go on as it is.
                let as_it_is = repeat.hidden.is_empty() && self.hidden_to != repeat.after;
                if as_it_is || part.start > mark.start {
                    out.extend_from_slice(self.part(part.start, part.end));
                    return;
                }
                out.extend((0..repeat.count).map(
                    |copy| {
                        if is_hidden(copy) { STAR } else { repeat.byte }
                    },
                ));
                if is_hidden(repeat.count.saturating_sub(1)) {
                    self.hidden_to = part.end;
                }
            }
        }
    }

    /// The character in which a place is, as far as it is here; nothing at that place where it is in none.
    fn character_around(&self, place: u64) -> Range<u64> {
        for start in (place.saturating_sub(3).max(self.base)..place).rev() {
            let text = self.part(start, self.end().min(start + 4));
            if let Some(0x80..=0xbf) = text.first() {
                continue;
            }
            let length = match character(text) {
                Character::Whole(length) | Character::Broken(length) => length,
                Character::Unfinished => text.len(),
            };
            let end = start + length as u64;
            return if place < end {
                start..end
            } else {
                place..place
            };
        }
        place..place
    }

    /// Drops what was passed on and read up to `read`.
    pub(super) fn forget(&mut self, read: u64) {
        let gone = self.passed.min(read).saturating_sub(self.base);
        let gone = usize::try_from(gone).unwrap_or(0).min(self.bytes.len());
        if gone == self.bytes.len() || gone >= FORGET_BYTES {
            self.bytes.drain(..gone);
            self.base += gone as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, Marks};

    fn passed(bytes: &str, to: u64, mark: impl Fn(&mut Marks)) -> String {
        let (mut held, mut marks, mut out) = (Held::default(), Marks::default(), Vec::new());
        held.append(bytes.as_bytes());
        mark(&mut marks);
        held.pass(to, &mut marks, &mut out);
        held.forget(to);
        held.pass(bytes.len() as u64, &mut marks, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn parts_are_hidden_once_and_whole() {
        for to in 0..=9 {
            let out = passed("ab漢字c", to, |marks| {
                marks.hide(6..7);
                marks.hide(1..3);
                marks.hide(2..4);
            });
            assert_eq!(out, "a*****c", "{to}");
        }
    }

    #[test]
    fn what_is_no_character_belongs_to_none() {
        let (mut held, mut marks, mut out) = (Held::default(), Marks::default(), Vec::new());
        held.append(b"\xff\x8d\xa3\xc3\xa9\x80\xe2\x82b");
        for (place, around) in [
            (0, 0..0),
            (1, 1..1),
            (2, 2..2),
            (4, 3..5),
            (5, 5..5),
            (7, 6..8),
        ] {
            assert_eq!(held.character_around(place), around, "{place}");
        }
        marks.hide(0..2);
        held.pass(9, &mut marks, &mut out);
        assert_eq!(out, b"**\xa3\xc3\xa9\x80\xe2\x82b");
    }

    #[test]
    fn a_repetition_stays_unless_it_shows_something_else() {
        let text = "1\x1b[2b";
        let repeat = |marks: &mut Marks| marks.repeat(1..5, b'1', 2, 1);
        assert_eq!(passed(text, 5, repeat), text);
        let out = passed(text, 5, |marks| {
            marks.hide(0..1);
            repeat(marks);
        });
        assert_eq!(out, "*11");
        let out = passed(text, 1, |marks| {
            repeat(marks);
            marks.hide_repeated(1, 1..2);
        });
        assert_eq!(out, "11*");
    }
}
