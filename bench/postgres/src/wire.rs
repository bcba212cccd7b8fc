//! A small PostgreSQL client that counts what it receives and throws it away, so that the reader is never the slow part.

use std::ops::Range;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::Target;
use crate::scram::Scram;
use crate::servers::NAME;

const BUFFER_BYTES: usize = 256 * 1024;
const HEADER_BYTES: usize = 5;
const PROTOCOL_3_0: i32 = 196_608;

/// What one statement brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Bytes on the wire, message headers included.
    pub(crate) bytes: u64,
    /// `DataRow` and `CopyData` messages.
    pub(crate) rows: u64,
}

/// A connection after its first `ReadyForQuery`.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    inbox: Inbox,
}

impl Client {
    /// Connects and signs in; answers trust, clear-text and SCRAM requests.
    pub(crate) async fn connect(target: &Target) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(target.address).await.with_context(|| {
            format!(
                "cannot connect to {} ({})",
                target.kind.title(),
                target.address
            )
        })?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            stream,
            inbox: Inbox::new(),
        };
        client.stream.write_all(&startup_message()).await?;
        client.sign_in(target.password.as_deref()).await?;
        client.until_ready().await?;
        Ok(client)
    }

    /// Runs one statement by the simple query protocol and discards its result.
    pub(crate) async fn query(&mut self, statement: &str) -> anyhow::Result<Received> {
        self.inbox.received = Received::default();
        let mut body = statement.as_bytes().to_vec();
        body.push(0);
        self.send(b'Q', &body).await?;
        self.until_ready().await?;
        Ok(self.inbox.received)
    }

    async fn sign_in(&mut self, password: Option<&str>) -> anyhow::Result<()> {
        let mut exchange = None;
        loop {
            let (tag, body) = self.next().await?;
            anyhow::ensure!(
                tag == b'R',
                "expected an authentication request, got `{}`",
                char::from(tag)
            );
            let (request, data) = body
                .split_at_checked(4)
                .context("a short authentication request")?;
            let data = data.to_vec();
            let need_password =
                || password.context("the server wants a password and there is none");
            match request {
                [0, 0, 0, 0] => return Ok(()),
                [0, 0, 0, 3] => {
                    let body = [need_password()?.as_bytes(), &[0]].concat();
                    self.send(b'p', &body).await?;
                }
                [0, 0, 0, 10] => {
                    let started = Scram::start(need_password()?)?;
                    self.send(b'p', &started.initial_response()?).await?;
                    exchange = Some(started);
                }
                [0, 0, 0, 11] => {
                    let exchange = exchange.as_mut().context("a SCRAM challenge out of turn")?;
                    let answer = exchange.respond(&data)?;
                    self.send(b'p', &answer).await?;
                }
                [0, 0, 0, 12] => exchange
                    .as_mut()
                    .context("a SCRAM end out of turn")?
                    .finish(&data)?,
                other => anyhow::bail!("authentication request {other:?} is not supported"),
            }
        }
    }

    async fn until_ready(&mut self) -> anyhow::Result<()> {
        while self.next().await?.0 != b'Z' {}
        Ok(())
    }

    async fn send(&mut self, tag: u8, body: &[u8]) -> anyhow::Result<()> {
        let length = i32::try_from(body.len() + 4).context("a message too long to send")?;
        let message = [&[tag], length.to_be_bytes().as_slice(), body].concat();
        self.stream.write_all(&message).await.context("cannot send")
    }

    /// The next message that is neither row nor copy data. An error response is an error.
    async fn next(&mut self) -> anyhow::Result<(u8, &[u8])> {
        let (tag, body) = loop {
            if let Some(message) = self.inbox.take()? {
                break message;
            }
            let read = self
                .stream
                .read(self.inbox.space()?)
                .await
                .context("cannot receive")?;
            anyhow::ensure!(read > 0, "the connection was closed");
            self.inbox.filled(read);
        };
        let body = &self.inbox.buffer[body];
        anyhow::ensure!(tag != b'E', "the server answered: {}", error_text(body));
        Ok((tag, body))
    }
}

/// Received bytes that are not yet dealt with.
#[derive(Debug)]
struct Inbox {
    buffer: Vec<u8>,
    unread: Range<usize>,
    /// Bytes still to come of a row whose beginning was already thrown away.
    skip_bytes: usize,
    received: Received,
}

impl Inbox {
    fn new() -> Self {
        Self {
            buffer: vec![0; BUFFER_BYTES],
            unread: 0..0,
            skip_bytes: 0,
            received: Received::default(),
        }
    }

