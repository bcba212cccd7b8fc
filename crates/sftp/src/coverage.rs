//! The digest of what goes one way through an open file, as long as it covers the file from its beginning.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use crate::flow::{NoDigest, Sha256};
use crate::{MAX_HELD_BYTES, MAX_HELD_BYTES_PER_FILE};

/// What a piece that is held costs besides its bytes, so that many tiny ones have their limit too.
const PIECE_BYTES: usize = 128;

/// Bytes that all files of a conversation hold.
#[derive(Debug, Default)]
pub(crate) struct Held(usize);

impl Held {
    pub(crate) fn bytes(&self) -> usize {
        self.0
    }
}

/// Which places have been covered.
#[derive(Debug)]
pub(crate) struct Coverage {
    /// An error: there is no digest any more, and nothing is held.
    so_far: Result<Pieces, NoDigest>,
}

impl Coverage {
    /// `twice`: what it is called when a place comes a second time.
    pub(crate) fn new(twice: NoDigest) -> Self {
        Self {
            so_far: Ok(Pieces::new(twice)),
        }
    }

    /// A piece has come. Without copying, where it is the next one.
    pub(crate) fn take(&mut self, offset: u64, data: &[u8], held: &mut Held) {
        let Ok(pieces) = &mut self.so_far else {
            return;
        };
        if let Err(reason) = pieces.take(offset, data, held) {
            self.give_up(reason, held);
        }
    }

    /// There will be no digest. The first reason stays.
    pub(crate) fn give_up(&mut self, reason: NoDigest, held: &mut Held) {
        if let Ok(pieces) = &mut self.so_far {
            pieces.let_go(held);
            self.so_far = Err(reason);
        }
    }

    /// The place up to which all is covered, and the furthest one that is; `None`: this is not known any more.
    pub(crate) fn reach(&self) -> Option<(u64, u64)> {
        let pieces = self.so_far.as_ref().ok()?;
        Some((pieces.next, pieces.furthest()))
    }

    /// The digest of places 0 to the one that is returned with it.
    pub(crate) fn finish(self, held: &mut Held) -> Result<(Sha256, u64), NoDigest> {
        let mut pieces = self.so_far?;
        if !pieces.waiting.is_empty() {
            pieces.let_go(held);
            return Err(NoDigest::Partial);
        }
        let mut digest = [0; 32];
        let finished = pieces.hash.finish();
        for (to, from) in digest.iter_mut().zip(finished.as_ref()) {
            *to = *from;
        }
        Ok((Sha256(digest), pieces.next))
    }
}

struct Pieces {
    hash: Context,
    /// All before this place is in the hash.
    next: u64,
    /// Pieces behind a gap, by place, none of which overlap.
    waiting: BTreeMap<u64, Box<[u8]>>,
    waiting_bytes: usize,
    twice: NoDigest,
}

impl Pieces {
    fn new(twice: NoDigest) -> Self {
        Self {
            hash: Context::new(&SHA256),
            next: 0,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            twice,
        }
    }

    fn take(&mut self, offset: u64, data: &[u8], held: &mut Held) -> Result<(), NoDigest> {
        if data.is_empty() {
            return Ok(());
        }
        let end = end(offset, data.len()).ok_or(NoDigest::Partial)?;
        if offset < self.next || self.overlaps(offset, end) {
            return Err(self.twice);
        }
        if offset > self.next {
            return self.hold(offset, data, held);
        }
        self.hash.update(data);
        self.next = end;
        self.catch_up(held);
        Ok(())
    }

    fn overlaps(&self, offset: u64, end: u64) -> bool {
        // The last one that begins before the end; the pieces do not overlap, so those before it end before it begins.
        let before = self.waiting.range(..end).next_back();
        before.is_some_and(|(at, piece)| at.saturating_add(piece.len() as u64) > offset)
    }

    fn hold(&mut self, offset: u64, data: &[u8], held: &mut Held) -> Result<(), NoDigest> {
        let cost = PIECE_BYTES + data.len();
        if self.waiting_bytes + cost > MAX_HELD_BYTES_PER_FILE || held.0 + cost > MAX_HELD_BYTES {
            return Err(NoDigest::OutOfOrder);
        }
        self.waiting_bytes += cost;
        held.0 += cost;
        self.waiting.insert(offset, Box::from(data));
        Ok(())
    }

    /// Takes in the pieces that have no gap before them any more.
    fn catch_up(&mut self, held: &mut Held) {
        while let Some(piece) = self.waiting.remove(&self.next) {
            let cost = PIECE_BYTES + piece.len();
            self.waiting_bytes -= cost;
            held.0 -= cost;
            self.hash.update(&piece);
            self.next = self.next.saturating_add(piece.len() as u64);
        }
    }

    fn let_go(&mut self, held: &mut Held) {
        held.0 -= self.waiting_bytes;
        self.waiting_bytes = 0;
        self.waiting.clear();
    }

