//! One text as it appears on a screen, and what is found in it.

use std::ops::Range;

use super::budget::Budget;
use super::held::Marks;
use super::places::Places;
use crate::detect::{Detectors, LiveScanner};

/// How far the cursor may go back into a line that is followed. Less than the scanner keeps of any text.
pub(super) const MAX_BACK: usize = 64;
/// What a byte that is written over another one counts for, since its place is kept.
const OVER_COST_BYTES: usize = 16;
/// Cells over which the cursor goes that are blanks to detectors. No finding has more of them in a row.
const MAX_BLANKS: usize = 4;

/// A cell at the end of the text that detectors do not see yet, since what comes next says what it is.
#[derive(Clone, Copy, Debug)]
struct Pending {
    byte: u8,
    at: u64,
    /// The cursor went back to it.
    is_under: bool,
}

/// What a character is underlined with, on paper.
const LINE: u8 = b'_';

/// A text without the sequences in it. What is found is hidden in all that was ever written at these places, as far as
/// it was not passed on.
#[derive(Debug)]
pub(super) struct Text {
    scanner: LiveScanner,
    places: Places,
    /// A line that may be one under the next character, or a blank that may erase what was there.
    pending: Option<Pending>,
    /// The cursor stands so many columns before the end of the text.
    back: usize,
    /// What was found lately, since the same may be written over it.
    recent: Vec<Range<u64>>,
    budget: Budget,
    found: Vec<Range<u64>>,
}

impl Text {
    pub(super) fn new(detectors: Detectors) -> Self {
        Self {
            scanner: LiveScanner::new(detectors),
            places: Places::default(),
            pending: None,
            back: 0,
            recent: Vec::new(),
            budget: Budget::default(),
            found: Vec::new(),
        }
    }

    /// Takes text that stands at `at` in the stream, as detectors shall see it.
    pub(super) fn print(&mut self, bytes: &[u8], at: u64, marks: &mut Marks) {
        let over = self.print_over(bytes, at, marks);
        let (bytes, at) = (bytes.get(over..).unwrap_or(&[]), at + over as u64);
        let Some((&last, front)) = bytes.split_last() else {
            return;
        };
        self.decide_pending(bytes.first().copied());
        if last == LINE {
            self.append(front, at);
            self.pending = Some(Pending {
                byte: LINE,
                at: at + front.len() as u64,
                is_under: false,
            });
        } else {
            self.append(bytes, at);
        }
    }

