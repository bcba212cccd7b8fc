//! A search that says at any time what is decided, for texts that are shown while they come.

use std::cell::Cell;
use std::ops::Range;

use super::builder::Detectors;
use super::near::{View, Watched};
use super::scan::{self, BACK_BYTES, Look};
use super::tail::Raw;
use super::tails::{Part, Tails};
use super::{email, iban, internet, secret};
use crate::detect::Detector;

/// Bytes that are gone at least before the others are moved to the front.
const FORGET_BYTES: usize = 4 << 10;
/// So much of a custom pattern is one in all likelihood.
const WEIGHTY_PATTERN_BYTES: usize = 4;
/// So much of a prefix is one in all likelihood.
const WEIGHTY_PREFIX_BYTES: usize = 8;

/// Finds what [`super::Scanner`] finds, but as soon as nothing that may come can change it; and knows from which place
/// on something may be a finding's beginning. Places are counted in bytes of all texts that came, one after the other.
/// Of findings only the ranges are told; they may overlap and may be told twice.
///
/// The end of the text can be changed again, as terminals do ([`Self::overwrite`], [`Self::truncate`]); what was decided
/// before stays decided.
#[derive(Debug)]
pub(crate) struct LiveScanner {
    detectors: Detectors,
    /// The end of the text, with enough of it to look back.
    text: Vec<u8>,
    /// The place at which it begins.
    base: u64,
    /// All that begins before is decided, in the buffer.
    next: usize,
    /// The same for custom patterns, whose matches do not overlap.
    next_pattern: usize,
    tails: Tails,
    /// Up to where findings that go on have been told, in the buffer.
    told: usize,
}

impl LiveScanner {
    pub(crate) fn new(detectors: Detectors) -> Self {
        Self {
            detectors,
            text: Vec::new(),
            base: 0,
            next: 0,
            next_pattern: 0,
            tails: Tails::default(),
            told: 0,
        }
    }

