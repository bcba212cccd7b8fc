//! `Query`, tag `Q`.

use super::super::writer;
use super::{Reader, WireError, tag};

const NAME: &str = "Query";

/// Runs one or several statements, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// Their text.
    pub text: &'a [u8],
}

impl<'a> Query<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(NAME, body);
        let text = reader.text()?;
        reader.finish()?;
        Ok(Self { text })
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        writer::frame(out, Some(tag::QUERY), NAME, |out| {
            writer::text(out, self.text, NAME)
        })
    }
}
