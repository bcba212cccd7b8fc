//! What a client asks for (draft section 6).

use std::fmt;

use crate::action::OpenFlags;
use crate::attributes::Attributes;
use crate::error::SftpError;
use crate::extended::Extended;
use crate::number;
use crate::reader::Reader;

/// The number by which a client knows the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u32);

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, out)
    }
}

/// One request, borrowed from its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Its number.
    pub id: RequestId,
    /// What is asked for.
    pub kind: RequestKind<'a>,
}

/// What is asked for. Paths and handles are bytes that only the server understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind<'a> {
    /// SSH_FXP_OPEN
    Open {
        /// The file.
        path: &'a [u8],
        /// What for.
        flags: OpenFlags,
        /// Attributes of a file that is made.
        attributes: Attributes,
    },
    /// SSH_FXP_CLOSE, of a file or a directory.
    Close {
        /// What is open.
        handle: &'a [u8],
    },
    /// SSH_FXP_READ
    Read {
        /// The open file.
        handle: &'a [u8],
        /// Where.
        offset: u64,
        /// Bytes at most.
        length: u32,
    },
    /// SSH_FXP_WRITE
    Write {
        /// The open file.
        handle: &'a [u8],
        /// Where.
        offset: u64,
        /// What.
        data: &'a [u8],
    },
    /// SSH_FXP_LSTAT
    Lstat {
        /// Of what, symbolic links not followed.
        path: &'a [u8],
    },
    /// SSH_FXP_FSTAT
    Fstat {
        /// The open file.
        handle: &'a [u8],
    },
    /// SSH_FXP_SETSTAT
    Setstat {
        /// Of what.
        path: &'a [u8],
        /// What it is to have.
        attributes: Attributes,
    },
    /// SSH_FXP_FSETSTAT
    Fsetstat {
        /// The open file.
        handle: &'a [u8],
        /// What it is to have.
        attributes: Attributes,
    },
    /// SSH_FXP_OPENDIR
    Opendir {
        /// The directory.
        path: &'a [u8],
    },
    /// SSH_FXP_READDIR
    Readdir {
        /// The open directory.
        handle: &'a [u8],
    },
    /// SSH_FXP_REMOVE
    Remove {
        /// The file.
        path: &'a [u8],
    },
    /// SSH_FXP_MKDIR
    Mkdir {
        /// The directory.
        path: &'a [u8],
        /// What it is to have.
        attributes: Attributes,
    },
    /// SSH_FXP_RMDIR
    Rmdir {
        /// The directory.
        path: &'a [u8],
    },
    /// SSH_FXP_REALPATH
    Realpath {
        /// What to make absolute.
        path: &'a [u8],
    },
    /// SSH_FXP_STAT
    Stat {
        /// Of what, symbolic links followed.
        path: &'a [u8],
    },
    /// SSH_FXP_RENAME
    Rename {
        /// The old name.
        from: &'a [u8],
        /// The new name.
        to: &'a [u8],
    },
    /// SSH_FXP_READLINK
    Readlink {
        /// The symbolic link.
        path: &'a [u8],
    },
    /// SSH_FXP_SYMLINK. The order is OpenSSH's (PROTOCOL section 4.1); a server that goes by the draft takes them the other
    /// way round, and nothing on the wire tells which.
    Symlink {
        /// What the link is to say.
        target: &'a [u8],
        /// The link.
        link: &'a [u8],
    },
    /// SSH_FXP_EXTENDED
    Extended(Extended<'a>),
    /// A type that version 3 does not have.
    Unknown {
        /// The packet's type.
        kind: u8,
        /// What follows the number.
        body: &'a [u8],
    },
}

impl<'a> Request<'a> {
    /// Reads a whole packet, length word included, that is not SSH_FXP_INIT. What stands after the last value is an error.
    pub fn parse(packet: &'a [u8]) -> Result<Self, SftpError> {
        let mut reader = Reader::new(packet)?;
        let id = RequestId(reader.uint32()?);
        let kind = RequestKind::parse(&mut reader)?;
        Ok(Self { id, kind })
    }
}

