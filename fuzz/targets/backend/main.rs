//! The messages of a server, and the walker that follows them through chunks of any size: `custos_postgres_wire::backend`.
#![no_main]

mod written;

use custos_postgres_wire::WireError;
use custos_postgres_wire::backend::{BackendMessage, Event, MAX_SMALL_MESSAGE_BYTES, Walker, tag};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let whole = Trace::of(std::iter::once(data));
    whole.is_true_to(data);
    let bytes = Trace::of(data.chunks(1));
    bytes.is_true_to(data);
    whole.agrees_with(&bytes);
    let uneven = Trace::of(uneven_chunks(data));
    uneven.is_true_to(data);
    whole.agrees_with(&uneven);
    for seen in &whole.done {
        seen.parse();
    }
});

/// One message, put together from events.
#[derive(Debug, PartialEq)]
enum Seen {
    Message {
        tag: u8,
        body: Vec<u8>,
    },
    Row {
        columns: usize,
        values: Vec<Option<Vec<u8>>>,
        value_bytes_left: usize,
    },
    Copy(Vec<u8>),
}

/// All that the walker said about a stream.
#[derive(Debug, Default)]
struct Trace {
    done: Vec<Seen>,
    /// What has begun and is not complete.
    open: Option<Seen>,
    failed: Option<WireError>,
    at_boundary: bool,
}

impl Trace {
    fn of<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut trace = Self::default();
        let mut walker = Walker::new();
        let mut fed_bytes = 0;
        for chunk in chunks {
            fed_bytes += chunk.len();
            trace.feed(&mut walker, chunk);
            // Memory follows what has come, not what a length word claims.
            assert!(walker.held_bytes() <= MAX_SMALL_MESSAGE_BYTES.max(2 * fed_bytes));
            if trace.failed.is_some() {
                break;
            }
        }
        trace.at_boundary = walker.at_boundary();
        trace
    }

    fn feed(&mut self, walker: &mut Walker, mut rest: &[u8]) {
        loop {
            let step = match walker.next(rest) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(walker.next(rest), Err(error), "an error is final");
                    self.failed = Some(error);
                    return;
                }
            };
            let consumed = step.consumed;
            match step.event {
                Event::NeedMore => {
                    assert_eq!(consumed, rest.len());
                    return;
                }
                event => {
                    assert!(consumed > 0 || event == Event::RowEnd, "no progress");
                    self.take(event);
                }
            }
            rest = &rest[consumed..];
        }
    }

    fn take(&mut self, event: Event<'_>) {
        match (event, self.open.take()) {
            (Event::Message { tag, body }, None) => {
                assert!(tag != tag::DATA_ROW && tag != tag::COPY_DATA);
                self.done.push(Seen::Message {
                    tag,
                    body: body.to_vec(),
                });
            }
            (Event::Row(row), None) => {
                let values: Vec<_> = row
                    .fields()
                    .iter()
                    .map(|value| value.map(<[u8]>::to_vec))
                    .collect();
                assert_eq!(values.len(), row.columns());
                self.done.push(Seen::Row {
                    columns: values.len(),
                    values,
                    value_bytes_left: 0,
                });
            }
            (Event::RowStart { columns }, None) => {
                let columns = usize::from(columns);
                self.open = Some(Seen::Row {
                    columns,
                    values: Vec::new(),
                    value_bytes_left: 0,
                });
            }
            (
                Event::Value { length },
                Some(Seen::Row {
                    columns,
                    mut values,
                    value_bytes_left: 0,
                }),
            ) => {
                values.push(length.map(|_| Vec::new()));
                let value_bytes_left = length.unwrap_or(0) as usize;
                self.open = Some(Seen::Row {
                    columns,
                    values,
                    value_bytes_left,
                });
            }
            (
                Event::ValuePart { part, last },
                Some(Seen::Row {
                    columns,
                    mut values,
                    value_bytes_left,
                }),
            ) => {
                assert!(!part.is_empty());
                let value_bytes_left = value_bytes_left.checked_sub(part.len()).unwrap();
                assert_eq!(last, value_bytes_left == 0);
                values
                    .last_mut()
                    .unwrap()
                    .as_mut()
                    .unwrap()
                    .extend_from_slice(part);
                self.open = Some(Seen::Row {
                    columns,
                    values,
                    value_bytes_left,
                });
            }
            (
                Event::RowEnd,
                Some(
                    row @ Seen::Row {
                        value_bytes_left: 0,
                        ..
                    },
                ),
            ) => {
                assert!(
                    matches!(&row, Seen::Row { columns, values, .. } if *columns == values.len())
                );
                self.done.push(row);
            }
            (Event::CopyData { part, first, last }, open) => {
                self.take_copy(open, part, first, last);
            }
            (event, open) => panic!("{event:?} after {open:?}"),
        }
    }

    fn take_copy(&mut self, open: Option<Seen>, part: &[u8], first: bool, last: bool) {
        let mut data = match (first, open) {
            (true, None) => Vec::new(),
            (false, Some(Seen::Copy(data))) => data,
            (_, open) => panic!("COPY data, first {first}, after {open:?}"),
        };
        data.extend_from_slice(part);
        if last {
            self.done.push(Seen::Copy(data));
        } else {
            self.open = Some(Seen::Copy(data));
        }
    }

    /// The messages seen, written again, are the stream as far as it goes.
    fn is_true_to(&self, stream: &[u8]) {
        let written = self
            .done
            .iter()
            .flat_map(Seen::written)
            .collect::<Vec<u8>>();
        assert!(stream.starts_with(&written));
        if self.failed.is_none() {
            assert_eq!(self.at_boundary, written.len() == stream.len());
            assert!(self.open.is_none() || !self.at_boundary);
        }
    }

    /// Chunks mean nothing. A bad row may be told by another error, and passed on in part before it.
    fn agrees_with(&self, other: &Self) {
        assert_eq!(self.done, other.done);
        assert_eq!(self.failed.is_some(), other.failed.is_some());
        if self.failed.is_none() {
            assert_eq!(self.open, other.open);
            assert_eq!(self.at_boundary, other.at_boundary);
        }
    }
}

impl Seen {
    fn written(&self) -> Vec<u8> {
        match self {
            Self::Message { tag, body } => framed(*tag, body),
            Self::Row { values, .. } => {
                let values = values.iter().map(Option::as_deref);
                framed(tag::DATA_ROW, &written::values(values))
            }
            Self::Copy(data) => framed(tag::COPY_DATA, data),
        }
    }

    /// A body that parses is what its content is written as.
    fn parse(&self) {
        let Self::Message { tag, body } = self else {
            return;
        };
        let Ok(message) = BackendMessage::parse(*tag, body) else {
            return;
        };
        if let Some(written) = written::body(message) {
            assert_eq!(&written, body, "{message:?}");
        }
    }
}

fn framed(message_tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[message_tag][..], &length, body].concat()
}

/// Cuts at places that depend on the data, so that every input has cuts of its own and can be repeated.
fn uneven_chunks(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    let mut state = data.len();
    std::iter::from_fn(move || {
        let first = rest.first()?;
        state = state.wrapping_mul(31).wrapping_add(usize::from(*first));
        let (chunk, after) = rest.split_at((1 + state % 13).min(rest.len()));
        rest = after;
        Some(chunk)
    })
}
