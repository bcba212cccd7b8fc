//! Names of ciphers and MACs, and what each needs (RFC 4344, RFC 5647, RFC 6668, OpenSSH PROTOCOL and
//! PROTOCOL.chacha20poly1305).

use aws_lc_rs::hmac;

/// A cipher of the packets of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// `chacha20-poly1305@openssh.com`
    ChaCha20Poly1305,
    /// `aes128-gcm@openssh.com`
    Aes128Gcm,
    /// `aes256-gcm@openssh.com`
    Aes256Gcm,
    /// `aes128-ctr`
    Aes128Ctr,
    /// `aes192-ctr`
    Aes192Ctr,
    /// `aes256-ctr`
    Aes256Ctr,
}

impl Cipher {
    /// All of them, the preferred ones first: servers have instructions for AES.
    pub const ALL: [Self; 6] = [
        Self::Aes128Gcm,
        Self::Aes256Gcm,
        Self::ChaCha20Poly1305,
        Self::Aes128Ctr,
        Self::Aes192Ctr,
        Self::Aes256Ctr,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChaCha20Poly1305 => "chacha20-poly1305@openssh.com",
            Self::Aes128Gcm => "aes128-gcm@openssh.com",
            Self::Aes256Gcm => "aes256-gcm@openssh.com",
            Self::Aes128Ctr => "aes128-ctr",
            Self::Aes192Ctr => "aes192-ctr",
            Self::Aes256Ctr => "aes256-ctr",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.name() == name)
    }

    /// Whether a MAC is negotiated beside it.
    pub(crate) fn needs_mac(self) -> bool {
        matches!(self, Self::Aes128Ctr | Self::Aes192Ctr | Self::Aes256Ctr)
    }

    pub(crate) fn key_bytes(self) -> usize {
        match self {
            Self::ChaCha20Poly1305 => 64,
            Self::Aes128Gcm | Self::Aes128Ctr => 16,
            Self::Aes192Ctr => 24,
            Self::Aes256Gcm | Self::Aes256Ctr => 32,
        }
    }

    pub(crate) fn iv_bytes(self) -> usize {
        match self {
            Self::ChaCha20Poly1305 => 0,
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
            Self::Aes128Ctr | Self::Aes192Ctr | Self::Aes256Ctr => 16,
        }
    }
}

/// A message authentication code, for ciphers that have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mac {
    /// `hmac-sha2-256-etm@openssh.com`
    Sha256Etm,
    /// `hmac-sha2-512-etm@openssh.com`
    Sha512Etm,
    /// `hmac-sha2-256`
    Sha256,
    /// `hmac-sha2-512`
    Sha512,
}

impl Mac {
    /// All of them, the preferred ones first.
    pub const ALL: [Self; 4] = [Self::Sha256Etm, Self::Sha512Etm, Self::Sha256, Self::Sha512];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256Etm => "hmac-sha2-256-etm@openssh.com",
            Self::Sha512Etm => "hmac-sha2-512-etm@openssh.com",
            Self::Sha256 => "hmac-sha2-256",
            Self::Sha512 => "hmac-sha2-512",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mac| mac.name() == name)
    }

    /// Over the encrypted packet, whose length is then sent in clear.
    pub(crate) fn encrypts_first(self) -> bool {
        matches!(self, Self::Sha256Etm | Self::Sha512Etm)
    }

    pub(crate) fn algorithm(self) -> hmac::Algorithm {
        match self {
            Self::Sha256Etm | Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512Etm | Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    /// Bytes of the key, and of the code.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Sha256Etm | Self::Sha256 => 32,
            Self::Sha512Etm | Self::Sha512 => 64,
        }
    }
}
