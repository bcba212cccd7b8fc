//! Data types of the protocol (RFC 4251 section 5).

use bytes::{BufMut, BytesMut};

use crate::error::WireError;

/// Takes values off the front of a message.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// At the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// `byte`
    pub fn byte(&mut self) -> Result<u8, WireError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// `boolean`: all values but 0 are true.
    pub fn boolean(&mut self) -> Result<bool, WireError> {
        Ok(self.byte()? != 0)
    }

    /// `uint32`
    pub fn uint32(&mut self) -> Result<u32, WireError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// `uint64`
    pub fn uint64(&mut self) -> Result<u64, WireError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// `byte[N]`
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        self.take(count)
    }

    /// `string`
    pub fn string(&mut self) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(self.uint32()?).map_err(|_| WireError::Truncated)?;
        self.take(length)
    }

    /// A `string` that is UTF-8.
    pub fn text(&mut self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.string()?).map_err(|_| WireError::NotUtf8)
    }

    /// What is left.
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may be left.
    pub fn end(self) -> Result<(), WireError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(WireError::Trailing)
        }
    }
}

/// Appends values to a message.
pub trait Put {
    /// `byte`
    fn byte(&mut self, value: u8) -> &mut Self;
    /// `boolean`
    fn boolean(&mut self, value: bool) -> &mut Self;
    /// `uint32`
    fn uint32(&mut self, value: u32) -> &mut Self;
    /// `uint64`
    fn uint64(&mut self, value: u64) -> &mut Self;
    /// `byte[n]`
    fn raw(&mut self, value: &[u8]) -> &mut Self;
    /// `string`. What is longer than 4 GiB is cut, which no caller has.
    fn string(&mut self, value: impl AsRef<[u8]>) -> &mut Self;
    /// `mpint` of a number that is not negative, most significant byte first.
    fn mpint(&mut self, number: &[u8]) -> &mut Self;
}

impl<B: BufMut + Extendable> Put for B {
    fn byte(&mut self, value: u8) -> &mut Self {
        self.put_u8(value);
        self
    }

    fn boolean(&mut self, value: bool) -> &mut Self {
        self.put_u8(u8::from(value));
        self
    }

    fn uint32(&mut self, value: u32) -> &mut Self {
        self.put_u32(value);
        self
    }

    fn uint64(&mut self, value: u64) -> &mut Self {
        self.put_u64(value);
        self
    }

    fn raw(&mut self, value: &[u8]) -> &mut Self {
        self.put_slice(value);
        self
    }

    fn string(&mut self, value: impl AsRef<[u8]>) -> &mut Self {
        let value = value.as_ref();
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        let value = value.get(..length as usize).unwrap_or(value);
        self.put_u32(length);
        self.put_slice(value);
        self
    }

    fn mpint(&mut self, number: &[u8]) -> &mut Self {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let digits = number.get(zeros..).unwrap_or_default();
        let sign = usize::from(digits.first().is_some_and(|first| first & 0x80 != 0));
        let length = u32::try_from(digits.len() + sign).unwrap_or(u32::MAX);
        self.put_u32(length);
        if sign == 1 {
            self.put_u8(0);
        }
        self.put_slice(digits);
        self
    }
}

/// Buffers that grow, so that nothing put into them can fail.
pub trait Extendable {}
impl Extendable for Vec<u8> {}
impl Extendable for BytesMut {}

/// Names of a `name-list`, at most `MAX_NAMES` of them.
pub(crate) fn names(list: &[u8]) -> Result<impl Iterator<Item = &str>, WireError> {
    let list = std::str::from_utf8(list).map_err(|_| WireError::NotUtf8)?;
    if !list.is_ascii() || list.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(WireError::NotUtf8);
    }
    if list.len() > MAX_NAME_LIST_BYTES {
        return Err(WireError::TooLong("name-list"));
    }
    Ok(list.split(',').filter(|name| !name.is_empty()))
}

/// Longest name-list that is read. OpenSSH's longest has about 500 bytes.
const MAX_NAME_LIST_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::{Put, Reader, names};
    use crate::error::WireError;

    /// The examples of RFC 4251 section 5.
    #[test]
    fn numbers_of_any_size() {
        let cases: [(&[u8], &[u8]); 5] = [
            (&[], &[0, 0, 0, 0]),
            (
                &[0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
                &[0, 0, 0, 8, 0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
            ),
            (&[0x80], &[0, 0, 0, 2, 0, 0x80]),
            (&[0, 0, 0x7f], &[0, 0, 0, 1, 0x7f]),
            (&[0, 0], &[0, 0, 0, 0]),
        ];
        for (number, encoded) in cases {
            let mut out = Vec::new();
            out.mpint(number);
            assert_eq!(out, encoded, "{number:?}");
        }
    }

    #[test]
    fn what_runs_out_is_an_error() {
        let mut whole = Vec::new();
        whole
            .byte(7)
            .boolean(true)
            .uint32(9)
            .uint64(10)
            .string("testing");
        let read = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            let values = (
                reader.byte()?,
                reader.boolean()?,
                reader.uint32()?,
                reader.uint64()?,
                reader.text()?.to_owned(),
            );
            reader.end()?;
            Ok(values)
        };
        assert_eq!(read(&whole), Ok((7, true, 9, 10, "testing".to_owned())));
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), Err(WireError::Truncated));
        }
        whole.push(0);
        assert_eq!(read(&whole), Err(WireError::Trailing));
    }

    #[test]
    fn name_lists() {
        let read = |list: &str| {
            names(list.as_bytes()).map(|names| names.map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(read("").unwrap(), Vec::<String>::new());
        assert_eq!(read("zlib,none").unwrap(), ["zlib", "none"]);
        assert!(read("a\nb").is_err() && read("ä").is_err());
        assert!(read(&"a,".repeat(5000)).is_err());
    }
}
