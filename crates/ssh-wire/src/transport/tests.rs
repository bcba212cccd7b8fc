use std::sync::Arc;

use custos_signatures::SshKey;
use proptest::prelude::*;

use super::{Peer, Role, Transport, Trust};
use crate::cipher::{Cipher, Mac};
use crate::error::Broken;
use crate::host_key::{HostKey, PrivateKey};
use crate::kex::Kex;
use crate::negotiation::Algorithms;

/// One key, which must be presented as it is.
struct Pinned(SshKey);

impl Trust for Pinned {
    fn algorithms(&self) -> Vec<String> {
        vec![self.0.kind().to_owned()]
    }

    fn judge(&self, _: &str, host_key: &[u8]) -> Option<SshKey> {
        (host_key == self.0.encode()).then(|| self.0.clone())
    }
}

fn no_random(bytes: &mut [u8]) {
    bytes.fill(7);
}

fn server(algorithms: &Algorithms) -> Transport {
    let key = PrivateKey::from_seed(&[1; 32]).unwrap();
    let keys = Arc::new(vec![HostKey::new(key, None)]);
    Transport::new(Peer::Client(keys), Arc::new(algorithms.clone()), no_random)
}

fn client(algorithms: &Algorithms, seed: u8) -> Transport {
    let pinned = PrivateKey::from_seed(&[seed; 32]).unwrap().public().clone();
    let trust = Arc::new(Pinned(pinned));
    Transport::new(Peer::Server(trust), Arc::new(algorithms.clone()), no_random)
}

/// Moves what one side has to say to the other, in pieces of `piece` bytes; what comes out for the layers above.
fn carry(from: &mut Transport, to: &mut Transport, piece: usize) -> Result<Vec<Vec<u8>>, Broken> {
    let mut came = Vec::new();
    let bytes = from.output().split();
    for piece in bytes.chunks(piece) {
        to.input().extend_from_slice(piece);
        while let Some(payload) = to.next_message()? {
            came.push(payload.to_vec());
        }
    }
    Ok(came)
}

/// Until neither has anything to say.
fn settle(a: &mut Transport, b: &mut Transport) -> Result<[Vec<Vec<u8>>; 2], Broken> {
    let mut came = [Vec::new(), Vec::new()];
    while !a.output().is_empty() || !b.output().is_empty() {
        came[1].extend(carry(a, b, usize::MAX)?);
        came[0].extend(carry(b, a, usize::MAX)?);
    }
    Ok(came)
}

fn established(algorithms: &Algorithms) -> (Transport, Transport) {
    let (mut client, mut server) = (client(algorithms, 1), server(algorithms));
    settle(&mut client, &mut server).unwrap();
    assert_eq!(client.session_id(), server.session_id());
    assert!(client.session_id().is_some());
    (client, server)
}

fn message(number: u8, bytes: usize) -> Vec<u8> {
    let mut message = vec![number; 1 + bytes];
    message[0] = number;
    message
}

#[test]
fn clients_that_know_aes_gcm_use_it_whatever_they_put_first() {
    let offers = [
        (
            vec![
                Cipher::ChaCha20Poly1305,
                Cipher::Aes128Ctr,
                Cipher::Aes256Gcm,
            ],
            Cipher::Aes256Gcm,
        ),
        (
            vec![Cipher::ChaCha20Poly1305, Cipher::Aes128Ctr],
            Cipher::ChaCha20Poly1305,
        ),
        (vec![Cipher::Aes128Ctr], Cipher::Aes128Ctr),
    ];
    for (ciphers, expected) in offers {
        let offer = Algorithms {
            ciphers,
            ..Algorithms::default()
        };
        let (mut client, mut server) = (client(&offer, 1), server(&Algorithms::default()));
        settle(&mut client, &mut server).unwrap();
        for rekeys in [true, false] {
            let negotiated = server.negotiated.as_ref().unwrap();
            assert_eq!(
                (negotiated.client_cipher, negotiated.server_cipher),
                (expected, expected)
            );
            let which = if rekeys { &mut server } else { &mut client };
            which.rekey().unwrap();
            settle(&mut client, &mut server).unwrap();
        }
    }
}

#[test]
fn other_clients_may_wait_for_the_servers_message() {
    let mut server = server(&Algorithms::default());
    let before = server.output().split();
    assert!(before.ends_with(b"\r\n"), "{before:?}");
    server.input().extend_from_slice(b"SSH-2.0-OpenSSH_9.2\r\n");
    assert_eq!(server.next_message().unwrap(), None);
    assert!(server.output().is_empty());
    // Nothing goes before there are keys.
    server.send(&message(100, 10)).unwrap();
    assert!(server.output().is_empty());
    let mut server = super::tests::server(&Algorithms::default());
    server.output().clear();
    server
        .input()
        .extend_from_slice(b"SSH-2.0-Renci.SshNet.SshClient.0.0.1\r\n");
    assert_eq!(server.next_message().unwrap(), None);
    assert_eq!(server.output()[5], crate::message::number::KEXINIT);
}

