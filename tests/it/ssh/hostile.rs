//! Clients that break the protocol, before and after they have signed in, and targets that do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use custos_ssh_wire::message::{
    AuthenticationMethod, AuthenticationRequest, ChannelKind, ChannelOpen, ChannelRequest,
    Confirmation, RequestKind, SERVICE_AUTHENTICATION, SERVICE_CONNECTION, data, extended_data,
    number, request_service,
};
use custos_ssh_wire::{Algorithms, Broken, Peer, Put as _, SshKey, Transport, Trust};
use custos_testkit::{Credential, Custos, PATIENCE, Sshd, resident_bytes, run, wait_for};

use super::web1;

/// Any host key will do.
struct Anything;

impl Trust for Anything {
    fn algorithms(&self) -> Vec<String> {
        vec!["ssh-ed25519".to_owned()]
    }

    fn judge(&self, _: &str, host_key: &[u8]) -> Option<SshKey> {
        SshKey::decode(host_key).ok()
    }
}

/// A client by hand.
pub(super) struct Client {
    pub(super) transport: Transport,
    stream: TcpStream,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the gateway listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("it is a socket");
        let random: fn(&mut [u8]) = |bytes| bytes.fill(1);
        let peer = Peer::Server(Arc::new(Anything));
        let transport = Transport::new(peer, Arc::new(Algorithms::default()), random);
        Self { transport, stream }
    }

    pub(super) fn signed_in(custos: &Custos, alice: &Credential) -> Self {
        let mut client = Self::connect(custos.ssh_address());
        client.send(|out| request_service(out, SERVICE_AUTHENTICATION));
        assert_eq!(client.next().expect("accepted")[0], number::SERVICE_ACCEPT);
        let request = AuthenticationRequest {
            login_name: "alice+web1",
            service: SERVICE_CONNECTION.as_bytes(),
            method: AuthenticationMethod::Password {
                password: alice.secret.as_bytes(),
                changes: false,
            },
        };
        client.send(|out| request.encode(out));
        assert_eq!(
            client.next().expect("signed in")[0],
            number::USERAUTH_SUCCESS
        );
        client
    }

    /// With a channel, and the gateway's number of it.
    pub(super) fn with_channel(custos: &Custos, alice: &Credential) -> (Self, u32) {
        let mut client = Self::signed_in(custos, alice);
        client.open(0);
        let message = client.next().expect("opened");
        let confirmation = Confirmation::decode(&message).expect("a confirmation");
        (client, confirmation.sender)
    }

    fn open(&mut self, sender: u32) {
        let open = ChannelOpen {
            kind: ChannelKind::Session,
            sender,
            window: 1 << 20,
            max_packet: 32 * 1024,
        };
        self.send(|out| open.encode(out));
    }

    pub(super) fn request(&mut self, recipient: u32, kind: RequestKind<'_>) {
        let request = ChannelRequest {
            recipient,
            wants_reply: false,
            kind,
        };
        self.send(|out| request.encode(out));
    }

    pub(super) fn send(&mut self, write: impl FnOnce(&mut bytes::BytesMut)) {
        self.transport.send_with(write).expect("it can be sent");
        self.flush();
    }

    pub(super) fn flush(&mut self) {
        let output = self.transport.output().split();
        // The gateway may have closed already.
        let _ = self.stream.write_all(&output);
    }

    /// The next message; `Err` when the gateway has ended the connection, and why.
    pub(super) fn next(&mut self) -> Result<Vec<u8>, String> {
        loop {
            let message = self.transport.next_message();
            self.flush();
            match message {
                Ok(Some(message)) => return Ok(message.to_vec()),
                Ok(None) => {}
                Err(Broken::Disconnected { description, .. }) => return Err(description),
                Err(broken) => panic!("{broken}"),
            }
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(_) => return Err("closed".to_owned()),
                Ok(read) => self.transport.input().extend_from_slice(&bytes[..read]),
            }
        }
    }

    /// Why the gateway ends the connection.
    pub(super) fn ending(&mut self) -> String {
        loop {
            if let Err(why) = self.next() {
                return why;
            }
        }
    }
}

