//! Questions of the gateway's own, on a connection that nothing else is under way on.

use bytes::{Buf as _, BytesMut};
use custos_session::{Stream, UpstreamError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::broken;
use crate::wire::backend::{BackendMessage, DataRow, Event, Walker};
use crate::wire::frontend::Query;

/// Bytes of one answer at most.
const ANSWER_BYTES: usize = 256 << 20;

/// The rows of an answer, in text form.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    text: String,
    /// For each value where it ends in `text`, and whether it is NULL.
    ends: Vec<(usize, bool)>,
    columns: usize,
}

impl Answers {
    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.ends.len().checked_div(self.columns).unwrap_or(0)
    }

    /// A value; `None` for NULL and where there is none.
    pub(crate) fn text(&self, row: usize, column: usize) -> Option<&str> {
        let place = row * self.columns + column;
        let (end, is_null) = *self.ends.get(place)?;
        let start = match place.checked_sub(1) {
            Some(before) => self.ends.get(before)?.0,
            None => 0,
        };
        (!is_null && column < self.columns).then(|| self.text.get(start..end))?
    }

    /// A value that is a number.
    pub(crate) fn number(&self, row: usize, column: usize) -> Option<u32> {
        self.text(row, column)?.parse().ok()
    }

    fn add(&mut self, row: &DataRow<'_>) -> Result<(), UpstreamError> {
        self.columns = row.columns();
        for value in &row.fields() {
            if let Some(value) = value {
                let value =
                    std::str::from_utf8(value).map_err(|_| odd("a text that is not UTF-8"))?;
                self.text.push_str(value);
            }
            self.ends.push((self.text.len(), value.is_none()));
        }
        if self.text.len() > ANSWER_BYTES {
            return Err(odd("an answer that is too long"));
        }
        Ok(())
    }
}

/// Asks and reads the whole answer: the rows of all statements of the text.
pub(crate) async fn ask(
    stream: &mut Stream,
    buffer: &mut BytesMut,
    text: &str,
) -> Result<Answers, UpstreamError> {
    let mut message = Vec::new();
    let query = Query {
        text: text.as_bytes(),
    };
    query.encode(&mut message).map_err(|error| broken(&error))?;
    stream
        .write_all(&message)
        .await
        .map_err(UpstreamError::Io)?;
    stream.flush().await.map_err(UpstreamError::Io)?;
    let mut answers = Answers::default();
    let mut walker = Walker::new();
    let mut failed = None;
    loop {
        // Rows are taken whole: a buffer that ends in the middle of a message is filled first.
        while let Some(length) = whole_message(buffer) {
            let step = walker.next(buffer.get(..length).unwrap_or_default());
            let step = step.map_err(|error| broken(&error))?;
            match step.event {
                Event::Row(row) => answers.add(&row)?,
                Event::Message { tag, body } => {
                    match BackendMessage::parse(tag, body).map_err(|error| broken(&error))? {
                        BackendMessage::ErrorResponse(fields) => {
                            let text = |bytes: Option<&[u8]>| {
                                String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
                            };
                            failed = Some(UpstreamError::Refused {
                                code: text(fields.sqlstate()),
                                message: text(fields.message()),
                            });
                        }
                        BackendMessage::ReadyForQuery(_) => {
                            buffer.advance(length);
                            return failed.map_or(Ok(answers), Err);
                        }
                        BackendMessage::RowDescription(_)
                        | BackendMessage::CommandComplete(_)
                        | BackendMessage::EmptyQueryResponse
                        | BackendMessage::NoticeResponse(_)
                        | BackendMessage::ParameterStatus(_)
                        | BackendMessage::NotificationResponse(_) => {}
                        _ => return Err(odd("a message that does not belong to an answer")),
                    }
                }
                _ => return Err(odd("something else than rows")),
            }
            buffer.advance(length);
        }
        if buffer.len() > ANSWER_BYTES {
            return Err(odd("an answer that is too long"));
        }
        buffer.reserve(64 << 10);
        let read = stream.read_buf(buffer).await.map_err(UpstreamError::Io)?;
        if read == 0 {
            return Err(UpstreamError::Closed);
        }
    }
}

/// Bytes of the message at the front, if all of it is there.
fn whole_message(buffer: &[u8]) -> Option<usize> {
    let length = buffer.get(1..5)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(length))
        .ok()?
        .checked_add(1)?;
    (buffer.len() >= length).then_some(length)
}

fn odd(what: &str) -> UpstreamError {
    UpstreamError::Protocol(what.to_owned())
}
