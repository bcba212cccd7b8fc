//! Whatever a stranger sends before there are keys, to a server or to a client: an error or nothing, and never a message.
#![no_main]

use std::sync::{Arc, LazyLock};

use custos_ssh_wire::{Algorithms, HostKey, Peer, PrivateKey, SshKey, Transport, Trust};
use libfuzzer_sys::fuzz_target;

struct Any(SshKey);

impl Trust for Any {
    fn algorithms(&self) -> Vec<String> {
        vec!["ssh-ed25519".to_owned()]
    }

    fn judge(&self, _: &str, _: &[u8]) -> Option<SshKey> {
        Some(self.0.clone())
    }
}

fn key() -> PrivateKey {
    PrivateKey::from_seed(&[1; 32]).expect("a seed is a key")
}

static SERVER: LazyLock<Peer> =
    LazyLock::new(|| Peer::Client(Arc::new(vec![HostKey::new(key(), None)])));
static CLIENT: LazyLock<Peer> =
    LazyLock::new(|| Peer::Server(Arc::new(Any(key().public().clone()))));

fn no_random(bytes: &mut [u8]) {
    bytes.fill(3);
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else {
        return;
    };
    let peer = if first & 1 == 0 { &*SERVER } else { &*CLIENT };
    let mut transport = Transport::new(peer.clone(), Arc::new(Algorithms::default()), no_random);
    if first & 2 == 0 {
        transport.input().extend_from_slice(b"SSH-2.0-x\r\n");
    }
    // In pieces, as the network has them.
    let piece = usize::from(first >> 2) + 1;
    for piece in bytes.chunks(piece) {
        transport.input().extend_from_slice(piece);
        match transport.next_message() {
            Ok(None) => {}
            Ok(Some(_)) => panic!("a message without keys"),
            Err(_) => return,
        }
        assert!(transport.output().len() < 64 * 1024);
    }
});
