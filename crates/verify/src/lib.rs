//! The offline verifier of Custos evidence.
//!
//! Written from `docs/evidence-format.md` alone: it shares no code with the writer, and uses other implementations of
//! SHA-256 and Ed25519, so that one mistake cannot be made on both sides. It opens nothing but files under the given
//! directory and those named to it, and no socket.
//!
//! The way of a verification, one file each:
//! [`run`](verify) finds the logs and takes them node by node, month by month → `log` streams one log →
//! `tiles` checks bytes against the signed tree → `record` checks one record → `sequence` checks records in order →
//! `segments` checks recordings → `approvals` checks who agreed to what was held → `remember` compares with heads seen before → [`Report`].
//!
//! Memory does not grow with the number of records. Kept are: the right edge of the tree, the sessions open at the
//! record being read, 32 bytes for each session directory under `segments/` (to find files that no record names),
//! and what `approvals` says there.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod approvals;
mod cli;
mod error;
mod files;
mod finding;
mod hash;
mod json;
mod link;
mod log;
mod note;
mod record;
mod remember;
mod report;
mod run;
mod schema;
mod segments;
mod sequence;
mod sessions;
mod tiles;
mod time;

pub use cli::main_with_args;
pub use error::Error;
pub use finding::{Code, Finding, Place, RecordRef};
pub use note::VerifierKey;
pub use record::{BadRecord, Kind, Record, check_record};
pub use report::{Level, LogSummary, Report, Verdict};
pub use run::{Options, verify};
