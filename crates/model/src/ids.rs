//! Identifiers. Each kind is its own type, so that two of them cannot be swapped.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An identifier's text that was not understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    /// The text as given.
    pub text: String,
    /// What would have been accepted.
    pub expected: &'static str,
}

/// A session: one principal's connection to one resource. UUID version 7 (RFC 9562 section 5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

/// One record of the evidence log. UUID version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(Uuid);

/// A sign-in: one authenticated presence of a principal, parent of its tokens and connection credentials. UUID version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignInId(Uuid);

/// A question to approvers, and the grant that may follow from it. UUID version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(Uuid);

/// One person's decision on a request. UUID version 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApprovalId(Uuid);

/// The number of an operation in its session, from 1; 0 stands for "no operation".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct OperationNumber(pub u64);

macro_rules! uuid_id {
    ($name:ident, $expected:literal) => {
        impl $name {
            /// Wraps an existing identifier.
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            pub fn as_uuid(&self) -> &Uuid {
                &self.0
            }

            /// Milliseconds since 1970 that the identifier was made with.
            pub fn unix_ms(&self) -> u64 {
                (self.0.as_u128() >> 80) as u64
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(out)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError {
                    text: text.to_owned(),
                    expected: $expected,
                })
            }
        }
    };
}
uuid_id!(SessionId, "a session id (UUID)");
uuid_id!(RecordId, "a record id (UUID)");
uuid_id!(SignInId, "a sign-in id (UUID)");
uuid_id!(RequestId, "a request id (UUID)");
uuid_id!(ApprovalId, "an approval id (UUID)");

/// Makes UUIDs of version 7 that never repeat within a process and are not guessable across processes:
/// the time in milliseconds, then a counter that starts at a random 74-bit point (RFC 9562 section 6.2, method 1).
#[derive(Debug)]
pub struct IdSource {
    high: u16,
    low: AtomicU64,
}

impl IdSource {
    /// `seed`: ten random bytes.
    pub fn new(seed: [u8; 10]) -> Self {
        let [a, b, rest @ ..] = seed;
        Self {
            high: u16::from_be_bytes([a, b]) & 0x0fff,
            // Room to count upwards for centuries before the 62 bits wrap.
            low: AtomicU64::new(u64::from_be_bytes(rest) >> 3),
        }
    }

    /// A new session id.
    pub fn session(&self, utc_ns: u64) -> SessionId {
        SessionId(self.next(utc_ns))
    }

    /// A new record id.
    pub fn record(&self, utc_ns: u64) -> RecordId {
        RecordId(self.next(utc_ns))
    }

    /// A new sign-in id.
    pub fn sign_in(&self, utc_ns: u64) -> SignInId {
        SignInId(self.next(utc_ns))
    }

    /// A new request id.
    pub fn request(&self, utc_ns: u64) -> RequestId {
        RequestId(self.next(utc_ns))
    }

    /// A new approval id.
    pub fn approval(&self, utc_ns: u64) -> ApprovalId {
        ApprovalId(self.next(utc_ns))
    }

    fn next(&self, utc_ns: u64) -> Uuid {
        let counter = self.low.fetch_add(1, Ordering::Relaxed) & ((1 << 62) - 1);
        let millis = u128::from(utc_ns / 1_000_000) & ((1 << 48) - 1);
        Uuid::from_u128(
            millis << 80
                | 0x7 << 76
                | u128::from(self.high) << 64
                | 0b10 << 62
                | u128::from(counter),
        )
    }
}

/// Name of one log: `<cluster>/<node>/<yyyy>-<mm>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// The origin of a node's log for a month.
    pub fn new(cluster: &str, node: &str, year: u32, month: u32) -> Self {
        Self(format!("{cluster}/{node}/{year:04}-{month:02}"))
    }

    /// The text as it stands in checkpoints.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::IdSource;

    #[test]
    fn ids_are_version_7_ordered_and_distinct() {
        let ids = IdSource::new([0xff; 10]);
        let first = ids.session(1_795_232_787_123_456_789);
        let second = ids.session(1_795_232_787_123_456_789);
        assert_eq!(first.as_uuid().get_version_num(), 7);
        assert_eq!(first.as_uuid().get_variant(), uuid::Variant::RFC4122);
        assert!(first < second);
        assert_eq!(first.unix_ms(), 1_795_232_787_123);
        assert_eq!(first.to_string().parse(), Ok(first));
    }
}
