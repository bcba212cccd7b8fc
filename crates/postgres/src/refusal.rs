//! What the gateway refuses inside a session, and how the target is kept in step.
//!
//! Leaving a refused message out would leave the target in another transaction state than the client
//! believes. So something that fails at the same place is sent instead, and the target's own error is
//! replaced by the refusal when it comes back.

/// A statement that PostgreSQL refuses to parse, whatever its version.
pub(crate) const FAILING_STATEMENT: &[u8] = b"refused by the gateway";

/// Why a message was refused, for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// SQLSTATE.
    pub(crate) sqlstate: &'static str,
    /// What the client reads.
    pub(crate) message: String,
}

impl Refusal {
    /// FunctionCall is a way round statements, and a legacy one.
    pub(crate) fn function_call() -> Self {
        Self {
            sqlstate: "0A000",
            message: "the function call protocol is not supported by the gateway; call the function in a statement"
                .to_owned(),
        }
    }

    /// Replication is no statement that could be judged.
    pub(crate) fn replication() -> Self {
        Self {
            sqlstate: "0A000",
            message: "replication connections are not supported by the gateway".to_owned(),
        }
    }
}
