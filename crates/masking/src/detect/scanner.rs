use std::borrow::Borrow;

use super::builder::Detectors;
use super::cluster::{Clusters, Finding};
use super::scan::{self, AHEAD_BYTES, BACK_BYTES, Look};
use super::secret;
use super::tail::Raw;
use super::tails::{Part, Tails};

/// Bytes of a chunk that are taken at once.
const PIECE_BYTES: usize = 32 << 10;

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
    tails: Tails,
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
            tails: Tails::default(),
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
        let part = Part {
            text,
            base: self.base,
            last,
        };
        let clusters = &mut self.clusters;
        self.tails.go_on(part, |one| {
            clusters.add(one.start, one.end, one.detector);
        });
        let to = if last {
            text.len()
        } else {
            text.len().saturating_sub(AHEAD_BYTES).max(self.next)
        };
        let (detectors, from) = (self.detectors.clone(), self.next);
        let detectors = detectors.borrow();
        let mut seen = |look: Look| self.report(part, look.raw);
        scan::anchors(detectors, text, from, to, &mut seen);
        if last && part.base == 0 && text.len() < secret::SHORTEST {
            // Too short for any of them.
        } else {
            scan::prefixes(detectors, text, from, to, &mut seen);
        }
        let from = self.next_pattern;
        let mut found_one = |raw| self.report(part, Some(raw));
        self.next_pattern = scan::patterns(detectors, text, from, to, &mut found_one);
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
        self.tails.starts().fold(ahead, u64::min)
    }

    fn report(&mut self, part: Part<'_>, raw: Option<Raw>) {
        let Some(raw) = raw else { return };
        let clusters = &mut self.clusters;
        match raw.tail {
            None => {
                let (start, end) = (raw.start as u64, raw.end as u64);
                clusters.add(part.base + start, part.base + end, raw.detector);
            }
            Some(tail) => self.tails.begin(part, raw, tail, |one| {
                clusters.add(one.start, one.end, one.detector);
            }),
        }
    }

    /// Drops what no detector looks at any more.
    fn forget(&mut self) {
        let needed = self.tails.needed().map_or(usize::MAX, |next| {
            usize::try_from(next - self.base).unwrap_or(usize::MAX)
        });
        let gone = self.next.saturating_sub(BACK_BYTES).min(needed);
        self.buffer.drain(..gone);
        self.base += gone as u64;
        self.next -= gone;
        self.next_pattern -= gone;
    }
}
