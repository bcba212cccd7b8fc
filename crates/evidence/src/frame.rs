//! Frames of the write-ahead log: `crc32 ‖ length ‖ position ‖ kind ‖ payload`, little-endian.
//!
//! The checksum covers everything behind it. The position in it keeps what an older use of the same file left
//! behind from ever passing as new.

use custos_model::SessionId;
use uuid::Uuid;

use crate::compression::Packed;
use crate::position::Position;

/// Bytes before the payload.
pub(crate) const FRAME_HEADER_BYTES: usize = 4 + 4 + 8 + 1;

/// The longest payload. Transcript chunks are cut well below it.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 4 << 20;

/// What a session's record does to the session, so that it need not be parsed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Begins; the number is `time.utc` in nanoseconds.
    Start,
    /// The operation with this number is open.
    Intent,
    /// The operation with this number is closed.
    Outcome,
    /// An error that belongs to no operation.
    Error,
    /// The segment with this number is complete; `upto` is the position of the last chunk in it.
    SegmentClosed,
    /// Ends.
    End,
    /// People agreed to the operation with this number, which stays open.
    Approved,
    /// A file went through the operation with this number, which stays open.
    Transfer,
}

/// A frame's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// First in each file.
    Header { file: u64 },
    /// Everything before `durable` was fsynced when this was written: a bad frame before it is damage,
    /// not the torn end of a crash.
    Mark { durable: Position },
    /// A record that belongs to no session.
    Record { record: &'a [u8] },
    /// A month begins: the record that closes the old log, empty for the node's first log, and the record that
    /// opens the new one, in which `log.previous` is still missing.
    Rotate {
        origin: &'a str,
        close: &'a [u8],
        open: &'a [u8],
    },
    /// A record of a session.
    SessionRecord {
        session: SessionId,
        effect: Effect,
        number: u64,
        upto: Position,
        record: &'a [u8],
    },
    /// A piece of a session's transcript.
    Transcript {
        session: SessionId,
        compressed: bool,
        lines: u64,
        data: &'a [u8],
    },
}

impl Frame<'_> {
    /// Whether it takes a position of its own. The others carry that of the frame after them.
    pub(crate) fn has_position(&self) -> bool {
        !matches!(self, Self::Header { .. } | Self::Mark { .. })
    }
}

/// Writes one frame at the end of a buffer.
#[derive(Debug)]
pub(crate) struct FrameWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    position: Position,
}

impl<'a> FrameWriter<'a> {
    fn new(out: &'a mut Vec<u8>, position: Position, kind: u8) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&position.0.to_le_bytes());
        out.push(kind);
        Self {
            out,
            start,
            position,
        }
    }

    /// Begins a record that belongs to no session.
    pub(crate) fn record(out: &'a mut Vec<u8>, position: Position) -> Self {
        Self::new(out, position, kind::RECORD)
    }

    /// Begins a record of a session.
    pub(crate) fn session_record(
        out: &'a mut Vec<u8>,
        position: Position,
        session: SessionId,
        effect: Effect,
        number: u64,
        upto: Position,
    ) -> Self {
        let frame = Self::new(out, position, kind::SESSION_RECORD);
        frame.out.extend_from_slice(session.as_uuid().as_bytes());
        frame.out.push(effect_byte(effect));
        frame.out.extend_from_slice(&number.to_le_bytes());
        frame.out.extend_from_slice(&upto.0.to_le_bytes());
        frame
    }

    /// Writes a whole piece of transcript.
    pub(crate) fn transcript(
        out: &'a mut Vec<u8>,
        position: Position,
        session: SessionId,
        lines: u64,
        packed: &Packed<'_>,
    ) {
        let mut frame = Self::new(out, position, kind::TRANSCRIPT);
        frame.out.extend_from_slice(session.as_uuid().as_bytes());
        frame.out.push(u8::from(packed.is_frame()));
        frame.out.extend_from_slice(&lines.to_le_bytes());
        packed.write(frame.payload());
        frame.finish();
    }

    /// Writes a whole month change.
    pub(crate) fn rotate(
        out: &'a mut Vec<u8>,
        position: Position,
        origin: &str,
        close: &[u8],
        open: &[u8],
    ) {
        let frame = Self::new(out, position, kind::ROTATE);
        for part in [origin.as_bytes(), close] {
            frame
                .out
                .extend_from_slice(&(part.len() as u32).to_le_bytes());
            frame.out.extend_from_slice(part);
        }
        frame.out.extend_from_slice(open);
        frame.finish();
    }

