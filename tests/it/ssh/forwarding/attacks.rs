//! Clients that ask for more than they get, and targets that come unasked.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use custos_ssh_wire::message::{
    ChannelKind, ChannelOpen, ChannelRequest, Confirmation, GlobalRequest, OpenFailure, Origin,
    RequestKind, accept_service, confirm, data, number, refuse,
};
use custos_ssh_wire::{Algorithms, Broken, HostKey, Peer, PrivateKey, Put as _, Transport};
use custos_testkit::{Credential, Custos, Evidence, PATIENCE, Settings, Sshd, resident_bytes};
use serde_json::Value;

use super::super::hostile::Client;
use super::{before, listener};

const GRANTED: &str = r#"
version: 1
rules:
  - id: everything
    who: "*"
    on: ssh/web1
    may: [session.open, ssh.exec, ssh.shell, ssh.forward]
"#;

const NOT_GRANTED: &str = r#"
version: 1
rules:
  - id: commands
    who: "*"
    on: ssh/web1
    may: [session.open, ssh.exec]
"#;

fn under(policy: &str) -> (Custos, Credential) {
    before(policy, Sshd::shared())
}

/// Intents of connections whose text begins so.
fn intents<'a>(evidence: &'a Evidence, text: &'a str) -> impl Iterator<Item = &'a Value> {
    evidence.of_type("operation.intent").filter(move |it| {
        let told = it["op"]["text"].as_str().unwrap_or_default();
        it["op"]["verb"] == "forward" && told.starts_with(text)
    })
}

#[track_caller]
fn all_have_ended(evidence: &Evidence) {
    let of = |kind| evidence.of_type(kind).count();
    assert_eq!(
        of("operation.intent"),
        of("operation.outcome"),
        "{evidence}"
    );
}

/// A service that gives back what it is told, and counts who comes.
pub(super) struct Echo {
    pub(super) port: u16,
    came: Arc<AtomicUsize>,
}

impl Echo {
    pub(super) fn start() -> Self {
        let (listener, port) = listener();
        let came = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&came);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // Whoever came may leave at any time.
                    let _ = std::io::copy(&mut &stream, &mut &stream);
                    let _ = stream.shutdown(Shutdown::Write);
                });
            }
        });
        Self { port, came }
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) fn visitors(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

fn to(host: &str, port: u16) -> ChannelKind<'_> {
    ChannelKind::DirectTcp(Origin {
        host,
        port: port.into(),
        from_host: "127.0.0.1",
        from_port: 50_000,
    })
}

