//! `Describe` and `Close`, tags `D` and `C`: they differ in the tag only.

use super::{Reader, WireError};

/// A prepared statement or a portal, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// Which of the two.
    pub kind: TargetKind,
    /// Its name; empty is the unnamed one.
    pub name: &'a [u8],
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A prepared statement, `S`.
    Statement,
    /// A portal, `P`.
    Portal,
}

impl<'a> Target<'a> {
    pub(super) fn parse(message: &'static str, body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(message, body);
        let kind = match reader.u8()? {
            b'S' => TargetKind::Statement,
            b'P' => TargetKind::Portal,
            _ => return Err(reader.invalid("it names neither a statement nor a portal")),
        };
        let name = reader.text()?;
        reader.finish()?;
        Ok(Self { kind, name })
    }
}
