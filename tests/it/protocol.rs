//! Single features of the protocol, some by hand, each with what the record says about it.

use custos_testkit::{Client, Custos, Endpoint, Message, PATIENCE, Postgres, Version, Wire, run};

fn gateway() -> (Custos, Endpoint) {
    let (custos, credential) = Custos::in_front_of(Postgres::shared(Version::V15));
    let endpoint = custos.password_endpoint(&credential, "shop");
    (custos, endpoint)
}

fn text(message: &Message) -> String {
    message.field(b'M').unwrap_or_default()
}

/// Sends one simple query and returns the answer up to ReadyForQuery.
fn query(wire: &mut Wire, sql: &str) -> Vec<Message> {
    wire.send(b'Q', format!("{sql}\0").as_bytes());
    wire.receive_until(b'Z').expect("an answer")
}

fn tags(messages: &[Message]) -> String {
    messages
        .iter()
        .map(|message| char::from(message.tag))
        .collect()
}

#[test]
fn replication_is_refused() {
    let (custos, credential) = Custos::in_front_of(Postgres::shared(Version::V15));
    let endpoint = custos.endpoint(&credential, "shop");
    for mode in ["true", "database"] {
        let connection = format!("replication={mode}");
        let heard = run(
            &mut endpoint.psql(&["-c", "IDENTIFY_SYSTEM", &connection]),
            PATIENCE,
        )
        .failure();
        assert!(
            heard.contains("replication connections are not supported"),
            "{heard}"
        );
    }
    assert_eq!(endpoint.query("select 1").success(), "1\n");
    let evidence = custos.finish().evidence;
    let refused =
        evidence.of_type("connection.refused").count() + evidence.of_type("session.denied").count();
    assert_eq!(refused, 2, "{evidence}");
}

#[test]
fn function_call_is_refused_and_the_session_goes_on() {
    let (custos, endpoint) = gateway();
    let mut wire = Wire::sign_in(&endpoint).expect("a session");
    // pg_backend_pid() has oid 2026; no argument formats, no arguments, text result.
    let call = [2026_u32.to_be_bytes().as_slice(), &[0, 0], &[0, 0], &[0, 0]].concat();
    wire.send(b'F', &call);
    let answer = wire.receive_until(b'Z').expect("an answer");
    assert_eq!(
        answer[0].field(b'C').as_deref(),
        Some("0A000"),
        "{answer:?}"
    );
    assert!(text(&answer[0]).contains("function call"), "{answer:?}");
    assert_eq!(tags(&query(&mut wire, "select 1")), "TDCZ");

    // Inside a transaction it must leave the transaction failed, as any refused statement does.
    query(&mut wire, "begin");
    wire.send(b'F', &call);
    let answer = wire.receive_until(b'Z').expect("an answer");
    assert_eq!(
        answer.last().map(|ready| ready.body.as_slice()),
        Some(&b"E"[..]),
        "{answer:?}"
    );
    assert_eq!(
        query(&mut wire, "select 2")[0].field(b'C').as_deref(),
        Some("25P02")
    );
    query(&mut wire, "rollback");
    wire.send(b'X', b"");
    let evidence = custos.finish().evidence;
    let refused: Vec<_> = evidence
        .all()
        .iter()
        .filter(|record| record["op"]["sqlstate"] == "0A000")
        .collect();
    assert_eq!(refused.len(), 2, "{evidence}");
    for record in refused {
        assert_eq!(record["outcome"], "denied", "{record}");
    }
}

