//! Keys of RFC 5802 section 3.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

/// What a server keeps instead of a password. Wiped when dropped; `Debug` shows no key.
#[derive(Clone)]
pub struct Verifier {
    /// The salt.
    pub salt: Vec<u8>,
    /// PBKDF2 iterations.
    pub iterations: u32,
    /// SHA-256 of the client key: tells a right proof.
    pub stored_key: [u8; 32],
    /// Signs the server's last message.
    pub server_key: [u8; 32],
}

impl Verifier {
    /// Derives the verifier of a password, which is prepared by `SASLprep` (RFC 4013) or, where that refuses it,
    /// taken as it is, like PostgreSQL does. Costs `iterations` times two SHA-256.
    pub fn derive(password: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        let salted = SaltedPassword::derive(&prepare(password), salt, iterations);
        Self {
            salt: salt.to_vec(),
            iterations: iterations.get(),
            stored_key: sha256(&salted.client_key()),
            server_key: *salted.server_key(),
        }
    }

    /// Whether a proof over `auth_message` is right.
    pub(crate) fn accepts(&self, proof: &[u8; 32], auth_message: &[u8]) -> subtle::Choice {
        let client_key = xor(proof, &sign(&self.stored_key, auth_message));
        sha256(&client_key).ct_eq(&self.stored_key)
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        self.stored_key.zeroize();
        self.server_key.zeroize();
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Verifier")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// The root of all keys. Wiped when dropped.
pub(crate) struct SaltedPassword(Zeroizing<[u8; 32]>);

impl SaltedPassword {
    pub(crate) fn derive(prepared: &[u8], salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            salt,
            prepared,
            key.as_mut_slice(),
        );
        Self(key)
    }

    pub(crate) fn client_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(sign(&self.0, b"Client Key"))
    }

    pub(crate) fn server_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(sign(&self.0, b"Server Key"))
    }

    /// The client's proof over `auth_message`.
    pub(crate) fn proof(&self, auth_message: &[u8]) -> Zeroizing<[u8; 32]> {
        let client_key = self.client_key();
        let stored_key = sha256(&client_key);
        xor(&client_key, &sign(&stored_key, auth_message))
    }
}

/// The password as bytes to be hashed.
pub(crate) fn prepare(password: &str) -> Zeroizing<Vec<u8>> {
    let prepared = match stringprep::saslprep(password) {
        Ok(prepared) if !prepared.is_empty() => prepared.into_owned(),
        _ => password.to_owned(),
    };
    Zeroizing::new(prepared.into_bytes())
}

/// HMAC-SHA-256.
pub(crate) fn sign(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    fixed(tag.as_ref())
}

fn sha256(message: &[u8; 32]) -> [u8; 32] {
    fixed(digest::digest(&digest::SHA256, message).as_ref())
}

fn fixed(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    debug_assert_eq!(bytes.len(), out.len(), "SHA-256 has 32 bytes");
    for (slot, byte) in out.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    out
}

fn xor(left: &[u8; 32], right: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new(*left);
    for (slot, byte) in out.iter_mut().zip(right) {
        *slot ^= byte;
    }
    out
}
