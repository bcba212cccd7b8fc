//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), both sides, without any I/O.
//!
//! Messages in, messages out. Nonces are arguments, and so is the end point of the TLS channel (RFC 5929 section 4).
//! The username inside the messages is not used by PostgreSQL; who it is about is the caller's to know.
//!
//! Server: [`ServerExchange::start`] → [`ServerExchange::challenge`] → [`ServerExchange::finish`] → [`ClientProof::check`].
//! Client: [`ChannelBinding::choose`] → [`ClientExchange::new`] → [`ClientExchange::first`] →
//! [`ClientExchange::respond`] → [`ClientExchange::finish`].

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod attributes;
mod binding;
mod client;
mod error;
mod keys;
mod server;

pub use binding::ChannelBinding;
pub use client::{ClientExchange, MAX_ITERATIONS};
pub use error::ScramError;
pub use keys::Verifier;
pub use server::{ClientProof, ServerExchange};

/// Name of the mechanism without channel binding.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";
/// Name of the mechanism with channel binding.
pub const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";
/// Longest message that is looked at, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 8 << 10;

#[cfg(test)]
mod tests;
