//! What can go wrong, for those who append and for those who start the writer.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use custos_model::{Instant, SessionId};

/// Why a record was not taken, or is not known to be safe.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The writer cannot write. New work is refused until it can.
    #[error("evidence cannot be written: {what}")]
    Failing {
        /// What was attempted, and the operating system's answer.
        what: Arc<str>,
    },
    /// More is waiting to be written than the hard limit allows.
    #[error("evidence is {behind_bytes} bytes behind, more than it may be")]
    Overloaded {
        /// Bytes taken and not yet in the log.
        behind_bytes: usize,
    },
    /// The session's end was recorded already.
    #[error("session {0} has ended")]
    SessionEnded(SessionId),
    /// A session with this id is open already.
    #[error("session {0} is open already")]
    SessionExists(SessionId),
    /// An outcome for an operation that is not open.
    #[error("session {session} has no open operation {operation}")]
    UnknownOperation {
        /// The session.
        session: SessionId,
        /// The operation number given.
        operation: u64,
    },
    /// A record type that is not for [`crate::Evidence::append`].
    #[error("`{0}` records are written by other calls")]
    WrongType(&'static str),
    /// A file of an approval that is not kept.
    #[error("`{name}` is not kept as an approval: {reason}")]
    ApprovalFile {
        /// The name given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The writer was shut down.
    #[error("evidence is closed")]
    Stopped,
}

/// Whether evidence can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Yes.
    Good,
    /// No: new work is refused, and live sessions should end.
    Failing {
        /// When it began.
        since: Instant,
        /// What was attempted, and the operating system's answer.
        what: Arc<str>,
    },
}

/// Why the evidence directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// An operation on a file failed.
    #[error("cannot {action} {path}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// Cluster or node has a name that cannot stand in an origin.
    #[error(
        "`{0}` is not a cluster or node name: use a-z, 0-9, `.` and `-`, at most 63, not beginning with `.` or `-`"
    )]
    Name(String),
    /// The directory belongs to another node.
    #[error("{path} belongs to {found}, not to {expected}")]
    OtherNode {
        /// The evidence directory.
        path: PathBuf,
        /// Who wrote it.
        found: String,
        /// Who we are.
        expected: String,
    },
    /// Another process has the directory open.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// Others can read the signing key.
    #[error("key file {path} has mode {mode:o}: it must be readable by its owner only (0600)")]
    KeyMode {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file is not one of ours.
    #[error("key file {0} does not hold a seed: 32 bytes in base64 and a line feed")]
    KeyMalformed(PathBuf),
    /// There is a log and no key.
    #[error(
        "key file {0} is missing, and the evidence directory holds a log that was signed with it"
    )]
    KeyMissing(PathBuf),
    /// The last checkpoint is not ours.
    #[error("checkpoint {path} is not good: {reason}")]
    Checkpoint {
        /// The checkpoint file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What was acknowledged cannot be found again.
    #[error("write-ahead log {path} is damaged at byte {offset}: {reason}")]
    Damaged {
        /// The write-ahead file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// Log and write-ahead log do not fit together.
    #[error("{path} does not fit the log: {reason}")]
    Inconsistent {
        /// The file that does not fit.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// The records that mark the start were refused.
    #[error("cannot record the start of the gateway")]
    Start(#[source] EvidenceError),
}

impl OpenError {
    /// Wraps an I/O error with what was attempted.
    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
