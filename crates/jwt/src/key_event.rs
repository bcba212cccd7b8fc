//! What happens to an issuer's keys, for the audit log.

use std::time::Duration;

use crate::key::VerificationKey;
use crate::key_set::KeySetError;

/// A change of what is known of an issuer's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEvent {
    /// The first set.
    Loaded {
        /// Its keys that can be used.
        keys: Vec<KeyLabel>,
        /// How many cannot.
        skipped: usize,
    },
    /// A fresh set has other keys. Those that are gone verify nothing any more.
    Changed {
        /// New ones.
        added: Vec<KeyLabel>,
        /// Those that are gone.
        removed: Vec<KeyLabel>,
    },
    /// A refresh failed; the last good set stays. Not repeated while refreshes fail for the same reason.
    RefreshFailed {
        /// Why.
        reason: RefreshError,
        /// The age of the set that stays, if there is one.
        age: Option<Duration>,
    },
    /// A refresh succeeded after others had failed, or after the keys had become too old.
    Recovered,
    /// The keys are older than an hour: new logins of people are refused.
    LoginsRefused,
    /// The keys are older than a day: nothing is verified with them.
    Expired,
}

impl KeyEvent {
    /// The word in records. Never changes its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Loaded { .. } => "keys_loaded",
            Self::Changed { .. } => "keys_changed",
            Self::RefreshFailed { .. } => "keys_refresh_failed",
            Self::Recovered => "keys_recovered",
            Self::LoginsRefused => "keys_too_old_for_logins",
            Self::Expired => "keys_expired",
        }
    }
}

/// How a key is called in records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyLabel {
    /// `kid`, at most 256 bytes.
    pub id: Option<String>,
    /// RFC 7638 thumbprint: another key under the same `kid` is another key.
    pub thumbprint: String,
}

impl KeyLabel {
    pub(crate) fn of(key: &VerificationKey) -> Self {
        Self {
            id: key.id().map(str::to_owned),
            thumbprint: key.thumbprint().to_owned(),
        }
    }
}

/// Why a refresh brought no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// Nothing came.
    #[error("the keys could not be fetched")]
    Fetch(#[source] FetchError),
    /// What came is no key set.
    #[error("what was fetched is not taken as a key set")]
    KeySet(#[source] KeySetError),
}

impl RefreshError {
    /// The word in records. Never changes its meaning.
    pub fn code(self) -> &'static str {
        match self {
            Self::Fetch(FetchError::Unreachable) => "unreachable",
            Self::Fetch(FetchError::TimedOut) => "timed_out",
            Self::Fetch(FetchError::Forbidden) => "forbidden",
            Self::Fetch(FetchError::Status(_)) => "status",
            Self::Fetch(FetchError::TooLong) => "too_long",
            Self::KeySet(error) => error.code(),
        }
    }
}

/// Why whoever fetches keys came back without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No connection, or no trust in its certificate.
    #[error("the server cannot be reached")]
    Unreachable,
    /// It took too long.
    #[error("the server took too long")]
    TimedOut,
    /// The address, or a redirect, is one that may not be asked.
    #[error("the address may not be asked")]
    Forbidden,
    /// Another HTTP status than 200.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// Longer than [`crate::MAX_KEY_SET_BYTES`].
    #[error("the answer is too long")]
    TooLong,
}