#[test]
fn notices_and_parameters_pass() {
    let (custos, endpoint) = gateway();
    let mut wire = Wire::sign_in(&endpoint).expect("a session");
    let answer = query(
        &mut wire,
        "do $$ begin raise notice 'mind the %', 'gap'; end $$",
    );
    assert_eq!(tags(&answer), "NCZ");
    assert_eq!(text(&answer[0]), "mind the gap");
    let answer = query(&mut wire, "set timezone = 'Asia/Tokyo'");
    let status = answer
        .iter()
        .find(|message| message.tag == b'S')
        .expect("ParameterStatus");
    assert_eq!(status.body, b"TimeZone\0Asia/Tokyo\0");
    let answer = query(
        &mut wire,
        "select 1; select 2 where false; set work_mem = '5MB'",
    );
    assert_eq!(tags(&answer), "TDCTCCZ");
    assert_eq!(tags(&query(&mut wire, "")), "IZ");
    wire.send(b'X', b"");
    custos.wait_for_ended_sessions(1);
    let transcripts = custos.transcripts();
    for line in [
        r#""notice":{"#,
        "mind the gap",
        r#""parameter":{"name":"TimeZone","value":"Asia/Tokyo"}"#,
        r#""empty":true"#,
    ] {
        assert!(transcripts.contains(line), "no {line} in\n{transcripts}");
    }
    custos.finish();
}

#[test]
fn startup_parameters_reach_the_target() {
    let (custos, endpoint) = gateway();
    let parameters = [
        ("application_name", "test of startup"),
        ("options", "-c work_mem=7MB -c search_path=pg_catalog"),
        ("client_encoding", "LATIN1"),
    ];
    let mut wire = Wire::sign_in_with(&endpoint, &parameters).expect("a session");
    let mut shows = |name: &str| {
        let answer = query(&mut wire, &format!("show {name}"));
        String::from_utf8_lossy(&answer[1].body[6..]).into_owned()
    };
    assert_eq!(shows("work_mem"), "7MB");
    assert_eq!(shows("search_path"), "pg_catalog");
    assert_eq!(shows("client_encoding"), "LATIN1");
    // An encoding other than UTF-8: the byte passes as it is, and the record is still valid UTF-8.
    wire.send(b'Q', b"select '\xe9' as e\0");
    let answer = wire.receive_until(b'Z').expect("an answer");
    assert_eq!(answer[1].body[6..], [0xe9]);
    wire.send(b'X', b"");
    let evidence = custos.finish().evidence;
    assert_eq!(
        evidence.only("session.start")["src"]["client"],
        "test of startup"
    );
}

