//! `PasswordMessage`, `SASLInitialResponse` and `SASLResponse`: one tag `p`, told apart by what the server asked for.

use std::fmt;

use super::super::writer;
use super::{Reader, WireError, tag};

const PASSWORD: &str = "PasswordMessage";
const SASL_INITIAL: &str = "SASLInitialResponse";
const SASL_RESPONSE: &str = "SASLResponse";

/// The answer to a cleartext or MD5 request. Not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PasswordMessage<'a> {
    /// The password, or `md5` and the hash.
    pub password: &'a [u8],
}

impl<'a> PasswordMessage<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(PASSWORD, body);
        let password = reader.text()?;
        reader.finish()?;
        Ok(Self { password })
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        writer::frame(out, Some(tag::PASSWORD), PASSWORD, |out| {
            writer::text(out, self.password, PASSWORD)
        })
    }
}

impl fmt::Debug for PasswordMessage<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct(PASSWORD).finish_non_exhaustive()
    }
}

/// The choice of a SASL mechanism, usually with its first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaslInitialResponse<'a> {
    /// Name of the mechanism.
    pub mechanism: &'a [u8],
    /// The mechanism's first message; `None` when the client sent none.
    pub data: Option<&'a [u8]>,
}

impl<'a> SaslInitialResponse<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(SASL_INITIAL, body);
        let mechanism = reader.text()?;
        let data = reader.value()?;
        reader.finish()?;
        Ok(Self { mechanism, data })
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        writer::frame(out, Some(tag::PASSWORD), SASL_INITIAL, |out| {
            writer::text(out, self.mechanism, SASL_INITIAL)?;
            let Some(data) = self.data else {
                out.extend((-1_i32).to_be_bytes());
                return Ok(());
            };
            let length = i32::try_from(data.len()).map_err(|_| WireError::Oversized {
                message: SASL_INITIAL,
            })?;
            out.extend(length.to_be_bytes());
            out.extend_from_slice(data);
            Ok(())
        })
    }
}

/// Appends a `SASLResponse`, whose body is the mechanism's message and nothing else.
pub fn encode_sasl_response(data: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    writer::frame(out, Some(tag::PASSWORD), SASL_RESPONSE, |out| {
        out.extend_from_slice(data);
        Ok(())
    })
}
