//! `ParameterStatus`, tag `S`.

use super::super::writer;
use super::{Reader, WireError, tag};

const NAME: &str = "ParameterStatus";

/// The value of a run-time parameter that clients need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterStatus<'a> {
    /// For example `client_encoding`.
    pub name: &'a [u8],
    /// Its value now.
    pub value: &'a [u8],
}

impl<'a> ParameterStatus<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(NAME, body);
        let status = Self {
            name: reader.text()?,
            value: reader.text()?,
        };
        reader.finish()?;
        Ok(status)
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        writer::frame(out, Some(tag::PARAMETER_STATUS), NAME, |out| {
            writer::text(out, self.name, NAME)?;
            writer::text(out, self.value, NAME)
        })
    }
}
