//! Targets that break: unreachable, silent, lying, dying.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use custos_testkit::{
    Custos, Endpoint, FakeServer, PATIENCE, Postgres, PostgresOptions, Settings, Version, Wire,
    free_port, start, wait_for,
};
use serde_json::Value;

/// AuthenticationOk, BackendKeyData, ReadyForQuery: a target that lets everybody in.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I";

fn before(port: u16) -> (Custos, Endpoint) {
    let custos = Custos::start_with(&Settings {
        limits: "connect_timeout = \"1s\"".to_owned(),
        ..Settings::default()
    });
    custos
        .add_target(
            "postgres/broken",
            "localhost",
            port,
            Postgres::APP,
            &["--tls", "disable"],
        )
        .success();
    let endpoint = custos.endpoint(&custos.issue("alice", "postgres/broken"), "shop");
    (custos, endpoint)
}

fn end_of_session(custos: Custos) -> Value {
    let end = custos.finish().evidence.only("session.end").clone();
    assert_eq!(end["outcome"], "failed", "{end}");
    end
}

#[test]
fn nobody_listens() {
    let (custos, endpoint) = before(free_port());
    let heard = endpoint.query("select 1").failure();
    assert!(heard.contains("target"), "{heard}");
    let end = end_of_session(custos);
    assert!(
        end["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("cannot connect")),
        "{end}"
    );
}

#[test]
fn a_silent_target_is_given_up() {
    let silent = FakeServer::start(|mut connection| {
        let mut buffer = [0; 4096];
        while matches!(connection.read(&mut buffer), Ok(1..)) {}
    });
    let (custos, endpoint) = before(silent.port());
    let began = Instant::now();
    let heard = endpoint.query("select 1").failure();
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "connect_timeout is one second: {:?}, {heard}",
        began.elapsed()
    );
    assert!(
        heard.contains("took too long") || heard.contains("timed out"),
        "{heard}"
    );
    end_of_session(custos);
}

#[test]
fn garbage_instead_of_authentication() {
    for garbage in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"R\xff\xff\xff\xff",
        b"\0\0\0\0\0\0\0\0\0",
        b"Z\0\0\0\x05I",
        b"R\0\0\0\x03",
    ] {
        let server = FakeServer::answering(garbage);
        let (custos, endpoint) = before(server.port());
        endpoint.query("select 1").failure();
        end_of_session(custos);
    }
}

#[test]
fn garbage_instead_of_an_answer() {
    // A row before its description; a length that is too small; an unknown type; a field that leaves its row; garbage.
    for garbage in [
        &b"D\0\0\0\x0b\0\x01\0\0\0\x011"[..], b"C\0\0\0\x03", b"\x01\0\0\0\x04",
        b"T\0\0\0\x1a\0\x01c\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0D\0\0\0\x0b\0\x01\0\0\xff\xff1",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let server = FakeServer::start(move |mut connection| {
            let mut buffer = [0; 4096];
            let _ = connection.read(&mut buffer);
            let _ = connection.write_all(WELCOME);
            let _ = connection.read(&mut buffer);
            let _ = connection.write_all(garbage);
            while matches!(connection.read(&mut buffer), Ok(1..)) {}
        });
        let (custos, endpoint) = before(server.port());
        let heard = endpoint.query("select 1").failure();
        assert!(!heard.is_empty());
        let evidence = custos.finish().evidence;
        let end = evidence.only("session.end");
        assert_eq!(end["outcome"], "failed", "{garbage:?}: {end}");
        assert!(end["reason"].as_str().is_some_and(|reason| reason.contains("protocol")), "{garbage:?}: {end}");
    }
}

