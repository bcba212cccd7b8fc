//! Telephone numbers: international ones that begin with `+` (ITU-T E.164), and the national forms of North America,
//! France and the United Kingdom where their grouping says what they are. Bare digits are not taken.

use super::near::{at, before, digits, joined_after, joined_before};

/// Where a number ends that begins with the `+` at `plus`.
pub(crate) fn international(text: &[u8], plus: usize) -> Option<usize> {
    if before(text, plus, 1).is_ascii_alphanumeric() || !matches!(at(text, plus + 1), b'1'..=b'9') {
        return None;
    }
    let (mut index, mut end, mut count) = (plus + 1, plus + 1, 0_usize);
    let (mut separators, mut points, mut in_a_row) = (0_usize, 0_usize, 0_usize);
    loop {
        let byte = at(text, index);
        index += 1;
        match byte {
            b'0'..=b'9' => {
                count += 1;
                separators += in_a_row;
                in_a_row = 0;
                end = index;
            }
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' if in_a_row < 2 => {
                // A point is counted once a digit follows it; one alone makes a decimal number.
                points += usize::from(byte == b'.' && at(text, index).is_ascii_digit());
                in_a_row += 1;
            }
            _ => break,
        }
        if count > 15 {
            return None;
        }
    }
    let decimal = points == 1 && separators == 1;
    let fits = (8..=15).contains(&count) && !decimal && !at(text, end).is_ascii_alphabetic();
    fits.then_some(end)
}

/// Where a number ends that begins with the `(` at `parenthesis`: `(415) 555-2671`.
pub(crate) fn in_parentheses(text: &[u8], parenthesis: usize) -> Option<usize> {
    if before(text, parenthesis, 1).is_ascii_alphanumeric()
        || digits(text, parenthesis + 1, 4) != 3
        || at(text, parenthesis + 4) != b')'
    {
        return None;
    }
    let space = usize::from(at(text, parenthesis + 5) == b' ');
    let exchange = parenthesis + 5 + space;
    let separator = at(text, exchange + 3);
    let grouped = digits(text, exchange, 4) == 3
        && matches!(separator, b'-' | b'.' | b' ')
        && digits(text, exchange + 4, 5) == 4;
    let end = exchange + 8;
    let plan = in_plan(text, parenthesis + 1) && in_plan(text, exchange);
    (grouped && plan && !joined_after(text, end, b"-.")).then_some(end)
}

/// Where a national number ends that begins at `start`, at the first of `run` digits.
pub(crate) fn national(text: &[u8], start: usize, run: usize) -> Option<usize> {
    let second = at(text, start + 1);
    let end = match (run, at(text, start)) {
        (3, b'2'..=b'9') => north_american(text, start),
        (1, b'1') if matches!(second, b'-' | b'.') => north_american(text, start + 2),
        (2, b'0') if second != b'0' => groups(text, start, &[2, 2, 2, 2, 2], b" .-"),
        (5, b'0') if matches!(second, b'1' | b'7') => groups(text, start, &[5, 6], b" "),
        (3, b'0') if second == b'2' => groups(text, start, &[3, 4, 4], b" "),
        (4, b'0') if second == b'1' => groups(text, start, &[4, 3, 4], b" "),
        _ => None,
    }?;
    // A longer number with the same separator is something else.
    let separators = [b'-', b'.', b'/', at(text, start + run)];
    let alone = !joined_before(text, start, &separators) && !joined_after(text, end, &separators);
    alone.then_some(end)
}

/// `415-555-2671` or with points. Spaces are left out: tables of numbers have them.
fn north_american(text: &[u8], start: usize) -> Option<usize> {
    let plan = in_plan(text, start) && in_plan(text, start + 4);
    groups(text, start, &[3, 3, 4], b"-.").filter(|_| plan)
}

/// Area codes and exchanges begin with 2 to 9 and do not end in 11 (North American Numbering Plan).
fn in_plan(text: &[u8], start: usize) -> bool {
    matches!(at(text, start), b'2'..=b'9')
        && (at(text, start + 1), at(text, start + 2)) != (b'1', b'1')
}

/// Where groups of these lengths end, with one kind of separator between them.
fn groups(text: &[u8], start: usize, lengths: &[usize], separators: &[u8]) -> Option<usize> {
    let mut end = start;
    let separator = at(text, start + lengths.first()?);
    if !separators.contains(&separator) {
        return None;
    }
    for (place, &length) in lengths.iter().enumerate() {
        if place > 0 {
            if at(text, end) != separator {
                return None;
            }
            end += 1;
        }
        if digits(text, end, length + 1) != length {
            return None;
        }
        end += length;
    }
    Some(end)
}
