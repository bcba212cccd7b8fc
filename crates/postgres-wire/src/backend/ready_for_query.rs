//! `ReadyForQuery`, tag `Z`.

use super::{Reader, WireError, tag};

/// The state of the transaction when the server waits for the next command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStatus {
    /// Not in a transaction block.
    Idle,
    /// In a transaction block.
    InTransaction,
    /// In a failed transaction block, which only takes its end.
    Failed,
}

impl TransactionStatus {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("ReadyForQuery", body);
        let status = match reader.u8()? {
            b'I' => Self::Idle,
            b'T' => Self::InTransaction,
            b'E' => Self::Failed,
            _ => return Err(reader.invalid("the transaction status is not known")),
        };
        reader.finish()?;
        Ok(status)
    }

    /// The byte on the wire.
    pub fn as_byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::InTransaction => b'T',
            Self::Failed => b'E',
        }
    }

    /// Appends a `ReadyForQuery` with this status.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend([tag::READY_FOR_QUERY, 0, 0, 0, 5, self.as_byte()]);
    }
}
