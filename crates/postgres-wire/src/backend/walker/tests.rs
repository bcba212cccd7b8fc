use proptest::collection::vec;
use proptest::prelude::*;

use super::{Event, MAX_LARGE_MESSAGE_BYTES, MAX_SMALL_MESSAGE_BYTES, Walker};
use crate::{Tag, WireError};

/// A stream's events with their parts joined: what must not depend on the chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Joined {
    Message(u8, Vec<u8>),
    Row(Vec<Option<Vec<u8>>>),
    CopyData(Vec<u8>),
}

/// Joins events, and checks that they come in their order.
#[derive(Default)]
struct Joiner {
    done: Vec<Joined>,
    row: Option<(u16, Vec<Option<Vec<u8>>>)>,
    value_left: usize,
    copy: Option<Vec<u8>>,
}

impl Joiner {
    fn push(&mut self, event: Event<'_>) {
        let in_row = self.row.is_some();
        match event {
            Event::NeedMore => {}
            Event::Message { tag, body } => {
                assert!(!in_row && self.copy.is_none());
                self.done.push(Joined::Message(tag, body.to_vec()));
            }
            Event::Row(row) => {
                assert!(!in_row && self.copy.is_none());
                assert_eq!(row.columns(), row.fields().iter().count());
                let fields = row.fields().iter().map(|field| field.map(<[u8]>::to_vec));
                self.done.push(Joined::Row(fields.collect()));
            }
            Event::RowStart { columns } => {
                assert!(!in_row && self.copy.is_none());
                self.row = Some((columns, Vec::new()));
            }
            Event::Value { length } => {
                assert_eq!(self.value_left, 0);
                self.value_left = length.unwrap_or(0) as usize;
                let (_, values) = self.row.as_mut().unwrap();
                values.push(length.map(|_| Vec::new()));
            }
            Event::ValuePart { part, last } => {
                assert!(!part.is_empty());
                self.value_left -= part.len();
                assert_eq!(last, self.value_left == 0);
                let (_, values) = self.row.as_mut().unwrap();
                let value = values.last_mut().unwrap().as_mut().unwrap();
                value.extend_from_slice(part);
            }
            Event::RowEnd => {
                let (columns, values) = self.row.take().unwrap();
                assert_eq!((usize::from(columns), self.value_left), (values.len(), 0));
                self.done.push(Joined::Row(values));
            }
            Event::CopyData { part, first, last } => {
                assert_eq!(first, self.copy.is_none());
                let data = self.copy.get_or_insert_default();
                data.extend_from_slice(part);
                if last {
                    self.done.extend(self.copy.take().map(Joined::CopyData));
                }
            }
        }
    }
}

/// Feeds the chunks one after the other; checks what a caller relies on.
fn walk<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Joined>, Result<bool, WireError>) {
    let (mut walker, mut joiner) = (Walker::new(), Joiner::default());
    for mut rest in chunks {
        loop {
            let step = match walker.next(rest) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(walker.next(b"Z\0\0\0\x05I"), Err(error));
                    assert!(!walker.at_boundary());
                    return (joiner.done, Err(error));
                }
            };
            let finished = step.event == Event::NeedMore;
            joiner.push(step.event);
            rest = &rest[step.consumed..];
            let between = joiner.row.is_none() && joiner.copy.is_none();
            assert!(between || !walker.at_boundary());
            if finished {
                assert!(rest.is_empty());
                assert!(!walker.at_boundary() || walker.held_bytes() == 0);
                break;
            }
        }
    }
    (joiner.done, Ok(walker.at_boundary()))
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

fn row(values: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        let length = value
            .as_ref()
            .map_or(-1, |value| i32::try_from(value.len()).unwrap());
        body.extend(length.to_be_bytes());
        body.extend(value.iter().flatten());
    }
    message(b'D', &body)
}

fn encode(joined: &Joined) -> Vec<u8> {
    match joined {
        Joined::Message(tag, body) => message(*tag, body),
        Joined::Row(values) => row(values),
        Joined::CopyData(data) => message(b'd', data),
    }
}

