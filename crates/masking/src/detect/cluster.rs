//! Findings that overlap become one.

use std::cmp::Reverse;
use std::ops::Range;

use super::builder::Detector;

/// A sensitive part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is. Where several detectors found overlapping parts, the one whose part is longest.
    pub detector: Detector,
    /// Where it is, in bytes from the start of the text.
    pub range: Range<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Cluster {
    start: u64,
    end: u64,
    /// The longest finding in it, then the most serious, then the first.
    best: (u64, Reverse<Detector>, Reverse<u64>),
}

/// Findings whose neighbours are not all known.
#[derive(Debug, Default)]
pub(crate) struct Clusters {
    waiting: Vec<Cluster>,
}

impl Clusters {
    pub(crate) fn add(&mut self, start: u64, end: u64, detector: Detector) {
        self.waiting.push(Cluster {
            start,
            end,
            best: (end - start, Reverse(detector), Reverse(start)),
        });
    }

    /// Where the first of those that wait begins. After [`Self::release`].
    pub(crate) fn first(&self) -> Option<u64> {
        self.waiting.iter().map(|cluster| cluster.start).min()
    }

    /// Hands out all that nothing starting at `horizon` or behind can overlap.
    pub(crate) fn release(&mut self, horizon: u64, mut out: impl FnMut(Finding)) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting
            .sort_unstable_by_key(|cluster| (cluster.start, cluster.end));
        let mut joined: Vec<Cluster> = Vec::with_capacity(self.waiting.len());
        for cluster in self.waiting.drain(..) {
            match joined.last_mut() {
                Some(last) if cluster.start < last.end => {
                    last.end = last.end.max(cluster.end);
                    last.best = last.best.max(cluster.best);
                }
                _ => joined.push(cluster),
            }
        }
        for cluster in joined {
            if cluster.end <= horizon {
                out(Finding {
                    detector: cluster.best.1.0,
                    range: cluster.start..cluster.end,
                });
            } else {
                self.waiting.push(cluster);
            }
        }
    }
}
