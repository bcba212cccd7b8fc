//! `DataRow`, tag `D`.

use super::{Reader, Values, WireError};

pub(super) const NAME: &str = "DataRow";

/// One row of a result, all of its fields checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataRow<'a> {
    values: Values<'a>,
}

impl<'a> DataRow<'a> {
    /// Reads the body and walks every field.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(NAME, body);
        let values = reader.values()?;
        reader.finish()?;
        Ok(Self { values })
    }

    /// Bytes of the fields, each with its length.
    pub fn bytes(&self) -> usize {
        self.values.size_bytes()
    }

    /// How many fields the row has.
    pub fn columns(&self) -> usize {
        self.values.len()
    }

    /// The fields in order; `None` is NULL.
    pub fn fields(&self) -> Values<'a> {
        self.values
    }
}
