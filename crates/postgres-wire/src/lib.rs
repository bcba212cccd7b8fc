//! The PostgreSQL frontend/backend protocol, versions 3.0 and 3.2, without any I/O.
//!
//! Bytes in, borrowed messages out; messages in, bytes out. Nothing here reads a socket, a clock or randomness.
//! Every byte is taken as hostile: a length is checked before it is used, and nothing panics.
//! Text is `&[u8]`, because its encoding is the session's `client_encoding`, which this layer does not know.
//!
//! Specification: PostgreSQL documentation, chapter "Frontend/Backend Protocol".
//!
//! - [`startup`]: the untyped first packet of a connection;
//! - [`frontend`]: messages of the client;
//! - [`backend`]: messages of the server, and [`backend::Walker`], which follows a response stream of any size
//!   in bounded memory;
//! - [`oauthbearer`]: the messages inside SASL by which a client brings an OAuth token.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod backend;
mod error;
pub mod frontend;
mod lists;
pub mod oauthbearer;
mod reader;
pub mod startup;
mod writer;

pub use error::{Tag, WireError};
pub use lists::{Format, Formats, TypeOids, Values, ValuesIter};

/// Bytes before the body of a typed message: one for the tag, four for the length.
pub const HEADER_BYTES: usize = 5;
