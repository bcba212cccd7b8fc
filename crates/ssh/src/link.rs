//! One side of the gateway while it is signed in: one message after the other, over a connection.

use bytes::Bytes;
use custos_session::{SessionError, UpstreamError};
use custos_ssh_wire::{Broken, Transport};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Bytes that are read at a time.
const READ_BYTES: usize = 16 * 1024;

/// A connection and its protocol.
#[derive(Debug)]
pub(crate) struct Link<S> {
    pub(crate) transport: Transport,
    pub(crate) stream: S,
    /// Came together with the last of a key exchange.
    early: Option<Bytes>,
}

/// Why a connection does not go on.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// Its bytes do not come or go.
    Io(std::io::Error),
    /// It was closed.
    Closed,
    /// The protocol was broken, or the peer has left.
    Broken(Broken),
}

impl From<Broken> for LinkError {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl LinkError {
    /// As an error of the client's side.
    pub(crate) fn of_client(self) -> SessionError {
        match self {
            Self::Io(error) => SessionError::Client(error),
            Self::Closed => SessionError::Client(std::io::ErrorKind::UnexpectedEof.into()),
            Self::Broken(broken) => of_client(broken),
        }
    }

    /// As an error of the target's side.
    pub(crate) fn of_target(self) -> SessionError {
        SessionError::Upstream(match self {
            Self::Io(error) => UpstreamError::Io(error),
            Self::Closed => UpstreamError::Closed,
            Self::Broken(broken) => return of_target(broken),
        })
    }
}

/// The client broke the protocol, or has left.
pub(crate) fn of_client(broken: Broken) -> SessionError {
    if let Broken::Disconnected { .. } = broken {
        return SessionError::Client(std::io::Error::other(broken));
    }
    SessionError::ClientProtocol {
        what: broken.to_string(),
        code: "protocol",
    }
}

/// The target broke the protocol, or has left.
pub(crate) fn of_target(broken: Broken) -> SessionError {
    SessionError::Upstream(match broken {
        Broken::Disconnected {
            reason,
            description,
        } => UpstreamError::Refused {
            code: reason.to_string(),
            message: description,
        },
        Broken::HostKey => UpstreamError::HostKey,
        broken => UpstreamError::Protocol(broken.to_string()),
    })
}

impl<S> Link<S> {
    pub(crate) fn new(transport: Transport, stream: S) -> Self {
        Self {
            transport,
            stream,
            early: None,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// The next message for the layers above; what is to be said is written before it is waited for. Where it is dropped
    /// meanwhile, nothing is lost.
    pub(crate) async fn next(&mut self) -> Result<Bytes, LinkError> {
        if let Some(early) = self.early.take() {
            return Ok(early);
        }
        loop {
            let message = self.transport.next_message();
            // What the transport has to say goes out even where it is its last word.
            self.flush().await?;
            if let Some(message) = message? {
                return Ok(message);
            }
            self.transport.input().reserve(READ_BYTES);
            let read = self.stream.read_buf(self.transport.input()).await;
            if read.map_err(LinkError::Io)? == 0 {
                return Err(LinkError::Closed);
            }
        }
    }

    /// Until keys are agreed on.
    pub(crate) async fn establish(&mut self) -> Result<(), LinkError> {
        while self.transport.negotiated().is_none() {
            self.early = self.transport.next_message()?;
            self.flush().await?;
            if self.transport.negotiated().is_some() {
                break;
            }
            let read = self.stream.read_buf(self.transport.input()).await;
            if read.map_err(LinkError::Io)? == 0 {
                return Err(LinkError::Closed);
            }
        }
        Ok(())
    }

    /// Writes what waits. Where it is dropped meanwhile, what is not written waits still.
    pub(crate) async fn flush(&mut self) -> Result<(), LinkError> {
        let output = self.transport.output();
        if output.is_empty() {
            return Ok(());
        }
        let written = self.stream.write_all_buf(output).await;
        written.map_err(LinkError::Io)
    }

    /// Tells the peer why it ends, as far as it still listens.
    pub(crate) async fn disconnect(&mut self, reason: u32, text: &str) {
        self.transport.disconnect(reason, text);
        // It may be gone already.
        let _ = self.flush().await;
        let _ = self.stream.shutdown().await;
    }
}