fn opening(kind: ChannelKind<'_>, sender: u32) -> ChannelOpen<'_> {
    ChannelOpen {
        kind,
        sender,
        window: 1 << 20,
        max_packet: 32 * 1024,
    }
}

fn listen(client: &mut Client, host: &str, port: u32) {
    client.send(|out| {
        out.byte(number::GLOBAL_REQUEST)
            .string("tcpip-forward")
            .boolean(true)
            .string(host)
            .uint32(port);
    });
}

/// However many are asked for, as many as may be are open, and what is refused is on record.
#[test]
fn floods_are_bounded_and_on_record() {
    for (policy, may) in [(GRANTED, 32), (NOT_GRANTED, 0)] {
        let (custos, alice) = under(policy);
        let echo = Echo::start();
        let mut client = Client::signed_in(&custos, &alice);
        let before = resident_bytes(custos.pid());
        for sender in 0..500 {
            client.send(|out| opening(to("127.0.0.1", echo.port), sender).encode(out));
        }
        let mut opened = 0;
        for _ in 0..500 {
            let message = client.next().expect("an answer");
            opened += usize::from(message[0] == number::CHANNEL_OPEN_CONFIRMATION);
        }
        for _ in 0..200 {
            listen(&mut client, "localhost", 0);
        }
        let mut listening = 0;
        for _ in 0..200 {
            let message = client.next().expect("an answer");
            listening += usize::from(message[0] == number::REQUEST_SUCCESS);
        }
        assert_eq!((opened, listening), (may, may));
        assert_eq!(echo.visitors(), may);
        let grown = resident_bytes(custos.pid()).saturating_sub(before);
        assert!(grown < 32 << 20, "{grown} bytes more");
        drop(client);
        let evidence = custos.finish().evidence;
        all_have_ended(&evidence);
        // Those that found no room were allowed, and so are operations that failed.
        let decided = evidence.of_type("operation.intent").count();
        let refused = evidence.of_type("operation.error").count();
        assert_eq!(decided + refused, 700);
        let went = evidence.of_type("operation.outcome");
        assert_eq!(went.filter(|it| it["outcome"] == "ok").count(), may);
    }
}

/// Answers come in the order of requests, whoever answers them (RFC 4254 section 4).
#[test]
fn answers_keep_their_order() {
    let (custos, alice) = under(GRANTED);
    let mut client = Client::signed_in(&custos, &alice);
    let unknown = GlobalRequest {
        name: "keepalive@openssh.com",
        wants_reply: true,
        rest: b"",
    };
    for _ in 0..10 {
        client
            .transport
            .send_with(|out| {
                out.byte(number::GLOBAL_REQUEST)
                    .string("tcpip-forward")
                    .boolean(true)
                    .string("localhost")
                    .uint32(0);
            })
            .expect("it can be sent");
        let sent = client.transport.send_with(|out| unknown.encode(out));
        sent.expect("it can be sent");
    }
    client.flush();
    for _ in 0..10 {
        let answer = client.next().expect("an answer");
        assert_eq!((answer[0], answer.len()), (number::REQUEST_SUCCESS, 5));
        let answer = client.next().expect("an answer");
        assert_eq!(answer[0], number::REQUEST_FAILURE);
    }
    drop(client);
    custos.finish();
}

/// What is written to deceive whoever reads it is on record as what it is; what is too long is not read.
#[test]
fn names_do_no_harm() {
    let (custos, alice) = under(NOT_GRANTED);
    let mut client = Client::signed_in(&custos, &alice);
    let host = "db:1 from \u{1b}]0;x\u{7}\u{202e}";
    client.send(|out| opening(to(host, 22), 0).encode(out));
    assert_eq!(
        client.next().expect("an answer")[0],
        number::CHANNEL_OPEN_FAILURE
    );
    client.send(|out| opening(to(&"x".repeat(1000), 22), 0).encode(out));
    assert!(client.ending().contains("malformed opening of a channel"));
    let mut client = Client::signed_in(&custos, &alice);
    listen(&mut client, &"x".repeat(30_000), 22);
    assert!(client.ending().contains("malformed forwarding"));
    let evidence = custos.finish().evidence;
    let intent = intents(&evidence, "direct-tcpip")
        .next()
        .expect("it is on record");
    assert_eq!(
        intent["op"]["text"],
        "direct-tcpip [db:1\\u{20}from\\u{20}\\u{1b}]0;x\\u{7}\\u{202e}]:22 from 127.0.0.1:50000"
    );
}

type Deed = (&'static str, fn(&mut Client, u32));

/// On a connection there is nothing to ask for, and a channel that is not open is none.
#[test]
fn a_connection_runs_nothing() {
    let (custos, alice) = under(GRANTED);
    let echo = Echo::start();
    let mut client = Client::signed_in(&custos, &alice);
    client.send(|out| opening(to("127.0.0.1", echo.port), 0).encode(out));
    let message = client.next().expect("opened");
    let channel = Confirmation::decode(&message)
        .expect("a confirmation")
        .sender;
    for kind in [
        RequestKind::Exec(b"echo ran"),
        RequestKind::Shell,
        RequestKind::Subsystem(b"sftp"),
        RequestKind::Agent,
        RequestKind::EndOfWrite,
    ] {
        let request = ChannelRequest {
            recipient: channel,
            wants_reply: true,
            kind,
        };
        client.send(|out| request.encode(out));
        assert_eq!(
            client.next().expect("an answer")[0],
            number::CHANNEL_FAILURE
        );
    }
    client.send(|out| data(out, channel, b"still here"));
    let mut heard = client.next().expect("an answer");
    while heard[0] == number::CHANNEL_WINDOW_ADJUST {
        heard = client.next().expect("an answer");
    }
    assert!(heard.ends_with(b"still here"));
    let deeds: [Deed; 2] = [
        ("data before it is open", |it, n| {
            it.send(|out| data(out, n + 1, b"x"));
        }),
        ("a confirmation of its own", |it, n| {
            let confirmation = Confirmation {
                recipient: n,
                sender: 9,
                window: 1,
                max_packet: 1,
            };
            it.send(|out| confirm(out, &confirmation));
        }),
    ];
    for (what, deed) in deeds {
        let mut client = Client::signed_in(&custos, &alice);
        client.send(|out| opening(to("127.0.0.1", echo.port), 0).encode(out));
        let message = client.next().expect("opened");
        let channel = Confirmation::decode(&message)
            .expect("a confirmation")
            .sender;
        deed(&mut client, channel);
        let why = client.ending();
        assert!(why.contains("message 9"), "{what}: {why}");
    }
    drop(client);
    all_have_ended(&custos.finish().evidence);
}

/// A server that lets everybody in, and then does what it likes.
struct Target {
    transport: Transport,
    stream: TcpStream,
}

impl Target {
    /// A gateway before such a server, which `deeds` is when a client has opened its first channel.
    fn start(
        policy: &str,
        deeds: impl FnOnce(&mut Target, u32) + Send + 'static,
    ) -> (Custos, Credential, std::thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let port = listener.local_addr().expect("bound").port().to_string();
        let key = Sshd::shared().key("ed25519").display().to_string();
        let public = std::fs::read_to_string(format!("{key}.pub")).expect("it is there");
        let words: Vec<&str> = public.split_whitespace().take(2).collect();
        let custos = Custos::start_with(&Settings::under(policy));
        custos
            .cli(&[
                "resource",
                "add",
                "ssh/web1",
                "--host",
                "127.0.0.1",
                "--port",
                &port,
                "--account",
                "root",
                "--key-file",
                &key,
                "--host-key",
                &words.join(" "),
            ])
            .success();
        let alice = custos.issue("alice", "ssh/web1");
        let text = std::fs::read_to_string(&key).expect("it is there");
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("the gateway comes");
            stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
            let host_key = HostKey::new(PrivateKey::parse(&text).expect("a key"), None);
            let random: fn(&mut [u8]) = |bytes| bytes.fill(1);
            let peer = Peer::Client(Arc::new(vec![host_key]));
            let transport = Transport::new(peer, Arc::new(Algorithms::default()), random);
            let mut target = Self { transport, stream };
            let channel = target.let_in();
            deeds(&mut target, channel);
            while target.next().is_some() {}
        });
        (custos, alice, thread)
    }

    /// Until a channel was opened: the gateway's number of it.
    fn let_in(&mut self) -> u32 {
        loop {
            let message = self.next().expect("the gateway signs in");
            match message[0] {
                number::SERVICE_REQUEST => {
                    self.send(|out| accept_service(out, "ssh-userauth"));
                }
                number::USERAUTH_REQUEST => self.send(|out| {
                    out.byte(number::USERAUTH_SUCCESS);
                }),
                number::CHANNEL_OPEN => {
                    let open = ChannelOpen::decode(&message).expect("an opening");
                    self.confirm(open.sender);
                    return open.sender;
                }
                _ => {}
            }
        }
    }

    fn confirm(&mut self, recipient: u32) {
        let confirmation = Confirmation {
            recipient,
            sender: 0,
            window: 1 << 20,
            max_packet: 32 * 1024,
        };
        self.send(|out| confirm(out, &confirmation));
    }

    fn open(&mut self, kind: ChannelKind<'_>) {
        self.send(|out| opening(kind, 77).encode(out));
    }

    /// Why the gateway does not open what this opened last.
    fn refusal(&mut self) -> u32 {
        loop {
            let message = self.next().expect("an answer");
            match message[0] {
                number::CHANNEL_OPEN_FAILURE => {
                    return OpenFailure::decode(&message).expect("a refusal").reason;
                }
                number::CHANNEL_OPEN_CONFIRMATION => panic!("it was opened"),
                _ => {}
            }
        }
    }

    fn send(&mut self, write: impl FnOnce(&mut bytes::BytesMut)) {
        self.transport.send_with(write).expect("it can be sent");
        self.flush();
    }

    fn flush(&mut self) {
        let output = self.transport.output().split();
        // The gateway may have closed already.
        let _ = self.stream.write_all(&output);
    }

    /// The next message; `None` when the gateway has left.
    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let message = self.transport.next_message();
            self.flush();
            match message {
                Ok(Some(message)) => return Some(message.to_vec()),
                Ok(None) => {}
                Err(Broken::Disconnected { .. }) => return None,
                Err(broken) => panic!("{broken}"),
            }
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.transport.input().extend_from_slice(&bytes[..read]),
            }
        }
    }
}

