//! Writing messages behind those that are in the buffer already.

use super::WireError;

/// Appends one message: the tag (none for the packets of the start), the length, and what `body` appends.
/// When `body` fails, the buffer is as it was.
pub(super) fn frame(
    out: &mut Vec<u8>,
    tag: Option<u8>,
    message: &'static str,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    let start = out.len();
    out.extend(tag);
    let length_at = out.len();
    out.extend([0; 4]);
    let written = body(out).and_then(|()| fill_length(out, length_at, message));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Appends a text and its terminating zero.
pub(super) fn text(out: &mut Vec<u8>, text: &[u8], message: &'static str) -> Result<(), WireError> {
    if memchr::memchr(0, text).is_some() {
        return Err(WireError::EmbeddedZero { message });
    }
    out.extend_from_slice(text);
    out.push(0);
    Ok(())
}

fn fill_length(out: &mut [u8], length_at: usize, message: &'static str) -> Result<(), WireError> {
    let oversized = WireError::Oversized { message };
    let slot = out.get_mut(length_at..).ok_or(oversized)?;
    let length = i32::try_from(slot.len()).map_err(|_| oversized)?;
    let slot = slot.first_chunk_mut().ok_or(oversized)?;
    *slot = length.to_be_bytes();
    Ok(())
}
