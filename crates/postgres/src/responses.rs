//! From the target to the client: every message is recorded, then released.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use custos_session::{Open, Position, Session, SessionError, UpstreamError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::proxy::Shared;
use crate::results::Results;
use crate::wire::backend::{Event, Walker};

/// What one read takes at first, and at most.
const READ_BYTES: usize = 8 * 1024;
const READ_BYTES_AT_MOST: usize = 128 * 1024;
/// Bytes that are recorded and wait for the disk, at most, before reading goes on.
const WINDOW_BYTES: usize = 2 << 20;

/// The direction from the target to the client.
#[derive(Debug)]
pub(crate) struct Responses<'s> {
    session: &'s Session<Open>,
    shared: &'s Shared,
    results: Results<'s>,
    walker: Walker,
    /// Recorded, not released yet.
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    client_at_boundary: &'s mut bool,
    /// Nobody reads any more.
    client_gone: bool,
    read_bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    position: Option<Position>,
    bytes: Bytes,
    /// Whether a message ends where these bytes end.
    at_boundary: bool,
}

impl<'s> Responses<'s> {
    pub(crate) fn new(
        session: &'s Session<Open>,
        shared: &'s Shared,
        client_at_boundary: &'s mut bool,
    ) -> Self {
        Self {
            session,
            shared,
            results: Results::new(session),
            walker: Walker::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            client_at_boundary,
            client_gone: false,
            read_bytes: READ_BYTES,
        }
    }

    /// Runs until the target closes.
    pub(crate) async fn run(
        &mut self,
        mut target: impl AsyncRead + Unpin,
        mut client: impl AsyncWrite + Unpin,
        mut buffer: BytesMut,
    ) -> Result<(), SessionError> {
        let mut walked = 0;
        loop {
            self.release(&mut client).await?;
            let position = self.waiting.front().and_then(|waiting| waiting.position);
            buffer.reserve(self.read_bytes);
            let read = tokio::select! {
                biased;
                read = target.read_buf(&mut buffer), if self.waiting_bytes < WINDOW_BYTES => read,
                durable = durable(self.session, position), if position.is_some() => {
                    durable?;
                    continue;
                }
            };
            let read = read.map_err(|source| SessionError::Upstream(UpstreamError::Io(source)))?;
            if read == 0 {
                self.results.lost(&mut self.shared.conversation())?;
                return self.release_all(&mut client).await;
            }
            self.read_bytes = if read >= self.read_bytes {
                (self.read_bytes * 2).min(READ_BYTES_AT_MOST)
            } else {
                READ_BYTES
            };
            self.walk(&mut buffer, &mut walked)?;
            self.session.room().await;
        }
    }

    /// Records what was read, and queues for the client what is whole.
    fn walk(&mut self, buffer: &mut BytesMut, walked: &mut usize) -> Result<(), SessionError> {
        let shared = self.shared;
        let mut message_start = 0;
        let mut progress = false;
        let mut streaming;
        let mut at_boundary = false;
        // What goes to the client in place of the buffer up to `copied`, where something is replaced.
        let mut output: Option<Vec<u8>> = None;
        let mut copied = 0;
        {
            let mut conversation = shared.conversation();
            loop {
                let rest = buffer.get(*walked..).unwrap_or_default();
                let step = self
                    .walker
                    .next(rest)
                    .map_err(|error| UpstreamError::Protocol(error.to_string()))?;
                let consumed = step.consumed;
                if step.event == Event::NeedMore {
                    *walked += consumed;
                    break;
                }
                // Rows and COPY data are never replaced, so they need not be whole to go out.
                streaming = matches!(
                    step.event,
                    Event::RowStart { .. }
                        | Event::Value { .. }
                        | Event::ValuePart { .. }
                        | Event::CopyData { last: false, .. }
                );
                let answer = self.results.event(&mut conversation, &step.event)?;
                if answer.cancel {
                    shared.cancel.notify_one();
                }
                *walked += consumed;
                if answer.held {
                    let before = buffer.get(copied..message_start).unwrap_or_default();
                    let room = buffer.len() + buffer.len() / 4;
                    let output = output.get_or_insert_with(|| Vec::with_capacity(room));
                    output.extend_from_slice(before);
                    output.extend_from_slice(self.results.replacement());
                    copied = *walked;
                }
                progress |= answer.ready;
                if streaming || self.walker.at_boundary() {
                    message_start = *walked;
                    at_boundary = !streaming;
                }
            }
        }
        let position = self.results.record()?;
        if progress {
            shared.progress.notify_waiters();
        }
        // A message that is not whole stays, so that it can still be replaced.
        if message_start > 0 {
            let whole = buffer.split_to(message_start).freeze();
            let bytes = match output {
                None => whole,
                Some(mut output) => {
                    output.extend_from_slice(whole.get(copied..).unwrap_or_default());
                    Bytes::from(output)
                }
            };
            *walked -= message_start;
            self.waiting_bytes += bytes.len();
            shared.unreleased.store(true, Ordering::Relaxed);
            self.waiting.push_back(Waiting {
                position,
                bytes,
                at_boundary,
            });
        }
        Ok(())
    }

    /// Writes what is safe to write.
    async fn release(
        &mut self,
        client: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), SessionError> {
        let mut written = false;
        while let Some(front) = self.waiting.front() {
            if let Some(position) = front.position
                && !self.session.may_release_now(position).await?
            {
                break;
            }
            let Some(front) = self.waiting.pop_front() else {
                break;
            };
            self.waiting_bytes -= front.bytes.len();
            written = true;
            if self.client_gone {
                continue;
            }
            *self.client_at_boundary = false;
            // The other direction notices a client that is gone; here outcomes are still to be settled.
            self.client_gone = client.write_all(&front.bytes).await.is_err();
            *self.client_at_boundary = front.at_boundary && !self.client_gone;
        }
        if written && !self.client_gone {
            self.client_gone = client.flush().await.is_err();
        }
        if written && self.waiting.is_empty() {
            self.shared.unreleased.store(false, Ordering::Relaxed);
            self.shared.progress.notify_waiters();
        }
        Ok(())
    }

    async fn release_all(
        &mut self,
        client: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), SessionError> {
        while let Some(front) = self.waiting.front() {
            if let Some(position) = front.position {
                self.session.may_release(position).await?;
            }
            self.release(client).await?;
        }
        Ok(())
    }
}

async fn durable(session: &Session<Open>, position: Option<Position>) -> Result<(), SessionError> {
    match position {
        Some(position) => session.may_release(position).await,
        None => std::future::pending().await,
    }
}
