//! What a request does, as policy and records know it.

use crate::conversation::Note;
use crate::path::RemotePath;

/// The flags of SSH_FXP_OPEN (draft section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFlags(pub u32);

impl OpenFlags {
    /// SSH_FXF_READ
    pub const READ: u32 = 0x01;
    /// SSH_FXF_WRITE
    pub const WRITE: u32 = 0x02;
    /// SSH_FXF_APPEND
    pub const APPEND: u32 = 0x04;
    /// SSH_FXF_CREAT
    pub const CREATE: u32 = 0x08;
    /// SSH_FXF_TRUNC
    pub const TRUNCATE: u32 = 0x10;
    /// SSH_FXF_EXCL
    pub const EXCLUSIVE: u32 = 0x20;

    fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }

    /// Which way it may go. Anything but reading may change the file (OpenSSH truncates what is opened to be read and
    /// truncated), and what is not opened to be written can be read, also without SSH_FXF_READ.
    pub fn direction(self) -> Direction {
        let uploads = self.0 & !Self::READ != 0;
        let downloads = self.has(Self::READ) || !self.has(Self::WRITE);
        match (uploads, downloads) {
            (false, _) => Direction::Download,
            (true, false) => Direction::Upload,
            (true, true) => Direction::Both,
        }
    }

    /// Writes go to the end, wherever they say.
    pub fn appends(self) -> bool {
        self.has(Self::APPEND)
    }

    /// The file has nothing in it once it is open.
    pub fn empties(self) -> bool {
        self.has(Self::TRUNCATE) || self.has(Self::CREATE) && self.has(Self::EXCLUSIVE)
    }
}

/// Which way a file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To the server.
    Upload,
    /// From the server.
    Download,
    /// Either way: it must be allowed both, to be allowed.
    Both,
}

impl Direction {
    /// Something may go to the server, and the file may change.
    pub fn uploads(self) -> bool {
        self != Self::Download
    }

    /// Something may come from the server.
    pub fn downloads(self) -> bool {
        self != Self::Upload
    }

    /// The word in records. Never changes its meaning.
    pub fn word(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Both => "both",
        }
    }
}

/// What a request does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opens a file, for a [`crate::Transfer`].
    Transfer {
        /// The file.
        path: RemotePath,
        /// Which way.
        direction: Direction,
    },
    /// Opens a directory, to be listed.
    List {
        /// The directory.
        path: RemotePath,
    },
    /// Looks at something, without its content.
    Inspect {
        /// At what; `None`: at the server (limits, names of users).
        path: Option<RemotePath>,
    },
    /// Changes something other than by writing into an open file.
    Change {
        /// What is done.
        change: Change,
        /// To what, in the order of the request. Of a symbolic link both are given: which one is the link is the server's
        /// view.
        paths: Vec<RemotePath>,
    },
    /// Goes on with what was opened, and was decided upon then.
    OnOpenFile {
        /// What is done.
        what: OnOpenFile,
        /// What was opened.
        path: RemotePath,
        /// The note of the request that opened it.
        opened_by: Note,
    },
    /// Not known here, so that it may do anything. It should be refused.
    Unknown {
        /// Name of the extended request or number of the type, escaped, at most 256 characters.
        name: String,
    },
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// A file is removed.
    Remove,
    /// A directory is removed.
    RemoveDirectory,
    /// A directory is made.
    MakeDirectory,
    /// It gets another name.
    Rename,
    /// It gets another name, and what had that is gone.
    PosixRename,
    /// Size, owner, permissions or times, also of a file that is open to be read.
    SetAttributes,
    /// The same of a symbolic link itself.
    SetLinkAttributes,
    /// A symbolic link is made.
    Symlink,
    /// A file gets one more name.
    Hardlink,
    /// One open file's content is written into another, at the server.
    CopyData,
}

impl Change {
    /// The word in records. Never changes its meaning.
    pub fn word(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::RemoveDirectory => "rmdir",
            Self::MakeDirectory => "mkdir",
            Self::Rename => "rename",
            Self::PosixRename => "posix_rename",
            Self::SetAttributes => "setstat",
            Self::SetLinkAttributes => "lsetstat",
            Self::Symlink => "symlink",
            Self::Hardlink => "hardlink",
            Self::CopyData => "copy_data",
        }
    }
}

/// What is done with something open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnOpenFile {
    /// A file is read.
    Read,
    /// A file is written.
    Write,
    /// A directory is listed.
    List,
    /// Attributes are asked for, or those of the file system.
    Inspect,
    /// Attributes are set, of a file that is open to be written.
    SetAttributes,
    /// What was written is to be kept.
    Sync,
    /// It is closed.
    Close,
}

/// Why a request never reaches the server, whatever policy says: the gateway has answered it itself, with
/// SSH_FX_FAILURE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The server never gave this handle, or it is closed.
    UnknownHandle,
    /// It was opened to be written only, or is a directory.
    NotReadable,
    /// It was opened to be read only, or is a directory.
    NotWritable,
    /// It is not a directory.
    NotDirectory,
    /// More than [`crate::MAX_OPEN_FILES`], or [`crate::MAX_OPEN_PATH_BYTES`] of their paths.
    TooManyFiles,
    /// More than [`crate::MAX_PATH_BYTES`].
    PathTooLong,
    /// A zero byte, where some servers see the end of a path and others do not.
    PathHasZero,
    /// To speak another version, which could not be followed.
    VersionSelect,
}

impl Fault {
    /// The word in records. Never changes its meaning.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownHandle => "unknown_handle",
            Self::NotReadable => "not_readable",
            Self::NotWritable => "not_writable",
            Self::NotDirectory => "not_directory",
            Self::TooManyFiles => "too_many_files",
            Self::PathTooLong => "path_too_long",
            Self::PathHasZero => "path_has_zero",
            Self::VersionSelect => "version_select",
        }
    }

    /// What the client is told.
    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownHandle => "nothing is open by this handle",
            Self::NotReadable => "it is not open to be read",
            Self::NotWritable => "it is not open to be written",
            Self::NotDirectory => "it is not an open directory",
            Self::TooManyFiles => "too many files are open",
            Self::PathTooLong => "the path is too long",
            Self::PathHasZero => "the path has a zero byte",
            Self::VersionSelect => "there is only version 3",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, OpenFlags};

    #[test]
    fn whatever_may_change_a_file_is_an_upload() {
        let cases = [
            (0x00, Direction::Download),
            (0x01, Direction::Download),
            (0x02, Direction::Upload),
            (0x03, Direction::Both),
            (0x1a, Direction::Upload),
            (0x06, Direction::Upload),
            (0x11, Direction::Both),
            (0x09, Direction::Both),
            (0x10, Direction::Both),
            (0x8000_0001, Direction::Both),
        ];
        for (flags, direction) in cases {
            assert_eq!(OpenFlags(flags).direction(), direction, "{flags:#x}");
        }
    }
}
