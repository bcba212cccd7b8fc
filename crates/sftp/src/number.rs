//! Types of packets (draft section 3).

pub(crate) const INIT: u8 = 1;
pub(crate) const VERSION: u8 = 2;
pub(crate) const OPEN: u8 = 3;
pub(crate) const CLOSE: u8 = 4;
pub(crate) const READ: u8 = 5;
pub(crate) const WRITE: u8 = 6;
pub(crate) const LSTAT: u8 = 7;
pub(crate) const FSTAT: u8 = 8;
pub(crate) const SETSTAT: u8 = 9;
pub(crate) const FSETSTAT: u8 = 10;
pub(crate) const OPENDIR: u8 = 11;
pub(crate) const READDIR: u8 = 12;
pub(crate) const REMOVE: u8 = 13;
pub(crate) const MKDIR: u8 = 14;
pub(crate) const RMDIR: u8 = 15;
pub(crate) const REALPATH: u8 = 16;
pub(crate) const STAT: u8 = 17;
pub(crate) const RENAME: u8 = 18;
pub(crate) const READLINK: u8 = 19;
pub(crate) const SYMLINK: u8 = 20;
pub(crate) const STATUS: u8 = 101;
pub(crate) const HANDLE: u8 = 102;
pub(crate) const DATA: u8 = 103;
pub(crate) const NAME: u8 = 104;
pub(crate) const ATTRS: u8 = 105;
pub(crate) const EXTENDED: u8 = 200;
pub(crate) const EXTENDED_REPLY: u8 = 201;

/// A packet's name in the draft.
pub(crate) fn name(kind: u8) -> &'static str {
    match kind {
        INIT => "SSH_FXP_INIT",
        VERSION => "SSH_FXP_VERSION",
        OPEN => "SSH_FXP_OPEN",
        CLOSE => "SSH_FXP_CLOSE",
        READ => "SSH_FXP_READ",
        WRITE => "SSH_FXP_WRITE",
        LSTAT => "SSH_FXP_LSTAT",
        FSTAT => "SSH_FXP_FSTAT",
        SETSTAT => "SSH_FXP_SETSTAT",
        FSETSTAT => "SSH_FXP_FSETSTAT",
        OPENDIR => "SSH_FXP_OPENDIR",
        READDIR => "SSH_FXP_READDIR",
        REMOVE => "SSH_FXP_REMOVE",
        MKDIR => "SSH_FXP_MKDIR",
        RMDIR => "SSH_FXP_RMDIR",
        REALPATH => "SSH_FXP_REALPATH",
        STAT => "SSH_FXP_STAT",
        RENAME => "SSH_FXP_RENAME",
        READLINK => "SSH_FXP_READLINK",
        SYMLINK => "SSH_FXP_SYMLINK",
        STATUS => "SSH_FXP_STATUS",
        HANDLE => "SSH_FXP_HANDLE",
        DATA => "SSH_FXP_DATA",
        NAME => "SSH_FXP_NAME",
        ATTRS => "SSH_FXP_ATTRS",
        EXTENDED => "SSH_FXP_EXTENDED",
        EXTENDED_REPLY => "SSH_FXP_EXTENDED_REPLY",
        _ => "a packet of an unknown type",
    }
}
