//! Attributes of files (draft section 5).

use crate::error::SftpError;
use crate::reader::Reader;

const SIZE: u32 = 0x0000_0001;
const OWNER: u32 = 0x0000_0002;
const PERMISSIONS: u32 = 0x0000_0004;
const TIMES: u32 = 0x0000_0008;
const EXTENDED: u32 = 0x8000_0000;

/// Attributes of a file: those that it has, or those that it is to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Size in bytes.
    pub size: Option<u64>,
    /// Numbers of the owner and of the group.
    pub owner: Option<(u32, u32)>,
    /// Permissions, and in what a server tells also the type, as in `st_mode`.
    pub permissions: Option<u32>,
    /// When it was read and written last, in seconds since 1970.
    pub times: Option<(u32, u32)>,
    /// Pairs that the draft leaves to vendors, which are skipped.
    pub extended_pairs: u32,
}

impl Attributes {
    /// Bits that version 3 does not have stand for nothing, as in OpenSSH.
    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, SftpError> {
        let flags = reader.uint32()?;
        let mut attributes = Self::default();
        if flags & SIZE != 0 {
            attributes.size = Some(reader.uint64()?);
        }
        if flags & OWNER != 0 {
            attributes.owner = Some((reader.uint32()?, reader.uint32()?));
        }
        if flags & PERMISSIONS != 0 {
            attributes.permissions = Some(reader.uint32()?);
        }
        if flags & TIMES != 0 {
            attributes.times = Some((reader.uint32()?, reader.uint32()?));
        }
        if flags & EXTENDED != 0 {
            attributes.extended_pairs = reader.uint32()?;
            // Each takes bytes of the packet, so that a false count ends soon.
            for _ in 0..attributes.extended_pairs {
                reader.string()?;
                reader.string()?;
            }
        }
        Ok(attributes)
    }
}
