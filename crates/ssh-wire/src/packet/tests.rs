use bytes::BytesMut;

use super::{MAX_CLEAR_PACKET_BYTES, Opener, Sealer};
use crate::encoding::Put as _;
use crate::error::Broken;

#[test]
fn clear_packets_have_whole_blocks() {
    for bytes in 1..100 {
        let (mut sealer, mut opener) = (Sealer::default(), Opener::default());
        let mut packet = BytesMut::new();
        let payload = vec![9; bytes];
        sealer
            .seal(&mut packet, |out| {
                out.raw(&payload);
            })
            .unwrap();
        assert_eq!(packet.len() % 8, 0);
        assert!(packet[4] >= 4);
        assert_eq!(opener.open(&mut packet).unwrap().unwrap(), payload);
        assert!(packet.is_empty());
        assert_eq!(opener.last_sequence(), 0);
    }
}

#[test]
fn lengths_that_there_are_not() {
    let open = |length: u32, rest: &[u8]| {
        let mut input = BytesMut::new();
        input.uint32(length).raw(rest);
        Opener::default().open(&mut input)
    };
    for length in [0, 1, 5, 7, 13, MAX_CLEAR_PACKET_BYTES as u32 + 1, u32::MAX] {
        assert_eq!(open(length, &[0; 64]), Err(Broken::PacketLength(length)));
    }
    // More padding than there is packet, less than there must be, and no message.
    for padding in [0, 3, 11, 255] {
        assert_eq!(
            open(12, &[&[padding][..], &[0; 11]].concat()),
            Err(Broken::PacketLength(12))
        );
    }
    assert_eq!(open(12, &[0; 5]), Ok(None));
}
