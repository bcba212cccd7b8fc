use std::borrow::Borrow;

use super::builder::{Detector, Detectors};
use super::cluster::{Clusters, Finding};
use super::scan::{self, AHEAD_BYTES, BACK_BYTES};
use super::secret;
use super::tail::{Followed, Raw, Tail};

/// Bytes of a chunk that are taken at once.
const PIECE_BYTES: usize = 32 << 10;

/// A finding that goes on in the next chunk.
#[derive(Clone, Copy, Debug)]
struct Open {
    start: u64,
    next: u64,
    detector: Detector,
    tail: Tail,
}

/// Searches a text that comes in chunks, in bounded memory. The findings are those of [`Detectors::find`] on the whole.
#[derive(Debug)]
pub struct Scanner<D> {
    detectors: D,
    /// The end of what came, with enough before the next anchor to look back.
    buffer: Vec<u8>,
    /// Where in the text the buffer begins.
    base: u64,
    /// The next place to search from, in the buffer.
    next: usize,
    /// The same for custom patterns, whose matches do not overlap.
    next_pattern: usize,
    open: Vec<Open>,
    /// The last finding of each tail, and up to where others with this tail are covered by it.
    closed: Vec<Open>,
    clusters: Clusters,
}

impl<D: Borrow<Detectors> + Clone> Scanner<D> {
    /// At the start of a text.
    pub fn new(detectors: D) -> Self {
        Self {
            detectors,
            buffer: Vec::new(),
            base: 0,
            next: 0,
            next_pattern: 0,
            open: Vec::new(),
            closed: Vec::new(),
            clusters: Clusters::default(),
        }
    }

    /// Takes the next bytes and appends what is decided by now, in order.
    pub fn push(&mut self, chunk: &[u8], found: &mut Vec<Finding>) {
        for piece in chunk.chunks(PIECE_BYTES) {
            self.buffer.extend_from_slice(piece);
            let buffer = std::mem::take(&mut self.buffer);
            self.step(&buffer, false, found);
            self.buffer = buffer;
            self.forget();
        }
    }

    /// Appends the rest: the text has ended.
    pub fn finish(mut self, found: &mut Vec<Finding>) {
        let buffer = std::mem::take(&mut self.buffer);
        self.step(&buffer, true, found);
    }

    pub(crate) fn whole(detectors: D, text: &[u8]) -> Vec<Finding> {
        let mut found = Vec::new();
        Self::new(detectors).step(text, true, &mut found);
        found
    }

    fn step(&mut self, text: &[u8], last: bool, found: &mut Vec<Finding>) {
        self.follow_open(text, last);
        let to = if last {
            text.len()
        } else {
            text.len().saturating_sub(AHEAD_BYTES).max(self.next)
        };
        let (detectors, from) = (self.detectors.clone(), self.next);
        let detectors = detectors.borrow();
        let mut report = |raw| self.report(text, last, raw);
        scan::anchors(detectors, text, from, to, &mut report);
        if last && self.base == 0 && text.len() < secret::SHORTEST {
            // Too short for any of them.
        } else {
            let mut report = |raw| self.report(text, last, raw);
            scan::prefixes(detectors, text, from, to, &mut report);
        }
        let from = self.next_pattern;
        let mut report = |raw| self.report(text, last, raw);
        self.next_pattern = scan::patterns(detectors, text, from, to, &mut report);
        self.next = to;
        let horizon = if last { u64::MAX } else { self.horizon() };
        self.clusters
            .release(horizon, |finding| found.push(finding));
    }

    /// All findings that begin before this place, in bytes from the start of the text, have been handed out.
    pub(crate) fn settled(&self) -> u64 {
        self.clusters
            .first()
            .unwrap_or(u64::MAX)
            .min(self.horizon())
    }

    /// Nothing that is still to come begins before this place.
    fn horizon(&self) -> u64 {
        let ahead = self.base + self.next.saturating_sub(BACK_BYTES) as u64;
        self.open
            .iter()
            .map(|open| open.start)
            .fold(ahead, u64::min)
    }

    fn report(&mut self, text: &[u8], last: bool, raw: Raw) {
        let start = self.base + raw.start as u64;
        let Some(tail) = raw.tail else {
            self.clusters
                .add(start, self.base + raw.end as u64, raw.detector);
            return;
        };
        // Inside one with the same tail it is covered already. Following each anew would be quadratic.
        let inside = |outer: &Open| outer.tail == tail && outer.start <= start;
        let in_closed = |outer: &Open| inside(outer) && start < outer.next;
        if self.open.iter().any(inside) || self.closed.iter().any(in_closed) {
            return;
        }
        self.follow(
            text,
            last,
            Open {
                start,
                next: self.base + raw.end as u64,
                detector: raw.detector,
                tail,
            },
        );
    }

    fn follow_open(&mut self, text: &[u8], last: bool) {
        for open in std::mem::take(&mut self.open) {
            self.follow(text, last, open);
        }
    }

    fn follow(&mut self, text: &[u8], last: bool, open: Open) {
        let from = usize::try_from(open.next - self.base).unwrap_or(text.len());
        match open.tail.follow(text, from, last) {
            Followed::Ends { end, covered } => {
                self.closed.retain(|closed| closed.tail != open.tail);
                self.closed.push(Open {
                    next: self.base + covered as u64,
                    ..open
                });
                self.clusters
                    .add(open.start, self.base + end as u64, open.detector);
            }
            Followed::Goes(next) => self.open.push(Open {
                next: self.base + next as u64,
                ..open
            }),
        }
    }

    /// Drops what no detector looks at any more.
    fn forget(&mut self) {
        let open = self.open.iter().map(|open| open.next - self.base).min();
        let needed = open.map_or(usize::MAX, |next| {
            usize::try_from(next).unwrap_or(usize::MAX)
        });
        let gone = self.next.saturating_sub(BACK_BYTES).min(needed);
        self.buffer.drain(..gone);
        self.base += gone as u64;
        self.next -= gone;
        self.next_pattern -= gone;
    }
}
