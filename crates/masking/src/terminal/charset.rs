//! Sets of characters (ECMA-35): letters that are drawn as lines are none.

/// Which of the four sets draw, and which is in use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Charsets {
    draws: [bool; 4],
    used: usize,
}

/// What stands for a letter that is drawn as a line: no detector takes it for a part of anything.
const LINE: u8 = b'|';

impl Charsets {
    pub(super) fn choose(&mut self, place: usize, draws: bool) {
        if let Some(slot) = self.draws.get_mut(place) {
            *slot = draws;
        }
    }

    pub(super) fn shift(&mut self, place: usize) {
        self.used = place;
    }

    pub(super) fn draws(&self) -> bool {
        self.draws.get(self.used).is_some_and(|draws| *draws)
    }

    /// What detectors shall see for a character of the set in use (DEC special graphics).
    pub(super) fn seen(&self, byte: u8) -> u8 {
        match byte {
            b'`'..=b'~' | b'_' if self.draws() => LINE,
            _ => byte,
        }
    }
}