    /// Writes a whole mark.
    pub(crate) fn mark(out: &'a mut Vec<u8>, position: Position, durable: Position) {
        let frame = Self::new(out, position, kind::MARK);
        frame.out.extend_from_slice(&durable.0.to_le_bytes());
        frame.finish();
    }

    /// Writes a whole file header.
    pub(crate) fn header(out: &'a mut Vec<u8>, position: Position, file: u64) {
        let frame = Self::new(out, position, kind::HEADER);
        frame.out.extend_from_slice(MAGIC);
        frame.out.extend_from_slice(&file.to_le_bytes());
        frame.finish();
    }

    /// Where the rest of the payload goes.
    pub(crate) fn payload(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Completes the frame with its length and checksum.
    pub(crate) fn finish(self) {
        let payload_bytes = self.out.len() - self.start - FRAME_HEADER_BYTES;
        debug_assert!(
            payload_bytes <= MAX_PAYLOAD_BYTES,
            "frame {:?}",
            self.position
        );
        let Some(frame) = self.out.get_mut(self.start..) else {
            return;
        };
        if let Some(length) = frame.get_mut(4..8) {
            length.copy_from_slice(&(payload_bytes as u32).to_le_bytes());
        }
        let checksum = crc32fast::hash(frame.get(4..).unwrap_or_default());
        if let Some(place) = frame.get_mut(..4) {
            place.copy_from_slice(&checksum.to_le_bytes());
        }
    }
}

/// A frame as read, with its position and its length in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read<'a> {
    pub(crate) position: Position,
    pub(crate) bytes: usize,
    pub(crate) frame: Frame<'a>,
}

/// Reads the frame at the beginning of `bytes`, or nothing where no whole and intact frame is.
pub(crate) fn read(bytes: &[u8]) -> Option<Read<'_>> {
    let (checksum, checked) = bytes.split_first_chunk::<4>()?;
    let length = checked.first_chunk::<4>()?;
    let payload_bytes = u32::from_le_bytes(*length) as usize;
    if payload_bytes > MAX_PAYLOAD_BYTES {
        return None;
    }
    let covered = checked.get(..FRAME_HEADER_BYTES - 4 + payload_bytes)?;
    if crc32fast::hash(covered) != u32::from_le_bytes(*checksum) {
        return None;
    }
    read_unchecked(bytes)
}

/// The same for frames that were never out of memory.
pub(crate) fn read_unchecked(bytes: &[u8]) -> Option<Read<'_>> {
    let (_, checked) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = checked.split_first_chunk::<4>()?;
    let (position, rest) = rest.split_first_chunk::<8>()?;
    let (kind, rest) = rest.split_first()?;
    let payload_bytes = u32::from_le_bytes(*length) as usize;
    if payload_bytes > MAX_PAYLOAD_BYTES {
        return None;
    }
    let payload = rest.get(..payload_bytes)?;
    Some(Read {
        position: Position(u64::from_le_bytes(*position)),
        bytes: FRAME_HEADER_BYTES + payload_bytes,
        frame: read_payload(*kind, payload)?,
    })
}

/// The position that the bytes would have if they were a frame; cheap, for searching.
pub(crate) fn peek_position(bytes: &[u8]) -> Option<Position> {
    let (_, rest) = bytes.split_at_checked(8)?;
    Some(Position(u64::from_le_bytes(*rest.first_chunk::<8>()?)))
}

const MAGIC: &[u8; 8] = b"CUSTWAL1";

mod kind {
    pub(super) const HEADER: u8 = 1;
    pub(super) const MARK: u8 = 2;
    pub(super) const RECORD: u8 = 3;
    pub(super) const ROTATE: u8 = 4;
    pub(super) const SESSION_RECORD: u8 = 5;
    pub(super) const TRANSCRIPT: u8 = 6;
}

/// Their places are what the write-ahead log has, so new ones come last.
const EFFECTS: [Effect; 8] = [
    Effect::Start,
    Effect::Intent,
    Effect::Outcome,
    Effect::Error,
    Effect::SegmentClosed,
    Effect::End,
    Effect::Approved,
    Effect::Transfer,
];

fn effect_byte(effect: Effect) -> u8 {
    EFFECTS
        .iter()
        .position(|other| *other == effect)
        .unwrap_or(0) as u8
}