#[test]
fn all_algorithms_carry_messages_both_ways_and_through_new_keys() {
    let mut offers = Vec::new();
    for kex in Kex::ALL {
        for cipher in Cipher::ALL {
            for mac in Mac::ALL {
                offers.push((kex, cipher, mac));
            }
        }
    }
    for (kex, cipher, mac) in offers {
        let offer = Algorithms {
            kex: vec![kex],
            ciphers: vec![cipher],
            macs: vec![mac],
        };
        let (mut client, mut server) = established(&offer);
        let id = client.session_id().unwrap().to_vec();
        for round in 0..3 {
            for bytes in [0, 1, 7, 8, 15, 16, 300, 32_768] {
                client.send(&message(94, bytes)).unwrap();
                server.send(&message(95, bytes)).unwrap();
            }
            if round == 1 {
                server.rekey().unwrap();
                assert!(server.is_exchanging());
                server.send(&message(99, 3)).unwrap();
            }
            let [to_client, to_server] = settle(&mut client, &mut server).unwrap();
            assert_eq!(to_server.len(), 8, "{offer:?}");
            assert_eq!(to_client.len(), if round == 1 { 9 } else { 8 }, "{offer:?}");
            assert_eq!(to_server[7], message(94, 32_768));
            assert!(!server.is_exchanging());
        }
        assert_eq!(client.session_id(), Some(id.as_slice()));
    }
}

#[test]
fn pieces_of_any_size_are_the_same() {
    for piece in [1, 2, 3, 7, 16, 100] {
        let offer = Algorithms::default();
        let (mut client, mut server) = (client(&offer, 1), server(&offer));
        for _ in 0..6 {
            carry(&mut client, &mut server, piece).unwrap();
            carry(&mut server, &mut client, piece).unwrap();
        }
        client.send(&message(94, 100)).unwrap();
        let came = carry(&mut client, &mut server, piece).unwrap();
        assert_eq!(came, [message(94, 100)], "{piece}");
    }
}

#[test]
fn another_host_key_is_refused() {
    let offer = Algorithms::default();
    let (mut client, mut server) = (client(&offer, 2), server(&offer));
    assert_eq!(
        settle(&mut client, &mut server).unwrap_err(),
        Broken::HostKey
    );
    assert_eq!(client.session_id(), None);
}

#[test]
fn a_server_tells_what_it_verifies() {
    let (client, _) = established(&Algorithms::default());
    assert!(
        client
            .signature_algorithms()
            .contains(&"rsa-sha2-512".to_owned())
    );
}

#[test]
fn keys_are_exchanged_again_when_enough_went_under_them() {
    let (mut client, mut server) = established(&Algorithms::default());
    server.set_rekey_bytes(10_000);
    let mut came = 0;
    for _ in 0..20 {
        server.send(&message(94, 1000)).unwrap();
        let [to_client, _] = settle(&mut client, &mut server).unwrap();
        came += to_client.len();
    }
    assert_eq!(came, 20);
}

#[test]
fn the_peer_says_why_it_leaves() {
    let (mut client, mut server) = established(&Algorithms::default());
    server.disconnect(2, "too\u{7}much");
    let left = Broken::Disconnected {
        reason: 2,
        description: "toomuch".to_owned(),
    };
    assert_eq!(settle(&mut client, &mut server).unwrap_err(), left);
}

#[test]
fn nothing_may_come_before_the_keys() {
    for number in [2, 4, 5, 50, 90] {
        let offer = Algorithms::default();
        let (mut client, mut server) = (client(&offer, 1), server(&offer));
        let ours = client.output().split();
        let line_end = ours.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        // The identification, then a message in clear, then the rest.
        server.input().extend_from_slice(&ours[..line_end]);
        let clear = [&[0, 0, 0, 12, 10, number][..], &[0; 10]].concat();
        server.input().extend_from_slice(&clear);
        server.input().extend_from_slice(&ours[line_end..]);
        assert!(
            matches!(server.next_message(), Err(Broken::Unexpected(_))),
            "{number}"
        );
    }
}

#[test]
fn what_waits_for_keys_is_bounded() {
    let (_, mut server) = established(&Algorithms::default());
    server.rekey().unwrap();
    let sent = (0..1000).try_for_each(|_| server.send(&message(94, 32_768)));
    assert_eq!(sent, Err(Broken::Backlog));
}

#[test]
fn roles_are_each_others_peers() {
    assert_eq!(Role::Client.peer().peer(), Role::Client);
}

proptest! {
    /// A byte altered anywhere in what is encrypted is noticed, or leaves too little to read.
    #[test]
    fn alterations_are_noticed(
        cipher in prop::sample::select(&Cipher::ALL[..]),
        mac in prop::sample::select(&Mac::ALL[..]),
        place in 0usize..200,
        bit in 0u8..8,
    ) {
        let offer = Algorithms { ciphers: vec![cipher], macs: vec![mac], ..Algorithms::default() };
        let (mut client, mut server) = established(&offer);
        client.send(&message(94, 100)).unwrap();
        let mut bytes = client.output().split();
        let place = place % bytes.len();
        bytes[place] ^= 1 << bit;
        server.input().extend_from_slice(&bytes);
        let read = server.next_message();
        prop_assert!(matches!(read, Err(_) | Ok(None)), "{read:?}");
    }

    /// Whatever a stranger sends, it is an error or nothing.
    #[test]
    fn strangers_get_nowhere(bytes in prop::collection::vec(any::<u8>(), 0..2000), greets in any::<bool>()) {
        let mut server = server(&Algorithms::default());
        if greets {
            server.input().extend_from_slice(b"SSH-2.0-x\r\n");
        }
        server.input().extend_from_slice(&bytes);
        prop_assert!(!matches!(server.next_message(), Ok(Some(_))));
    }
}
