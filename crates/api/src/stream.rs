//! Streams lines that are read from files, at the pace at which the caller takes them.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use custos_evidence::reader::ReadError;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Lines are sent in pieces of about this size.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that wait for the caller.
const PIECES_WAITING_MAX: usize = 4;
/// A caller that takes nothing for so long loses the stream.
const STALLED: Duration = Duration::from_mins(1);

/// A body of the lines, each ended by a line feed. An error breaks the body off.
pub(crate) fn lines(
    tasks: &TaskTracker,
    lines: impl Iterator<Item = Result<String, ReadError>> + Send + 'static,
) -> Body {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    let runtime = Handle::current();
    tasks.spawn_blocking(move || {
        let mut sender = Sender { sender, runtime };
        if let Err(error) = pump(lines, &mut sender) {
            tracing::warn!(%error, "a recording's stream broke off");
            sender.send(Err(error));
        }
    });
    Body::from_stream(futures_util::stream::unfold(
        receiver,
        async |mut receiver| {
            let piece = receiver.recv().await?;
            Some((piece, receiver))
        },
    ))
}

struct Sender {
    sender: mpsc::Sender<Result<Bytes, io::Error>>,
    runtime: Handle,
}

impl Sender {
    /// False when the caller has gone or stalled.
    fn send(&mut self, piece: Result<Bytes, io::Error>) -> bool {
        let sent = self
            .runtime
            .block_on(tokio::time::timeout(STALLED, self.sender.send(piece)));
        matches!(sent, Ok(Ok(())))
    }
}

fn pump(
    lines: impl Iterator<Item = Result<String, ReadError>>,
    sender: &mut Sender,
) -> Result<(), io::Error> {
    let mut piece = Vec::new();
    for line in lines {
        piece.extend_from_slice(line.map_err(io::Error::other)?.as_bytes());
        piece.push(b'\n');
        if piece.len() >= PIECE_BYTES && !sender.send(Ok(std::mem::take(&mut piece).into())) {
            return Ok(());
        }
    }
    if !piece.is_empty() {
        sender.send(Ok(piece.into()));
    }
    Ok(())
}