/// The gateway must not take a target's word for a version that it did not ask for, nor bytes beyond its limits.
#[test]
fn a_target_that_never_stops_its_greeting_is_cut() {
    let server = FakeServer::start(|mut connection| {
        let mut buffer = [0; 4096];
        let _ = connection.read(&mut buffer);
        let status = b"S\0\0\0\x0ca\0bcdef\0";
        let flood = status.repeat(1000);
        let _ = connection.write_all(b"R\0\0\0\x08\0\0\0\0");
        while connection.write_all(&flood).is_ok() {}
    });
    let (custos, endpoint) = before(server.port());
    endpoint.query("select 1").failure();
    assert!(custos_testkit::resident_bytes(custos.pid()) < 300 << 20);
    end_of_session(custos);
}

#[track_caller]
fn dies_while_rows_flow(kill: impl FnOnce(&Postgres, &str), database: &str) {
    let postgres = Postgres::start(Version::V15, PostgresOptions::default());
    postgres.sql(&format!("create database {database} owner app"));
    let (custos, credential) = Custos::in_front_of(&postgres);
    let endpoint = custos.password_endpoint(&credential, database);
    let mut wire = Wire::sign_in(&endpoint).expect("a session");
    wire.send(
        b'Q',
        b"select repeat('x', 1000) from generate_series(1, 10000) a, generate_series(1, 10000) b\0",
    );
    for tag in [b'T', b'D', b'D'] {
        assert_eq!(wire.receive().expect("rows flow").tag, tag);
    }
    let backend = postgres.sql(&format!(
        "select pid from pg_stat_activity where datname = '{database}'"
    ));
    kill(&postgres, &backend);
    // Where a row was cut in the middle no error can be put; but nothing may look like an end.
    let mut last = b'D';
    while let Ok(message) = wire.receive() {
        last = message.tag;
    }
    assert!(
        matches!(last, b'D' | b'E'),
        "the last message was {}",
        char::from(last)
    );
    let evidence = custos.finish().evidence;
    let end = evidence.only("session.end");
    assert_eq!(end["outcome"], "failed", "{end}");
    let outcome = evidence.of_type("operation.outcome").next();
    match outcome {
        Some(outcome) => assert_ne!(outcome["outcome"], "ok", "{outcome}"),
        None => assert_eq!(end["detail"]["unfinished"], 1, "{end}"),
    }
}

#[test]
fn the_backend_is_terminated_while_rows_flow() {
    dies_while_rows_flow(
        |postgres, backend| drop(postgres.sql(&format!("select pg_terminate_backend({backend})"))),
        "dies_politely",
    );
}

#[test]
fn the_backend_is_killed_while_rows_flow() {
    dies_while_rows_flow(
        |_, backend| {
            custos_testkit::signal(
                backend.parse().expect("a process id"),
                rustix::process::Signal::KILL,
            );
        },
        "dies_at_once",
    );
}

#[test]
fn a_target_that_stops_ends_idle_sessions() {
    let postgres = Postgres::start(Version::V18, PostgresOptions::default());
    let (custos, credential) = Custos::in_front_of(&postgres);
    let mut client = start(&mut custos.endpoint(&credential, "shop").psql(&["-Atq"]));
    client.write("select 'open';\n");
    wait_for("the session", PATIENCE, || {
        client.stdout().contains("open").then_some(())
    });
    drop(postgres);
    custos.wait_for_record("the end of the session", |record| {
        record["type"] == "session.end"
    });
    client.close_stdin();
    client.finish(PATIENCE);
    end_of_session(custos);
}

/// A server without TLS, asked for with `--tls require`, which verifies nothing but still wants encryption.
#[test]
fn require_wants_encryption() {
    let postgres = Postgres::start(Version::V15, PostgresOptions { tls: false });
    let custos = Custos::start();
    custos
        .add_target(
            "postgres/open",
            "localhost",
            postgres.port(),
            Postgres::APP,
            &["--tls", "require"],
        )
        .success();
    let heard = custos
        .endpoint(&custos.issue("alice", "postgres/open"), "shop")
        .query("select 1")
        .failure();
    assert!(heard.contains("target"), "{heard}");
    let end = end_of_session(custos);
    assert!(
        end["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("does not offer TLS")),
        "{end}"
    );
}
