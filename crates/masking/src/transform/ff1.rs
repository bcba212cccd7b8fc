//! FF1 (NIST SP 800-38G section 5.1, algorithm 7), with AES-256 and an empty tweak unless told otherwise.
//!
//! Domains below one million are refused, as revision 1 of the standard (draft) requires.

use aws_lc_rs::cipher::EncryptingKey;

/// Fewest texts that there must be of a length: radix to the power of length.
pub(crate) const MIN_DOMAIN: u64 = 1_000_000;
/// Longest text. The standard allows more; work grows with the square.
pub(crate) const MAX_NUMERALS: usize = 512;
const ROUNDS: u8 = 10;

/// The cipher under one key.
pub(crate) struct Ff1 {
    cipher: EncryptingKey,
}

impl Ff1 {
    /// The key must be one of AES in ECB mode.
    pub(crate) fn new(cipher: EncryptingKey) -> Self {
        Self { cipher }
    }

    /// Encrypts numerals, each below the radix, in place. False, with the numerals unusable, where the domain is too
    /// small, the text too long, or the cipher fails.
    #[must_use]
    pub(crate) fn encrypt(&self, radix: u16, tweak: &[u8], numerals: &mut [u16]) -> bool {
        if !large_enough(radix, numerals.len()) || numerals.iter().any(|digit| *digit >= radix) {
            return false;
        }
        self.rounds(radix, tweak, numerals).is_some()
    }

    fn rounds(&self, radix: u16, tweak: &[u8], numerals: &mut [u16]) -> Option<()> {
        let length = numerals.len();
        let half = length / 2;
        let other = length - half;
        // b: bytes that hold any number of the longer half. d: bytes that are made for it.
        let bytes = bytes_for(radix, other);
        let drawn = 4 * bytes.div_ceil(4) + 4;
        let (left, right) = numerals.split_at_checked(half)?;
        let (mut a, mut b) = (left.to_vec(), right.to_vec());
        let prefix = first_block(radix, half, length, tweak.len())?;
        for round in 0..ROUNDS {
            let width = if round % 2 == 0 { half } else { other };
            let mut message = prefix.to_vec();
            message.extend_from_slice(tweak);
            let padding = (16 - (tweak.len() + bytes + 1) % 16) % 16;
            message.resize(message.len() + padding, 0);
            message.push(round);
            message.extend_from_slice(&to_bytes(radix, &b, bytes));
            let mut drawn_bytes = self.draw(&message, drawn)?;
            let added = to_numerals(radix, &mut drawn_bytes, width);
            add(radix, &mut a, &added);
            std::mem::swap(&mut a, &mut b);
        }
        for (slot, digit) in numerals.iter_mut().zip(a.iter().chain(&b)) {
            *slot = *digit;
        }
        Some(())
    }

    /// PRF (CBC-MAC, algorithm 6) over the message, then its expansion to so many bytes.
    fn draw(&self, message: &[u8], count: usize) -> Option<Vec<u8>> {
        let mut state = [0_u8; 16];
        let (blocks, _) = message.as_chunks::<16>();
        for block in blocks {
            exclusive_or(&mut state, block);
            self.block(&mut state)?;
        }
        let mut drawn = state.to_vec();
        let mut number = 0_u128;
        while drawn.len() < count {
            number += 1;
            let mut block = state;
            exclusive_or(&mut block, &number.to_be_bytes());
            self.block(&mut block)?;
            drawn.extend_from_slice(&block);
        }
        drawn.truncate(count);
        Some(drawn)
    }

    fn block(&self, block: &mut [u8; 16]) -> Option<()> {
        self.cipher.encrypt(block).ok().map(|_| ())
    }
}

fn large_enough(radix: u16, length: usize) -> bool {
    let exponent = u32::try_from(length).unwrap_or(u32::MAX);
    let domain = u64::from(radix).saturating_pow(exponent);
    (2..=MAX_NUMERALS).contains(&length) && domain >= MIN_DOMAIN
}

