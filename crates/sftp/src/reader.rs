//! Reading a packet from front to back.

use crate::error::SftpError;
use crate::number;

/// Bytes of the length word before each packet.
pub(crate) const LENGTH_BYTES: usize = 4;

/// What is left of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    kind: u8,
}

impl<'a> Reader<'a> {
    /// At the value after the type of a whole packet, length word included.
    pub(crate) fn new(packet: &'a [u8]) -> Result<Self, SftpError> {
        let body = packet.get(LENGTH_BYTES..).unwrap_or_default();
        let (&kind, rest) = body.split_first().ok_or(SftpError::PacketEmpty)?;
        Ok(Self { rest, kind })
    }

    /// At the beginning of something that was read from a packet of type `kind`.
    pub(crate) fn inside(kind: u8, rest: &'a [u8]) -> Self {
        Self { rest, kind }
    }

    /// The packet's type.
    pub(crate) fn kind(&self) -> u8 {
        self.kind
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SftpError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(self.truncated())?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn uint32(&mut self) -> Result<u32, SftpError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn uint64(&mut self) -> Result<u64, SftpError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn string(&mut self) -> Result<&'a [u8], SftpError> {
        let length = usize::try_from(self.uint32()?).map_err(|_| self.truncated())?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(self.truncated())?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), SftpError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(SftpError::Trailing {
            packet: number::name(self.kind),
            bytes: self.rest.len(),
        })
    }

    fn truncated(&self) -> SftpError {
        SftpError::Truncated {
            packet: number::name(self.kind),
        }
    }
}
