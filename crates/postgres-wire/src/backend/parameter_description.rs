//! `ParameterDescription`, tag `t`.

use super::super::TypeOids;
use super::{Reader, WireError};

/// Types of a statement's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterDescription<'a> {
    /// The types in order.
    pub types: TypeOids<'a>,
}

impl<'a> ParameterDescription<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("ParameterDescription", body);
        let types = reader.type_oids()?;
        reader.finish()?;
        Ok(Self { types })
    }
}
