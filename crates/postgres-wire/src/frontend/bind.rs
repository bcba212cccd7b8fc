//! `Bind`, tag `B`.

use super::super::{Format, Formats, Values};
use super::{Reader, WireError};

/// Makes a portal of a prepared statement and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The portal's name; empty is the unnamed one.
    pub portal: &'a [u8],
    /// The statement's name; empty is the unnamed one.
    pub statement: &'a [u8],
    /// Formats of the parameters: none, one for all, or one for each.
    pub parameter_formats: Formats<'a>,
    /// Values of the parameters; `None` is NULL.
    pub values: Values<'a>,
    /// Formats wanted for the result's columns: none, one for all, or one for each.
    pub result_formats: Formats<'a>,
}

impl<'a> Bind<'a> {
    /// Reads the body and walks every value.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("Bind", body);
        let bind = Self {
            portal: reader.text()?,
            statement: reader.text()?,
            parameter_formats: reader.formats()?,
            values: reader.values()?,
            result_formats: reader.formats()?,
        };
        let formats = bind.parameter_formats.len();
        if formats > 1 && formats != bind.values.len() {
            return Err(reader.invalid("the numbers of parameters and of their formats differ"));
        }
        reader.finish()?;
        Ok(bind)
    }

    /// The parameters in order, each with its format; `None` is NULL.
    pub fn parameters(
        &self,
    ) -> impl ExactSizeIterator<Item = (Format, Option<&'a [u8]>)> + use<'a> {
        let formats = self.parameter_formats;
        self.values
            .iter()
            .enumerate()
            .map(move |(index, value)| (formats.of(index), value))
    }
}
