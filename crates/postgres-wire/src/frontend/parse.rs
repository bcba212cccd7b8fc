//! `Parse`, tag `P`.

use super::super::{TypeOids, writer};
use super::{Reader, WireError, tag};

const NAME: &str = "Parse";

/// Prepares a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parse<'a> {
    /// The statement's name; empty is the unnamed one.
    pub name: &'a [u8],
    /// Its text.
    pub text: &'a [u8],
    /// Types of its parameters, where the client says them.
    pub types: TypeOids<'a>,
}

impl<'a> Parse<'a> {
    /// Reads the body.
    #[expect(
        clippy::self_named_constructors,
        reason = "every message is read by `parse`, and this one is called so too"
    )]
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(NAME, body);
        let parse = Self {
            name: reader.text()?,
            text: reader.text()?,
            types: reader.type_oids()?,
        };
        reader.finish()?;
        Ok(parse)
    }

    /// Appends the message; `types` may have fewer than the statement has parameters.
    pub fn encode(
        name: &[u8],
        text: &[u8],
        types: &[u32],
        out: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        writer::frame(out, Some(tag::PARSE), NAME, |out| {
            writer::text(out, name, NAME)?;
            writer::text(out, text, NAME)?;
            let count =
                u16::try_from(types.len()).map_err(|_| WireError::Oversized { message: NAME })?;
            out.extend(count.to_be_bytes());
            out.extend(types.iter().flat_map(|oid| oid.to_be_bytes()));
            Ok(())
        })
    }
}
