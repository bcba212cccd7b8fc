//! Bytes of somebody who does not keep to anything.

use custos_sftp::{
    MAX_HELD_BYTES, MAX_OPEN_PATH_BYTES, MAX_PACKET_BYTES, NoDigest, Replayed, read_all, replay,
};
use proptest::prelude::*;

use crate::promise::{Script, choices};
use crate::wire;

/// What a conversation may keep of the bytes of both sides.
const MOST_KEPT_BYTES: usize =
    2 * (MAX_PACKET_BYTES as usize + 4) + MAX_OPEN_PATH_BYTES + MAX_HELD_BYTES;

fn is_sound(replayed: &Replayed, script: &[u8]) -> Result<(), TestCaseError> {
    prop_assert!(replayed.most_kept_bytes <= MOST_KEPT_BYTES);
    prop_assert!(replayed.most_kept_bytes <= script.len() * 130);
    for transfer in &replayed.transfers {
        for flow in [&transfer.upload, &transfer.download].into_iter().flatten() {
            prop_assert!(!flow.is_whole || flow.digest.is_ok());
            if flow.digest.is_ok() {
                prop_assert_eq!(flow.bytes, flow.end);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn bytes_of_any_kind(script in prop::collection::vec(any::<u8>(), 0..2000)) {
        is_sound(&replay(&script), &script)?;
        read_all(&script);
    }

    #[test]
    fn a_conversation_with_damage(
        choices in choices(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        chunk_bytes in 1usize..60,
    ) {
        let mut script = Script::new(&choices).bytes(0, chunk_bytes);
        for (at, byte) in damage {
            let at = at.index(script.len());
            script[at] = byte;
        }
        is_sound(&replay(&script), &script)?;
        read_all(&script);
    }
}

/// As much out of order as there is, from all files that there may be.
#[test]
fn memory_is_bounded() {
    let mut steps: Vec<(u8, Vec<u8>)> = vec![(0, wire::init(3)), (1, wire::version(3))];
    let path = "p".repeat(4096);
    for id in 0..1100u32 {
        steps.push((0, wire::open(id, &path, wire::PUT)));
        if id < 1023 {
            steps.push((1, wire::handle(id, &id.to_be_bytes())));
        }
    }
    let data = vec![0; 30_000];
    for id in 0..1000u32 {
        let handle = (id / 20).to_be_bytes();
        steps.push((
            0,
            wire::write(2000 + id, &handle, u64::from(2 * (id + 1)) * 30_000, &data),
        ));
        steps.push((1, wire::status(2000 + id, 0)));
    }
    let mut script = Vec::new();
    for (control, packet) in steps {
        script.push(control);
        script.extend(u16::try_from(packet.len()).unwrap().to_be_bytes());
        script.extend(packet);
    }
    let replayed = replay(&script);
    assert_eq!(replayed.error, None);
    assert!(replayed.most_kept_bytes <= MOST_KEPT_BYTES);
    assert!(replayed.most_kept_bytes > MAX_HELD_BYTES - 40_000 + 1000 * path.len());
    let reasons = replayed
        .transfers
        .iter()
        .filter_map(|transfer| transfer.upload.as_ref()?.digest.err().map(NoDigest::code));
    let reasons: Vec<_> = reasons.collect();
    let count = |word: &str| reasons.iter().filter(|reason| **reason == word).count();
    assert_eq!((count("partial"), count("out_of_order")), (27, 23));
}
