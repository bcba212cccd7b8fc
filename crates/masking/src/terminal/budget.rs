//! How much may stand between characters.

use crate::detect::AHEAD_BYTES;

/// Most bytes that are no text between characters that one finding can have.
const MAX_BYTES: usize = 256 << 10;
/// No finding waits for more text than this to be decided.
const BLOCK_BYTES: u64 = AHEAD_BYTES as u64;

/// Counts the bytes that are no text over the last block of text or two. What waits for a decision is bounded by it.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// Spent in the block before, and in this one.
    before: usize,
    now: usize,
    block_start: u64,
}

impl Budget {
    /// Spends bytes behind this place in the text. Whether that was more than there may be: it begins anew then.
    ///
    /// All bytes count, however they are cut: the result is the same as if they were spent one by one.
    pub(super) fn spend(&mut self, bytes: usize, place: u64) -> bool {
        let blocks = place.saturating_sub(self.block_start) / BLOCK_BYTES;
        if blocks > 0 {
            self.before = if blocks == 1 { self.now } else { 0 };
            self.now = 0;
            self.block_start = place;
        }
        let mut is_over = false;
        let mut left = bytes;
        while self.before + self.now + left > MAX_BYTES {
            left -= (MAX_BYTES + 1 - self.before - self.now).min(left);
            self.before = 0;
            self.now = 0;
            is_over = true;
        }
        self.now += left;
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_BYTES, Budget, MAX_BYTES};

    #[test]
    fn the_block_before_counts_and_older_ones_do_not() {
        let most = MAX_BYTES * 3 / 4;
        let mut budget = Budget::default();
        assert!(!budget.spend(most, 1));
        assert!(budget.spend(most, BLOCK_BYTES + 1));
        let mut budget = Budget::default();
        assert!(!budget.spend(most, 1));
        assert!(!budget.spend(0, BLOCK_BYTES + 1));
        assert!(!budget.spend(most, 2 * BLOCK_BYTES + 1));
    }

    #[test]
    fn it_is_the_same_however_it_is_spent() {
        let (mut whole, mut single) = (Budget::default(), Budget::default());
        let mut over = 0;
        for step in 1..100_u64 {
            let place = step * 500;
            let bytes = (step as usize * 7919) % 160_000;
            let ones = (0..bytes).fold(false, |any, _| single.spend(1, place) | any);
            assert_eq!(whole.spend(bytes, place), ones, "{step}");
            over += usize::from(ones);
        }
        assert!(over > 20, "{over}");
    }
}
