//! The one verifier of JSON Web Tokens (RFC 7519) in Custos, without any I/O: no other code parses a token.
//!
//! A text becomes a [`Token`], which is well formed and proves nothing. [`IssuerKeys::verify`] judges it as one
//! [`Class`] under the issuer's record ([`Issuer`]) and is the only way to its claims ([`Verified`]).
//! Keys come from a [`KeySet`] (RFC 7517), which [`KeyCache`] keeps fresh without fetching anything on its own.
//! [`Signer`] makes the gateway's own tokens.
//!
//! The rules are those of RFC 8725 (best current practice), each class's own specification, and stricter where
//! that costs nobody: see [`Token::parse`], [`Class`] and [`Rejection`].

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod algorithm;
mod audience;
mod base64url;
mod claims;
mod class;
mod class_rules;
mod header;
mod issuer;
mod key;
mod key_cache;
mod key_event;
mod key_set;
mod material;
mod rejection;
mod replay;
mod signer;
mod thumbprint;
mod times;
mod token;
mod verified;
mod verify;

pub use algorithm::Algorithm;
pub use class::{Class, ClassName, Nonce};
pub use header::{Header, MAX_HEADER_BYTES};
pub use issuer::{ClassRule, Issuer, IssuerError, MAX_CLOCK_SKEW, MAX_TOKEN_AGE};
pub use key::{MAX_KEY_ID_BYTES, SkipReason, VerificationKey};
pub use key_cache::{
    Attempt, Due, KeyCache, KeyLookup, MAX_AGE_FOR_LOGINS, MAX_AGE_FOR_SESSIONS,
    MIN_REFRESH_INTERVAL, MISSING_KEY_MEMORY, REFRESH_INTERVAL,
};
pub use key_event::{FetchError, KeyEvent, KeyLabel, RefreshError};
pub use key_set::{KeySet, KeySetError, MAX_KEY_SET_BYTES, MAX_KEYS};
pub use rejection::Rejection;
pub use replay::ReplayCache;
pub use signer::{Signer, SignerError};
pub use token::{MAX_TOKEN_BYTES, Token};
pub use verified::Verified;
pub use verify::IssuerKeys;

/// Deepest nesting of objects and arrays in a token or key set, the outermost object counted.
pub const MAX_DEPTH: usize = 16;

/// One object with one meaning.
fn json(
    bytes: &[u8],
) -> Result<serde_json::Map<String, serde_json::Value>, custos_strict_json::JsonError> {
    custos_strict_json::object(bytes, custos_strict_json::Names::Exact, MAX_DEPTH)
}
