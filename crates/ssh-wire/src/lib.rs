//! The SSH protocol, version 2, without any I/O: both roles, from the first byte to channel messages.
//!
//! Bytes in, payloads out; payloads in, bytes out. Nothing here reads a socket or a clock. Every byte is taken as hostile:
//! a length is checked before it is used, nothing panics, and what is kept has a limit.
//!
//! - [`Transport`] is one side of a connection (RFC 4253): identification, key exchange, encrypted packets, new keys.
//!   Strict key exchange (OpenSSH PROTOCOL section 1.10) is used with every peer that knows it, and ciphers that need it
//!   are refused with those that do not. There is no compression.
//! - [`message`] has the messages above it: authentication (RFC 4252, RFC 4256) and connection (RFC 4254).
//! - [`Window`] keeps count of what may be sent on a channel, and of what its receiver has taken.
//! - [`HostKey`] signs for a server; [`Certificate`] is what an SSH authority signs (OpenSSH PROTOCOL.certkeys).
//!
//! Cryptography is `aws-lc-rs` alone. Key exchanges over finite fields, CBC ciphers, SHA-1 and MD5 are not there.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod certificate;
mod cipher;
mod encoding;
mod error;
mod host_key;
mod identification;
mod kex;
pub mod message;
mod negotiation;
mod packet;
mod transport;
mod window;

pub use certificate::{Certificate, CertificateKind, Grant, MAX_CERTIFICATE_BYTES};
pub use cipher::{Cipher, Mac};
pub use custos_signatures::SshKey;
pub use encoding::{Put, Reader};
pub use error::{Broken, WireError};
pub use host_key::{HostKey, KeyError, PrivateKey, certified};
pub use identification::{MAX_IDENTIFICATION_BYTES, OURS};
pub use kex::Kex;
pub use negotiation::{Algorithms, Negotiated};
pub use packet::MAX_PACKET_BYTES;
pub use transport::{Peer, Role, Transport, Trust};
pub use window::Window;
