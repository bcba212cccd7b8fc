//! Clients that mean harm, or are broken. After each, an honest client is served.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use custos_testkit::{
    Credential, Custos, PATIENCE, Postgres, Settings, Version, Wire, resident_bytes, run, wait_for,
};

fn gateway(limits: &str) -> (Custos, Credential) {
    let custos = Custos::start_with(&Settings {
        limits: limits.to_owned(),
        ..Settings::default()
    });
    custos.add_resource("postgres/shop", Postgres::shared(Version::V15));
    let credential = custos.issue("alice", "postgres/shop");
    (custos, credential)
}

/// An honest client is served as if nothing were.
#[track_caller]
fn assert_serves(custos: &Custos, credential: &Credential) {
    let began = Instant::now();
    assert_eq!(
        custos
            .endpoint(credential, "shop")
            .query("select 'served'")
            .success(),
        "served\n"
    );
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "took {:?}",
        began.elapsed()
    );
}

#[test]
fn garbage_instead_of_a_startup_message() {
    let (custos, credential) = gateway("");
    let garbage: [&[u8]; 9] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        &[0xff; 64],
        &[0; 64],
        // Lengths of 0, 4, 10,001 and the largest.
        &[0, 0, 0, 0, 0, 3, 0, 0],
        &[0, 0, 0, 4],
        &[0, 0, 0x27, 0x11, 0, 3, 0, 0],
        &[0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0],
        // Protocol 2.0.
        &[0, 0, 0, 8, 0, 2, 0, 0],
    ];
    for bytes in garbage {
        let mut wire = Wire::connect(custos.plain_address());
        wire.send_raw(bytes);
        let answer = wire.receive_to_end();
        assert!(
            answer.is_empty() || answer[0] == b'E',
            "{bytes:?} was answered with {answer:?}"
        );
        // The same to the TLS listener.
        let mut wire = Wire::connect(custos.tls_address());
        wire.send_raw(bytes);
        wire.receive_to_end();
    }
    assert_serves(&custos, &credential);
    let evidence = custos.finish().evidence;
    assert_eq!(
        evidence.of_type("connection.refused").count(),
        2 * garbage.len(),
        "{evidence}"
    );
    assert_eq!(evidence.sessions().len(), 1);
}

#[test]
fn every_truncation_of_a_startup_message() {
    let (custos, credential) = gateway("");
    let mut startup = vec![0, 0, 0, 0, 0, 3, 0, 0];
    startup.extend(b"user\0alice\0database\0shop\0\0");
    startup[3] = u8::try_from(startup.len()).expect("it is short");
    for length in 0..startup.len() {
        let mut wire = Wire::connect(custos.plain_address());
        wire.send_raw(&startup[..length]);
        wire.stream().shutdown(Shutdown::Write).expect("it is open");
        assert_eq!(wire.receive_to_end(), b"", "{length} bytes");
    }
    // Whole, but not terminated, or with a value missing.
    for body in [
        &b"user\0alice"[..],
        b"user\0alice\0",
        b"user\0\0",
        b"\0\0",
        b"user\0alice\0database\0\0",
    ] {
        let mut wire = Wire::connect(custos.plain_address());
        let length = u32::try_from(body.len() + 8)
            .expect("it is short")
            .to_be_bytes();
        wire.send_raw(&[&length[..], &[0, 3, 0, 0], body].concat());
        wire.stream().shutdown(Shutdown::Write).expect("it is open");
        let answer = wire.receive_to_end();
        assert!(
            matches!(answer.first(), None | Some(b'E' | b'R')),
            "{answer:?}"
        );
    }
    assert_serves(&custos, &credential);
    custos.finish();
}

#[test]
fn messages_out_of_place_inside_a_session() {
    let (custos, credential) = gateway("request_bytes = \"1MiB\"");
    let endpoint = custos.password_endpoint(&credential, "shop");
    let bad: [&[u8]; 8] = [
        // Unknown type; a server's own message; length too small; negative; beyond the limit; not terminated;
        // bytes behind the text; more parameters than there are.
        b"\x01\0\0\0\x04",
        b"T\0\0\0\x04",
        b"Q\0\0\0\x03",
        b"Q\xff\xff\xff\xff",
        b"Q\x00\x20\x00\x00",
        b"Q\0\0\0\x08abcd",
        b"Q\0\0\0\x0ba\0bcde\0",
        b"B\0\0\0\x0c\0\0\0\0\xff\xff\0\0",
    ];
    for bytes in bad {
        let mut wire = Wire::sign_in(&endpoint).expect("a session");
        wire.send_raw(bytes);
        let answer = wire.receive().expect("an error");
        assert_eq!(answer.tag, b'E', "{bytes:?}: {answer:?}");
        let code = answer.field(b'C').unwrap_or_default();
        assert!(
            ["08P01", "54000"].contains(&code.as_str()),
            "{bytes:?}: {answer:?}"
        );
        wire.receive_to_end();
    }
    assert_serves(&custos, &credential);
    let evidence = custos.finish().evidence;
    let ends: Vec<_> = evidence.of_type("session.end").collect();
    assert_eq!(ends.len(), bad.len() + 1, "{evidence}");
    assert_eq!(
        ends.iter().filter(|end| end["outcome"] == "failed").count(),
        bad.len(),
        "{evidence}"
    );
}

