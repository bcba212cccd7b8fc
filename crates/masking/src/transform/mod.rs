mod cmac;
mod ff1;
mod format_preserving;
mod key;
mod kind;
mod number;
mod partial;
mod token;

pub use format_preserving::Alphabet;
pub use key::ScopeKey;
pub(crate) use kind::REDACTED;
pub use kind::{MAX_REDACTION_BYTES, MAX_TOKEN_PREFIX_BYTES, Transform};
pub(crate) use number::Range;
