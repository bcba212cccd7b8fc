//! Bytes around a place. Outside of the text there are zero bytes, which belong to no class.

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

pub(crate) fn digits(text: &[u8], index: usize, limit: usize) -> usize {
    run(text, index, limit, |byte| byte.is_ascii_digit())
}

/// Whether a number goes on before `index`: `digit separator` or a letter, digit or `_`-less neighbour.
pub(crate) fn joined_before(text: &[u8], index: usize, separators: &[u8]) -> bool {
    let previous = before(text, index, 1);
    previous.is_ascii_alphanumeric()
        || (separators.contains(&previous) && before(text, index, 2).is_ascii_digit())
}

/// Whether a number goes on at `index`.
pub(crate) fn joined_after(text: &[u8], index: usize, separators: &[u8]) -> bool {
    let next = at(text, index);
    next.is_ascii_alphanumeric()
        || (separators.contains(&next) && at(text, index + 1).is_ascii_digit())
}