fn from(host: &str, port: u32) -> ChannelKind<'_> {
    ChannelKind::ForwardedTcp(Origin {
        host,
        port,
        from_host: "10.0.0.1",
        from_port: 50_000,
    })
}

/// Whatever a target opens that nobody asked for reaches no client, and is on record as far as it goes on.
#[test]
fn a_target_that_comes_unasked_is_refused() {
    let (custos, alice, target) = Target::start(GRANTED, |target, _| {
        let x11 = ChannelKind::X11 {
            from_host: "10.0.0.1",
            from_port: 1,
        };
        let stream = ChannelKind::ForwardedStream { path: "/tmp/x" };
        let direct = ChannelKind::DirectTcp(Origin {
            host: "127.0.0.1",
            port: 22,
            from_host: "",
            from_port: 0,
        });
        let all = [
            ChannelKind::Agent,
            x11,
            stream,
            direct,
            from("localhost", 8080),
            ChannelKind::Session,
            ChannelKind::Other("new\u{7}"),
        ];
        for kind in all {
            target.open(kind);
            assert_eq!(target.refusal(), OpenFailure::PROHIBITED, "{kind:?}");
        }
        // It goes on, and is given up.
        for _ in 0..1000 {
            target.open(ChannelKind::Agent);
        }
    });
    let (mut client, _) = Client::with_channel(&custos, &alice);
    // It is asked for other things.
    client.send(|out| {
        out.byte(number::GLOBAL_REQUEST)
            .string("keepalive@openssh.com")
            .boolean(true);
    });
    assert_eq!(
        client.next().expect("an answer")[0],
        number::REQUEST_FAILURE
    );
    assert!(client.ending().contains("the target"));
    drop(client);
    target.join().expect("all was refused");
    let evidence = custos.finish().evidence;
    let unasked = evidence.of_type("operation.error");
    let unasked = unasked.filter(|it| it.to_string().contains("nobody-asked-for-it"));
    assert_eq!(unasked.count(), 32, "{evidence}");
    assert_eq!(evidence.of_type("operation.intent").count(), 0);
}