impl<'a> RequestKind<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, SftpError> {
        let read = match reader.kind() {
            number::OPEN => Self::Open {
                path: reader.string()?,
                flags: OpenFlags(reader.uint32()?),
                attributes: Attributes::parse(reader)?,
            },
            number::CLOSE => Self::Close {
                handle: reader.string()?,
            },
            number::READ => Self::Read {
                handle: reader.string()?,
                offset: reader.uint64()?,
                length: reader.uint32()?,
            },
            number::WRITE => Self::Write {
                handle: reader.string()?,
                offset: reader.uint64()?,
                data: reader.string()?,
            },
            number::LSTAT => Self::Lstat {
                path: reader.string()?,
            },
            number::FSTAT => Self::Fstat {
                handle: reader.string()?,
            },
            number::SETSTAT => Self::Setstat {
                path: reader.string()?,
                attributes: Attributes::parse(reader)?,
            },
            number::FSETSTAT => Self::Fsetstat {
                handle: reader.string()?,
                attributes: Attributes::parse(reader)?,
            },
            number::OPENDIR => Self::Opendir {
                path: reader.string()?,
            },
            number::READDIR => Self::Readdir {
                handle: reader.string()?,
            },
            number::REMOVE => Self::Remove {
                path: reader.string()?,
            },
            number::MKDIR => Self::Mkdir {
                path: reader.string()?,
                attributes: Attributes::parse(reader)?,
            },
            number::RMDIR => Self::Rmdir {
                path: reader.string()?,
            },
            number::REALPATH => Self::Realpath {
                path: reader.string()?,
            },
            number::STAT => Self::Stat {
                path: reader.string()?,
            },
            number::RENAME => Self::Rename {
                from: reader.string()?,
                to: reader.string()?,
            },
            number::READLINK => Self::Readlink {
                path: reader.string()?,
            },
            number::SYMLINK => Self::Symlink {
                target: reader.string()?,
                link: reader.string()?,
            },
            number::EXTENDED => return Extended::parse(reader).map(Self::Extended),
            kind => {
                return Ok(Self::Unknown {
                    kind,
                    body: reader.rest(),
                });
            }
        };
        reader.end()?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, RequestId, RequestKind};
    use crate::SftpError;

    const OPEN: &[u8] = b"\0\0\0\x1d\x03\0\0\0\x09\0\0\0\x04/a/b\0\0\0\x1a\
        \x80\0\0\x04\0\0\x01\xa4\0\0\0\0";

    #[test]
    fn values_come_out_as_they_went_in() {
        let request = Request::parse(OPEN).unwrap();
        assert_eq!(request.id, RequestId(9));
        let RequestKind::Open {
            path,
            flags,
            attributes,
        } = request.kind
        else {
            panic!("{request:?}");
        };
        assert_eq!((path, flags.0), (&b"/a/b"[..], 0x1a));
        assert_eq!(attributes.permissions, Some(0o644));
        assert_eq!((attributes.size, attributes.times), (None, None));
    }

    #[test]
    fn a_string_cannot_leave_its_packet() {
        for length in 5..OPEN.len() {
            let error = Request::parse(&OPEN[..length]).unwrap_err();
            assert_eq!(
                error,
                SftpError::Truncated {
                    packet: "SSH_FXP_OPEN"
                }
            );
        }
        let error = Request::parse(&[OPEN, b"x"].concat()).unwrap_err();
        assert_eq!(error.code(), "trailing");
        let huge = b"\0\0\0\x0b\x0d\0\0\0\x09\xff\xff\xff\xffab";
        assert_eq!(Request::parse(huge).unwrap_err().code(), "truncated");
    }

    #[test]
    fn a_false_count_of_attributes_ends_soon() {
        let mut packet = OPEN.to_vec();
        let at = packet.len() - 4;
        packet[at..].copy_from_slice(&[0xff; 4]);
        assert_eq!(Request::parse(&packet).unwrap_err().code(), "truncated");
    }

    #[test]
    fn types_of_later_versions_are_known_as_unknown() {
        let request = Request::parse(b"\0\0\0\x06\x16\0\0\0\x01z").unwrap();
        let kind = RequestKind::Unknown {
            kind: 22,
            body: b"z",
        };
        assert_eq!(request.kind, kind);
    }
}
