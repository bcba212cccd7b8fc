//! AES-CMAC (NIST SP 800-38B, RFC 4493), over the block cipher alone.
//!
//! The library's own CMAC copies an allocated context for each message, which costs three times as much as the
//! block of AES that a short message takes.

use aws_lc_rs::cipher::EncryptingKey;

const BLOCK_BYTES: usize = 16;
/// What is left of x^128 in the field that subkeys are doubled in.
const REDUCTION: u128 = 0x87;

/// The function under one key.
pub(crate) struct Cmac {
    cipher: EncryptingKey,
    /// For a last block that is whole, and for one that is padded.
    whole: u128,
    padded: u128,
}

impl Cmac {
    /// The key must be one of AES in ECB mode. Nothing if the cipher fails.
    pub(crate) fn new(cipher: EncryptingKey) -> Option<Self> {
        let mut zero = [0; BLOCK_BYTES];
        cipher.encrypt(&mut zero).ok()?;
        let whole = doubled(u128::from_be_bytes(zero));
        Some(Self {
            cipher,
            whole,
            padded: doubled(whole),
        })
    }

    /// The code of a message. Nothing if the cipher fails.
    pub(crate) fn code(&self, message: &[u8]) -> Option<[u8; BLOCK_BYTES]> {
        // The last block is treated apart, so a whole one counts as the rest.
        let rest_bytes = match message.len() % BLOCK_BYTES {
            0 => BLOCK_BYTES.min(message.len()),
            more => more,
        };
        let (before, rest) = message.split_at_checked(message.len() - rest_bytes)?;
        let mut state = 0;
        for block in before.as_chunks().0 {
            state = self.encrypted(state ^ u128::from_be_bytes(*block))?;
        }
        let last = match rest.first_chunk() {
            Some(block) => u128::from_be_bytes(*block) ^ self.whole,
            None => padded(rest) ^ self.padded,
        };
        Some(self.encrypted(state ^ last)?.to_be_bytes())
    }

    fn encrypted(&self, block: u128) -> Option<u128> {
        let mut block = block.to_be_bytes();
        self.cipher.encrypt(&mut block).ok()?;
        Some(u128::from_be_bytes(block))
    }
}

fn doubled(subkey: u128) -> u128 {
    // By arithmetic and not by a branch: the bit is a secret.
    (subkey << 1) ^ (REDUCTION * (subkey >> 127))
}

/// Less than a block, with a bit behind it and zeros.
fn padded(rest: &[u8]) -> u128 {
    let mut block = [0; BLOCK_BYTES];
    for (slot, byte) in block.iter_mut().zip(rest.iter().chain(&[0x80])) {
        *slot = *byte;
    }
    u128::from_be_bytes(block)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};
    use aws_lc_rs::cmac;

    use super::Cmac;

    fn of(key: &[u8; 32]) -> Cmac {
        let cipher = UnboundCipherKey::new(&AES_256, key).unwrap();
        Cmac::new(EncryptingKey::ecb(cipher).unwrap()).unwrap()
    }

    /// NIST SP 800-38B, appendix D.3, as in NIST's examples with intermediate values.
    #[test]
    fn the_standards_examples() {
        let hex = |text: &str| -> Vec<u8> {
            let digits = text.as_bytes().chunks(2);
            digits
                .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
                .collect()
        };
        let key = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let cmac = of(key.as_slice().try_into().unwrap());
        let message = hex(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
             30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        );
        for (bytes, code) in [
            (0, "028962f61b7bf89efc6b551f4667d983"),
            (16, "28a7023f452e8f82bd4bf28d8c37c35c"),
            (40, "aaf3d8f1de5640c232f5b169b9c911e6"),
            (64, "e1992190549f6ed5696a2c056c315410"),
        ] {
            assert_eq!(cmac.code(&message[..bytes]).unwrap()[..], hex(code));
        }
    }

    /// The library's own, at every length around the edges of blocks and under keys with either high bit.
    #[test]
    fn it_is_the_librarys() {
        let message: Vec<u8> = (0..70).map(|byte: u8| byte.wrapping_mul(37)).collect();
        for seed in 0..16 {
            let key = std::array::from_fn(|place| seed + u8::try_from(place).unwrap());
            let own = of(&key);
            let other = cmac::Key::new(cmac::AES_256, &key).unwrap();
            for bytes in 0..=message.len() {
                let message = &message[..bytes];
                let expected = cmac::sign(&other, message).unwrap();
                assert_eq!(own.code(message).unwrap(), expected.as_ref());
            }
        }
    }
}
