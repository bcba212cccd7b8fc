use std::ops::Range;

use super::mask::Masked;

/// A copy of a text with parts of it replaced, in order. Copies nothing before the first.
pub(crate) struct Rewrite<'a> {
    source: &'a [u8],
    copied: usize,
    out: Option<Vec<u8>>,
}

impl<'a> Rewrite<'a> {
    pub(crate) fn new(source: &'a [u8]) -> Self {
        Self {
            source,
            copied: 0,
            out: None,
        }
    }

    pub(crate) fn replace(&mut self, range: Range<usize>, with: &[u8]) {
        let kept = self.source.get(self.copied..range.start).unwrap_or(&[]);
        let out = self
            .out
            .get_or_insert_with(|| Vec::with_capacity(self.source.len() + with.len()));
        out.extend_from_slice(kept);
        out.extend_from_slice(with);
        self.copied = range.end;
    }

    pub(crate) fn finish(self) -> Masked {
        let Some(mut out) = self.out else {
            return Masked::Unchanged;
        };
        out.extend_from_slice(self.source.get(self.copied..).unwrap_or(&[]));
        Masked::Value(out)
    }
}
