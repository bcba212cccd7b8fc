//! A client that reads results of any size in little memory.

use std::io;

use custos_testkit::{Endpoint, Wire};

/// Data is read and thrown away in pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;

/// A connection that has signed in.
#[derive(Debug)]
pub(crate) struct Connection(Wire);

/// What came back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Received {
    pub(crate) rows: u64,
    /// Bytes of all messages.
    pub(crate) bytes: u64,
}

/// Why a connection or a statement failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The SQLSTATE and text of an error message.
    Error { sqlstate: String, message: String },
    /// The connection ended without one.
    Lost(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error { sqlstate, message } => write!(out, "{sqlstate}: {message}"),
            Self::Lost(why) => write!(out, "connection lost: {why}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

impl Connection {
    /// Signs in. The endpoint is one where the credential is sent as a password.
    pub(crate) fn open(endpoint: &Endpoint) -> Result<Self, Failure> {
        Wire::sign_in(endpoint)
            .map(Self)
            .map_err(|error| failure(&error.body))
    }

    /// Sends a statement and waits for nothing.
    pub(crate) fn ask(&mut self, statement: &str) {
        self.0.send(b'Q', &[statement.as_bytes(), b"\0"].concat());
    }

    /// Waits for a notice.
    pub(crate) fn notice(&mut self) -> anyhow::Result<()> {
        let message = self.0.receive()?;
        anyhow::ensure!(
            message.tag == b'N',
            "a message {:?} came",
            char::from(message.tag)
        );
        Ok(())
    }

    /// Runs a statement and throws its rows away.
    pub(crate) fn run(&mut self, statement: &str) -> Result<Received, Failure> {
        self.0.send(b'Q', &[statement.as_bytes(), b"\0"].concat());
        let mut received = Received::default();
        let mut error = None;
        loop {
            let head = self
                .0
                .receive_bytes(5)
                .map_err(|lost| error.clone().unwrap_or_else(|| lost.into()))?;
            let [tag, length @ ..] = head.as_slice() else {
                unreachable!("five bytes were asked for")
            };
            let length = length
                .try_into()
                .map(u32::from_be_bytes)
                .expect("four bytes are left");
            let body_bytes = (length as usize)
                .checked_sub(4)
                .ok_or(io::Error::from(io::ErrorKind::InvalidData))?;
            received.bytes += 5 + body_bytes as u64;
            match tag {
                b'E' => error = Some(failure(&self.0.receive_bytes(body_bytes)?)),
                b'Z' => {
                    self.discard(body_bytes)?;
                    return error.map_or(Ok(received), Err);
                }
                tag => {
                    received.rows += u64::from(*tag == b'D');
                    self.discard(body_bytes)?;
                }
            }
        }
    }

    fn discard(&mut self, mut bytes: usize) -> io::Result<()> {
        while bytes > 0 {
            let piece = bytes.min(PIECE_BYTES);
            self.0.receive_bytes(piece)?;
            bytes -= piece;
        }
        Ok(())
    }
}

/// The fields of an ErrorResponse: a letter, then a text that a zero byte ends.
fn failure(body: &[u8]) -> Failure {
    let field = |code: u8| {
        let field = body
            .split(|&byte| byte == 0)
            .find(|field| field.first() == Some(&code));
        String::from_utf8_lossy(field.and_then(|field| field.get(1..)).unwrap_or_default())
            .into_owned()
    };
    Failure::Error {
        sqlstate: field(b'C'),
        message: field(b'M'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sqlstate_of_an_error_is_found() {
        let wanted = Failure::Error {
            sqlstate: "53100".to_owned(),
            message: "disk full".to_owned(),
        };
        assert_eq!(failure(b"SFATAL\0VFATAL\0C53100\0Mdisk full\0\0"), wanted);
    }
}
