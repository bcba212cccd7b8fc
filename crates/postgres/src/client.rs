//! The client's end of the connection, and how to say goodbye on it.

use std::time::Duration;

use bytes::BytesMut;
use custos_model::SessionId;
use custos_session::{SessionError, Stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::report;
use crate::wire::HEADER_BYTES;
use crate::wire::backend::{ErrorReport, Severity};
use crate::wire::frontend::{Frame, frame};

/// What a last message may take to be sent.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);
/// What is read and thrown away after it, so that unread data does not reset the connection before the
/// client has read the message.
const LINGER_BYTES: usize = 1 << 20;

/// A client that is past the handshake.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: Stream,
    /// Read and not used yet.
    pub(crate) buffer: BytesMut,
    /// Whether the client has received whole messages only, so that another may follow.
    pub(crate) at_boundary: bool,
}

impl Client {
    pub(crate) fn new(stream: Stream, buffer: BytesMut) -> Self {
        Self {
            stream,
            buffer,
            at_boundary: true,
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        self.stream
            .write_all(bytes)
            .await
            .map_err(SessionError::Client)?;
        self.stream.flush().await.map_err(SessionError::Client)
    }

    /// Reads one whole message of at most `limit_bytes`; `None` when the client has closed.
    pub(crate) async fn message(
        &mut self,
        limit_bytes: usize,
    ) -> Result<Option<(u8, BytesMut)>, SessionError> {
        loop {
            if let Frame::Complete {
                tag, total_bytes, ..
            } = frame(&self.buffer, limit_bytes).map_err(|error| protocol_error(&error))?
            {
                let mut message = self.buffer.split_to(total_bytes);
                return Ok(Some((tag, message.split_off(HEADER_BYTES))));
            }
            let read = self
                .stream
                .read_buf(&mut self.buffer)
                .await
                .map_err(SessionError::Client)?;
            if read == 0 {
                return Ok(None);
            }
        }
    }

    /// Tells the client why its session ends, if there is a way to, and closes the connection.
    pub(crate) async fn farewell(mut self, error: &SessionError, login_name: &str, id: SessionId) {
        let Some(report) = report::report(error, login_name, id) else {
            return;
        };
        let goodbye = async {
            if self.at_boundary {
                let mut message = Vec::new();
                ErrorReport {
                    severity: Severity::Fatal,
                    sqlstate: &report.sqlstate,
                    message: &report.message,
                    detail: None,
                    hint: report.hint.as_deref(),
                }
                .encode_error(&mut message);
                self.stream.write_all(&message).await?;
                self.stream.flush().await?;
            }
            self.stream.shutdown().await?;
            let mut discarded = 0;
            let mut scratch = [0; 4096];
            while discarded < LINGER_BYTES {
                match self.stream.read(&mut scratch).await? {
                    0 => break,
                    read => discarded += read,
                }
            }
            std::io::Result::Ok(())
        };
        // The client may be gone already; that is no news.
        let _ = tokio::time::timeout(FAREWELL_TIMEOUT, goodbye).await;
    }
}

/// A frame or message that the client should not have sent.
pub(crate) fn protocol_error(error: &crate::wire::WireError) -> SessionError {
    SessionError::ClientProtocol {
        what: error.to_string(),
        code: error.sqlstate(),
    }
}