    /// The place behind the last byte.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.text.len() as u64
    }

    /// The byte at a place, if it is kept.
    pub(crate) fn byte(&self, place: u64) -> Option<u8> {
        self.text.get(self.index(place)?).copied()
    }

    fn index(&self, place: u64) -> Option<usize> {
        usize::try_from(place.checked_sub(self.base)?).ok()
    }

    /// All that begins before this place has been told. Nothing that stands there can become part of a finding, or it
    /// is told to be.
    pub(crate) fn settled(&self) -> u64 {
        let next = self.settled_before();
        if self.tails.starts().any(|start| start <= next) {
            return self.end();
        }
        next
    }

    /// Takes more of the text. It must end where a character does.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }

    /// Tells all that is decided by now.
    pub(crate) fn decide(&mut self, found: &mut Vec<Range<u64>>) {
        if self.told == self.text.len() {
            return;
        }
        let text = std::mem::take(&mut self.text);
        self.tell_open(&text, found);
        self.look(&text, found);
        self.text = text;
        self.told = self.text.len();
        self.forget();
    }

    /// What goes on is told up to the end of what came.
    fn tell_open(&mut self, text: &[u8], found: &mut Vec<Range<u64>>) {
        let told = self.base + self.told as u64;
        let part = self.part(text, false);
        self.tails
            .go_on(part, |one| found.push(one.start.max(told)..one.end));
        let end = part.base + text.len() as u64;
        found.extend(self.tails.starts().map(|start| start.max(told)..end));
    }

    fn look(&mut self, text: &[u8], found: &mut Vec<Range<u64>>) {
        let asked = Cell::new(false);
        let view = Watched::new(text, &asked);
        let mut undecided = text.len();
        let mut decided: Vec<(usize, Raw)> = Vec::new();
        let mut seen = |look: Look| match look.raw {
            _ if look.undecided => undecided = undecided.min(look.from),
            Some(raw) => decided.push((look.from, raw)),
            None => {}
        };
        scan::anchors(&self.detectors, view, self.next, text.len(), &mut seen);
        scan::prefixes(&self.detectors, view, self.next, text.len(), &mut seen);
        cut_off(&self.detectors, view, self.next, &mut seen);
        // What was decided stays so, also where the text was changed behind it.
        let undecided = undecided.max(self.next);
        let part = self.part(text, false);
        for (from, raw) in decided {
            if from < undecided {
                self.tell(part, raw, found);
            }
        }
        let first = self.settled_before();
        let mut found_one = |raw: Raw| {
            found.push(part.place(raw.start).max(first)..part.place(raw.end));
        };
        self.next_pattern = scan::patterns(
            &self.detectors,
            text,
            self.next_pattern,
            undecided,
            &mut found_one,
        );
        self.next = undecided;
    }

    fn tell(&mut self, part: Part<'_>, raw: Raw, found: &mut Vec<Range<u64>>) {
        let first = self.settled_before();
        let start = part.place(raw.start);
        let Some(tail) = raw.tail else {
            found.push(start.max(first)..part.place(raw.end));
            return;
        };
        self.tails.begin(part, raw, tail, |one| {
            found.push(one.start.max(first)..one.end);
        });
        if self.tails.starts().any(|open| open == start) {
            found.push(start.max(first)..part.place(part.text.len()));
        }
    }

    /// The place before which all was decided. Where the text was changed since, a finding may begin before it; that part
    /// of it was shown.
    fn settled_before(&self) -> u64 {
        self.base + self.next as u64
    }

    /// Tells what would be found if the text ended here, as far as it is not decided.
    pub(crate) fn if_it_ended(&self, found: &mut Vec<Range<u64>>) {
        self.last_look(&mut Tails::default(), true, found);
    }

    fn last_look(&self, tails: &mut Tails, last: bool, found: &mut Vec<Range<u64>>) {
        let part = self.part(&self.text, last);
        let first = self.settled_before();
        let mut found_one = |raw: Raw| match raw.tail {
            None => found.push(part.place(raw.start).max(first)..part.place(raw.end)),
            Some(tail) => tails.begin(part, raw, tail, |one| {
                found.push(one.start.max(first)..one.end);
            }),
        };
        let (next, to) = (self.next, self.text.len());
        let mut seen = |look: Look| {
            if let Some(raw) = look.raw {
                found_one(raw);
            }
        };
        let text = self.text.as_slice();
        scan::anchors(&self.detectors, text, next, to, &mut seen);
        scan::prefixes(&self.detectors, text, next, to, &mut seen);
        let next = self.next_pattern;
        scan::patterns(&self.detectors, text, next, to, &mut found_one);
    }

    /// The first place at or behind `floor` where something begins that is a finding in all likelihood, but is not
    /// complete yet.
    pub(crate) fn likely_beginning(&self, floor: u64) -> Option<u64> {
        let floor = self.index(floor).unwrap_or(0).max(self.next);
        let asked = Cell::new(false);
        let view = Watched::new(&self.text, &asked);
        let to = self.text.len();
        let mut complete: Vec<Range<usize>> = Vec::new();
        let mut likely: Vec<usize> = Vec::new();
        let mut seen = |look: Look| {
            if let Some(raw) = &look.raw {
                complete.push(raw.start..raw.end);
            }
            if look.weighty && look.from >= floor {
                likely.push(look.from);
            }
        };
        scan::anchors(&self.detectors, view, floor, to, &mut seen);
        scan::prefixes(&self.detectors, view, floor, to, &mut seen);
        cut_off(&self.detectors, view, floor, &mut seen);
        let from = self.next_pattern;
        scan::patterns(&self.detectors, &self.text, from, to, &mut |raw: Raw| {
            complete.push(raw.start..raw.end);
        });
        let open = likely
            .into_iter()
            .filter(|place| !complete.iter().any(|one| one.contains(place)));
        open.min().map(|index| self.base + index as u64)
    }

    /// Ends the text, tells what is found in the rest of it, and begins another one. `with_keys`: a key file whose last
    /// line did not come goes on in it.
    pub(crate) fn restart(&mut self, with_keys: bool, found: &mut Vec<Range<u64>>) {
        if self.text.is_empty() && with_keys {
            return;
        }
        let text = std::mem::take(&mut self.text);
        self.tell_open(&text, found);
        self.text = text;
        let mut tails = std::mem::take(&mut self.tails);
        self.last_look(&mut tails, false, found);
        let part = self.part(&self.text, true);
        let (first, end) = (self.settled_before(), self.end());
        found.extend(tails.starts().map(|start| start.max(first)..end));
        tails.restart(part, with_keys);
        self.tails = tails;
        self.text.clear();
        self.base = end;
        self.next = 0;
        self.next_pattern = 0;
        self.told = 0;
    }

    /// Puts another byte in a place that is kept. What is seen before that is told as if the text ended here.
    pub(crate) fn overwrite(&mut self, place: u64, byte: u8, found: &mut Vec<Range<u64>>) {
        let Some(index) = self.index(place) else {
            return;
        };
        if self.text.get(index).is_none_or(|known| *known == byte) {
            return;
        }
        self.look_before_change(found);
        let Some(index) = self.index(place) else {
            return;
        };
        if let Some(slot) = self.text.get_mut(index) {
            *slot = byte;
        }
        self.changed(index);
    }

    /// Cuts the text at a place that is kept. What is seen before that is told as if the text ended here.
    pub(crate) fn truncate(&mut self, place: u64, found: &mut Vec<Range<u64>>) {
        self.look_before_change(found);
        let Some(index) = self.index(place) else {
            return;
        };
        self.text.truncate(index);
        self.next = self.next.min(index);
        self.next_pattern = self.next_pattern.min(index);
        self.changed(index);
    }

    fn look_before_change(&mut self, found: &mut Vec<Range<u64>>) {
        self.decide(found);
        self.if_it_ended(found);
    }

    fn changed(&mut self, index: usize) {
        self.told = self.told.min(index);
        self.tails.go_back(self.base + index as u64);
    }

    fn part<'a>(&self, text: &'a [u8], last: bool) -> Part<'a> {
        Part {
            text,
            base: self.base,
            last,
        }
    }

    /// Drops what nobody looks at any more.
    fn forget(&mut self) {
        let needed = self.tails.needed().and_then(|place| self.index(place));
        let gone = self
            .next
            .saturating_sub(BACK_BYTES)
            .min(needed.unwrap_or(usize::MAX));
        if gone < FORGET_BYTES {
            return;
        }
        self.text.drain(..gone);
        self.base += gone as u64;
        self.next -= gone;
        self.next_pattern -= gone;
        self.told -= gone;
    }
}

/// Says where something may begin of which no anchor is in the text yet.
fn cut_off(detectors: &Detectors, view: Watched<'_>, floor: usize, seen: &mut impl FnMut(Look)) {
    let text = view.text();
    let mut say = |from: Option<usize>, weighty: bool| {
        if let Some(from) = from {
            seen(Look {
                from: from.max(floor),
                raw: None,
                undecided: true,
                weighty,
            });
        }
    };
    if detectors.has(Detector::Email) {
        say(email::cut_off(view), false);
    }
    if detectors.has(Detector::IpAddress) {
        say(internet::cut_off(view), false);
    }
    if detectors.has(Detector::Iban) {
        say(iban::cut_off(text), false);
    }
    if detectors.prefixes().is_some() {
        let from = secret::cut_off(text, floor, |detector| detectors.has(detector));
        let length = from.map_or(0, |from| text.len() - from);
        say(from, length >= WEIGHTY_PREFIX_BYTES);
    }
    if let Some(custom) = detectors.custom() {
        let from = custom.cut_off(text, floor);
        let length = from.map_or(0, |from| text.len() - from);
        say(from, length >= WEIGHTY_PATTERN_BYTES);
    }
}
