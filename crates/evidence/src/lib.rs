//! Evidence: what happened, recorded while it happens, in a form that shows any later change.
//!
//! A record's life: rendered by its caller → write-ahead log (`wal`) → fsynced by the group commit (`commit`)
//! → leaf of the Merkle log with its tiles and signed checkpoints (`integrator`). Transcripts take the same way
//! into segment files, whose hashes are records. Only what is fsynced in the write-ahead log goes further, so
//! nothing that is signed can be lost. The format on disk is `docs/evidence-format.md`.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod append;
mod approval_files;
pub mod catalogue;
mod commit;
mod compression;
mod directory;
mod disk;
mod error;
mod evidence;
mod failures;
mod frame;
mod inbox;
mod input;
mod integrator;
mod json;
mod key;
mod ledger;
mod log;
mod pending;
mod position;
pub mod reader;
mod record_type;
mod recovery;
mod render;
mod segment;
mod session;
mod settings;
mod shared;
mod state;
mod wal;

pub use error::{EvidenceError, Health, OpenError};
pub use evidence::{Evidence, Stats};
pub use input::{
    Approval, Detail, DetailValue, IntentApproval, NodeRecord, SessionEnd, SessionStart, Source,
    Target, Transfer,
};
pub use position::Position;
pub use record_type::{RecordOutcome, RecordType};
pub use recovery::{Recovery, open};
pub use session::SessionLog;
pub use settings::Settings;

#[cfg(test)]
mod tests;
