//! `FunctionCall`, tag `F`: the oldest way to call a function, past every statement.

use super::super::{Format, Formats, Values};
use super::{Reader, WireError};

/// Calls a function by OID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionCall<'a> {
    /// OID of the function.
    pub function_oid: u32,
    /// Formats of the arguments: none, one for all, or one for each.
    pub argument_formats: Formats<'a>,
    /// The arguments; `None` is NULL.
    pub arguments: Values<'a>,
    /// The format wanted for the result.
    pub result_format: Format,
}

impl<'a> FunctionCall<'a> {
    /// Reads the body and walks every argument.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("FunctionCall", body);
        let call = Self {
            function_oid: reader.u32()?,
            argument_formats: reader.formats()?,
            arguments: reader.values()?,
            result_format: Format::from(reader.i16()?),
        };
        let formats = call.argument_formats.len();
        if formats > 1 && formats != call.arguments.len() {
            return Err(reader.invalid("the numbers of arguments and of their formats differ"));
        }
        reader.finish()?;
        Ok(call)
    }
}