/// What was asked for opens one place and nothing beside it, and until it is taken back.
#[test]
fn a_target_keeps_to_what_was_granted() {
    let (custos, alice, target) = Target::start(GRANTED, |target, _| {
        let asked = |target: &mut Target| loop {
            let message = target.next().expect("a request");
            if message[0] == number::GLOBAL_REQUEST {
                return message;
            }
        };
        asked(target);
        // Before it has said yes.
        target.open(from("localhost", 4000));
        assert_eq!(target.refusal(), OpenFailure::PROHIBITED);
        target.send(|out| {
            out.byte(number::REQUEST_SUCCESS).uint32(4000);
        });
        for (host, port) in [("localhost", 4001), ("localhost", 0)] {
            target.open(from(host, port));
            assert_eq!(target.refusal(), OpenFailure::PROHIBITED, "{host}:{port}");
        }
        target.open(from("localhost", 4000));
        // The client does not want it.
        assert_eq!(target.refusal(), OpenFailure::CONNECT_FAILED);
        asked(target);
        target.send(|out| {
            out.byte(number::REQUEST_SUCCESS);
        });
        target.open(from("localhost", 4000));
        assert_eq!(target.refusal(), OpenFailure::PROHIBITED);
    });
    let (mut client, _) = Client::with_channel(&custos, &alice);
    listen(&mut client, "localhost", 0);
    assert_eq!(
        client.next().expect("an answer"),
        [number::REQUEST_SUCCESS, 0, 0, 0x0f, 0xa0]
    );
    let message = client.next().expect("a connection");
    let open = ChannelOpen::decode(&message).expect("an opening");
    assert_eq!(open.kind, from("localhost", 4000));
    let number = open.sender;
    client.send(|out| {
        custos_ssh_wire::message::refuse(out, number, OpenFailure::CONNECT_FAILED, b"nobody\x1b");
    });
    client.send(|out| {
        out.byte(number::GLOBAL_REQUEST)
            .string("cancel-tcpip-forward")
            .boolean(true)
            .string("localhost")
            .uint32(4000);
    });
    assert_eq!(client.next().expect("an answer"), [number::REQUEST_SUCCESS]);
    custos.wait_for_record("the last refusal", |_| {
        custos.evidence().of_type("operation.error").count() == 4
    });
    drop(client);
    target.join().expect("it kept to it");
    let evidence = custos.finish().evidence;
    all_have_ended(&evidence);
    assert_eq!(intents(&evidence, "forwarded-tcpip ").count(), 1);
    assert!(evidence.to_string().contains("refused-by-client"));
}

