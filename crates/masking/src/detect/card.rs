//! Payment cards: 13 to 19 digits in the groups that are printed, an issuer's first digits (ISO/IEC 7812), and the
//! check digit by Luhn's rule (ISO/IEC 7812-1, annex B).

use super::near::View;

/// The longest number.
pub(crate) const MAX_DIGITS: usize = 19;

/// First digits of issuers, with the lengths of their numbers. Six digits from and to, both included.
const ISSUERS: &[(u32, u32, usize, usize)] = &[
    (220_000, 220_499, 16, 19), // Mir
    (222_100, 272_099, 16, 16), // Mastercard
    (300_000, 305_999, 14, 19), // Diners Club
    (309_500, 309_599, 14, 19), // Diners Club
    (340_000, 349_999, 15, 15), // American Express
    (352_800, 358_999, 16, 19), // JCB
    (360_000, 369_999, 14, 19), // Diners Club
    (370_000, 379_999, 15, 15), // American Express
    (380_000, 399_999, 14, 19), // Diners Club
    (400_000, 499_999, 13, 13), // Visa
    (400_000, 499_999, 16, 16), // Visa
    (400_000, 499_999, 19, 19), // Visa
    (500_000, 509_999, 13, 19), // Maestro, Verve, RuPay
    (510_000, 559_999, 16, 16), // Mastercard
    (560_000, 589_999, 13, 19), // Maestro
    (600_000, 699_999, 13, 19), // Discover, UnionPay, Maestro, RuPay
    (810_000, 829_999, 16, 19), // UnionPay, RuPay
    (979_200, 979_289, 16, 16), // Troy
];

/// Groups in which numbers are printed. The last group of the longest may be shorter.
const GROUPS: &[&[usize]] = &[
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4, 3],
    &[4, 4, 4, 2],
    &[4, 4, 4, 1],
];

/// Where a card number ends that begins at `start`, at the first of `run` digits.
#[inline(never)] // The loop over all anchors is faster without it.
pub(crate) fn card<'a>(text: impl View<'a>, start: usize, run: usize) -> Option<usize> {
    let fraction = text.before(start, 1) == b'.' && text.before(start, 2).is_ascii_digit();
    if fraction {
        return None;
    }
    match run {
        13..=MAX_DIGITS => plain(text, start, run),
        4 => grouped(text, start),
        _ => None,
    }
}

fn plain<'a>(text: impl View<'a>, start: usize, run: usize) -> Option<usize> {
    let end = start + run;
    let is_number = is_card(text.get(start..end)?)
        && !text.at(end).is_ascii_alphanumeric()
        && !(text.at(end) == b'.' && text.at(end + 1).is_ascii_digit());
    is_number.then_some(end)
}

fn grouped<'a>(text: impl View<'a>, start: usize) -> Option<usize> {
    let separator = separator(text, start + 4)?;
    // Most are years of dates: one look is enough to see that.
    if !matches!(text.digits(start + 4 + separator.len(), 7), 4 | 6) {
        return None;
    }
    GROUPS
        .iter()
        .find_map(|groups| in_groups(text, start, groups, separator))
}

/// A space, also one that does not break, or a hyphen or full stop.
fn separator<'a>(text: impl View<'a>, index: usize) -> Option<&'static [u8]> {
    const SEPARATORS: [&[u8]; 5] = [b" ", b"-", b".", "\u{a0}".as_bytes(), "\u{202f}".as_bytes()];
    SEPARATORS
        .into_iter()
        .find(|separator| text.has(index, separator))
}

fn in_groups<'a>(
    text: impl View<'a>,
    start: usize,
    groups: &[usize],
    separator: &[u8],
) -> Option<usize> {
    let mut number = [0_u8; MAX_DIGITS];
    let mut room = number.iter_mut();
    let (mut end, mut count) = (start, 0);
    for (place, &length) in groups.iter().enumerate() {
        if place > 0 {
            if !text.has(end, separator) {
                return None;
            }
            end += separator.len();
        }
        if text.digits(end, length + 1) != length {
            return None;
        }
        let group = text.get(end..end + length)?;
        for (digit, slot) in group.iter().zip(room.by_ref()) {
            *slot = *digit;
            count += 1;
        }
        end += length;
    }
    let is_number = is_card(number.get(..count)?) && !text.at(end).is_ascii_alphanumeric();
    is_number.then_some(end)
}

/// Whether ASCII digits are a card number.
fn is_card(number: &[u8]) -> bool {
    let first = number
        .iter()
        .take(6)
        .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit & 15));
    let issued = ISSUERS.iter().any(|&(from, to, shortest, longest)| {
        (from..=to).contains(&first) && (shortest..=longest).contains(&number.len())
    });
    issued && luhn(number) == 0
}

/// The sum of Luhn's rule over ASCII digits, modulo ten: zero for a number with a correct check digit.
pub(crate) fn luhn(number: &[u8]) -> u8 {
    let sum: u32 = number
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit & 15);
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    (sum % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::{card, luhn};

    #[test]
    fn the_check_digit_is_the_standards() {
        assert_eq!(luhn(b"17893729974"), 0);
        assert_eq!(luhn(b"17893729975"), 1);
    }

    #[test]
    fn a_verification_code_behind_the_number_hides_nothing() {
        let text = b"4111 1111 1111 1111 123";
        assert_eq!(card(text.as_slice(), 0, 4), Some(19));
    }
}
