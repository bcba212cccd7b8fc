//! The code that a person types (RFC 8628 section 6.1).

use std::fmt;

/// Consonants: no words come about, and nothing is mistaken for a digit.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 20 to the 8th are 25.6 thousand million.
const LENGTH: usize = 8;

/// Eight of 20 consonants, shown as `XXXX-XXXX`.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode([u8; LENGTH]);

impl UserCode {
    /// From random bytes; `None` if too many of them had to be passed over to keep all letters equally likely.
    pub(crate) fn from_random(random: &[u8; 32]) -> Option<Self> {
        let whole = u8::MAX - u8::MAX % LETTERS.len() as u8;
        let mut letters = random
            .iter()
            .filter(|byte| **byte < whole)
            .filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()));
        let mut code = [0; LENGTH];
        for slot in &mut code {
            *slot = *letters.next()?;
        }
        Some(Self(code))
    }

    /// What somebody typed: case, spaces and dashes do not matter.
    pub(crate) fn parse(typed: &str) -> Option<Self> {
        if typed.len() > 4 * LENGTH {
            return None;
        }
        let letters: Vec<u8> = typed
            .bytes()
            .filter(|byte| !b" -".contains(byte))
            .map(|byte| byte.to_ascii_uppercase())
            .collect();
        let code: [u8; LENGTH] = letters.try_into().ok()?;
        code.iter()
            .all(|letter| LETTERS.contains(letter))
            .then_some(Self(code))
    }
}

/// Shows the code. It goes to the device and to the person, nowhere else.
impl fmt::Display for UserCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, letter) in self.0.iter().enumerate() {
            if index == LENGTH / 2 {
                out.write_str("-")?;
            }
            write!(out, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("UserCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::UserCode;

    #[test]
    fn typed_codes_are_forgiven_case_and_dashes_only() {
        let code = UserCode::parse("BCDF-GHJK").expect("good");
        for same in ["bcdfghjk", "bcdf ghjk", " B-C-D-F-G-H-J-K ", "BCDFGHJK"] {
            assert_eq!(UserCode::parse(same), Some(code.clone()), "{same}");
        }
        for other in [
            "",
            "BCDF-GHJ",
            "BCDF-GHJKL",
            "ACDF-GHJK",
            "BCDF_GHJK",
            "BCDF\tGHJK",
            "ВCDF-GHJK",
        ] {
            assert_eq!(UserCode::parse(other), None, "{other}");
        }
        assert_eq!(code.to_string(), "BCDF-GHJK");
        assert_eq!(format!("{code:?}"), "UserCode(…)");
    }

    #[test]
    fn every_letter_is_equally_likely() {
        let mut seen = std::collections::BTreeMap::new();
        for byte in 0..=u8::MAX {
            if let Some(code) = UserCode::from_random(&[byte; 32]) {
                *seen.entry(code.to_string()).or_insert(0) += 1;
            }
        }
        assert_eq!(seen.len(), 20);
        assert!(seen.values().all(|count| *count == 12), "{seen:?}");
    }
}
