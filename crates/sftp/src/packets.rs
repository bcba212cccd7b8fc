//! Whole packets out of chunks that are cut anywhere.

use bytes::{Bytes, BytesMut};

use crate::MAX_PACKET_BYTES;
use crate::error::SftpError;
use crate::reader::LENGTH_BYTES;

/// Room that is made ahead of what has come: somebody who announces much and sends little costs little.
const AHEAD_BYTES: usize = 64 * 1024;

/// One direction's packets.
///
/// A packet that lies whole in a chunk is a slice of it; one that is spread over chunks is put together by copying it once.
/// Holds at most one packet that is not complete.
#[derive(Debug, Default)]
pub struct Packets {
    partial: BytesMut,
}

impl Packets {
    /// Takes the next packet, with its length word, off the front of `chunk`. `None`: the chunk is used up.
    ///
    /// The length of a packet is judged as soon as it is known. After an error nothing more can be read.
    pub fn next(&mut self, chunk: &mut Bytes) -> Result<Option<Bytes>, SftpError> {
        if self.partial.is_empty()
            && let Some(total) = total_bytes(chunk)?
            && total <= chunk.len()
        {
            return Ok(Some(chunk.split_to(total)));
        }
        self.fill(LENGTH_BYTES, chunk);
        let Some(total) = total_bytes(&self.partial)? else {
            return Ok(None);
        };
        self.fill(total, chunk);
        if self.partial.len() < total {
            return Ok(None);
        }
        Ok(Some(self.partial.split().freeze()))
    }

    /// Bytes of a packet that is not complete.
    pub fn partial_bytes(&self) -> usize {
        self.partial.len()
    }

    /// Moves bytes over until there are `total`, or no more.
    fn fill(&mut self, total: usize, chunk: &mut Bytes) {
        let missing = total.saturating_sub(self.partial.len());
        let taken = chunk.split_to(missing.min(chunk.len()));
        if taken.is_empty() {
            return;
        }
        self.partial.reserve(missing.min(AHEAD_BYTES));
        self.partial.extend_from_slice(&taken);
    }
}

/// Bytes of the packet that begins here, length word included; `None`: not known yet.
fn total_bytes(begin: &[u8]) -> Result<Option<usize>, SftpError> {
    let Some(length) = begin.first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length);
    if length == 0 {
        return Err(SftpError::PacketEmpty);
    }
    if length > MAX_PACKET_BYTES {
        return Err(SftpError::PacketTooLarge {
            bytes: length,
            limit: MAX_PACKET_BYTES,
        });
    }
    Ok(Some(LENGTH_BYTES + length as usize))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{MAX_PACKET_BYTES, Packets};
    use crate::SftpError;

    fn packet(content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap();
        [&length.to_be_bytes(), content].concat()
    }

    fn all(packets: &mut Packets, chunk: &[u8]) -> Result<Vec<Bytes>, SftpError> {
        let mut chunk = Bytes::copy_from_slice(chunk);
        let mut whole = Vec::new();
        while let Some(packet) = packets.next(&mut chunk)? {
            whole.push(packet);
        }
        assert!(chunk.is_empty());
        Ok(whole)
    }

    #[test]
    fn what_is_whole_in_a_chunk_is_not_copied() {
        let mut chunk = Bytes::from([packet(b"one"), packet(b"second")].concat());
        let at = chunk.as_ptr();
        let mut packets = Packets::default();
        let first = packets.next(&mut chunk).unwrap().unwrap();
        let second = packets.next(&mut chunk).unwrap().unwrap();
        assert_eq!(
            (&first[..], &second[4..]),
            (&b"\0\0\0\x03one"[..], &b"second"[..])
        );
        assert!(first.as_ptr() == at && second.as_ptr() == at.wrapping_add(7));
    }

    #[test]
    fn lengths_are_judged_before_anything_is_kept() {
        let mut packets = Packets::default();
        assert_eq!(
            all(&mut packets, &[0, 0, 0, 0]),
            Err(SftpError::PacketEmpty)
        );
        let longest = packet(&vec![7; MAX_PACKET_BYTES as usize]);
        let whole = all(&mut Packets::default(), &longest).unwrap();
        assert_eq!(whole.concat(), longest);
        let too_long = (MAX_PACKET_BYTES + 1).to_be_bytes();
        for at in 0..4 {
            let mut packets = Packets::default();
            assert_eq!(all(&mut packets, &too_long[..at]).unwrap().len(), 0);
            let error = all(&mut packets, &too_long[at..]).unwrap_err();
            assert_eq!(error.code(), "packet_too_large");
        }
    }

    #[test]
    fn announcing_much_makes_little_room() {
        let mut packets = Packets::default();
        all(
            &mut packets,
            &[&MAX_PACKET_BYTES.to_be_bytes()[..], b"x"].concat(),
        )
        .unwrap();
        assert_eq!(packets.partial_bytes(), 5);
        assert!(packets.partial.capacity() <= 2 * super::AHEAD_BYTES);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn chunks_may_be_cut_anywhere(
            contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let expected: Vec<Vec<u8>> = contents.iter().map(|content| packet(content)).collect();
            let stream = expected.concat();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let mut packets = Packets::default();
            let mut found = Vec::new();
            for pair in cuts.windows(2) {
                found.extend(all(&mut packets, &stream[pair[0]..pair[1]]).unwrap());
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(packets.partial_bytes(), 0);
        }
    }
}
