//! Reading the body of one message from front to back.

use super::{Formats, TypeOids, Values, WireError};

/// What is left of one message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    message: &'static str,
}

impl<'a> Reader<'a> {
    /// `message`: its name in the specification, for errors.
    pub(super) fn new(message: &'static str, body: &'a [u8]) -> Self {
        Self {
            rest: body,
            message,
        }
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(bytes)
            .ok_or_else(|| self.truncated())?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| self.truncated())?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Result<i16, WireError> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, WireError> {
        self.array().map(i32::from_be_bytes)
    }

    /// A text up to its terminating zero, which is consumed and not part of it.
    pub(super) fn text(&mut self) -> Result<&'a [u8], WireError> {
        let unterminated = WireError::Unterminated {
            message: self.message,
        };
        let end = memchr::memchr(0, self.rest).ok_or(unterminated)?;
        let (text, rest) = self.rest.split_at_checked(end).ok_or(unterminated)?;
        self.rest = rest.get(1..).ok_or(unterminated)?;
        Ok(text)
    }

    /// A value behind its length; `None` is NULL.
    pub(super) fn value(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        match value_length(self.i32()?, self.message)? {
            None => Ok(None),
            Some(length) => self.take(length as usize).map(Some),
        }
    }

    /// A count and that many values, all of them checked.
    pub(super) fn values(&mut self) -> Result<Values<'a>, WireError> {
        let count = self.u16()?;
        let start = self.rest;
        for _ in 0..count {
            self.value()?;
        }
        Ok(Values::new(start, self.rest.len(), count))
    }

    /// A count and that many format codes.
    pub(super) fn formats(&mut self) -> Result<Formats<'a>, WireError> {
        let count = usize::from(self.u16()?);
        self.take(2 * count).map(Formats::new)
    }

    /// A count and that many type OIDs.
    pub(super) fn type_oids(&mut self) -> Result<TypeOids<'a>, WireError> {
        let count = usize::from(self.u16()?);
        self.take(4 * count).map(TypeOids::new)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Refuses bytes that are left over.
    pub(super) fn finish(self) -> Result<(), WireError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(WireError::TrailingBytes {
            message: self.message,
            bytes: self.rest.len(),
        })
    }

    pub(super) fn invalid(&self, problem: &'static str) -> WireError {
        WireError::Invalid {
            message: self.message,
            problem,
        }
    }

    fn truncated(&self) -> WireError {
        WireError::Truncated {
            message: self.message,
        }
    }
}

/// A value's length word: `None` is NULL (−1), any other negative number is refused.
pub(super) fn value_length(raw: i32, message: &'static str) -> Result<Option<u32>, WireError> {
    match u32::try_from(raw) {
        Ok(length) => Ok(Some(length)),
        Err(_) if raw == -1 => Ok(None),
        Err(_) => Err(WireError::ValueLength {
            message,
            length: raw,
        }),
    }
}