type Deed = (&'static str, fn(&mut Client, u32), &'static str);

/// What ends the connection with a word of why, and leaves the gateway as it was.
#[test]
fn clients_that_break_the_protocol_are_told_and_gone() {
    let (custos, alice) = web1();
    let deeds: &[Deed] = &[
        (
            "data before a program",
            |it, n| it.send(|out| data(out, n, b"x")),
            "message 94",
        ),
        (
            "data for no channel",
            |it, _| it.send(|out| data(out, 77, b"x")),
            "message 94",
        ),
        (
            "a second stream",
            |it, n| {
                it.request(n, RequestKind::Exec(b"cat"));
                it.send(|out| extended_data(out, n, 1, b"x"));
            },
            "message 94",
        ),
        (
            "more in one message than may be",
            |it, n| {
                it.request(n, RequestKind::Exec(b"cat > /dev/null"));
                it.send(|out| data(out, n, &vec![b'x'; 40_000]));
            },
            "message 94",
        ),
        (
            "more than the window",
            |it, n| {
                it.request(n, RequestKind::Exec(b"sleep 20"));
                for _ in 0..200 {
                    it.send(|out| data(out, n, &vec![b'x'; 32_768]));
                }
            },
            "message 94",
        ),
        (
            "a window without end",
            |it, n| {
                for _ in 0..2 {
                    it.send(|out| {
                        out.byte(number::CHANNEL_WINDOW_ADJUST)
                            .uint32(n)
                            .uint32(u32::MAX);
                    });
                }
            },
            "message 93",
        ),
        (
            "two ends",
            |it, n| {
                for _ in 0..2 {
                    it.send(|out| {
                        out.byte(number::CHANNEL_CLOSE).uint32(n);
                    });
                }
            },
            "message 97",
        ),
        (
            "a message cut short",
            |it, _| {
                it.send(|out| {
                    out.byte(number::CHANNEL_REQUEST).uint32(0).uint32(1000);
                });
            },
            "malformed channel request",
        ),
        (
            "an answer to nothing",
            |it, n| {
                it.send(|out| {
                    out.byte(number::CHANNEL_OPEN_CONFIRMATION)
                        .uint32(n)
                        .uint32(0)
                        .uint32(0)
                        .uint32(0);
                });
            },
            "message 91",
        ),
        (
            "requests without end",
            |it, n| {
                it.request(n, RequestKind::Exec(b"sleep 20"));
                let request = ChannelRequest {
                    recipient: n,
                    wants_reply: true,
                    kind: RequestKind::Signal("USR1"),
                };
                for _ in 0..2000 {
                    it.transport
                        .send_with(|out| request.encode(out))
                        .expect("it can be sent");
                }
                it.flush();
            },
            "",
        ),
    ];
    for (what, deed, why) in deeds {
        let (mut client, channel) = Client::with_channel(&custos, &alice);
        deed(&mut client, channel);
        if !why.is_empty() {
            let ending = client.ending();
            assert!(ending.contains(why), "{what}: {ending}");
        }
        drop(client);
    }
    // Everything works as before.
    assert_eq!(
        run(&mut custos.ssh(&alice, "web1", &["echo in"]), PATIENCE).success(),
        "in\n"
    );
    let evidence = custos.finish().evidence;
    let broken = evidence
        .of_type("session.end")
        .filter(|record| record["detail"]["kind"] == "client_protocol")
        .count();
    assert!(broken >= deeds.len() - 1, "{broken} of {}", deeds.len());
}

