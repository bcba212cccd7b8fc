//! `FunctionCallResponse`, tag `V`.

use super::{Reader, WireError};

/// The result of a function call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionCallResponse<'a> {
    /// The value; `None` is NULL.
    pub value: Option<&'a [u8]>,
}

impl<'a> FunctionCallResponse<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("FunctionCallResponse", body);
        let value = reader.value()?;
        reader.finish()?;
        Ok(Self { value })
    }
}
