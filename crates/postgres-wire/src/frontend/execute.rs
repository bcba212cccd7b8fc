//! `Execute`, tag `E`.

use super::{Reader, WireError};

/// Runs a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execute<'a> {
    /// The portal's name; empty is the unnamed one.
    pub portal: &'a [u8],
    /// How many rows to return before suspending; 0 and below mean all.
    pub max_rows: i32,
}

impl<'a> Execute<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("Execute", body);
        let execute = Self {
            portal: reader.text()?,
            max_rows: reader.i32()?,
        };
        reader.finish()?;
        Ok(execute)
    }
}