#[test]
fn a_client_that_breaks_off_inside_a_message() {
    let (custos, credential) = gateway("");
    let endpoint = custos.password_endpoint(&credential, "shop");
    for bytes in [&b"Q"[..], b"Q\0\0\0\x20select", b"P\0\0\0", b""] {
        let mut wire = Wire::sign_in(&endpoint).expect("a session");
        wire.send_raw(bytes);
        drop(wire);
    }
    custos.wait_for_ended_sessions(4);
    assert_serves(&custos, &credential);
    let evidence = custos.finish().evidence;
    assert_eq!(evidence.sessions().len(), 5);
    assert!(
        !evidence.statements().iter().any(|text| text.is_empty()),
        "half a message is no operation"
    );
}

/// One byte now and then never ends a handshake: the whole handshake has one time limit.
#[test]
fn a_slow_handshake_is_cut() {
    let (custos, credential) = gateway("handshake_timeout = \"1s\"");
    for address in [custos.plain_address(), custos.tls_address()] {
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("a timeout can be set");
        let began = Instant::now();
        let mut sent = 0;
        // A length of 9,999 bytes, then zeros for ever.
        let mut bytes = [0, 0, 0x27, 0x0f].into_iter().chain(std::iter::repeat(0));
        loop {
            let byte = bytes.next().expect("it is endless");
            let is_open = stream.write_all(&[byte]).is_ok();
            sent += 1;
            let mut answer = [0; 512];
            match stream.read(&mut answer) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && is_open => {}
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
            assert!(began.elapsed() < PATIENCE, "still open after {sent} bytes");
        }
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5), "cut after {took:?}");
        assert!(
            took > Duration::from_millis(500),
            "cut before its time: {took:?}"
        );
    }
    assert_serves(&custos, &credential);
    let evidence = custos.finish().evidence;
    let refused: Vec<_> = evidence.of_type("connection.refused").collect();
    assert_eq!(refused.len(), 2, "{evidence}");
    assert!(
        refused[0]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("too long")),
        "{}",
        refused[0]
    );
}

#[test]
fn a_thousand_half_open_connections() {
    const CONNECTIONS: usize = 1000;
    let (custos, credential) =
        gateway("handshake_timeout = \"3s\"\nhandshakes = 5000\nhandshakes_per_source = 5000");
    let before = resident_bytes(custos.pid());
    let streams: Vec<TcpStream> = (0..CONNECTIONS)
        .map(|number| {
            let mut stream = TcpStream::connect(custos.plain_address()).expect("it listens");
            // Half of them say something first.
            if number % 2 == 0 {
                stream.write_all(&[0, 0, 0, 40, 0, 3]).expect("it is open");
            }
            stream
        })
        .collect();
    assert_serves(&custos, &credential);
    let grown = resident_bytes(custos.pid()).saturating_sub(before);
    assert!(
        grown < CONNECTIONS as u64 * (64 << 10),
        "{grown} bytes for {CONNECTIONS} connections"
    );
    for stream in &streams {
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        let mut stream = stream;
        let mut answer = Vec::new();
        let closed = stream.read_to_end(&mut answer);
        assert!(
            !matches!(&closed, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
            "a connection stays open"
        );
    }
    assert_serves(&custos, &credential);
    let evidence = custos.finish().evidence;
    let told: u64 = evidence
        .of_type("connection.refused")
        .map(|record| record["detail"]["count"].as_u64().unwrap_or(1))
        .sum();
    assert!(
        told >= CONNECTIONS as u64,
        "{told} of {CONNECTIONS} are on record"
    );
    assert!(
        evidence.all().len() < CONNECTIONS,
        "a flood of connections is not a flood of records"
    );
}

/// Beyond the limit for one source, further connections are turned away while the first ones wait.
#[test]
fn one_source_cannot_take_all_places() {
    let (custos, _) = gateway("handshake_timeout = \"20s\"\nhandshakes_per_source = 10");
    let mut waiting: Vec<TcpStream> = (0..10)
        .map(|_| TcpStream::connect(custos.plain_address()).expect("it listens"))
        .collect();
    wait_for("the eleventh to be turned away", PATIENCE, || {
        let mut wire = Wire::connect(custos.plain_address());
        wire.stream()
            .set_read_timeout(Some(Duration::from_millis(200)))
            .expect("a timeout can be set");
        wire.receive_bytes(1)
            .is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock)
            .then_some(())
    });
    for stream in &mut waiting {
        stream
            .set_read_timeout(Some(Duration::from_millis(1)))
            .expect("a timeout can be set");
        let still = stream
            .read(&mut [0; 1])
            .expect_err("it was answered or closed");
        assert_eq!(still.kind(), std::io::ErrorKind::WouldBlock);
    }
    drop(waiting);
    custos.finish();
}

