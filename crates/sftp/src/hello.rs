//! How a conversation begins (draft section 4).

use bytes::Bytes;

use crate::VERSION;
use crate::error::SftpError;
use crate::number;
use crate::reader::{LENGTH_BYTES, Reader};

/// SSH_FXP_INIT or SSH_FXP_VERSION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// What the client can speak at most, or what will be spoken.
    pub version: u32,
    extensions: &'a [u8],
}

impl<'a> Hello<'a> {
    /// Reads a packet of type `kind`; `None`: it is of another type.
    pub(crate) fn parse(kind: u8, packet: &'a [u8]) -> Result<Option<Self>, SftpError> {
        let mut reader = Reader::new(packet)?;
        if reader.kind() != kind {
            return Ok(None);
        }
        let version = reader.uint32()?;
        let extensions = reader.rest();
        while !reader.is_at_end() {
            reader.string()?;
            reader.string()?;
        }
        Ok(Some(Self {
            version,
            extensions,
        }))
    }

    /// Names and values of extensions, as they stand there.
    pub fn extensions(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut reader = Reader::inside(number::VERSION, self.extensions);
        std::iter::from_fn(move || Some((reader.string().ok()?, reader.string().ok()?)))
    }
}

/// The client's SSH_FXP_INIT as it goes to the server: offers of later versions become an offer of 3, or client and server
/// would agree on one that is not understood here.
pub(crate) fn with_our_version(packet: Bytes, version: u32) -> Result<Bytes, SftpError> {
    if version < VERSION {
        return Err(SftpError::Version { version });
    }
    if version == VERSION {
        return Ok(packet);
    }
    let at = LENGTH_BYTES + 1;
    let mut lowered = packet.to_vec();
    if let Some(place) = lowered.get_mut(at..at + 4) {
        place.copy_from_slice(&VERSION.to_be_bytes());
    }
    Ok(Bytes::from(lowered))
}
