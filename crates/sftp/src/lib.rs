//! SFTP version 3, followed from the middle, without any I/O.
//!
//! An unmodified client talks to an unmodified server; bytes pass as they came, packet by packet. What is read on the way
//! tells who does what with which file, and lets single requests be refused. Nothing here reads a socket or a clock. Both
//! sides are taken as hostile: a length is checked before it is used, nothing panics, what is kept has a limit, and what
//! cannot be followed is an error, after which the channel is to be closed.
//!
//! Specification: draft-ietf-secsh-filexfer-02 with section 4 of OpenSSH's PROTOCOL. There is no later version here: a client
//! that offers one is heard as if it offered 3.
//!
//! # A packet's way
//!
//! - [`Packets`] makes whole packets of chunks that are cut anywhere.
//! - [`Request`] and [`Response`] are what stands in them.
//! - [`Conversation`] matches both, and keeps the promise that each request gets exactly one answer:
//!   [`Conversation::from_client`] gives an [`Asked`], which says as an [`Action`] what it would do, and which is then
//!   [forwarded](Conversation::forward) or [refused](Conversation::refuse); [`Conversation::from_server`] gives an [`Answer`],
//!   which says how that went.
//! - A [`Transfer`] tells what went through an open file, once it is closed.
//!
//! # What a digest covers
//!
//! A [`Flow`] has the SHA-256 of exactly the bytes that went one way through *one* open file, when these were the places from
//! 0 up to [`Flow::end`], each once. Pieces may come out of order, as far as they can be held
//! ([`MAX_HELD_BYTES_PER_FILE`], [`MAX_HELD_BYTES`]). Otherwise there is a [`NoDigest`] that says why.
//!
//! For an upload these are the bytes that the server said it has written: one failed or unanswered write, and there is no
//! digest. For a download they are the bytes that the server sent, in answers that were given to the client.
//! [`Flow::is_whole`] tells whether that was, as far as this conversation shows, all of the file. Neither says what is on the
//! server's disk: other processes, other open files, a change of the size by path and requests that are not known here
//! ([`Action::Unknown`]) may alter it.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod action;
mod answer;
mod asked;
mod attributes;
mod classify;
mod conversation;
mod coverage;
mod error;
mod extended;
mod files;
mod flow;
mod hello;
mod number;
mod packets;
mod path;
mod reader;
mod replay;
mod request;
mod response;
mod status;
mod transfer;
mod waiting;

pub use action::{Action, Change, Direction, Fault, OnOpenFile, OpenFlags};
pub use answer::{Answer, Outcome};
pub use asked::{Asked, Refused};
pub use attributes::Attributes;
pub use conversation::{Conversation, FromClient, FromServer, Note};
pub use error::SftpError;
pub use extended::Extended;
pub use flow::{Flow, NoDigest, Sha256};
pub use hello::Hello;
pub use packets::Packets;
pub use path::{MAX_SHOWN_CHARACTERS, RemotePath};
pub use replay::{Replayed, read_all, replay};
pub use request::{Request, RequestId, RequestKind};
pub use response::{Entry, Names, Response, ResponseKind};
pub use status::{MAX_MESSAGE_BYTES, StatusCode, refusal, status};
pub use transfer::{Ending, Transfer};

/// The version that is followed.
pub const VERSION: u32 = 3;
/// Longest packet, without its length word. OpenSSH's SFTP_MAX_MSG_LENGTH.
pub const MAX_PACKET_BYTES: u32 = 256 * 1024;
/// Requests that wait for an answer at a time. OpenSSH's client has 64; some ask for all of a file at once, and are read no
/// further until answers come.
pub const MAX_WAITING: usize = 1024;
/// Files and directories open at a time, those that are being opened included.
pub const MAX_OPEN_FILES: usize = 1024;
/// Longest path. Linux takes 4096 bytes, Windows about 32,767 characters.
pub const MAX_PATH_BYTES: usize = 32 * 1024;
/// All paths of open files together.
pub const MAX_OPEN_PATH_BYTES: usize = 4 << 20;
/// Longest handle (draft section 6.3).
pub const MAX_HANDLE_BYTES: usize = 256;
/// What is held of one direction of a file because it came out of order.
pub const MAX_HELD_BYTES_PER_FILE: usize = 4 << 20;
/// What is held of all files of a conversation because it came out of order.
pub const MAX_HELD_BYTES: usize = 16 << 20;
