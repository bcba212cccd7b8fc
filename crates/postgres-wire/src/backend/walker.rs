//! Following the response stream, whatever the size of its messages and of the chunks that they come in.

mod row;

use row::RowWalk;

use super::super::{HEADER_BYTES, Tag, WireError};
use super::data_row::DataRow;
use super::tag;

/// The largest message, tag and length included, whose kind is always small: 64 KiB.
pub const MAX_SMALL_MESSAGE_BYTES: usize = 64 << 10;
/// The largest error, notice, notification, description or function result: 16 MiB.
pub const MAX_LARGE_MESSAGE_BYTES: usize = 16 << 20;

/// What one call of [`Walker::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// How many bytes of the input belong to this event; the next call starts behind them.
    pub consumed: usize,
    /// What they are.
    pub event: Event<'a>,
}

/// What happens in the response stream.
///
/// A row comes either as one `Row`, or as `RowStart`, then for each column `Value` and any number of `ValuePart`,
/// then `RowEnd`. Which of the two depends on how the bytes arrive, and means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// All of the input is consumed and more is needed.
    NeedMore,
    /// A complete message other than a row or COPY data.
    Message {
        /// Its type byte, one that the protocol has.
        tag: u8,
        /// Its body, for [`super::BackendMessage::parse`].
        body: &'a [u8],
    },
    /// A whole row that lay in one piece.
    Row(DataRow<'a>),
    /// A row begins that does not lie in one piece.
    RowStart {
        /// How many values follow.
        columns: u16,
    },
    /// The next value of that row begins.
    Value {
        /// Its bytes; `None` is NULL. No part follows NULL and the empty value.
        length: Option<u32>,
    },
    /// The next bytes of that value, never empty.
    ValuePart {
        /// The bytes.
        part: &'a [u8],
        /// The value is complete.
        last: bool,
    },
    /// That row is complete. Consumes nothing.
    RowEnd,
    /// A piece of a `CopyData` message. Empty only when the message is.
    CopyData {
        /// The bytes.
        part: &'a [u8],
        /// The message begins here.
        first: bool,
        /// The message ends here.
        last: bool,
    },
}

/// A push state machine over the bytes of a server, starting at a message boundary.
///
/// Call [`Walker::next`] with what is not consumed yet until it answers [`Event::NeedMore`], also with an empty
/// rest: the end of a row consumes nothing. Only a message that is neither row nor COPY data is ever buffered, and
/// only when it is split; the next call gives that memory back.
#[derive(Debug)]
pub struct Walker {
    state: State,
    /// A header, column count or value length that has not come whole.
    partial: Partial,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header,
    Message { tag: u8, missing: usize },
    Row(RowWalk),
    Copy { missing: usize, first: bool },
    Failed(WireError),
}

/// An event that does not borrow from the walker yet, so that the state can be changed when there is none.
enum Found<'i> {
    Event(Event<'i>),
    Assembled { tag: u8 },
}

type Advance<'i> = Result<(usize, Found<'i>), WireError>;

impl Default for Walker {
    fn default() -> Self {
        Self::new()
    }
}

impl Walker {
    /// A walker at the start of a message.
    pub fn new() -> Self {
        Self {
            state: State::Header,
            partial: Partial::default(),
            buffer: Vec::new(),
        }
    }

    /// The next event of the stream in `input`, which continues where the last step's `consumed` ended.
    ///
    /// # Errors
    /// Unknown tags, impossible or excessive lengths, rows whose fields disagree with their length. The stream is
    /// then lost: every further call answers the same error.
    pub fn next<'a>(&'a mut self, input: &'a [u8]) -> Result<Step<'a>, WireError> {
        if self.buffer.capacity() > 0 && !matches!(self.state, State::Message { .. }) {
            self.buffer = Vec::new();
        }
        match self.advance(input) {
            Ok((consumed, found)) => {
                let event = match found {
                    Found::Event(event) => event,
                    Found::Assembled { tag } => Event::Message {
                        tag,
                        body: &self.buffer,
                    },
                };
                Ok(Step { consumed, event })
            }
            Err(error) => {
                self.state = State::Failed(error);
                self.buffer = Vec::new();
                Err(error)
            }
        }
    }

    /// Whether everything consumed so far is whole messages.
    pub fn at_boundary(&self) -> bool {
        matches!(self.state, State::Header) && self.partial.is_empty()
    }