    fn furthest(&self) -> u64 {
        let last = self.waiting.last_key_value();
        last.map_or(self.next, |(at, piece)| {
            at.saturating_add(piece.len() as u64)
        })
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pieces")
            .field("next", &self.next)
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

/// The place after the last byte of a piece; `None`: there is no such place.
pub(crate) fn end(offset: u64, bytes: usize) -> Option<u64> {
    offset.checked_add(u64::try_from(bytes).ok()?)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use proptest::prelude::*;

    use super::{Coverage, Held, PIECE_BYTES};
    use crate::flow::NoDigest;
    use crate::{MAX_HELD_BYTES, MAX_HELD_BYTES_PER_FILE};

    fn sha256(bytes: &[u8]) -> Vec<u8> {
        digest(&SHA256, bytes).as_ref().to_vec()
    }

    fn of(pieces: &[(u64, &[u8])]) -> Result<(Vec<u8>, u64), NoDigest> {
        let mut held = Held::default();
        let mut coverage = Coverage::new(NoDigest::Rewritten);
        for (offset, data) in pieces {
            coverage.take(*offset, data, &mut held);
        }
        let result = coverage.finish(&mut held);
        assert_eq!(held.bytes(), 0);
        result.map(|(digest, end)| (digest.0.to_vec(), end))
    }

    #[test]
    fn each_place_once_and_none_left_out() {
        assert_eq!(of(&[]), Ok((sha256(b""), 0)));
        assert_eq!(of(&[(0, b"ab"), (2, b"c")]), Ok((sha256(b"abc"), 3)));
        let shuffled: [(u64, &[u8]); 4] = [(4, b"e"), (2, b"cd"), (5, b"f"), (0, b"ab")];
        assert_eq!(of(&shuffled), Ok((sha256(b"abcdef"), 6)));
        assert_eq!(of(&[(1, b"b")]), Err(NoDigest::Partial));
        assert_eq!(of(&[(0, b"a"), (2, b"c")]), Err(NoDigest::Partial));
        let twice: [&[(u64, &[u8])]; 6] = [
            &[(0, b"ab"), (1, b"b")],
            &[(0, b"ab"), (0, b"ab")],
            &[(2, b"cd"), (3, b"d")],
            &[(2, b"cd"), (1, b"bc")],
            &[(2, b"cd"), (2, b"cd")],
            &[(2, b"cd"), (0, b"abc")],
        ];
        for pieces in twice {
            assert_eq!(of(pieces), Err(NoDigest::Rewritten), "{pieces:?}");
        }
        assert_eq!(of(&[(u64::MAX, b"ab")]), Err(NoDigest::Partial));
        assert_eq!(
            of(&[(u64::MAX - 1, b"a"), (7, b"b")]),
            Err(NoDigest::Partial)
        );
    }

    #[test]
    fn little_is_held_for_one_file_and_for_all() {
        let mut held = Held::default();
        let mut files = Vec::new();
        let piece = vec![7; 32 * 1024];
        let mut most = 0;
        for _ in 0..10 {
            let mut coverage = Coverage::new(NoDigest::Rewritten);
            for number in 1..=200 {
                coverage.take(number * 32 * 1024, &piece, &mut held);
                most = most.max(held.bytes());
                if number == 127 && files.len() < 4 {
                    let full = 127 * (piece.len() + PIECE_BYTES);
                    assert_eq!(held.bytes(), (files.len() * full) + full);
                    break;
                }
            }
            files.push(coverage);
        }
        assert!(most <= MAX_HELD_BYTES && most > MAX_HELD_BYTES - MAX_HELD_BYTES_PER_FILE);
        let reasons: Vec<_> = files
            .into_iter()
            .map(|file| file.finish(&mut held))
            .collect();
        assert_eq!(reasons[0], Err(NoDigest::Partial));
        assert_eq!(reasons[9], Err(NoDigest::OutOfOrder));
        assert_eq!(held.bytes(), 0);
    }

    #[test]
    fn tiny_pieces_have_their_limit_too() {
        let mut held = Held::default();
        let mut coverage = Coverage::new(NoDigest::Rewritten);
        for number in 1..100_000 {
            coverage.take(2 * number, b"x", &mut held);
        }
        assert_eq!(held.bytes(), 0);
        assert_eq!(coverage.finish(&mut held), Err(NoDigest::OutOfOrder));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        /// Whatever the order, the digest is that of the content.
        #[test]
        fn any_order(
            lengths in prop::collection::vec(1usize..50, 1..20),
            order in prop::collection::vec(any::<u32>(), 20),
        ) {
            let content: Vec<u8> = (0..lengths.iter().sum()).map(|at: usize| (at % 251) as u8).collect();
            let mut at = 0;
            let mut pieces: Vec<(u64, &[u8])> = Vec::new();
            for length in lengths {
                pieces.push((at as u64, &content[at..at + length]));
                at += length;
            }
            let mut shuffled: Vec<_> = order.iter().zip(pieces).collect();
            shuffled.sort();
            let shuffled: Vec<_> = shuffled.into_iter().map(|(_, piece)| piece).collect();
            prop_assert_eq!(of(&shuffled), Ok((sha256(&content), content.len() as u64)));
        }

        /// There is a digest exactly if each place came once, whatever the pieces.
        #[test]
        fn no_digest_of_something_else(pieces in prop::collection::vec((0u64..12, 0usize..5), 0..8)) {
            let content: Vec<u8> = (0..32).collect();
            let mut times = [0; 32];
            let mut given: Vec<(u64, &[u8])> = Vec::new();
            for (offset, length) in pieces {
                let from = offset as usize;
                given.push((offset, &content[from..from + length]));
                times[from..from + length].iter_mut().for_each(|count| *count += 1);
            }
            let end = times.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
            match of(&given) {
                Ok((digest, covered)) => {
                    prop_assert!(times[..end].iter().all(|count| *count == 1));
                    prop_assert_eq!((digest, covered), (sha256(&content[..end]), end as u64));
                }
                Err(NoDigest::Rewritten) => prop_assert!(times.iter().any(|count| *count > 1)),
                Err(reason) => {
                    prop_assert_eq!(reason, NoDigest::Partial);
                    prop_assert!(times[..end].contains(&0));
                }
            }
        }
    }
}
