//! `CopyInResponse`, `CopyOutResponse` and `CopyBothResponse`, tags `G`, `H` and `W`: they differ in the tag only.

use super::super::{Format, Formats};
use super::{Reader, WireError};

/// How COPY data will be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyResponse<'a> {
    /// Lines of text, or the binary COPY format.
    pub format: Format,
    /// The format of each column.
    pub columns: Formats<'a>,
}

impl<'a> CopyResponse<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("CopyResponse", body);
        let format = Format::from(i16::from(reader.u8()?));
        let columns = reader.formats()?;
        reader.finish()?;
        Ok(Self { format, columns })
    }
}
