//! Text that is masked as it comes.

use super::mask::{Mask, What};
use super::work::Work;
use crate::detect::{Detectors, Finding, Scanner};

/// A text of which more than this is undecided is withheld from there on.
const HELD_BYTES_MAX: usize = 1 << 20;
/// What stands for the rest of such a text.
const WITHHELD: &[u8] = b"[redacted]";

/// Masks what detectors find in a text that comes in chunks, in bounded memory. What comes out is what the mask makes of
/// the whole text, unless more than 1 MiB of it is undecided: the rest of the text is withheld then.
#[derive(Debug)]
pub struct MaskedText {
    scanner: Scanner<Detectors>,
    held: Held,
    found: Vec<Finding>,
    withheld: bool,
}

/// What has come and is not decided yet.
#[derive(Debug)]
struct Held {
    what: What,
    bytes: Vec<u8>,
    /// Where in the text it begins.
    from: u64,
}

impl MaskedText {
    /// At the start of a text. `None` for a mask without detectors.
    pub fn new(mask: &Mask) -> Option<Self> {
        let (what, detectors) = mask.detection()?;
        Some(Self {
            scanner: Scanner::new(detectors.clone()),
            held: Held {
                what: what.clone(),
                bytes: Vec::new(),
                from: 0,
            },
            found: Vec::new(),
            withheld: false,
        })
    }

    /// Takes the next bytes and appends what is decided by now.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.withheld {
            return;
        }
        self.held.bytes.extend_from_slice(chunk);
        self.scanner.push(chunk, &mut self.found);
        self.held.give(&self.found, self.scanner.settled(), out);
        self.found.clear();
        if self.held.bytes.len() > HELD_BYTES_MAX {
            self.withheld = true;
            self.held.bytes = Vec::new();
            out.extend_from_slice(WITHHELD);
        }
    }

    /// Appends the rest: the text has ended.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        if !self.withheld {
            self.scanner.finish(&mut self.found);
            self.held.give(&self.found, u64::MAX, out);
        }
    }
}

impl Held {
    /// Appends what is here up to a place before which all is found.
    fn give(&mut self, found: &[Finding], settled: u64, out: &mut Vec<u8>) {
        let from = self.from;
        let place = |at: u64| usize::try_from(at.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut given = 0;
        for finding in found {
            let (start, end) = (place(finding.range.start), place(finding.range.end));
            let part = self.bytes.get(start..end).unwrap_or_default();
            let transform = Work::new(&self.what).transform_for(finding.detector);
            out.extend_from_slice(self.bytes.get(given..start).unwrap_or_default());
            out.extend(transform.text(part).unwrap_or_else(|| WITHHELD.to_vec()));
            given = end;
        }
        let settled = place(settled).min(self.bytes.len()).max(given);
        out.extend_from_slice(self.bytes.get(given..settled).unwrap_or_default());
        self.bytes.drain(..settled);
        self.from += settled as u64;
    }
}