#[test]
fn a_select_reads_like_its_transcript() {
    let bytes = [
        &b"T\0\0\0\x1a\0\x01n\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0"[..],
        b"D\0\0\0\x0b\0\x01\0\0\0\x017",
        b"C\0\0\0\x0dSELECT 1\0",
        b"Z\0\0\0\x05I",
    ]
    .concat();
    let expected = [
        Joined::Message(b'T', bytes[5..27].to_vec()),
        Joined::Row(vec![Some(b"7".to_vec())]),
        Joined::Message(b'C', b"SELECT 1\0".to_vec()),
        Joined::Message(b'Z', b"I".to_vec()),
    ];
    for size in 1..=bytes.len() {
        let (events, end) = walk(bytes.chunks(size));
        assert_eq!(events, expected, "chunks of {size}");
        assert_eq!(end, Ok(true));
    }
}

#[test]
fn a_whole_row_is_one_event_and_a_split_one_is_streamed() {
    let bytes = row(&[Some(b"abc".to_vec()), None, Some(Vec::new())]);
    let mut walker = Walker::new();
    let step = walker.next(&bytes).unwrap();
    assert_eq!(step.consumed, bytes.len());
    assert!(matches!(step.event, Event::Row(row) if row.columns() == 3));

    let (head, tail) = bytes.split_at(13);
    let mut walker = Walker::new();
    let mut events = Vec::new();
    for mut rest in [head, tail] {
        loop {
            let step = walker.next(rest).unwrap();
            events.push(format!("{} {:?}", step.consumed, step.event));
            rest = &rest[step.consumed..];
            if step.event == Event::NeedMore {
                break;
            }
        }
    }
    assert_eq!(
        events,
        [
            "7 RowStart { columns: 3 }",
            "4 Value { length: Some(3) }",
            "2 ValuePart { part: [97, 98], last: false }",
            "0 NeedMore",
            "1 ValuePart { part: [99], last: true }",
            "4 Value { length: None }",
            "4 Value { length: Some(0) }",
            "0 RowEnd",
            "0 NeedMore",
        ]
    );
}

#[test]
fn split_messages_are_held_only_until_the_next_call() {
    let bytes = message(b'E', &[b"Mno".repeat(1000), b"\0\0".to_vec()].concat());
    let mut walker = Walker::new();
    let (head, tail) = bytes.split_at(100);
    assert_eq!(walker.next(head).unwrap().event, Event::NeedMore);
    assert!(walker.held_bytes() > 0);
    assert!(!walker.at_boundary());
    let step = walker.next(tail).unwrap();
    assert_eq!(step.consumed, tail.len());
    assert!(matches!(step.event, Event::Message { tag: b'E', body } if body == &bytes[5..]));
    assert!(walker.at_boundary());
    assert_eq!(walker.next(b"").unwrap().event, Event::NeedMore);
    assert_eq!(walker.held_bytes(), 0);
}

#[test]
fn a_value_larger_than_all_memory_is_never_held() {
    let value_bytes = i32::MAX - 4 - 2 - 4;
    let head = [
        b"D",
        &i32::MAX.to_be_bytes()[..],
        b"\0\x01",
        &value_bytes.to_be_bytes()[..],
    ]
    .concat();
    let mut walker = Walker::new();
    let started = walker.next(&head).unwrap();
    assert_eq!(started.event, Event::RowStart { columns: 1 });
    let length = Some(value_bytes.unsigned_abs());
    assert_eq!(
        walker.next(&head[7..]).unwrap().event,
        Event::Value { length }
    );
    let chunk = vec![b'x'; 1 << 20];
    let mut left = value_bytes.unsigned_abs() as usize;
    while left > 0 {
        let part = &chunk[..left.min(chunk.len())];
        left -= part.len();
        let last = left == 0;
        let step = walker.next(part).unwrap();
        assert_eq!(step.event, Event::ValuePart { part, last });
        assert_eq!(walker.held_bytes(), 0);
    }
    assert_eq!(walker.next(b"").unwrap().event, Event::RowEnd);
    assert!(walker.at_boundary());
}

#[test]
fn a_length_alone_takes_no_memory() {
    let claim = i32::try_from(MAX_LARGE_MESSAGE_BYTES - 1).unwrap();
    let mut walker = Walker::new();
    let head = [b"E", &claim.to_be_bytes()[..], b"SERROR"].concat();
    assert_eq!(walker.next(&head).unwrap().event, Event::NeedMore);
    assert!(walker.held_bytes() <= MAX_SMALL_MESSAGE_BYTES);
}

