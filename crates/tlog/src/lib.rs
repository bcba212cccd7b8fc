//! A transparency log: RFC 6962 Merkle tree, C2SP tlog-tiles layout, C2SP signed notes and checkpoints.
//!
//! Pure: bytes in, bytes out. Reading and writing files, time and randomness are the caller's.
//! Nothing here knows what a record means.
//!
//! | module | specification |
//! |---|---|
//! | [`Hash`], [`leaf_hash`], [`node_hash`] | RFC 6962 section 2.1 |
//! | [`Tree`], [`TilePath`], [`entries`] | <https://c2sp.org/tlog-tiles> |
//! | [`proof`] | RFC 6962 sections 2.1.1 and 2.1.2; checks as in RFC 9162 sections 2.1.3.2 and 2.1.4.2 |
//! | [`note`] | <https://c2sp.org/signed-note> |
//! | [`Checkpoint`] | <https://c2sp.org/tlog-checkpoint> |
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod checkpoint;
pub mod entries;
mod hash;
pub mod note;
pub mod proof;
mod tile;
mod tree;

pub use checkpoint::{Checkpoint, CheckpointError, OpenError};
pub use hash::{HASH_BYTES, Hash, HashError, leaf_hash, node_hash};
pub use tile::{TILE_WIDTH, TileError, TileLevel, TilePath};
pub use tree::{LoadError, Tree};