/// What is not known is answered as RFC 4253 section 11.4 says, and the connection goes on.
#[test]
fn what_is_not_known_does_no_harm() {
    let (custos, alice) = web1();
    let (mut client, _) = Client::with_channel(&custos, &alice);
    client.send(|out| {
        out.byte(250).uint32(1);
    });
    client.send(|out| {
        out.byte(number::GLOBAL_REQUEST)
            .string("keepalive@openssh.com")
            .boolean(true);
    });
    assert_eq!(
        client.next().expect("an answer")[0],
        number::REQUEST_FAILURE
    );
    client.open(1);
    assert_eq!(
        client.next().expect("opened")[0],
        number::CHANNEL_OPEN_CONFIRMATION
    );
    drop(client);
    custos.finish();
}

/// As many as there may be are open; the rest is refused, and the first ones still work.
#[test]
fn floods_of_channels_are_bounded() {
    let (custos, alice) = web1();
    let mut client = Client::signed_in(&custos, &alice);
    let before = resident_bytes(custos.pid());
    for sender in 0..2000 {
        client.open(sender);
    }
    let (mut opened, mut refused) = (0, 0);
    for _ in 0..2000 {
        match client.next().expect("an answer")[0] {
            number::CHANNEL_OPEN_CONFIRMATION => opened += 1,
            number::CHANNEL_OPEN_FAILURE => refused += 1,
            other => panic!("message {other}"),
        }
    }
    assert_eq!((opened, refused), (32, 1968));
    let grown = resident_bytes(custos.pid()).saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
    drop(client);
    custos.finish();
}

/// Whoever sends anything but SSH, or nothing, or half of it, is gone soon and holds nothing.
#[test]
fn strangers_hold_nothing() {
    let (custos, alice) = web1();
    let packet = |bytes: &[u8]| [b"SSH-2.0-stranger\r\n", bytes].concat();
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![b'A'; 100_000],
        b"SSH-1.5-old\r\n".to_vec(),
        packet(&[0xff; 64]),
        packet(&[0, 0, 0x88, 0xb9, 4, 20]),
        packet(&[0, 0, 0, 12, 10, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        packet(&[0, 0, 0, 12, 200, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let mut stream = TcpStream::connect(custos.ssh_address()).expect("it listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("it is a socket");
        let _ = stream.write_all(&bytes);
        let mut rest = Vec::new();
        // It is closed by the gateway, with or without a word.
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.len() < 4096);
    }
    assert_eq!(
        run(&mut custos.ssh(&alice, "web1", &["echo in"]), PATIENCE).success(),
        "in\n"
    );
    custos.finish();
}

/// A target that greets without end, or speaks another protocol, is given up.
#[test]
fn targets_that_are_none_are_given_up() {
    let custos = Custos::start();
    for (name, words) in [
        ("bomb", "line\r\n".repeat(100_000)),
        ("long", "x".repeat(1_000_000)),
        ("other", "220 mail.example ESMTP\r\n".to_owned()),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = listener.local_addr().expect("bound").port().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the gateway comes");
            let _ = stream.write_all(words.as_bytes());
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
        });
        let resource = format!("ssh/{name}");
        let key = Sshd::shared().key("ed25519").display().to_string();
        let host_key = Sshd::shared().host_key();
        custos
            .cli(&[
                "resource",
                "add",
                &resource,
                "--host",
                "127.0.0.1",
                "--port",
                &port,
                "--account",
                "root",
                "--key-file",
                &key,
                "--host-key",
                &host_key,
            ])
            .success();
        let alice = custos.issue("alice", &resource);
        let refused = run(&mut custos.ssh(&alice, name, &["echo in"]), PATIENCE * 2);
        assert!(
            refused
                .clone()
                .failure()
                .contains("the target is not reachable")
                || name == "other",
            "{refused}"
        );
        server.join().expect("it ended");
    }
    wait_for("all to be on record", PATIENCE, || {
        (custos.evidence().of_type("session.end").count() == 3).then_some(())
    });
    custos.finish();
}
