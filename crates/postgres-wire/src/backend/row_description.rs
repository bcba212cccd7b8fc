//! `RowDescription`, tag `T`.

use super::super::Format;
use super::{Reader, WireError};

/// The columns of the rows that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowDescription<'a> {
    fields: Reader<'a>,
    count: u16,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its output name.
    pub name: &'a [u8],
    /// OID of the table that it is a plain column of; 0 when it is an expression.
    pub table_oid: u32,
    /// Its number in that table, from 1; 0 when it is an expression.
    pub column_number: i16,
    /// OID of its type.
    pub type_oid: u32,
    /// Size of its type in bytes (`pg_type.typlen`); negative when it varies.
    pub type_size: i16,
    /// Type modifier (`pg_attribute.atttypmod`).
    pub type_modifier: i32,
    /// How its values are written. Text in the answer to Describe of a statement, where it is not known yet.
    pub format: Format,
}

impl<'a> RowDescription<'a> {
    /// Reads the body and walks every field.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("RowDescription", body);
        let count = reader.u16()?;
        let fields = reader;
        for _ in 0..count {
            field(&mut reader)?;
        }
        reader.finish()?;
        Ok(Self { fields, count })
    }

    /// The columns in order.
    pub fn fields(&self) -> RowFields<'a> {
        RowFields {
            rest: self.fields,
            count: self.count,
        }
    }
}

/// Walks the columns of a [`RowDescription`].
#[derive(Clone, Debug)]
pub struct RowFields<'a> {
    rest: Reader<'a>,
    count: u16,
}

impl<'a> Iterator for RowFields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        self.count = self.count.checked_sub(1)?;
        field(&mut self.rest).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.count), Some(usize::from(self.count)))
    }
}

impl ExactSizeIterator for RowFields<'_> {}

fn field<'a>(reader: &mut Reader<'a>) -> Result<Field<'a>, WireError> {
    Ok(Field {
        name: reader.text()?,
        table_oid: reader.u32()?,
        column_number: reader.i16()?,
        type_oid: reader.u32()?,
        type_size: reader.i16()?,
        type_modifier: reader.i32()?,
        format: Format::from(reader.i16()?),
    })
}