#[test]
fn limits_depend_on_the_kind() {
    for tag in 0..=255_u8 {
        let whole = match tag {
            b'D' | b'd' => i32::MAX as usize + 1,
            b'E' | b'V' | b'N' | b'A' | b't' | b'T' => MAX_LARGE_MESSAGE_BYTES,
            _ if b"RK23CcGHWIvnS1sZ".contains(&tag) => MAX_SMALL_MESSAGE_BYTES,
            _ => 0,
        };
        let fits = |bytes: usize| {
            let length = i32::try_from(bytes - 1).unwrap();
            Walker::new()
                .next(&[&[tag], &length.to_be_bytes()[..]].concat())
                .map(|_| ())
        };
        if whole == 0 {
            assert_eq!(fits(5), Err(WireError::UnknownBackendTag(Tag(tag))));
            continue;
        }
        assert_eq!(fits(whole), Ok(()), "{}", Tag(tag));
        if whole <= MAX_LARGE_MESSAGE_BYTES {
            assert_eq!(fits(whole + 1).unwrap_err().sqlstate(), "54000");
        }
        for length in [0, 3, -1, i32::MIN] {
            let head = [&[tag], &i32::to_be_bytes(length)[..]].concat();
            let tag = Tag(tag);
            let error = Walker::new().next(&head).unwrap_err();
            assert_eq!(error, WireError::Length { tag, length });
        }
    }
}

#[test]
fn rows_that_disagree_with_their_length_are_refused_whole_and_in_pieces() {
    for body in [
        &b""[..],
        b"\0",
        b"\0\x01",
        b"\0\x01\0\0\0",
        b"\0\x01\0\0\0\x02a",
        b"\0\x01\0\0\0\x01ab",
        b"\0\0x",
        b"\0\x01\xff\xff\xff\xfe",
        b"\0\x02\0\0\0\x01a",
        b"\0\x02\0\0\0\x05abcde\0\0\0",
        b"\xff\xff\0\0\0\0",
        b"\0\x01\x7f\xff\xff\xff",
    ] {
        let bytes = message(b'D', body);
        for size in 1..=bytes.len() {
            let (events, end) = walk(bytes.chunks(size));
            assert_eq!(events, [], "{}", body.escape_ascii());
            assert!(end.is_err(), "{} in {size}", body.escape_ascii());
        }
    }
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of(vec(any::<u8>(), 0..40))
}

fn joined() -> impl Strategy<Value = Joined> {
    prop_oneof![
        (
            prop::sample::select(&b"RK23CcGHWIvnS1sZEVNAtT"[..]),
            vec(any::<u8>(), 0..60)
        )
            .prop_map(|(tag, body)| Joined::Message(tag, body)),
        vec(value(), 0..6).prop_map(Joined::Row),
        vec(any::<u8>(), 0..60).prop_map(Joined::CopyData),
    ]
}

/// Cuts bytes into chunks of these sizes, over and over; a size of 0 gives an empty chunk.
fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() || sizes.iter().all(|size| *size == 0) {
            break;
        }
        let (chunk, rest) = bytes.split_at(bytes.len().min(*size));
        chunks.push(chunk);
        bytes = rest;
    }
    chunks.push(bytes);
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The same stream in any chunks gives the same events.
    #[test]
    fn chunks_do_not_matter(stream in vec(joined(), 0..12), sizes in vec(0_usize..50, 1..6)) {
        let bytes: Vec<u8> = stream.iter().flat_map(encode).collect();
        let fixed = [1, 2, 7, bytes.len().max(1)].map(|size| vec![size]);
        for sizes in fixed.iter().chain([&sizes]) {
            let (events, end) = walk(cut(&bytes, sizes));
            prop_assert_eq!(&events, &stream);
            prop_assert_eq!(end, Ok(true));
        }
    }

    /// So do bytes that are no stream: the same events before the same failure, or the same wait for more.
    #[test]
    fn hostile_bytes_fail_alike_in_any_chunks(
        mut stream in vec(joined(), 1..6),
        position in any::<prop::sample::Index>(),
        flip in 1_u8..=255,
        size in 1_usize..9,
    ) {
        stream.push(Joined::Message(b'Z', b"I".to_vec()));
        let mut bytes: Vec<u8> = stream.iter().flat_map(encode).collect();
        let at = position.index(bytes.len());
        bytes[at] ^= flip;
        let whole = walk([&bytes[..]]);
        let pieces = walk(bytes.chunks(size));
        match whole.1 {
            Ok(_) => prop_assert_eq!(pieces.1, whole.1),
            Err(_) => prop_assert!(pieces.1.is_err()),
        }
        prop_assert_eq!(whole.0, pieces.0);
    }
}
