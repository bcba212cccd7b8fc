//! Messages as RFC 5802 section 7 writes them: `a=value,b=value`, in a fixed order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{MAX_MESSAGE_BYTES, ScramError};

/// The attributes of one message, taken from front to back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a> {
    /// `None` once everything is taken.
    rest: Option<&'a str>,
    message: &'static str,
}

impl<'a> Attributes<'a> {
    /// `message`: its name in the specification, for errors.
    pub(crate) fn new(message: &'static str, bytes: &'a [u8]) -> Result<Self, ScramError> {
        let attributes = Self {
            rest: None,
            message,
        };
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(attributes.malformed("it is too long"));
        }
        let text =
            std::str::from_utf8(bytes).map_err(|_| attributes.malformed("it is not UTF-8"))?;
        if text.contains('\0') {
            return Err(attributes.malformed("it has a zero byte"));
        }
        Ok(Self {
            rest: Some(text),
            message,
        })
    }

    /// What is left, as text.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest.unwrap_or_default()
    }

    /// The text up to the next comma, which is passed over.
    pub(crate) fn part(&mut self) -> Result<&'a str, ScramError> {
        let rest = self
            .rest
            .ok_or_else(|| self.malformed("it ends too early"))?;
        let (part, rest) = match rest.split_once(',') {
            Some((part, rest)) => (part, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        Ok(part)
    }

    /// The value of the next attribute, which must have this name. A mandatory extension is refused.
    pub(crate) fn take(
        &mut self,
        name: char,
        problem: &'static str,
    ) -> Result<&'a str, ScramError> {
        let part = self.part()?;
        if part.starts_with("m=") {
            return Err(ScramError::Extension);
        }
        part.strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('='))
            .ok_or_else(|| self.malformed(problem))
    }

    /// Passes over the extensions that are left. They are optional, so they are ignored (RFC 5802 section 5.1),
    /// but their form is held to.
    pub(crate) fn finish(mut self) -> Result<(), ScramError> {
        while self.rest.is_some() {
            self.extension()?;
        }
        Ok(())
    }

    fn extension(&mut self) -> Result<(), ScramError> {
        let part = self.part()?;
        match part.as_bytes() {
            [b'm', b'=', ..] => Err(ScramError::Extension),
            [name, b'=', _, ..] if name.is_ascii_alphabetic() => Ok(()),
            _ => Err(self.malformed("an extension is not of the form a=value")),
        }
    }

    pub(crate) fn malformed(&self, problem: &'static str) -> ScramError {
        ScramError::Malformed {
            message: self.message,
            problem,
        }
    }

    /// Decodes base64, padding required and nothing left over.
    pub(crate) fn base64(&self, text: &str) -> Result<Vec<u8>, ScramError> {
        STANDARD
            .decode(text)
            .map_err(|_| self.malformed("it has bad base64"))
    }

    /// Decodes a proof or signature.
    pub(crate) fn hash(&self, text: &str) -> Result<[u8; 32], ScramError> {
        self.base64(text)?
            .try_into()
            .map_err(|_| self.malformed("a proof or signature has the wrong length"))
    }
}

pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Printable ASCII without comma, and not empty.
pub(crate) fn is_nonce(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b',')
}
