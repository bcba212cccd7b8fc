//! What takes the place of a number, so that it is a number again.

use super::format_preserving::{Alphabet, preserve};
use super::kind::{Kind, Transform};
use super::partial::hide_digits;

/// How often a number is encrypted again because the result does not fit (cycle walking).
const MAX_WALK: usize = 64;
/// Tokens of numbers without a largest value.
const DECIMAL_TOKEN: u64 = 1_000_000_000_000_000_000;

/// Which numbers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// Whole, from zero up to this one.
    Whole(u64),
    /// With any number of digits.
    Decimal,
}

impl Range {
    fn has(self, number: &str) -> bool {
        let digits = || number.trim_start_matches('-').as_bytes();
        let leading_zero = matches!(digits(), [b'0', b'0'..=b'9', ..]);
        match self {
            Self::Whole(largest) => {
                let value = number.trim_start_matches('-').parse::<u64>();
                !leading_zero && value.is_ok_and(|value| value <= largest)
            }
            Self::Decimal => !leading_zero,
        }
    }
}

impl Transform {
    /// A number in the place of one written as `-?digits(.digits)?`. Nothing where there is none that fits.
    pub(crate) fn number(&self, number: &str, range: Range) -> Option<String> {
        // What no server sends is no number of the type: nothing that is made of it would be one.
        if !range.has(number) {
            return None;
        }
        match &self.kind {
            Kind::Redact(_) | Kind::Null => None,
            Kind::Partial { first, last, .. } => {
                Some(without_zeros(&hide_digits(number, *first, *last)))
            }
            Kind::Token { key, .. } => drawn(&key.token(number.as_bytes())?, range),
            Kind::Hash { key } => drawn(&key.hash(number.as_bytes()), range),
            Kind::FormatPreserving { key, alphabet } => {
                let alphabet = match alphabet {
                    Alphabet::CardDigits => Alphabet::CardDigits,
                    _ => Alphabet::Digits,
                };
                let mut next = number.as_bytes().to_vec();
                for _ in 0..MAX_WALK {
                    next = preserve(key, alphabet, &next)?;
                    let text = std::str::from_utf8(&next).ok()?;
                    if range.has(text) {
                        return Some(text.to_owned());
                    }
                }
                None
            }
        }
    }
}

fn without_zeros(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let trimmed = digits.trim_start_matches('0');
    let zero = if trimmed.is_empty() || trimmed.starts_with('.') {
        "0"
    } else {
        ""
    };
    format!("{sign}{zero}{trimmed}")
}

/// A number from a MAC. Too few numbers would make tokens that mean several values.
fn drawn(mac: &[u8], range: Range) -> Option<String> {
    let first = mac.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))?;
    let number = match range {
        Range::Whole(largest) if largest < u64::from(u32::MAX >> 1) => return None,
        Range::Whole(u64::MAX) => first,
        Range::Whole(largest) => first % (largest + 1),
        Range::Decimal => first % DECIMAL_TOKEN,
    };
    Some(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Range, Transform, without_zeros};

    #[test]
    fn what_is_beyond_the_type_is_withheld() {
        let mask = Transform::partial(1, 2, '*').unwrap();
        let whole = Range::Whole(i64::MAX.unsigned_abs());
        assert_eq!(mask.number(&"7".repeat(34), whole), None);
        assert_eq!(mask.number("12345", whole).as_deref(), Some("10045"));
    }

    #[test]
    fn numbers_are_written_once() {
        assert_eq!(without_zeros("-000.06"), "-0.06");
        assert_eq!(without_zeros("0000"), "0");
        assert_eq!(without_zeros("0012"), "12");
        assert!(
            !Range::Whole(10).has("11") && Range::Whole(11).has("-11") && !Range::Decimal.has("01")
        );
        assert!(Range::Decimal.has("0.1"));
    }
}