    /// What comes next says what a pending cell is.
    fn decide_pending(&mut self, next: Option<u8>) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        match next {
            Some(b'!'..=b'~' | 0x80..) if pending.is_under => {
                self.places.add_over(self.scanner.end(), pending.at);
            }
            Some(b' ') if pending.is_under => {}
            _ => self.append(&[pending.byte], pending.at),
        }
    }

    fn append(&mut self, bytes: &[u8], at: u64) {
        if !bytes.is_empty() {
            self.places.add(self.scanner.end(), bytes.len(), at);
            self.scanner.append(bytes);
        }
    }

    /// Writes over what stands right of the cursor. Returns how many bytes that took.
    fn print_over(&mut self, bytes: &[u8], at: u64, marks: &mut Marks) -> usize {
        let mut used = 0;
        for &byte in bytes {
            if self.back == 0 {
                break;
            }
            match byte {
                b' '..=b'~' => {
                    self.write_over(byte, at + used as u64, marks);
                    used += 1;
                }
                b'\n'..=b'\r' => self.back = 0,
                _ => self.interrupt(true, marks),
            }
        }
        used
    }

    fn write_over(&mut self, byte: u8, at: u64, marks: &mut Marks) {
        if byte == b' ' && self.back == 1 {
            self.erase_right(marks);
            self.pending = Some(Pending {
                byte,
                at,
                is_under: false,
            });
        } else {
            let place = self.scanner.end() - self.back as u64;
            self.back -= 1;
            if self.scanner.byte(place) == Some(byte) {
                if self.recent.iter().any(|one| one.contains(&place)) {
                    marks.hide(at..at + 1);
                }
            } else {
                self.scanner.overwrite(place, byte, &mut self.found);
                self.hide_found(marks);
                self.forget_recent(place);
            }
            self.places.add_over(place, at);
        }
        self.pass_over(OVER_COST_BYTES, marks);
    }

    /// What stands in this place is something else now.
    fn forget_recent(&mut self, place: u64) {
        let parts = std::mem::take(&mut self.recent);
        for part in parts {
            if part.contains(&place) {
                let around = [part.start..place, place + 1..part.end];
                self.recent
                    .extend(around.into_iter().filter(|one| !one.is_empty()));
            } else {
                self.recent.push(part);
            }
        }
    }

    /// The cursor goes back in the line, over cells of one column each. Where that cannot be known, what comes is
    /// another text.
    pub(super) fn left(&mut self, columns: usize, marks: &mut Marks) {
        let mut columns = columns;
        match self.pending {
            // The blank has erased what was there.
            Some(Pending { byte: b' ', .. }) => {
                self.pending = None;
                columns -= 1;
            }
            Some(pending) if columns == 1 && !pending.is_under => {
                self.pending = Some(Pending {
                    is_under: true,
                    ..pending
                });
                return;
            }
            Some(pending) => {
                self.decide_pending(None);
                columns = columns.saturating_add(usize::from(pending.is_under));
            }
            None => {}
        }
        for _ in 0..columns {
            let place = self.scanner.end().checked_sub(self.back as u64 + 1);
            let byte = place.and_then(|place| self.scanner.byte(place));
            if self.back >= MAX_BACK || !matches!(byte, Some(b' '..=b'~')) {
                self.interrupt(true, marks);
                return;
            }
            self.back += 1;
        }
    }

    /// The cursor goes over cells, which are blank behind the text.
    pub(super) fn right(&mut self, columns: usize) {
        let is_under = self.pending.is_some_and(|pending| pending.is_under);
        self.decide_pending(None);
        let columns = columns - usize::from(is_under);
        let over = columns.min(self.back);
        self.back -= over;
        let blanks = (columns - over).min(MAX_BLANKS);
        self.scanner.append(b"    ".get(..blanks).unwrap_or(&[]));
    }

    /// What stands right of the cursor is erased.
    pub(super) fn erase_right(&mut self, marks: &mut Marks) {
        match self.pending {
            Some(pending) if pending.is_under => self.pending = None,
            _ => self.decide_pending(None),
        }
        if self.back == 0 {
            return;
        }
        let end = self.scanner.end() - self.back as u64;
        self.back = 0;
        self.scanner.truncate(end, &mut self.found);
        self.hide_found(marks);
        self.places.cut(end);
        self.recent.retain_mut(|one| {
            one.end = one.end.min(end);
            one.start < one.end
        });
    }

    /// Cells of the line move if the cursor stands in it.
    pub(super) fn at_end_only(&mut self, marks: &mut Marks) {
        let is_under = self.pending.is_some_and(|pending| pending.is_under);
        if self.back > 0 || is_under {
            self.interrupt(true, marks);
        }
    }

    /// A sequence in the stream writes a character again, so many times.
    pub(super) fn repeat(
        &mut self,
        byte: u8,
        count: usize,
        sequence: &Range<u64>,
        marks: &mut Marks,
    ) {
        self.at_end_only(marks);
        self.decide_pending(None);
        self.places
            .add_repeated(self.scanner.end(), count, sequence);
        self.scanner.append(&vec![byte; count]);
    }

    /// Counts bytes of the stream that are no text. Where there are too many of them, what comes is another text.
    pub(super) fn pass_over(&mut self, bytes: usize, marks: &mut Marks) {
        if self.budget.spend(bytes, self.scanner.end()) {
            self.interrupt(true, marks);
        }
    }

    /// The text ends here, and another one begins. `with_keys`: a key file goes on in it.
    pub(super) fn interrupt(&mut self, with_keys: bool, marks: &mut Marks) {
        self.back = 0;
        self.decide_pending(None);
        self.scanner.restart(with_keys, &mut self.found);
        self.hide_found(marks);
    }

    /// Hides what is decided by now.
    pub(super) fn decide(&mut self, marks: &mut Marks) {
        self.scanner.decide(&mut self.found);
        self.hide_found(marks);
    }

    /// Hides what would be found if the text ended here.
    pub(super) fn decide_as_it_is(&mut self, marks: &mut Marks) {
        self.scanner.if_it_ended(&mut self.found);
        self.hide_found(marks);
    }

    fn hide_found(&mut self, marks: &mut Marks) {
        if self.found.is_empty() {
            return;
        }
        for part in std::mem::take(&mut self.found) {
            self.places.hide(&part, marks);
            self.recent.push(part);
        }
        let kept = self.scanner.end().saturating_sub(2 * MAX_BACK as u64);
        self.recent.retain(|one| one.end > kept);
    }

    /// Up to where the stream can be passed on: before it, all is decided. `None`: all that came.
    pub(super) fn settled(&self) -> Option<u64> {
        let first = self.places.first_from(self.scanner.settled());
        let pending = self.pending.map(|pending| pending.at);
        first.into_iter().chain(pending).min()
    }

    /// Where something stands in the stream that is the beginning of a finding in all likelihood, and of which nothing
    /// was passed on.
    pub(super) fn likely_beginning(&self, passed: u64) -> Option<u64> {
        let floor = self.places.first_held(passed)?;
        let place = self.scanner.likely_beginning(floor)?;
        self.places.in_stream(place)
    }

    /// The stream was passed on up to here.
    pub(super) fn forget(&mut self, passed: u64) {
        self.places.forget(passed);
    }
}
