//! `CopyFail`, tag `f`.

use super::{Reader, WireError};

/// COPY input is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyFail<'a> {
    /// Why; the server repeats it in its error.
    pub reason: &'a [u8],
}

impl<'a> CopyFail<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("CopyFail", body);
        let reason = reader.text()?;
        reader.finish()?;
        Ok(Self { reason })
    }
}
