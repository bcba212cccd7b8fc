//! How transcripts are packed.

use std::io;
use std::sync::Mutex;

use crate::shared::lock;

/// Fast, and good with text.
const LEVEL: i32 = 1;
/// Content of a block of a zstd frame, at most (RFC 8878 section 3.1.1.2.4).
const BLOCK_BYTES: usize = 128 << 10;
/// Bytes that tell what a piece is like.
const SAMPLE_BYTES: usize = 4096;

/// Whether a piece is base64 of what is compressed or encrypted: letters could be packed by a quarter, which costs more
/// time than it is worth.
fn is_random(bytes: &[u8]) -> bool {
    let mut counts = [0_u32; 256];
    let step = (bytes.len() / SAMPLE_BYTES).max(1);
    // Not a multiple of four: each place in a group of base64 is looked at.
    for byte in bytes.iter().step_by(step | 1).take(SAMPLE_BYTES) {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let seen: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let squares: u64 = counts.iter().map(|count| u64::from(*count).pow(2)).sum();
    // Of 64 letters that are equally likely it is about `seen² / 64 + seen`, and more of anything else.
    seen >= 1024 && squares < seen * seen / 56 + seen
}

/// A piece of a transcript, packed.
#[derive(Debug)]
pub(crate) enum Packed<'a> {
    /// Not at all.
    Plain(&'a [u8]),
    /// A zstd frame.
    Frame(Vec<u8>),
    /// What a zstd frame has raw blocks of. It is written where it goes, and copied no more often than that.
    Stored { length: u32, bytes: &'a [u8] },
}

impl Packed<'_> {
    /// Whether it is a zstd frame where it was written.
    pub(crate) fn is_frame(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// Writes it at the end of a buffer.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Plain(bytes) => out.extend_from_slice(bytes),
            Self::Frame(frame) => out.extend_from_slice(frame),
            Self::Stored { length, bytes } => store(*length, bytes, out),
        }
    }
}

/// Writes a zstd frame of bytes as they are (RFC 8878 section 3.1.1): its length in four bytes, one segment, raw blocks.
fn store(length: u32, bytes: &[u8], out: &mut Vec<u8>) {
    const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
    // Four bytes of length, a single segment, no checksum.
    const DESCRIPTOR: u8 = 0b1010_0000;
    let blocks = bytes.chunks(BLOCK_BYTES);
    let mut left = blocks.len();
    out.reserve(bytes.len() + 3 * left + 9);
    out.extend_from_slice(&MAGIC);
    out.push(DESCRIPTOR);
    out.extend_from_slice(&length.to_le_bytes());
    for block in blocks {
        left -= 1;
        let header = (block.len() << 3) | usize::from(left == 0);
        out.extend(header.to_le_bytes().into_iter().take(3));
        out.extend_from_slice(block);
    }
}

/// Compression contexts, which are too large to have one for each session.
#[derive(Default)]
pub(crate) struct Compressors(Mutex<Vec<zstd::bulk::Compressor<'static>>>);

impl std::fmt::Debug for Compressors {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Compressors")
    }
}

impl Compressors {
    /// One zstd frame.
    pub(crate) fn compress<'a>(&self, bytes: &'a [u8]) -> io::Result<Packed<'a>> {
        if is_random(bytes)
            && let Ok(length) = u32::try_from(bytes.len())
        {
            return Ok(Packed::Stored { length, bytes });
        }
        let taken = lock(&self.0).pop();
        let mut compressor = match taken {
            Some(compressor) => compressor,
            None => zstd::bulk::Compressor::new(LEVEL)?,
        };
        let compressed = compressor.compress(bytes);
        lock(&self.0).push(compressor);
        compressed.map(Packed::Frame)
    }
}

#[cfg(test)]
mod tests {
    use super::{Packed, is_random};

    /// Letters of base64 that nobody could pack.
    fn noise(count: usize) -> Vec<u8> {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let letter = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            LETTERS[(state >> 58) as usize]
        });
        letter.take(count).collect()
    }

    #[test]
    fn noise_is_told_from_what_can_be_packed() {
        let line = br#"{"t":1,"op":3,"output":"total 48\r\ndrwxr-xr-x 2 root root 4096 Nov 21 10:00 bin"}"#;
        let half: Vec<u8> = [noise(70_000), line.repeat(900)].concat();
        // "hello world, " in base64.
        let coded = b"aGVsbG8gd29ybGQsIA".repeat(8000);
        for (bytes, expected) in [
            (noise(1024), true),
            (noise(70_000), true),
            (noise(1 << 20), true),
            (noise(1023), false),
            (line.repeat(900), false),
            (half, false),
            (coded, false),
            (vec![b'A'; 100_000], false),
            (vec![0; 100_000], false),
            (Vec::new(), false),
        ] {
            assert_eq!(is_random(&bytes), expected, "{}", bytes.len());
        }
    }

    #[test]
    fn what_is_stored_is_read_by_any_reader() {
        for length in [1, 1024, 128 << 10, (128 << 10) + 1, 1 << 20] {
            let bytes = noise(length);
            let mut frame = Vec::new();
            let length_bytes = u32::try_from(length).unwrap();
            let packed = Packed::Stored {
                length: length_bytes,
                bytes: &bytes,
            };
            packed.write(&mut frame);
            assert_eq!(zstd::bulk::decompress(&frame, length).unwrap(), bytes);
            let told = zstd::zstd_safe::get_frame_content_size(&frame).unwrap();
            assert_eq!(told, Some(length as u64));
            assert!(frame.len() <= length + 9 + 3 * (length / (128 << 10) + 1));
        }
    }
}