/// Extended protocol with a row limit: the portal is suspended, and goes on where it was.
#[test]
fn portals_are_suspended_and_go_on() {
    let (custos, endpoint) = gateway();
    let mut wire = Wire::sign_in(&endpoint).expect("a session");
    query(&mut wire, "begin");
    wire.send(b'P', b"numbers\0select generate_series(1, $1::int)\0\0\0");
    wire.send(b'B', b"cursor\0numbers\0\0\0\0\x01\0\0\0\x017\0\0");
    wire.send(b'D', b"Pcursor\0");
    let execute = |rows: u32| [b"cursor\0".as_slice(), &rows.to_be_bytes()].concat();
    for _ in 0..2 {
        wire.send(b'E', &execute(3));
    }
    wire.send(b'H', b"");
    assert_eq!(
        tags(&wire.receive_until(b's').expect("suspended")),
        "12TDDDs"
    );
    assert_eq!(tags(&wire.receive_until(b's').expect("suspended")), "DDDs");
    wire.send(b'E', &execute(3));
    wire.send(b'C', b"Pcursor\0");
    wire.send(b'S', b"");
    assert_eq!(tags(&wire.receive_until(b'Z').expect("ready")), "DC3Z");
    // A portal that is gone.
    wire.send(b'E', &execute(0));
    wire.send(b'S', b"");
    let answer = wire.receive_until(b'Z').expect("ready");
    assert_eq!(
        answer[0].field(b'C').as_deref(),
        Some("34000"),
        "{answer:?}"
    );
    query(&mut wire, "rollback");
    wire.send(b'X', b"");

    custos.wait_for_ended_sessions(1);
    assert!(custos.transcripts().contains(r#""suspended":true"#));
    let evidence = custos.finish().evidence;
    let executed: Vec<_> = evidence
        .of_type("operation.intent")
        .filter(|record| record["op"]["text"] == "select generate_series(1, $1::int)")
        .collect();
    assert_eq!(executed.len(), 3, "one for each Execute:\n{evidence}");
    assert_eq!(executed[0]["op"]["parameters"], 1, "{}", executed[0]);
}

/// An error in a pipeline: what follows up to Sync is not executed, and the record says so.
#[test]
fn what_the_target_skips_is_recorded_as_skipped() {
    let (custos, endpoint) = gateway();
    let mut wire = Wire::sign_in(&endpoint).expect("a session");
    for sql in [
        "select 1",
        "select 1 / (random() * 0)::int",
        "select 'never run'",
    ] {
        wire.send(b'P', format!("\0{sql}\0\0\0").as_bytes());
        wire.send(b'B', b"\0\0\0\0\0\0\0\0");
        wire.send(b'E', b"\0\0\0\0\0");
    }
    wire.send(b'S', b"");
    assert_eq!(tags(&wire.receive_until(b'Z').expect("ready")), "12DC12EZ");
    assert_eq!(tags(&query(&mut wire, "select 'after'")), "TDCZ");
    wire.send(b'X', b"");
    custos.wait_for_ended_sessions(1);
    assert!(custos.transcripts().contains(r#""skipped":true"#));
    let evidence = custos.finish().evidence;
    assert_eq!(evidence.outcome_of("select 1")["outcome"], "ok");
    assert_eq!(
        evidence.outcome_of("select 1 / (random() * 0)::int")["op"]["sqlstate"],
        "22012"
    );
    assert_ne!(evidence.outcome_of("select 'never run'")["outcome"], "ok");
    let executed = Postgres::shared(Version::V15).executed_in("shop");
    assert!(
        !executed
            .iter()
            .any(|statement| statement == "select 'never run'")
    );
}

#[test]
fn two_sessions_do_not_mix() {
    let (custos, endpoint) = gateway();
    let mut wires: Vec<Wire> = (0..20)
        .map(|_| Wire::sign_in(&endpoint).expect("a session"))
        .collect();
    for round in 0..5 {
        for (number, wire) in wires.iter_mut().enumerate() {
            wire.send(
                b'Q',
                format!("select 'session {number} round {round}'\0").as_bytes(),
            );
        }
        for (number, wire) in wires.iter_mut().enumerate() {
            let answer = wire.receive_until(b'Z').expect("an answer");
            assert_eq!(
                answer[1].body[6..],
                *format!("session {number} round {round}").as_bytes()
            );
        }
    }
    for wire in &mut wires {
        wire.send(b'X', b"");
    }
    let evidence = custos.finish().evidence;
    assert_eq!(evidence.sessions().len(), 20);
    for id in evidence.sessions() {
        let statements = evidence
            .session(&id)
            .filter(|record| record["type"] == "operation.intent")
            .count();
        assert_eq!(statements, 5, "{id}");
    }
}

/// One value larger than any buffer, through and into the transcript.
#[test]
fn a_huge_value_passes_whole() {
    let (custos, endpoint) = gateway();
    let mut wire = Wire::sign_in(&endpoint).expect("a session");
    let bytes = 48 << 20;
    let answer = query(&mut wire, &format!("select repeat('v', {bytes})"));
    assert_eq!(tags(&answer), "TDCZ");
    assert_eq!(answer[1].body.len(), bytes + 6);
    wire.send(b'X', b"");
    custos.wait_for_ended_sessions(1);
    let recorded = custos
        .transcripts()
        .bytes()
        .filter(|&byte| byte == b'v')
        .count();
    assert!(recorded >= bytes, "{recorded} of {bytes}");
    custos.finish();
}

#[test]
fn a_large_result_is_recorded_whole() {
    let (custos, credential) = Custos::in_front_of(Postgres::shared(Version::V18));
    Client::Pgx
        .run(&custos.endpoint(&credential, "shop"))
        .success();
    custos.wait_for_ended_sessions(1);
    let transcripts = custos.transcripts();
    // A row that came in two reads has more than one line; the last says `end`.
    let rows = transcripts
        .lines()
        .filter(|line| line.starts_with('[') || line.ends_with(r#""end":true}"#))
        .count();
    assert!(rows >= 200_000, "{rows} rows of the large result on record");
    custos.finish();
}