/// The constant block P of step 5.
fn first_block(radix: u16, half: usize, length: usize, tweak: usize) -> Option<[u8; 16]> {
    let mut block = [0; 16];
    let [.., radix_high, radix_low] = u32::from(radix).to_be_bytes();
    let head = [1, 2, 1, 0, radix_high, radix_low, 10, (half % 256) as u8];
    let length = u32::try_from(length).ok()?.to_be_bytes();
    let tweak = u32::try_from(tweak).ok()?.to_be_bytes();
    for (slot, byte) in block
        .iter_mut()
        .zip(head.iter().chain(&length).chain(&tweak))
    {
        *slot = *byte;
    }
    Some(block)
}

fn exclusive_or(state: &mut [u8; 16], block: &[u8; 16]) {
    for (one, other) in state.iter_mut().zip(block) {
        *one ^= other;
    }
}

/// Bytes of the largest number with so many numerals.
fn bytes_for(radix: u16, numerals: usize) -> usize {
    let largest = vec![radix - 1; numerals];
    // Two bytes for each numeral are more than enough.
    let bytes = to_bytes(radix, &largest, 2 * numerals);
    2 * numerals - bytes.iter().take_while(|byte| **byte == 0).count()
}

/// The number that numerals write, most significant first, as so many bytes.
fn to_bytes(radix: u16, numerals: &[u16], count: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; count];
    for numeral in numerals {
        let mut carry = u32::from(*numeral);
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * u32::from(radix);
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
    }
    bytes
}

/// The lowest numerals of a number. The bytes are used up.
fn to_numerals(radix: u16, bytes: &mut [u8], count: usize) -> Vec<u16> {
    let mut numerals = vec![0; count];
    for numeral in numerals.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in bytes.iter_mut() {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = (value / u32::from(radix)) as u8;
            remainder = value % u32::from(radix);
        }
        *numeral = remainder as u16;
    }
    numerals
}

/// Adds modulo radix to the power of the length.
fn add(radix: u16, numerals: &mut [u16], added: &[u16]) {
    let mut carry = 0;
    for (one, other) in numerals.iter_mut().rev().zip(added.iter().rev()) {
        let sum = *one + *other + carry;
        *one = sum % radix;
        carry = sum / radix;
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};

    use super::Ff1;

    /// NIST, "FF1 samples", 7 to 9: the key of AES-256.
    const KEY: [u8; 32] = [
        0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f,
        0x3c, 0xef, 0x43, 0x59, 0xd8, 0xd5, 0x80, 0xaa, 0x4f, 0x7f, 0x03, 0x6d, 0x6f, 0x04, 0xfc,
        0x6a, 0x94,
    ];

    fn ff1() -> Ff1 {
        let key = UnboundCipherKey::new(&AES_256, &KEY).unwrap();
        Ff1::new(EncryptingKey::ecb(key).unwrap())
    }

    fn encrypt(radix: u16, tweak: &[u8], text: &str) -> Option<String> {
        let digits = text.chars().map(|letter| letter.to_digit(36).unwrap());
        let mut numerals: Vec<u16> = digits.map(|digit| digit as u16).collect();
        let letter = |digit: &u16| char::from_digit(u32::from(*digit), 36).unwrap();
        ff1()
            .encrypt(radix, tweak, &mut numerals)
            .then(|| numerals.iter().map(letter).collect())
    }

    #[test]
    fn the_standards_samples() {
        assert_eq!(encrypt(10, b"", "0123456789").unwrap(), "6657667009");
        assert_eq!(
            encrypt(10, b"9876543210", "0123456789").unwrap(),
            "1001623463"
        );
        assert_eq!(
            encrypt(36, b"7777pqrs777", "0123456789abcdefghi").unwrap(),
            "xs8a0azh2avyalyzuwd"
        );
    }

    #[test]
    fn small_domains_and_foreign_numerals_are_refused() {
        assert_eq!(encrypt(10, b"", "12345"), None);
        assert_eq!(encrypt(36, b"", "abc"), None);
        assert_eq!(encrypt(10, b"", "12345a"), None);
        assert!(encrypt(10, b"", "123456").is_some());
        assert_eq!(encrypt(10, b"", &"1".repeat(513)), None);
    }

    #[test]
    fn no_two_of_a_domain_become_one() {
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..2000 {
            assert!(seen.insert(encrypt(10, b"", &format!("{number:06}")).unwrap()));
        }
    }
}