/// One connection of the X window system comes where one was asked for, and its cookie is nowhere.
#[test]
fn a_single_client_comes_once() {
    let (mut custos, alice, target) = Target::start(GRANTED, |target, _| {
        while target.next().expect("a request")[0] != number::CHANNEL_REQUEST {}
        let x11 = ChannelKind::X11 {
            from_host: "10.0.0.1",
            from_port: 1,
        };
        target.open(x11);
        target.open(x11);
        // The client's refusal of the first, and the gateway's of the other, whichever comes first.
        let mut reasons = [target.refusal(), target.refusal()];
        reasons.sort_unstable();
        assert_eq!(
            reasons,
            [OpenFailure::PROHIBITED, OpenFailure::CONNECT_FAILED]
        );
    });
    let (mut client, channel) = Client::with_channel(&custos, &alice);
    client.request(
        channel,
        RequestKind::X11 {
            single: true,
            protocol: b"MIT-MAGIC-COOKIE-1",
            cookie: b"5ec4e75ec4e7",
            screen: 0,
        },
    );
    let message = client.next().expect("a connection");
    let open = ChannelOpen::decode(&message).expect("an opening");
    assert_eq!(open.kind.name(), "x11");
    let number = open.sender;
    client.send(|out| refuse(out, number, OpenFailure::CONNECT_FAILED, b""));
    custos.wait_for_record("the refusal", |it| {
        it.to_string().contains("nobody-asked-for-it")
    });
    custos.wait_for_record("the other one", |it| {
        it.to_string().contains("refused-by-client")
    });
    drop(client);
    target.join().expect("one came");
    custos.stop();
    assert!(!custos.transcripts().contains("5ec4e75ec4e7"));
    let evidence = custos.finish().evidence;
    assert!(!evidence.to_string().contains("5ec4e75ec4e7"));
    all_have_ended(&evidence);
}

const HELD: &str = r#"
version: 1
rules:
  - id: everybody-looks
    who: "*"
    on: ssh/web1
    may: [session.open, ssh.exec]
  - id: connections-need-one
    who: "*"
    on: ssh/web1
    may: ssh.forward
    approve: {of: dba, per: statement, expires: 10m}
"#;

/// What waits for people is not opened by a target that says that it is open.
#[test]
fn a_target_cannot_open_what_waits() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let (custos, alice, target) = Target::start(HELD, move |target, _| {
        receiver.recv().expect("it waits");
        target.confirm(1);
    });
    let (mut client, _) = Client::with_channel(&custos, &alice);
    client.send(|out| opening(to("127.0.0.1", 22), 9).encode(out));
    custos.wait_for_record("the intent", |it| it["verdict"]["effect"] == "hold");
    sender.send(()).expect("the target listens");
    let why = client.next().expect_err("nothing is opened");
    assert!(why.contains("the target"), "{why}");
    target.join().expect("it ended");
    let evidence = custos.finish().evidence;
    let end = evidence.only("session.end").to_string();
    assert!(end.contains("message 91"), "{end}");
}

/// A target that says twice that a channel is open.
#[test]
fn a_target_that_confirms_what_is_open_is_given_up() {
    let (custos, alice, target) = Target::start(GRANTED, |target, channel| {
        target.confirm(channel);
    });
    let (mut client, _) = Client::with_channel(&custos, &alice);
    assert!(client.ending().contains("the target"));
    target.join().expect("it ended");
    let evidence = custos.finish().evidence;
    assert!(
        evidence
            .only("session.end")
            .to_string()
            .contains("message 91")
    );
}
