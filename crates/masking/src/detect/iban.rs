//! International bank account numbers (ISO 13616): a country, its form, and the check digits (ISO/IEC 7064, 97-10).

use super::iban_registry::form;
use super::near::{at, before};

/// The longest, without separators.
const MAX_CHARACTERS: usize = 34;

/// Where a number begins and ends whose check digits stand at `check_digits`, at the start of a run of digits.
pub(crate) fn iban(text: &[u8], check_digits: usize) -> Option<(usize, usize)> {
    let country = [
        before(text, check_digits, 2).to_ascii_uppercase(),
        before(text, check_digits, 1).to_ascii_uppercase(),
    ];
    if !at(text, check_digits + 1).is_ascii_digit()
        || before(text, check_digits, 3).is_ascii_alphanumeric()
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
        fits(number.get(4..)?, form) && checked(number) && !at(text, end).is_ascii_alphanumeric();
    fits.then_some((start, end))
}

/// Fills in letters and digits, over single separators behind every fourth, and says where that ends.
fn collect(text: &[u8], start: usize, number: &mut [u8]) -> Option<usize> {
    let mut end = start;
    for (place, slot) in number.iter_mut().enumerate() {
        if place > 0 && place % 4 == 0 && matches!(at(text, end), b' ' | b'-') {
            end += 1;
        }
        let byte = at(text, end);
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
