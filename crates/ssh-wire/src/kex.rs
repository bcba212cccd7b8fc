//! Agreement on a secret, and the keys that are made of it (RFC 4253 sections 7.2 and 8, RFC 5656, RFC 8731, OpenSSH
//! PROTOCOL and draft-ietf-sshm-mlkem-hybrid-kex).

mod agree;
mod keys;

use aws_lc_rs::digest;

pub(crate) use agree::{Initiator, respond};
pub(crate) use keys::{ExchangeHash, Shared, direction_keys};

/// A method of key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kex {
    /// `mlkem768x25519-sha256`: ML-KEM-768 and X25519 together, so that who records today reads nothing with a quantum computer.
    MlKem768X25519,
    /// `curve25519-sha256`, and `curve25519-sha256@libssh.org`, which is the same.
    Curve25519,
    /// `ecdh-sha2-nistp256`
    NistP256,
    /// `ecdh-sha2-nistp384`
    NistP384,
    /// `ecdh-sha2-nistp521`
    NistP521,
}

impl Kex {
    /// All of them, the preferred ones first.
    pub const ALL: [Self; 5] = [
        Self::MlKem768X25519,
        Self::Curve25519,
        Self::NistP256,
        Self::NistP384,
        Self::NistP521,
    ];

    /// The names on the wire.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::MlKem768X25519 => &["mlkem768x25519-sha256"],
            Self::Curve25519 => &["curve25519-sha256", "curve25519-sha256@libssh.org"],
            Self::NistP256 => &["ecdh-sha2-nistp256"],
            Self::NistP384 => &["ecdh-sha2-nistp384"],
            Self::NistP521 => &["ecdh-sha2-nistp521"],
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kex| kex.names().contains(&name))
    }

    pub(crate) fn hash(self) -> &'static digest::Algorithm {
        match self {
            Self::MlKem768X25519 | Self::Curve25519 | Self::NistP256 => &digest::SHA256,
            Self::NistP384 => &digest::SHA384,
            Self::NistP521 => &digest::SHA512,
        }
    }
}
