//! Findings that go on while their text comes.

use super::builder::Detector;
use super::tail::{Followed, Raw, Tail};

/// A finding that goes on in the next chunk.
#[derive(Clone, Copy, Debug)]
struct Open {
    start: u64,
    next: u64,
    detector: Detector,
    tail: Tail,
}

/// A finding whose end is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) detector: Detector,
}

/// The part of a text that is at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) text: &'a [u8],
    /// Where in the text it begins.
    pub(crate) base: u64,
    /// Nothing comes behind it.
    pub(crate) last: bool,
}

impl Part<'_> {
    /// The place of a byte in the whole text.
    pub(crate) fn place(&self, index: usize) -> u64 {
        self.base + index as u64
    }
}

/// Those that go on, and those that ended last.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    open: Vec<Open>,
    /// The last finding of each tail, and up to where others with this tail are covered by it.
    closed: Vec<Open>,
}

impl Tails {
    /// Follows all that are open.
    #[inline]
    pub(crate) fn go_on(&mut self, part: Part<'_>, mut ended: impl FnMut(Ended)) {
        if self.open.is_empty() {
            return;
        }
        for open in std::mem::take(&mut self.open) {
            self.follow(part, open, &mut ended);
        }
    }

    /// Takes one that was found in the part.
    pub(crate) fn begin(
        &mut self,
        part: Part<'_>,
        raw: Raw,
        tail: Tail,
        mut ended: impl FnMut(Ended),
    ) {
        let start = part.place(raw.start);
        // Inside one with the same tail it is covered already. Following each anew would be quadratic.
        let inside = |outer: &Open| outer.tail == tail && outer.start <= start;
        let in_closed = |outer: &Open| inside(outer) && start < outer.next;
        if self.open.iter().any(inside) || self.closed.iter().any(in_closed) {
            return;
        }
        let open = Open {
            start,
            next: part.place(raw.end),
            detector: raw.detector,
            tail,
        };
        self.follow(part, open, &mut ended);
    }

    fn follow(&mut self, part: Part<'_>, open: Open, ended: &mut impl FnMut(Ended)) {
        let from = usize::try_from(open.next - part.base).unwrap_or(part.text.len());
        match open.tail.follow(part.text, from, part.last) {
            Followed::Ends { end, covered } => {
                self.closed.retain(|closed| closed.tail != open.tail);
                self.closed.push(Open {
                    next: part.place(covered),
                    ..open
                });
                ended(Ended {
                    start: open.start,
                    end: part.place(end),
                    detector: open.detector,
                });
            }
            Followed::Goes(next) => self.open.push(Open {
                next: part.place(next),
                ..open
            }),
        }
    }

    /// Where those that are open begin.
    pub(crate) fn starts(&self) -> impl Iterator<Item = u64> {
        self.open.iter().map(|open| open.start)
    }

    /// The first place that is still looked at for their sake.
    pub(crate) fn needed(&self) -> Option<u64> {
        self.open.iter().map(|open| open.next).min()
    }

    /// The text changed from this place on, so follow from there.
    pub(crate) fn go_back(&mut self, place: u64) {
        for open in &mut self.open {
            open.next = open.next.min(place).max(open.start);
        }
        self.closed.retain(|closed| closed.next <= place);
    }

    /// The text ends with this part, and another one begins. Only key files go on in it, if they may and their last
    /// line did not come.
    pub(crate) fn restart(&mut self, part: Part<'_>, with_keys: bool) {
        self.closed.clear();
        let length = part.text.len();
        self.open.retain_mut(|open| {
            let from = usize::try_from(open.next - part.base).unwrap_or(length);
            open.next = part.place(length);
            let followed = open.tail.follow(part.text, from, true);
            let has_end = matches!(followed, Followed::Ends { covered, .. } if covered < length);
            with_keys && open.tail == Tail::KeyFile && !has_end
        });
    }
}
