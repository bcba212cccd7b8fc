//! Data and ends of channels (RFC 4254 sections 5.2 and 5.3).

use bytes::{Buf as _, Bytes, BytesMut};

use super::number;
use crate::encoding::{Put as _, Reader};
use crate::error::WireError;

/// Data that came on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelData {
    /// Our number of the channel.
    pub recipient: u32,
    /// `None`: the ordinary stream; 1: the error stream.
    pub code: Option<u32>,
    /// The data.
    pub bytes: Bytes,
}

impl ChannelData {
    /// Reads either message of data, whose bytes are not copied.
    pub fn decode(mut payload: Bytes) -> Result<Self, WireError> {
        let mut reader = Reader::new(&payload);
        let is_extended = reader.byte()? == number::CHANNEL_EXTENDED_DATA;
        let recipient = reader.uint32()?;
        let code = is_extended.then(|| reader.uint32()).transpose()?;
        let length = reader.string()?.len();
        reader.end()?;
        payload.advance(payload.len() - length);
        Ok(Self {
            recipient,
            code,
            bytes: payload,
        })
    }
}

/// A message that has a channel and at most a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelMessage {
    /// Our number of the channel.
    pub recipient: u32,
    /// Bytes, of a window adjustment; 0 of others.
    pub bytes: u32,
}

impl ChannelMessage {
    /// Reads a window adjustment, an end of file, a close, a success or a failure.
    pub fn decode(payload: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        let number = reader.byte()?;
        let recipient = reader.uint32()?;
        let bytes = if number == number::CHANNEL_WINDOW_ADJUST {
            reader.uint32()?
        } else {
            0
        };
        reader.end()?;
        Ok(Self { recipient, bytes })
    }
}

/// Appends data of the ordinary stream.
pub fn data(out: &mut BytesMut, recipient: u32, bytes: &[u8]) {
    out.reserve(bytes.len() + 64);
    out.byte(number::CHANNEL_DATA)
        .uint32(recipient)
        .string(bytes);
}

/// Appends data of another stream.
pub fn extended_data(out: &mut BytesMut, recipient: u32, code: u32, bytes: &[u8]) {
    out.reserve(bytes.len() + 64);
    out.byte(number::CHANNEL_EXTENDED_DATA)
        .uint32(recipient)
        .uint32(code)
        .string(bytes);
}

/// Gives the peer room for more.
pub fn adjust(out: &mut BytesMut, recipient: u32, bytes: u32) {
    out.byte(number::CHANNEL_WINDOW_ADJUST)
        .uint32(recipient)
        .uint32(bytes);
}

/// No more data comes from here.
pub fn end_of_file(out: &mut BytesMut, recipient: u32) {
    out.byte(number::CHANNEL_EOF).uint32(recipient);
}

/// The channel is over.
pub fn close(out: &mut BytesMut, recipient: u32) {
    out.byte(number::CHANNEL_CLOSE).uint32(recipient);
}

/// Answers a channel request.
pub fn outcome(out: &mut BytesMut, recipient: u32, is_success: bool) {
    let number = if is_success {
        number::CHANNEL_SUCCESS
    } else {
        number::CHANNEL_FAILURE
    };
    out.byte(number).uint32(recipient);
}
