use super::format_preserving::{Alphabet, preserve};
use super::key::ScopeKey;
use super::partial::hide;
use super::token::{hexadecimal, token};
use crate::error::MaskError;

/// Longest fixed text.
pub const MAX_REDACTION_BYTES: usize = 256;
/// Longest prefix of a token.
pub const MAX_TOKEN_PREFIX_BYTES: usize = 32;
/// What stands where a text was removed and policy names no other.
pub(crate) const REDACTED: &[u8] = b"[redacted]";

/// What takes the place of a sensitive value.
#[derive(Clone, Debug)]
pub struct Transform {
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Redact(Box<str>),
    Partial {
        first: usize,
        last: usize,
        mask: char,
    },
    Token {
        key: ScopeKey,
        prefix: Box<str>,
    },
    FormatPreserving {
        key: ScopeKey,
        alphabet: Alphabet,
    },
    Hash {
        key: ScopeKey,
    },
    Null,
}

impl Transform {
    /// A fixed text. Where the type holds no text, NULL.
    ///
    /// # Errors
    /// [`MaskError::Redaction`] for a text longer than [`MAX_REDACTION_BYTES`] or with a control character.
    pub fn redact(text: &str) -> Result<Self, MaskError> {
        if text.len() > MAX_REDACTION_BYTES || text.chars().any(char::is_control) {
            return Err(MaskError::Redaction(MAX_REDACTION_BYTES));
        }
        Ok(Kind::Redact(text.into()).into())
    }

    /// The first and last so many characters, with `mask` for each other one. A text that is not longer than both
    /// together is masked whole. In numbers, zeros are for hidden digits.
    ///
    /// # Errors
    /// [`MaskError::MaskCharacter`] for one that is a control character or would need escapes.
    pub fn partial(first: usize, last: usize, mask: char) -> Result<Self, MaskError> {
        if mask.is_control() || matches!(mask, '"' | '\'' | '\\' | '<' | '>' | '&') {
            return Err(MaskError::MaskCharacter);
        }
        Ok(Kind::Partial { first, last, mask }.into())
    }

    /// A prefix and 26 letters and digits, which are a function of value and key: values can still be joined and
    /// counted. In numbers, another number; of `uuid`, another one of version 8.
    ///
    /// # Errors
    /// [`MaskError::TokenPrefix`] for a prefix longer than [`MAX_TOKEN_PREFIX_BYTES`] or of other characters than
    /// letters, digits, `_`, `-`, `.` and `:`.
    pub fn token(key: &ScopeKey, prefix: &str) -> Result<Self, MaskError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        if prefix.len() > MAX_TOKEN_PREFIX_BYTES || !prefix.bytes().all(plain) {
            return Err(MaskError::TokenPrefix(MAX_TOKEN_PREFIX_BYTES));
        }
        Ok(Kind::Token {
            key: key.clone(),
            prefix: prefix.into(),
        }
        .into())
    }

    /// Another text of the same form (FF1). NULL where the text has other characters than the alphabet's and
    /// separators, where fewer than a million texts have its form, or where it is longer than 512 characters.
    pub fn format_preserving(key: &ScopeKey, alphabet: Alphabet) -> Self {
        Kind::FormatPreserving {
            key: key.clone(),
            alphabet,
        }
        .into()
    }

    /// HMAC-SHA-256 of the value, in hexadecimal digits. In numbers, another number.
    pub fn hash(key: &ScopeKey) -> Self {
        Kind::Hash { key: key.clone() }.into()
    }

    /// NULL.
    pub fn null() -> Self {
        Kind::Null.into()
    }

    pub(crate) fn text(&self, text: &[u8]) -> Option<Vec<u8>> {
        match &self.kind {
            Kind::Redact(fixed) => Some(fixed.as_bytes().to_vec()),
            Kind::Partial { first, last, mask } => hide(text, *first, *last, *mask),
            Kind::Token { key, prefix } => Some(token(prefix, key.token(text)?)),
            Kind::FormatPreserving { key, alphabet } => preserve(key, *alphabet, text),
            Kind::Hash { key } => Some(hexadecimal(&key.hash(text))),
            Kind::Null => None,
        }
    }

    /// Sixteen bytes in the place of a UUID's.
    pub(crate) fn uuid(&self, uuid: [u8; 16]) -> Option<[u8; 16]> {
        let drawn = match &self.kind {
            Kind::Token { key, .. } => key.token(&uuid)?,
            Kind::Hash { key } => *key.hash(&uuid).first_chunk()?,
            Kind::FormatPreserving { key, .. } => {
                let text = preserve(key, Alphabet::Hexadecimal, &hexadecimal(&uuid))?;
                let text = std::str::from_utf8(&text).ok()?;
                return u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes);
            }
            Kind::Redact(_) | Kind::Partial { .. } | Kind::Null => return None,
        };
        let mut number = u128::from_be_bytes(drawn);
        // Version 8 and variant 10 (RFC 9562 section 5.8): a custom one.
        number = number & !(0xf << 76) | (0x8 << 76);
        number = number & !(0x3 << 62) | (0x2 << 62);
        Some(number.to_be_bytes())
    }

    /// Whether the transform says something of texts only as a whole: a token of a document, but no part of one.
    pub(crate) fn takes_documents(&self) -> bool {
        matches!(
            self.kind,
            Kind::Redact(_) | Kind::Token { .. } | Kind::Hash { .. }
        )
    }
}

impl From<Kind> for Transform {
    fn from(kind: Kind) -> Self {
        Self { kind }
    }
}
