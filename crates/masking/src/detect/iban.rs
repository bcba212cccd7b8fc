//! International bank account numbers (ISO 13616): a country, its form, and the check digits (ISO/IEC 7064, 97-10).

use super::iban_registry::{begins, form};
use super::near::{View, before};

/// The longest, without separators.
const MAX_CHARACTERS: usize = 34;

/// Where a number begins and ends whose check digits stand at `check_digits`, at the start of a run of digits.
pub(crate) fn iban<'a>(text: impl View<'a>, check_digits: usize) -> Option<(usize, usize)> {
    let country = [
        text.before(check_digits, 2).to_ascii_uppercase(),
        text.before(check_digits, 1).to_ascii_uppercase(),
    ];
    let second = check_digits + 1;
    if text.before(check_digits, 3).is_ascii_alphanumeric()
        || !(text.is_end(second) || text.at(second).is_ascii_digit())
    {
        return None;
    }
    let form = form(country)?;
    let start = check_digits.checked_sub(2)?;
    let mut number = [0_u8; MAX_CHARACTERS];
    let length = 4 + form_length(form);
    let end = collect(text, start, number.get_mut(..length)?)?;
    let number = number.get(..length)?;
    let fits =
        fits(number.get(4..)?, form) && checked(number) && !text.at(end).is_ascii_alphanumeric();
    fits.then_some((start, end))
}

/// Where a number may begin of which the text has only letters of the country.
pub(crate) fn cut_off(text: &[u8]) -> Option<usize> {
    let end = text.len();
    let letter = |distance| before(text, end, distance).to_ascii_uppercase();
    let length = if form([letter(2), letter(1)]).is_some() {
        2
    } else if begins(letter(1)) {
        1
    } else {
        return None;
    };
    let alone = !before(text, end, length + 1).is_ascii_alphanumeric();
    alone.then(|| end - length)
}

/// Fills in letters and digits, over single separators behind every fourth, and says where that ends.
fn collect<'a>(text: impl View<'a>, start: usize, number: &mut [u8]) -> Option<usize> {
    let mut end = start;
    for (place, slot) in number.iter_mut().enumerate() {
        if place > 0 && place % 4 == 0 && matches!(text.at(end), b' ' | b'-') {
            end += 1;
        }
        let byte = text.at(end);
        if !byte.is_ascii_alphanumeric() {
            return None;
        }
        *slot = byte.to_ascii_uppercase();
        end += 1;
    }
    Some(end)
}

fn pieces(form: &str) -> impl Iterator<Item = (u8, usize)> {
    let mut rest = form.as_bytes();
    std::iter::from_fn(move || {
        let (&kind, tail) = rest.split_first()?;
        let digits = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (count, next) = tail.split_at_checked(digits)?;
        rest = next;
        let count = count
            .iter()
            .fold(0, |sum, digit| sum * 10 + usize::from(digit & 15));
        Some((kind, count))
    })
}

fn form_length(form: &str) -> usize {
    pieces(form).map(|(_, count)| count).sum()
}

fn fits(account: &[u8], form: &str) -> bool {
    let mut rest = account.iter();
    pieces(form).all(|(kind, count)| {
        rest.by_ref().take(count).all(|byte| match kind {
            b'n' => byte.is_ascii_digit(),
            b'a' => byte.is_ascii_uppercase(),
            _ => true,
        })
    })
}

/// The first four characters go to the end, letters count from ten; the remainder by 97 is one.
fn checked(number: &[u8]) -> bool {
    let (front, account) = number.split_at_checked(4).unwrap_or((number, &[]));
    let remainder = account.iter().chain(front).fold(0_u32, |sum, &byte| {
        match byte {
            b'0'..=b'9' => sum * 10 + u32::from(byte - b'0'),
            _ => sum * 100 + u32::from(byte.saturating_sub(b'A')) + 10,
        }
    } % 97);
    remainder == 1
}
