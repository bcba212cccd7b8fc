//! Telephone numbers: international ones that begin with `+` (ITU-T E.164), and the national forms of North America,
//! France and the United Kingdom where their grouping says what they are. Bare digits are not taken.

use super::near::View;

/// Where a number ends that begins with the `+` at `plus`.
pub(crate) fn international<'a>(text: impl View<'a>, plus: usize) -> Option<usize> {
    if text.before(plus, 1).is_ascii_alphanumeric() || !matches!(text.at(plus + 1), b'1'..=b'9') {
        return None;
    }
    let (mut index, mut end, mut count) = (plus + 1, plus + 1, 0_usize);
    let (mut separators, mut points, mut in_a_row) = (0_usize, 0_usize, 0_usize);
    loop {
        let byte = text.at(index);
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
                points += usize::from(byte == b'.' && text.at(index).is_ascii_digit());
                in_a_row += 1;
            }
            _ => break,
        }
        if count > 15 {
            return None;
        }
    }
    let decimal = points == 1 && separators == 1;
    let fits = (8..=15).contains(&count) && !decimal && !text.at(end).is_ascii_alphabetic();
    fits.then_some(end)
}

/// Where a number ends that begins with the `(` at `parenthesis`: `(415) 555-2671`.
pub(crate) fn in_parentheses<'a>(text: impl View<'a>, parenthesis: usize) -> Option<usize> {
    if text.before(parenthesis, 1).is_ascii_alphanumeric()
        || text.digits(parenthesis + 1, 4) != 3
        || text.at(parenthesis + 4) != b')'
    {
        return None;
    }
    let space = usize::from(text.at(parenthesis + 5) == b' ');
    let exchange = parenthesis + 5 + space;
    let end = exchange + 8;
    let is_number = in_plan(text, parenthesis + 1)
        && text.digits(exchange, 4) == 3
        && in_plan(text, exchange)
        && matches!(text.at(exchange + 3), b'-' | b'.' | b' ')
        && text.digits(exchange + 4, 5) == 4
        && !text.joined_after(end, b"-.");
    is_number.then_some(end)
}

/// Where a national number ends that begins at `start`, at the first of `run` digits.
pub(crate) fn national<'a>(text: impl View<'a>, start: usize, run: usize) -> Option<usize> {
    let second = text.at(start + 1);
    let end = match (run, text.at(start)) {
        (3, b'2'..=b'9') => north_american(text, start),
        (1, b'1') if matches!(second, b'-' | b'.') => north_american(text, start + 2),
        (2, b'0') if second != b'0' => groups(text, start, &[2, 2, 2, 2, 2], b" .-"),
        (5, b'0') if matches!(second, b'1' | b'7') => groups(text, start, &[5, 6], b" "),
        (3, b'0') if second == b'2' => groups(text, start, &[3, 4, 4], b" "),
        (4, b'0') if second == b'1' => groups(text, start, &[4, 3, 4], b" "),
        _ => None,
    }?;
    // A longer number with the same separator is something else.
    let separators = [b'-', b'.', b'/', text.at(start + run)];
    let alone = !text.joined_before(start, &separators) && !text.joined_after(end, &separators);
    alone.then_some(end)
}

/// `415-555-2671` or with points. Spaces are left out: tables of numbers have them.
fn north_american<'a>(text: impl View<'a>, start: usize) -> Option<usize> {
    if !in_plan(text, start) {
        return None;
    }
    groups(text, start, &[3, 3, 4], b"-.").filter(|_| in_plan(text, start + 4))
}

/// Area codes and exchanges begin with 2 to 9 and do not end in 11 (North American Numbering Plan).
fn in_plan<'a>(text: impl View<'a>, start: usize) -> bool {
    matches!(text.at(start), b'2'..=b'9')
        && (text.at(start + 1), text.at(start + 2)) != (b'1', b'1')
}

/// Where groups of these lengths end, with one kind of separator between them.
fn groups<'a>(
    text: impl View<'a>,
    start: usize,
    lengths: &[usize],
    separators: &[u8],
) -> Option<usize> {
    let mut end = start;
    let first = *lengths.first()?;
    if text.digits(start, first + 1) != first {
        return None;
    }
    let separator = text.at(start + first);
    if !separators.contains(&separator) {
        return None;
    }
    for (place, &length) in lengths.iter().enumerate() {
        if place > 0 {
            if text.at(end) != separator {
                return None;
            }
            end += 1;
        }
        if text.digits(end, length + 1) != length {
            return None;
        }
        end += length;
    }
    Some(end)
}
