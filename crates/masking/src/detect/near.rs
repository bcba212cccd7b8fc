//! Bytes around a place. Outside of the text there are zero bytes, which belong to no class.

use std::cell::Cell;
use std::ops::Range;

/// The byte at `index`, zero outside.
pub(crate) fn at(text: &[u8], index: usize) -> u8 {
    text.get(index).copied().unwrap_or(0)
}

/// The byte `distance` before `index`, zero outside.
pub(crate) fn before(text: &[u8], index: usize, distance: usize) -> u8 {
    index
        .checked_sub(distance)
        .map_or(0, |index| at(text, index))
}

/// Bytes from `index` on that are of a class, counted up to `limit`.
pub(crate) fn run(text: &[u8], index: usize, limit: usize, class: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(index..).unwrap_or(&[]);
    rest.iter()
        .take(limit)
        .take_while(|byte| class(**byte))
        .count()
}

/// Bytes directly before `index` that are of a class, counted up to `limit`.
pub(crate) fn run_before(
    text: &[u8],
    index: usize,
    limit: usize,
    class: impl Fn(u8) -> bool,
) -> usize {
    let front = text.get(..index).unwrap_or(&[]);
    front
        .iter()
        .rev()
        .take(limit)
        .take_while(|byte| class(**byte))
        .count()
}

/// The same for digits.
pub(crate) fn digits(text: &[u8], index: usize, limit: usize) -> usize {
    run(text, index, limit, |byte| byte.is_ascii_digit())
}

/// A text as detectors see it: all of it, as bytes, or what has come of it ([`Watched`]).
pub(crate) trait View<'a>: Copy {
    fn text(self) -> &'a [u8];

    /// Notes that a byte behind the end was asked for.
    fn ask(self);

    /// Whether that was noted since this was asked last.
    fn asked(self) -> bool;

    #[inline]
    fn is_end(self, index: usize) -> bool {
        index >= self.text().len()
    }

    #[inline]
    fn get(self, range: Range<usize>) -> Option<&'a [u8]> {
        self.text().get(range)
    }

    #[inline]
    fn at(self, index: usize) -> u8 {
        self.text().get(index).copied().unwrap_or_else(|| {
            self.ask();
            0
        })
    }

    /// Whether this stands at `index`.
    #[inline]
    fn has(self, index: usize, expected: &[u8]) -> bool {
        let rest = self.text().get(index..).unwrap_or(&[]);
        if rest.len() < expected.len() && expected.starts_with(rest) {
            self.ask();
        }
        rest.starts_with(expected)
    }

    #[inline]
    fn run(self, index: usize, limit: usize, class: impl Fn(u8) -> bool) -> usize {
        let count = run(self.text(), index, limit, class);
        if count < limit && self.is_end(index + count) {
            self.ask();
        }
        count
    }

    #[inline]
    fn digits(self, index: usize, limit: usize) -> usize {
        self.run(index, limit, |byte| byte.is_ascii_digit())
    }

    #[inline]
    fn before(self, index: usize, distance: usize) -> u8 {
        before(self.text(), index, distance)
    }

    #[inline]
    fn run_before(self, index: usize, limit: usize, class: impl Fn(u8) -> bool) -> usize {
        run_before(self.text(), index, limit, class)
    }

    /// Whether a number goes on before `index`: `digit separator` or a letter, digit or `_`-less neighbour.
    #[inline]
    fn joined_before(self, index: usize, separators: &[u8]) -> bool {
        let previous = self.before(index, 1);
        previous.is_ascii_alphanumeric()
            || (separators.contains(&previous) && self.before(index, 2).is_ascii_digit())
    }

    /// Whether a number goes on at `index`.
    #[inline]
    fn joined_after(self, index: usize, separators: &[u8]) -> bool {
        let next = self.at(index);
        next.is_ascii_alphanumeric()
            || (separators.contains(&next) && self.at(index + 1).is_ascii_digit())
    }
}

/// All there is: nothing stands behind the end.
impl<'a> View<'a> for &'a [u8] {
    fn text(self) -> &'a [u8] {
        self
    }

    fn ask(self) {}

    fn asked(self) -> bool {
        false
    }

    #[inline]
    fn has(self, index: usize, expected: &[u8]) -> bool {
        <[u8]>::get(self, index..).is_some_and(|rest| rest.starts_with(expected))
    }
}

/// What has come of a text. It notes whether somebody asked for what is not there yet: an answer that was found without
/// is the answer whatever comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched<'a> {
    text: &'a [u8],
    asked: &'a Cell<bool>,
}

impl<'a> Watched<'a> {
    pub(crate) fn new(text: &'a [u8], asked: &'a Cell<bool>) -> Self {
        Self { text, asked }
    }
}

impl<'a> View<'a> for Watched<'a> {
    fn text(self) -> &'a [u8] {
        self.text
    }

    fn ask(self) {
        self.asked.set(true);
    }

    fn asked(self) -> bool {
        self.asked.replace(false)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{View, Watched};

    #[test]
    fn what_is_behind_the_end_is_noted_when_it_is_asked_for() {
        let asked = Cell::new(false);
        let view = Watched::new(b"ab12", &asked);
        assert_eq!(view.at(3), b'2');
        assert_eq!(view.digits(2, 2), 2);
        assert_eq!(view.digits(0, 9), 0);
        assert!(view.has(2, b"12") && !view.has(2, b"13x"));
        assert!(!view.asked());
        assert_eq!(view.at(4), 0);
        assert!(view.asked() && !view.asked());
        assert_eq!(view.digits(2, 3), 2);
        assert!(view.asked());
        assert!(!view.has(2, b"123"));
        assert!(view.asked());
    }
}