    /// Bytes of memory held for a message that is split.
    pub fn held_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    fn advance<'i>(&mut self, input: &'i [u8]) -> Advance<'i> {
        match self.state {
            State::Header => self.header(input),
            State::Message { tag, missing } => Ok(self.message(tag, missing, input)),
            State::Row(row) => self.row(row, input),
            State::Copy { missing, first } => Ok(self.copy(missing, first, input)),
            State::Failed(error) => Err(error),
        }
    }

    fn header<'i>(&mut self, input: &'i [u8]) -> Advance<'i> {
        let (taken, header) = self.partial.gather::<HEADER_BYTES>(input);
        let Some(header) = header else {
            return Ok((taken, Found::Event(Event::NeedMore)));
        };
        let (tag, body_bytes) = read_header(header)?;
        let rest = input.get(taken..).unwrap_or_default();
        if let Some(body) = rest.get(..body_bytes) {
            return Ok((taken + body_bytes, Found::Event(whole(tag, body)?)));
        }
        let (more, found) = match tag {
            tag::DATA_ROW => self.row(RowWalk::new(body_bytes)?, rest)?,
            tag::COPY_DATA => self.copy(body_bytes, true, rest),
            _ => {
                self.buffer
                    .reserve_exact(body_bytes.min(MAX_SMALL_MESSAGE_BYTES));
                self.message(tag, body_bytes, rest)
            }
        };
        Ok((taken + more, found))
    }

    fn message<'i>(&mut self, tag: u8, missing: usize, input: &'i [u8]) -> (usize, Found<'i>) {
        let part = input.get(..missing).unwrap_or(input);
        self.buffer.extend_from_slice(part);
        let missing = missing - part.len();
        if missing > 0 {
            self.state = State::Message { tag, missing };
            return (part.len(), Found::Event(Event::NeedMore));
        }
        self.state = State::Header;
        (part.len(), Found::Assembled { tag })
    }

    fn row<'i>(&mut self, mut row: RowWalk, input: &'i [u8]) -> Advance<'i> {
        let (consumed, event) = row.advance(&mut self.partial, input)?;
        self.state = match event {
            Event::RowEnd => State::Header,
            _ => State::Row(row),
        };
        Ok((consumed, Found::Event(event)))
    }

    fn copy<'i>(&mut self, missing: usize, first: bool, input: &'i [u8]) -> (usize, Found<'i>) {
        if input.is_empty() {
            self.state = State::Copy { missing, first };
            return (0, Found::Event(Event::NeedMore));
        }
        let part = input.get(..missing).unwrap_or(input);
        let missing = missing - part.len();
        let last = missing == 0;
        self.state = if last {
            State::Header
        } else {
            State::Copy {
                missing,
                first: false,
            }
        };
        let event = Event::CopyData { part, first, last };
        (part.len(), Found::Event(event))
    }
}

/// Up to five bytes that were cut off by the end of a chunk.
#[derive(Clone, Copy, Debug, Default)]
struct Partial {
    bytes: [u8; HEADER_BYTES],
    filled: usize,
}

impl Partial {
    fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Takes from `input` what is missing to `N` bytes (at most five): how many were taken, and the whole when they suffice.
    fn gather<const N: usize>(&mut self, input: &[u8]) -> (usize, Option<[u8; N]>) {
        if self.filled == 0
            && let Some(whole) = input.first_chunk()
        {
            return (N, Some(*whole));
        }
        let mut taken = 0;
        let free = self.bytes.iter_mut().take(N).skip(self.filled);
        for (slot, byte) in free.zip(input) {
            *slot = *byte;
            taken += 1;
        }
        self.filled += taken;
        if self.filled < N {
            return (taken, None);
        }
        self.filled = 0;
        (taken, self.bytes.first_chunk().copied())
    }
}

/// Tag and number of body bytes.
fn read_header([tag, length @ ..]: [u8; HEADER_BYTES]) -> Result<(u8, usize), WireError> {
    let limit = limit_bytes(tag)?;
    let length = i32::from_be_bytes(length);
    let body_bytes = usize::try_from(length)
        .ok()
        .and_then(|bytes| bytes.checked_sub(4))
        .ok_or(WireError::Length {
            tag: Tag(tag),
            length,
        })?;
    if body_bytes + HEADER_BYTES > limit {
        return Err(WireError::TooLarge {
            tag: Tag(tag),
            bytes: (body_bytes + HEADER_BYTES) as u64,
            limit: limit as u64,
        });
    }
    Ok((tag, body_bytes))
}

fn limit_bytes(tag: u8) -> Result<usize, WireError> {
    match tag {
        // Streamed, so bounded by their length word alone.
        tag::DATA_ROW | tag::COPY_DATA => Ok(usize::MAX),
        tag::ERROR_RESPONSE
        | tag::FUNCTION_CALL_RESPONSE
        | tag::NOTICE_RESPONSE
        | tag::NOTIFICATION_RESPONSE
        | tag::PARAMETER_DESCRIPTION
        | tag::ROW_DESCRIPTION => Ok(MAX_LARGE_MESSAGE_BYTES),
        tag::AUTHENTICATION
        | tag::BACKEND_KEY_DATA
        | tag::BIND_COMPLETE
        | tag::CLOSE_COMPLETE
        | tag::COMMAND_COMPLETE
        | tag::COPY_DONE
        | tag::COPY_IN_RESPONSE
        | tag::COPY_OUT_RESPONSE
        | tag::COPY_BOTH_RESPONSE
        | tag::EMPTY_QUERY_RESPONSE
        | tag::NEGOTIATE_PROTOCOL_VERSION
        | tag::NO_DATA
        | tag::PARAMETER_STATUS
        | tag::PARSE_COMPLETE
        | tag::PORTAL_SUSPENDED
        | tag::READY_FOR_QUERY => Ok(MAX_SMALL_MESSAGE_BYTES),
        other => Err(WireError::UnknownBackendTag(Tag(other))),
    }
}

fn whole(tag: u8, body: &[u8]) -> Result<Event<'_>, WireError> {
    Ok(match tag {
        tag::DATA_ROW => Event::Row(DataRow::parse(body)?),
        tag::COPY_DATA => Event::CopyData {
            part: body,
            first: true,
            last: true,
        },
        _ => Event::Message { tag, body },
    })
}

#[cfg(test)]
mod tests;
