//! Counted lists inside messages. They are checked when the message is parsed, so that walking them cannot fail.

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Code 0.
    Text,
    /// Code 1.
    Binary,
    /// A code that the protocol does not define; the server decides what becomes of it.
    Other(i16),
}

impl From<i16> for Format {
    fn from(code: i16) -> Self {
        match code {
            0 => Self::Text,
            1 => Self::Binary,
            other => Self::Other(other),
        }
    }
}

/// Format codes of parameters or columns, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats<'a>(&'a [[u8; 2]]);

impl<'a> Formats<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.as_chunks().0)
    }

    /// How many codes were given, which may be fewer than there are values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none was given, which means text for all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The codes in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Format> + use<'a> {
        self.0.iter().map(|code| i16::from_be_bytes(*code).into())
    }

    /// The format of the value at `index`: no codes mean text for all, one code is for all
    /// (specification: Bind). An index beyond the codes is text.
    pub fn of(&self, index: usize) -> Format {
        let code = match self.0 {
            [one] => Some(one),
            codes => codes.get(index),
        };
        code.map_or(Format::Text, |code| i16::from_be_bytes(*code).into())
    }
}

/// OIDs of parameter types, in order; 0 leaves a type to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeOids<'a>(&'a [[u8; 4]]);

impl<'a> TypeOids<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.as_chunks().0)
    }

    /// The OIDs in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.0.iter().map(|oid| u32::from_be_bytes(*oid))
    }
}

/// Values in order, each behind its length; `None` is NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Values<'a> {
    bytes: &'a [u8],
    count: u16,
}

impl<'a> Values<'a> {
    /// `start` must have been walked: `count` values lie before its last `left` bytes.
    pub(super) fn new(start: &'a [u8], left: usize, count: u16) -> Self {
        let end = start.len().saturating_sub(left);
        Self {
            bytes: start.get(..end).unwrap_or_default(),
            count,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Bytes of all of them, each with its length word.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The values in order.
    pub fn iter(&self) -> ValuesIter<'a> {
        ValuesIter {
            rest: self.bytes,
            count: self.count,
        }
    }
}

impl<'a> IntoIterator for &Values<'a> {
    type Item = Option<&'a [u8]>;
    type IntoIter = ValuesIter<'a>;

    fn into_iter(self) -> ValuesIter<'a> {
        self.iter()
    }
}

/// Walks [`Values`].
#[derive(Clone, Debug)]
pub struct ValuesIter<'a> {
    rest: &'a [u8],
    count: u16,
}

impl<'a> Iterator for ValuesIter<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        self.count = self.count.checked_sub(1)?;
        let (length, rest) = self.rest.split_first_chunk()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            self.rest = rest;
            return Some(None);
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Some(value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.count), Some(usize::from(self.count)))
    }
}

impl ExactSizeIterator for ValuesIter<'_> {}

#[cfg(test)]
mod tests {
    use super::{Format, Formats};

    #[test]
    fn one_code_is_for_all_and_none_means_text() {
        assert_eq!(Formats::new(&[]).of(3), Format::Text);
        assert_eq!(Formats::new(&[0, 1]).of(3), Format::Binary);
        let two = Formats::new(&[0, 0, 0, 7]);
        assert_eq!(two.of(0), Format::Text);
        assert_eq!(two.of(1), Format::Other(7));
        assert_eq!(two.of(2), Format::Text);
        assert_eq!(
            two.iter().collect::<Vec<_>>(),
            [Format::Text, Format::Other(7)]
        );
    }
}
