//! The client side of SCRAM-SHA-256 (RFC 5802, RFC 7677) in PostgreSQL's message bodies, without channel binding.
//!
//! Written here and not taken from Custos: a benchmark's client is an outsider.

use std::num::NonZeroU32;

use anyhow::Context;
use aws_lc_rs::{constant_time, digest, hmac, pbkdf2, rand};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

const MECHANISM: &[u8] = b"SCRAM-SHA-256\0";
/// `n,,` in base64: no channel binding, no authorization identity.
const CHANNEL_BINDING: &str = "c=biws";
/// Enough for any server, and an end to one that would keep the client computing.
const MAX_ITERATIONS: u32 = 1_000_000;

/// One sign-in.
#[derive(Debug)]
pub(crate) struct Scram {
    password: String,
    /// The client's first message without its `n,,`.
    first_bare: String,
    nonce: String,
    expected_end: Option<hmac::Tag>,
}

impl Scram {
    /// Begins with a fresh nonce. PostgreSQL takes the user from the startup message, so the name here is empty.
    pub(crate) fn start(password: &str) -> anyhow::Result<Self> {
        let mut random = [0; 18];
        rand::fill(&mut random)
            .ok()
            .context("no randomness for a nonce")?;
        Ok(Self::with_nonce(password, "", BASE64.encode(random)))
    }

    fn with_nonce(password: &str, user: &str, nonce: String) -> Self {
        let first_bare = format!("n={user},r={nonce}");
        Self {
            password: password.to_owned(),
            first_bare,
            nonce,
            expected_end: None,
        }
    }

    /// The body of `SASLInitialResponse`.
    pub(crate) fn initial_response(&self) -> anyhow::Result<Vec<u8>> {
        let first = format!("n,,{}", self.first_bare);
        let length = i32::try_from(first.len()).context("a nonce too long to send")?;
        Ok([MECHANISM, length.to_be_bytes().as_slice(), first.as_bytes()].concat())
    }

    /// The body of `SASLResponse` to the server's challenge.
    pub(crate) fn respond(&mut self, challenge: &[u8]) -> anyhow::Result<Vec<u8>> {
        let challenge =
            std::str::from_utf8(challenge).context("the SCRAM challenge is not text")?;
        let attribute = |name: &str| {
            challenge
                .split(',')
                .find_map(|part| part.strip_prefix(name))
        };
        let nonce = attribute("r=").context("the SCRAM challenge has no nonce")?;
        anyhow::ensure!(
            nonce.starts_with(&self.nonce),
            "the SCRAM challenge is not for this sign-in"
        );
        let salt = BASE64
            .decode(attribute("s=").unwrap_or_default())
            .context("the SCRAM salt is not base64")?;
        let iterations: NonZeroU32 = attribute("i=")
            .unwrap_or_default()
            .parse()
            .context("no iteration count")?;
        anyhow::ensure!(
            iterations.get() <= MAX_ITERATIONS,
            "{iterations} iterations are too many"
        );

        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            &salt,
            self.password.as_bytes(),
            &mut salted,
        );
        let end_bare = format!("{CHANNEL_BINDING},r={nonce}");
        let signed = format!("{},{challenge},{end_bare}", self.first_bare);
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let signature = sign(stored_key.as_ref(), signed.as_bytes());
        let proof: Vec<u8> = client_key
            .as_ref()
            .iter()
            .zip(signature.as_ref())
            .map(|(a, b)| a ^ b)
            .collect();
        self.expected_end = Some(sign(
            sign(&salted, b"Server Key").as_ref(),
            signed.as_bytes(),
        ));
        Ok(format!("{end_bare},p={}", BASE64.encode(proof)).into_bytes())
    }

    /// Checks that the server knows the password too.
    pub(crate) fn finish(&self, end: &[u8]) -> anyhow::Result<()> {
        let expected = self
            .expected_end
            .as_ref()
            .context("a SCRAM end without a challenge")?;
        let signature = end
            .strip_prefix(b"v=")
            .context("the SCRAM end has no signature")?;
        let signature = BASE64
            .decode(signature)
            .context("the SCRAM signature is not base64")?;
        let equal = constant_time::verify_slices_are_equal(&signature, expected.as_ref());
        equal.ok().context("the server does not know the password")
    }
}

fn sign(key: &[u8], data: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn example() -> Scram {
        Scram::with_nonce("pencil", "user", "rOprNGfwEbeRWgbNEkqO".to_owned())
    }

    #[test]
    fn the_example_of_rfc_7677_section_3() {
        let mut scram = example();
        let answer = scram.respond(CHALLENGE).expect("answer");
        let expected = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(String::from_utf8_lossy(&answer), expected);
        scram
            .finish(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
            .expect("the server's signature");
        assert!(
            scram
                .finish(b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
                .is_err()
        );
    }

    #[test]
    fn challenges_for_others_and_endless_work_are_refused() {
        assert!(
            example()
                .respond(b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
                .is_err()
        );
        assert!(
            example()
                .respond(b"r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001")
                .is_err()
        );
        assert!(
            example()
                .respond(b"r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0")
                .is_err()
        );
    }
}
