use std::io;
use std::path::PathBuf;

/// Trouble of the verifier's own. What is wrong with the evidence is a [`Finding`](crate::Finding), never an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory exists and could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The remembered heads could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The evidence directory is no directory.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// What was given.
        path: PathBuf,
    },
    /// A text is no Ed25519 verifier key (C2SP signed-note).
    #[error("not a verifier key: {reason}")]
    Key {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The remembered-head file cannot be understood, so a rollback could not be seen.
    #[error("{} is not a file of remembered heads", path.display())]
    Remembered {
        /// The file.
        path: PathBuf,
    },
}
