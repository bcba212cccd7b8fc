//! Masks of sensitive values: what finds them, what takes their place, and how that looks in PostgreSQL's formats.
//!
//! No I/O, no clock, no randomness; keys are arguments.
//!
//! - [`Detectors`] finds payment cards, account numbers, addresses, tokens and keys in bytes, whole
//!   ([`Detectors::find`]) or as they come ([`Scanner`]), in linear time and bounded memory.
//! - [`Transform`] says what takes the place of a sensitive text: a fixed text, a part of it, a keyed token, another
//!   text of the same form, a keyed hash, or NULL.
//! - [`Mask`] applies a transform to a value of a [`PgType`] in a [`Format`]: to all of it, to what detectors find in
//!   it, or to places in JSON. What comes out parses as the type in that format, or is NULL.
//! - [`MaskedText`] does the same to what detectors find in a text as it comes.
//! - [`MaskedTerminal`] hides what detectors find in the output of a terminal, while somebody watches it.
//!
//! **Invariant**: where a value cannot be read as its type says, it is withheld and never passed.
//! **Invariant**: any chunking of a text gives the findings of the whole.
//! **Invariant**: what was hidden on a terminal takes as many columns as before, and no byte beside it changes.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod detect;
mod error;
mod terminal;
mod transform;
mod value;

pub use detect::{
    Detector, Detectors, Finding, MAX_PATTERN_BYTES, MAX_PATTERN_MATCH_BYTES, MAX_PATTERNS, Scanner,
};
pub use error::MaskError;
pub use terminal::{Flush, MaskedTerminal};
pub use transform::{Alphabet, MAX_REDACTION_BYTES, MAX_TOKEN_PREFIX_BYTES, ScopeKey, Transform};
pub use value::{
    Format, JsonPath, MAX_JSON_PATH_SEGMENTS, MAX_JSON_PATHS, Mask, Masked, MaskedText, PgType,
};
