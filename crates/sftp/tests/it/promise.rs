//! Whatever is asked, decided and answered, and in whatever order: each request gets one answer, and bytes pass as they came.

use std::collections::BTreeSet;

use bytes::Bytes;
use custos_sftp::{Packets, Replayed, SftpError, replay};
use proptest::prelude::*;

use crate::wire;

const FROM_SERVER: u8 = 1;
const REFUSE: u8 = 2;
const LATER: u8 = 4;

/// A client and a server that keep to the protocol, and what they say.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) steps: Vec<(u8, Vec<u8>)>,
    forwarded: Vec<u8>,
    ids: Vec<u32>,
    /// Requests at the server: number, type, and what it is about.
    pending: Vec<(u32, u8, Vec<u8>)>,
    open: Vec<Vec<u8>>,
}

impl Script {
    pub(crate) fn new(choices: &[(u8, u8)]) -> Self {
        let mut script = Self {
            steps: vec![(0, wire::init(3)), (FROM_SERVER, wire::version(3))],
            forwarded: wire::init(3),
            ids: Vec::new(),
            pending: Vec::new(),
            open: Vec::new(),
        };
        for (kind, pick) in choices {
            script.step(*kind, *pick);
        }
        while !script.pending.is_empty() {
            script.answer(0);
        }
        script
    }

    fn step(&mut self, kind: u8, pick: u8) {
        let id = u32::try_from(self.ids.len()).unwrap();
        let handle = |script: &Self| match script.open.len() {
            0 => b"none".to_vec(),
            count => script.open[usize::from(pick) % count].clone(),
        };
        let offset = u64::from(pick % 8);
        let known = handle(self);
        let packet = match kind % 12 {
            0 => wire::open(id, "/f", wire::READ | wire::PUT),
            1 => wire::open(
                id,
                "/g",
                wire::PUT | if pick & 1 == 0 { 0 } else { wire::APPEND },
            ),
            2 => wire::open(id, "/h", wire::READ),
            3 => wire::opendir(id, "/d"),
            4 => wire::read(id, &known, offset, 4),
            5 => wire::write(id, &known, offset, &[pick; 4][..usize::from(pick % 5)]),
            6 => wire::close(id, &known),
            7 => wire::on_path(17, id, "/f"),
            8 => wire::resize(id, &known, offset),
            9 => wire::extended(id, "unknown", &[b"x"]),
            _ => return self.answer(pick),
        };
        self.ask(id, packet, pick, &known);
    }

    fn ask(&mut self, id: u32, packet: Vec<u8>, pick: u8, handle: &[u8]) {
        let control = if pick.is_multiple_of(7) { REFUSE } else { 0 };
        let kind = packet[4];
        self.ids.push(id);
        self.steps.push((control, packet.clone()));
        let is_on_open = matches!(kind, 4..=6 | 10);
        let is_fault = is_on_open && !self.allows(kind, handle);
        if is_fault || control == REFUSE {
            return;
        }
        self.forwarded.extend(packet);
        let about = match kind {
            3 => format!("{id} file").into_bytes(),
            11 => format!("{id} directory").into_bytes(),
            _ => handle.to_vec(),
        };
        self.pending.push((id, kind, about));
        if kind == 4 {
            self.open.retain(|open| *open != handle);
        }
    }

    /// Files are opened here in a way that the handle tells: 0 both, 1 written, 2 read, 3 a directory.
    fn allows(&self, kind: u8, handle: &[u8]) -> bool {
        if !self.open.iter().any(|open| open == handle) {
            return false;
        }
        let flags = handle[0];
        match kind {
            5 => flags & 1 != 0,
            6 => flags & 2 != 0,
            _ => true,
        }
    }

    fn answer(&mut self, pick: u8) {
        if self.pending.is_empty() {
            return;
        }
        let at = usize::from(pick) % self.pending.len();
        let (id, kind, about) = self.pending.remove(at);
        let fails = pick % 5 == 1;
        let packet = match kind {
            3 | 11 if !fails => {
                let request = self.steps.iter().find(|(control, packet)| {
                    control & FROM_SERVER == 0
                        && packet[4] == kind
                        && packet[5..9] == id.to_be_bytes()
                });
                let flags = if kind == 11 {
                    0
                } else {
                    direction(&request.unwrap().1)
                };
                let handle = [&[flags], &about[..]].concat();
                self.open.push(handle.clone());
                wire::handle(id, &handle)
            }
            5 if !fails => wire::data(id, &[pick; 4][..usize::from(pick % 5)]),
            17 if !fails => wire::attributes(id, 9),
            3 | 11 => wire::status(id, 2),
            _ => wire::status(id, if fails { 4 } else { 0 }),
        };
        self.steps.push((FROM_SERVER, packet));
    }

    /// With `extra` control of the client's steps, and cut into chunks of `chunk_bytes`.
    pub(crate) fn bytes(&self, extra: u8, chunk_bytes: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (control, packet) in &self.steps {
            let control = match control & FROM_SERVER {
                0 => control | extra,
                _ => *control,
            };
            for chunk in packet.chunks(chunk_bytes) {
                bytes.push(control);
                bytes.extend(u16::try_from(chunk.len()).unwrap().to_be_bytes());
                bytes.extend(chunk);
            }
        }
        bytes
    }
}

/// 1 read, 2 written, 3 both, of an SSH_FXP_OPEN.
fn direction(open: &[u8]) -> u8 {
    let flags = open[open.len() - 5];
    let reads = flags & 1 | u8::from(flags & 2 == 0);
    reads | if flags & !1 == 0 { 0 } else { 2 }
}

fn ids(stream: &[u8]) -> Vec<u32> {
    let mut packets = Packets::default();
    let mut chunk = Bytes::copy_from_slice(stream);
    let mut ids = Vec::new();
    while let Some(packet) = packets.next(&mut chunk).unwrap() {
        if packet[4] != 2 {
            ids.push(u32::from_be_bytes(packet[5..9].try_into().unwrap()));
        }
    }
    assert_eq!(packets.partial_bytes(), 0);
    ids
}

fn without_measures(replayed: Replayed) -> Replayed {
    Replayed {
        most_kept_bytes: 0,
        ..replayed
    }
}

pub(crate) fn choices() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec(any::<(u8, u8)>(), 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn each_request_gets_one_answer(choices in choices()) {
        let script = Script::new(&choices);
        let replayed = replay(&script.bytes(0, 65_535));
        prop_assert_eq!(replayed.error, None);
        prop_assert_eq!(&replayed.to_server, &script.forwarded);
        let mut answered = ids(&replayed.to_client);
        answered.sort_unstable();
        prop_assert_eq!(answered, script.ids);
    }

    #[test]
    fn chunks_may_be_cut_anywhere(choices in choices(), chunk_bytes in 1usize..40) {
        let script = Script::new(&choices);
        let whole = replay(&script.bytes(0, 65_535));
        let cut = replay(&script.bytes(0, chunk_bytes));
        prop_assert_eq!(without_measures(whole), without_measures(cut));
    }

    /// Decided one step later, when the server may already be expected to know it: then it says so, and nothing else happens.
    #[test]
    fn an_undecided_request_is_not_answered(choices in choices()) {
        let script = Script::new(&choices);
        let replayed = replay(&script.bytes(LATER, 65_535));
        prop_assert!(
            matches!(replayed.error, None | Some(SftpError::NotAsked { .. })),
            "{:?}", replayed.error
        );
        let answered = ids(&replayed.to_client);
        let once: BTreeSet<_> = answered.iter().collect();
        prop_assert_eq!(once.len(), answered.len());
    }
}
