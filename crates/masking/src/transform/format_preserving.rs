//! Another text of the same form: letters and digits are encrypted by FF1, separators stay where they are.

use super::key::ScopeKey;
use crate::value::luhn;

/// What a text consists of, apart from separators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// ASCII digits.
    Digits,
    /// ASCII digits, of which the last is a check digit by Luhn's rule, as on payment cards. It is worked out anew.
    CardDigits,
    /// ASCII letters; which of them are capital stays as it is.
    Letters,
    /// ASCII letters and digits, each of which may become any other.
    Alphanumeric,
    /// Hexadecimal digits, in small letters.
    Hexadecimal,
    /// Digits, letters or both, whichever the text consists of.
    AsWritten,
}

impl Alphabet {
    fn radix(self) -> u16 {
        match self {
            Self::Digits | Self::CardDigits => 10,
            Self::Hexadecimal => 16,
            Self::Letters => 26,
            Self::Alphanumeric | Self::AsWritten => 62,
        }
    }

    /// The alphabet that this text is taken to be of.
    fn of(self, text: &[u8]) -> Self {
        if self != Self::AsWritten {
            return self;
        }
        let has = |wanted: fn(&u8) -> bool| text.iter().any(wanted);
        match (has(u8::is_ascii_digit), has(u8::is_ascii_alphabetic)) {
            (true, false) => Self::Digits,
            (false, true) => Self::Letters,
            _ => Self::Alphanumeric,
        }
    }

    fn numeral(self, byte: u8) -> Option<u16> {
        let numeral = match (self, byte) {
            (Self::Letters, b'a'..=b'z') => byte - b'a',
            (Self::Letters, b'A'..=b'Z') => byte - b'A',
            (Self::Letters, _) => return None,
            (_, b'0'..=b'9') => byte - b'0',
            (Self::Alphanumeric, b'A'..=b'Z') | (Self::Hexadecimal, b'A'..=b'F') => {
                byte - b'A' + 10
            }
            (Self::Alphanumeric, b'a'..=b'z') => byte - b'a' + 36,
            (Self::Hexadecimal, b'a'..=b'f') => byte - b'a' + 10,
            _ => return None,
        };
        Some(u16::from(numeral))
    }

    fn byte(self, numeral: u16, before: u8) -> u8 {
        let numeral = (numeral % 62) as u8;
        match self {
            Self::Letters if before.is_ascii_uppercase() => b'A' + numeral,
            Self::Letters => b'a' + numeral,
            _ if numeral < 10 => b'0' + numeral,
            Self::Hexadecimal => b'a' - 10 + numeral,
            _ if numeral < 36 => b'A' - 10 + numeral,
            _ => b'a' - 36 + numeral,
        }
    }
}

/// What may stand between: ASCII spaces and punctuation. They stay, so nothing else may count as one.
fn is_separator(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_punctuation()
}

/// The text of the same form, or nothing where it has other characters or fewer than a million are of its form.
pub(crate) fn preserve(key: &ScopeKey, alphabet: Alphabet, text: &[u8]) -> Option<Vec<u8>> {
    let alphabet = alphabet.of(text);
    let mut numerals = Vec::with_capacity(text.len());
    for &byte in text {
        match alphabet.numeral(byte) {
            Some(numeral) => numerals.push(numeral),
            None if is_separator(byte) => {}
            None => return None,
        }
    }
    if alphabet == Alphabet::CardDigits {
        numerals.pop()?;
    }
    if !key.ff1().encrypt(alphabet.radix(), b"", &mut numerals) {
        return None;
    }
    if alphabet == Alphabet::CardDigits {
        numerals.push(check_digit(&numerals));
    }
    let mut next = numerals.into_iter();
    text.iter()
        .map(|&byte| match alphabet.numeral(byte) {
            Some(_) => next.next().map(|numeral| alphabet.byte(numeral, byte)),
            None => Some(byte),
        })
        .collect()
}

fn check_digit(numerals: &[u16]) -> u16 {
    let mut digits: Vec<u8> = numerals
        .iter()
        .map(|numeral| b'0' + (numeral % 10) as u8)
        .collect();
    digits.push(b'0');
    u16::from((10 - luhn(&digits)) % 10)
}

#[cfg(test)]
mod tests {
    use super::{Alphabet, luhn, preserve};
    use crate::transform::ScopeKey;

    fn text(alphabet: Alphabet, text: &str) -> Option<String> {
        let key = ScopeKey::derive(&[7; 32], "test").unwrap();
        preserve(&key, alphabet, text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn separators_case_and_check_digit_stay() {
        let card = text(Alphabet::CardDigits, "4111-1111-1111-1111").unwrap();
        let digits: Vec<u8> = card.bytes().filter(u8::is_ascii_digit).collect();
        assert_eq!((luhn(&digits), digits.len()), (0, 16));
        assert_eq!(
            card.match_indices('-')
                .map(|(at, _)| at)
                .collect::<Vec<_>>(),
            [4, 9, 14]
        );
        let name = text(Alphabet::Letters, "Alice O'Bob").unwrap();
        let capital: Vec<bool> = name
            .chars()
            .map(|letter| letter.is_ascii_uppercase())
            .collect();
        assert_eq!(capital.iter().filter(|capital| **capital).count(), 3);
        assert!(capital[0] && name.as_bytes()[7] == b'\'' && name != "Alice O'Bob");
    }

    #[test]
    fn a_text_stays_of_what_it_was_written_in() {
        let masked = |of: &str| text(Alphabet::AsWritten, of).unwrap();
        assert!(
            masked("4111-1111-1111-1111")
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
        );
        assert!(
            masked("Alice Example")
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || byte == b' ')
        );
        assert_ne!(masked("AB123456"), "AB123456");
    }

    #[test]
    fn what_would_survive_is_refused() {
        assert_eq!(text(Alphabet::Digits, "Alice 1234567"), None);
        assert_eq!(text(Alphabet::Alphanumeric, "Ålice123"), None);
        assert_eq!(text(Alphabet::Digits, "12345"), None);
        assert_eq!(text(Alphabet::Letters, "Bob"), None);
    }
}
