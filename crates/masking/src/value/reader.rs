//! Big-endian fields of binary values.

/// What is left of a value.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn remaining(self) -> usize {
        self.rest.len()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    pub(crate) fn int16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn int32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn uint32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A length and so many bytes; -1 is NULL.
    pub(crate) fn field(&mut self) -> Option<Field<'a>> {
        match self.int32()? {
            -1 => Some(Field(None)),
            length => {
                let length = usize::try_from(length).ok()?;
                self.bytes(length).map(|value| Field(Some(value)))
            }
        }
    }
}

/// A value in another one, or NULL.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a>(pub(crate) Option<&'a [u8]>);

/// Appends a field as [`Reader::field`] reads it. Nothing where the value is too long to have a length.
pub(crate) fn write_field(out: &mut Vec<u8>, value: Option<&[u8]>) -> Option<()> {
    match value {
        None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
        Some(value) => {
            out.extend_from_slice(&i32::try_from(value.len()).ok()?.to_be_bytes());
            out.extend_from_slice(value);
        }
    }
    Some(())
}