fn read_payload(kind: u8, payload: &[u8]) -> Option<Frame<'_>> {
    match kind {
        kind::HEADER => {
            let (file, rest) = payload.strip_prefix(MAGIC)?.split_first_chunk::<8>()?;
            rest.is_empty().then_some(Frame::Header {
                file: u64::from_le_bytes(*file),
            })
        }
        kind::MARK => {
            let durable = Position(u64::from_le_bytes(payload.try_into().ok()?));
            Some(Frame::Mark { durable })
        }
        kind::RECORD => Some(Frame::Record { record: payload }),
        kind::ROTATE => {
            let (origin, rest) = read_part(payload)?;
            let (close, open) = read_part(rest)?;
            Some(Frame::Rotate {
                origin: std::str::from_utf8(origin).ok()?,
                close,
                open,
            })
        }
        kind::SESSION_RECORD => {
            let (session, rest) = read_session(payload)?;
            let (effect, rest) = rest.split_first()?;
            let (number, rest) = rest.split_first_chunk::<8>()?;
            let (upto, record) = rest.split_first_chunk::<8>()?;
            Some(Frame::SessionRecord {
                session,
                effect: *EFFECTS.get(usize::from(*effect))?,
                number: u64::from_le_bytes(*number),
                upto: Position(u64::from_le_bytes(*upto)),
                record,
            })
        }
        kind::TRANSCRIPT => {
            let (session, rest) = read_session(payload)?;
            let (compressed, rest) = rest.split_first()?;
            let (lines, data) = rest.split_first_chunk::<8>()?;
            let lines = u64::from_le_bytes(*lines);
            Some(Frame::Transcript {
                session,
                compressed: *compressed != 0,
                lines,
                data,
            })
        }
        _ => None,
    }
}

fn read_session(payload: &[u8]) -> Option<(SessionId, &[u8])> {
    let (uuid, rest) = payload.split_first_chunk::<16>()?;
    Some((SessionId::from_uuid(Uuid::from_bytes(*uuid)), rest))
}

fn read_part(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = payload.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn session() -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(77))
    }

    fn samples() -> Vec<u8> {
        let mut out = Vec::new();
        FrameWriter::header(&mut out, Position(5), 9);
        FrameWriter::mark(&mut out, Position(5), Position(3));
        FrameWriter::rotate(&mut out, Position(5), "a/b/2026-11", b"close", b"open");
        let mut frame = FrameWriter::record(&mut out, Position(6));
        frame.payload().extend_from_slice(b"{}");
        frame.finish();
        let mut frame = FrameWriter::session_record(
            &mut out,
            Position(7),
            session(),
            Effect::SegmentClosed,
            4,
            Position(2),
        );
        frame.payload().extend_from_slice(b"{\"x\":1}");
        frame.finish();
        FrameWriter::transcript(
            &mut out,
            Position(8),
            session(),
            3,
            &Packed::Frame(b"data".to_vec()),
        );
        out
    }

    fn read_all(mut bytes: &[u8]) -> Vec<(u64, Frame<'_>)> {
        let mut frames = Vec::new();
        while let Some(read) = read(bytes) {
            frames.push((read.position.0, read.frame));
            bytes = &bytes[read.bytes..];
        }
        frames
    }

    #[test]
    fn frames_are_read_as_written() {
        let bytes = samples();
        assert_eq!(
            read_all(&bytes),
            [
                (5, Frame::Header { file: 9 }),
                (
                    5,
                    Frame::Mark {
                        durable: Position(3)
                    }
                ),
                (
                    5,
                    Frame::Rotate {
                        origin: "a/b/2026-11",
                        close: b"close",
                        open: b"open"
                    }
                ),
                (6, Frame::Record { record: b"{}" }),
                (
                    7,
                    Frame::SessionRecord {
                        session: session(),
                        effect: Effect::SegmentClosed,
                        number: 4,
                        upto: Position(2),
                        record: b"{\"x\":1}"
                    }
                ),
                (
                    8,
                    Frame::Transcript {
                        session: session(),
                        compressed: true,
                        lines: 3,
                        data: b"data"
                    }
                ),
            ]
        );
    }

    #[test]
    fn any_flipped_bit_ends_the_reading_at_its_frame() {
        let bytes = samples();
        let good = read_all(&bytes).len();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(read_all(&bad).len() < good, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_no_frames(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(read(&bytes).is_none());
        }
    }

    #[test]
    fn zeros_are_no_frame() {
        assert!(read(&[0; 64]).is_none());
    }
}