    /// Throws rows away and returns the next other message that is complete, if there is one.
    fn take(&mut self) -> anyhow::Result<Option<(u8, Range<usize>)>> {
        while let Some(&[tag, length @ ..]) =
            self.buffer[self.unread.clone()].first_chunk::<HEADER_BYTES>()
        {
            let length =
                usize::try_from(i32::from_be_bytes(length)).context("a negative message length")?;
            anyhow::ensure!(length >= 4, "a message length below four");
            let total = length + 1;
            if matches!(tag, b'D' | b'd') {
                self.received.rows += 1;
                self.skip_bytes = total;
                self.skip();
            } else if total <= self.unread.len() {
                let body = self.unread.start + HEADER_BYTES..self.unread.start + total;
                self.unread.start += total;
                return Ok(Some((tag, body)));
            } else {
                break;
            }
        }
        Ok(None)
    }

    fn skip(&mut self) {
        let now = self.skip_bytes.min(self.unread.len());
        self.unread.start += now;
        self.skip_bytes -= now;
    }

    /// Room for the next read, after the bytes that are kept.
    fn space(&mut self) -> anyhow::Result<&mut [u8]> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        let space = &mut self.buffer[self.unread.end..];
        anyhow::ensure!(
            !space.is_empty(),
            "a message of more than {BUFFER_BYTES} bytes that is no row"
        );
        Ok(space)
    }

    fn filled(&mut self, bytes: usize) {
        self.received.bytes += bytes as u64;
        self.unread.end += bytes;
        self.skip();
    }
}

fn startup_message() -> Vec<u8> {
    let parameters = format!("user\0{NAME}\0database\0{NAME}\0application_name\0custos-bench\0\0");
    let length = i32::try_from(parameters.len() + 8).unwrap_or(i32::MAX);
    [
        &length.to_be_bytes(),
        PROTOCOL_3_0.to_be_bytes().as_slice(),
        parameters.as_bytes(),
    ]
    .concat()
}

/// Severity, code and message of an error response.
fn error_text(body: &[u8]) -> String {
    let fields = body
        .split(|byte| *byte == 0)
        .filter_map(|field| field.split_first());
    let shown = fields.filter(|(code, _)| b"SCM".contains(code));
    shown
        .map(|(_, text)| String::from_utf8_lossy(text))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = i32::try_from(body.len() + 4).expect("small");
        [&[tag], length.to_be_bytes().as_slice(), body].concat()
    }

    /// Feeds `stream` in chunks and returns the other messages with what was counted.
    fn feed(stream: &[u8], chunk_bytes: usize) -> (Vec<(u8, Vec<u8>)>, Received) {
        let mut inbox = Inbox::new();
        let mut messages = Vec::new();
        for chunk in stream.chunks(chunk_bytes) {
            inbox.space().expect("space")[..chunk.len()].copy_from_slice(chunk);
            inbox.filled(chunk.len());
            while let Some((tag, body)) = inbox.take().expect("valid") {
                messages.push((tag, inbox.buffer[body].to_vec()));
            }
        }
        (messages, inbox.received)
    }

    #[test]
    fn rows_are_counted_and_dropped_however_they_arrive() {
        let mut stream = message(b'T', b"columns");
        for row in 0..100 {
            stream.extend(message(b'D', &vec![7; row * 13]));
        }
        stream.extend(message(b'C', b"SELECT 100\0"));
        stream.extend(message(b'Z', b"I"));
        let expected = Received {
            bytes: stream.len() as u64,
            rows: 100,
        };
        for chunk_bytes in [1, 2, 7, 1000, BUFFER_BYTES] {
            let (messages, received) = feed(&stream, chunk_bytes);
            assert_eq!(received, expected, "in chunks of {chunk_bytes}");
            let tags: Vec<u8> = messages.iter().map(|(tag, _)| *tag).collect();
            assert_eq!(tags, b"TCZ");
            assert_eq!(messages[1].1, b"SELECT 100\0");
        }
    }

    #[test]
    fn bad_lengths_are_refused() {
        for length in [0_i32, 3, -1] {
            let mut inbox = Inbox::new();
            let header = [b"Z".as_slice(), length.to_be_bytes().as_slice()].concat();
            inbox.space().expect("space")[..HEADER_BYTES].copy_from_slice(&header);
            inbox.filled(HEADER_BYTES);
            assert!(inbox.take().is_err(), "length {length}");
        }
    }

    #[test]
    fn errors_are_readable() {
        assert_eq!(
            error_text(b"SFATAL\0VFATAL\0C28P01\0Mno\0\0"),
            "FATAL 28P01 no"
        );
    }
}
