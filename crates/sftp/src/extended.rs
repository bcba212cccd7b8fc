//! Requests that are not in the draft (OpenSSH PROTOCOL section 4).

use crate::attributes::Attributes;
use crate::error::SftpError;
use crate::reader::Reader;

/// What an SSH_FXP_EXTENDED asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extended<'a> {
    /// `posix-rename@openssh.com`: replaces what has the new name.
    PosixRename {
        /// The old name.
        from: &'a [u8],
        /// The new name.
        to: &'a [u8],
    },
    /// `statvfs@openssh.com`
    Statvfs {
        /// Something on the file system.
        path: &'a [u8],
    },
    /// `fstatvfs@openssh.com`
    Fstatvfs {
        /// The open file.
        handle: &'a [u8],
    },
    /// `hardlink@openssh.com`
    Hardlink {
        /// The file.
        from: &'a [u8],
        /// Its other name.
        to: &'a [u8],
    },
    /// `fsync@openssh.com`
    Fsync {
        /// The open file.
        handle: &'a [u8],
    },
    /// `lsetstat@openssh.com`: of a symbolic link itself.
    Lsetstat {
        /// Of what.
        path: &'a [u8],
        /// What it is to have.
        attributes: Attributes,
    },
    /// `limits@openssh.com`
    Limits,
    /// `expand-path@openssh.com`: as realpath, with `~`.
    ExpandPath {
        /// What to make absolute.
        path: &'a [u8],
    },
    /// `copy-data` (draft-ietf-secsh-filexfer-extensions-00 section 7)
    CopyData {
        /// The open file to read.
        from: &'a [u8],
        /// Where.
        from_offset: u64,
        /// Bytes; 0 is all that there are.
        length: u64,
        /// The open file to write.
        to: &'a [u8],
        /// Where.
        to_offset: u64,
    },
    /// `home-directory`
    HomeDirectory {
        /// Whose.
        user: &'a [u8],
    },
    /// `users-groups-by-id@openssh.com`
    UsersGroupsById {
        /// Numbers of users, each a uint32.
        users: &'a [u8],
        /// Numbers of groups, each a uint32.
        groups: &'a [u8],
    },
    /// `version-select` (draft-ietf-secsh-filexfer-13 section 5.5): to speak another version from here on.
    VersionSelect {
        /// Which.
        version: &'a [u8],
    },
    /// Any other.
    Other {
        /// Its name.
        name: &'a [u8],
        /// What follows.
        body: &'a [u8],
    },
}

impl<'a> Extended<'a> {
    /// Reads the name and what belongs to it, up to the end of the packet.
    pub(crate) fn parse(reader: &mut Reader<'a>) -> Result<Self, SftpError> {
        let name = reader.string()?;
        let read = match name {
            b"posix-rename@openssh.com" => Self::PosixRename {
                from: reader.string()?,
                to: reader.string()?,
            },
            b"statvfs@openssh.com" => Self::Statvfs {
                path: reader.string()?,
            },
            b"fstatvfs@openssh.com" => Self::Fstatvfs {
                handle: reader.string()?,
            },
            b"hardlink@openssh.com" => Self::Hardlink {
                from: reader.string()?,
                to: reader.string()?,
            },
            b"fsync@openssh.com" => Self::Fsync {
                handle: reader.string()?,
            },
            b"lsetstat@openssh.com" => Self::Lsetstat {
                path: reader.string()?,
                attributes: Attributes::parse(reader)?,
            },
            b"limits@openssh.com" => Self::Limits,
            b"expand-path@openssh.com" => Self::ExpandPath {
                path: reader.string()?,
            },
            b"copy-data" => Self::CopyData {
                from: reader.string()?,
                from_offset: reader.uint64()?,
                length: reader.uint64()?,
                to: reader.string()?,
                to_offset: reader.uint64()?,
            },
            b"home-directory" => Self::HomeDirectory {
                user: reader.string()?,
            },
            b"users-groups-by-id@openssh.com" => Self::UsersGroupsById {
                users: reader.string()?,
                groups: reader.string()?,
            },
            b"version-select" => Self::VersionSelect {
                version: reader.string()?,
            },
            name => {
                return Ok(Self::Other {
                    name,
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
    use super::Extended;
    use crate::number;
    use crate::reader::Reader;

    fn string(value: &[u8]) -> Vec<u8> {
        [&u32::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
    }

    fn parse(body: &[u8]) -> Result<Extended<'_>, crate::SftpError> {
        Extended::parse(&mut Reader::inside(number::EXTENDED, body))
    }

    #[test]
    fn each_name_has_its_values() {
        let copy = [
            string(b"copy-data"),
            string(b"h1"),
            5u64.to_be_bytes().to_vec(),
            6u64.to_be_bytes().to_vec(),
            string(b"h2"),
            7u64.to_be_bytes().to_vec(),
        ]
        .concat();
        let expected = Extended::CopyData {
            from: b"h1",
            from_offset: 5,
            length: 6,
            to: b"h2",
            to_offset: 7,
        };
        assert_eq!(parse(&copy), Ok(expected));
        for length in 0..copy.len() {
            assert_eq!(parse(&copy[..length]).unwrap_err().code(), "truncated");
        }
        let two = [string(b"hardlink@openssh.com"), string(b"a"), string(b"b")].concat();
        assert_eq!(
            parse(&two),
            Ok(Extended::Hardlink {
                from: b"a",
                to: b"b"
            })
        );
        let more = [two, vec![0]].concat();
        assert_eq!(parse(&more).unwrap_err().code(), "trailing");
        let other = [string(b"flock@openssh.com"), string(b"h")].concat();
        assert!(
            matches!(parse(&other), Ok(Extended::Other { name: b"flock@openssh.com", body }) if body.len() == 5)
        );
    }
}