#[test]
fn sessions_of_one_principal_are_limited() {
    let (custos, credential) = gateway("sessions_per_principal = 3");
    let endpoint = custos.password_endpoint(&credential, "shop");
    let mut open: Vec<Wire> = (0..3)
        .map(|_| Wire::sign_in(&endpoint).expect("a session"))
        .collect();
    let refused = Wire::sign_in(&endpoint).expect_err("a fourth");
    assert_eq!(refused.field(b'C').as_deref(), Some("53300"), "{refused:?}");
    // Others are not in the way of it.
    let other = custos.issue("bob", "postgres/shop");
    assert_serves(&custos, &other);
    open.pop().expect("three").send(b'X', b"");
    wait_for("a place", PATIENCE, || Wire::sign_in(&endpoint).ok());
    custos.finish();
}

/// The client asks for gigabytes and reads nothing: the gateway holds little of it and serves others.
#[test]
fn a_client_that_never_reads() {
    let (custos, credential) = gateway("");
    let endpoint = custos.password_endpoint(&credential, "shop");
    assert_serves(&custos, &credential);
    let before = resident_bytes(custos.pid());
    let mut stuck: Vec<Wire> = Vec::new();
    for _ in 0..3 {
        let mut wire = Wire::sign_in(&endpoint).expect("a session");
        wire.send(
            b'Q',
            b"select repeat('y', 10000) from generate_series(1, 300000)\0",
        );
        stuck.push(wire);
    }
    let waiting = "select count(*) from pg_stat_activity where wait_event = 'ClientWrite' and query like '%300000)'";
    wait_for("the target to be held back", PATIENCE, || {
        (Postgres::shared(Version::V15).sql(waiting) == "3").then_some(())
    });
    for _ in 0..5 {
        assert_serves(&custos, &credential);
    }
    let grown = resident_bytes(custos.pid()).saturating_sub(before);
    assert!(grown < 150 << 20, "{} MiB grown", grown >> 20);
    drop(stuck);
    custos.wait_for_ended_sessions(3);
    custos.finish();
}

/// A result of a gigabyte passes in memory that does not grow with it.
#[test]
fn memory_is_flat_in_the_size_of_the_result() {
    let (custos, credential) = gateway("");
    assert_serves(&custos, &credential);
    let endpoint = custos.endpoint(&credential, "shop");
    let mut peak = 0;
    let script = "\\o /dev/null\n\\copy (select repeat('z', 1000) from generate_series(1, 300000)) to '/dev/null'\n";
    let file = custos.write_private("large.sql", script);
    let mut client = custos_testkit::start(&mut endpoint.psql(&[
        "-q",
        "-f",
        file.to_str().expect("a text path"),
    ]));
    client.close_stdin();
    while client.is_running() {
        peak = peak.max(resident_bytes(custos.pid()));
        std::thread::sleep(Duration::from_millis(20));
    }
    client.finish(PATIENCE).success();
    assert!(peak < 200 << 20, "{} MiB at its peak", peak >> 20);
    custos.finish();
}

/// Text that would mislead whoever reads it on a terminal.
#[test]
fn control_characters_do_not_reach_the_terminal() {
    let (custos, credential) = gateway("");
    let endpoint = custos.endpoint(&credential, "shop");
    endpoint
        .query("select '\u{1b}[2J\u{1b}]0;owned\u{7} \u{202e}gpj.exe'")
        .success();
    let mut wrong = custos.endpoint(&credential, "shop");
    wrong.user = "mallory\u{1b}[31m".to_owned();
    wrong.query("select 1").failure();
    custos.wait_for_ended_sessions(1);
    let sessions = custos.json(&["session", "ls", "--json"]);
    let id = sessions[0]["id"].as_str().expect("a session").to_owned();
    for arguments in [
        &["session", "show", &id][..],
        &["session", "replay", &id, "--no-timing"],
        &["session", "ls"],
    ] {
        let shown = run(&mut custos.command(arguments), PATIENCE).success();
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\u{7}'),
            "{shown:?}"
        );
    }
    let stopped = custos.finish();
    assert!(!stopped.log.contains("\u{1b}[31m"), "{:?}", stopped.log);
}
