//! Held messages of the extended protocol, in pipelines and transactions; COPY; statements prepared in SQL.

use aws_lc_rs::hmac;
use custos_testkit::{Message, PATIENCE, Wire, clients, start, wait_for};
use serde_json::Value;

use super::{REASON, World, said};

#[test]
fn held_messages_keep_their_place() {
    let world = World::new("held_extended");
    world.add("postgres/loads");
    // Before the gateway reads the catalogue.
    for name in [
        "bound",
        "prepared_in_sql",
        "loaded",
        "locked",
        "several",
        "two",
    ] {
        world.table(name);
    }
    world.each(&[
        ("a pipeline", a_pipeline),
        ("a refused pipeline", a_refused_pipeline),
        ("two in one pipeline", two_in_one_pipeline),
        ("a pipeline of psycopg", a_pipeline_of_psycopg),
        ("several statements in one text", several_in_one_text),
        ("in a transaction, refused", in_a_transaction_refused),
        ("in a transaction, approved", in_a_transaction_approved),
        ("parameters are committed to", parameters_are_committed_to),
        (
            "other parameters are another request",
            other_parameters_are_another_request,
        ),
        ("null is no empty text", null_is_no_empty_text),
        ("copy in", copy_in),
        ("copy in, refused", copy_in_refused),
        ("prepared in SQL", prepared_in_sql),
        ("gone while it waits", gone_while_it_waits),
    ]);
    world.finish();
}

fn tags(messages: &[Message]) -> String {
    let told = messages.iter().filter(|message| message.tag != b'N');
    told.map(|message| char::from(message.tag)).collect()
}

fn code(messages: &[Message]) -> Option<String> {
    messages
        .iter()
        .find(|message| message.tag == b'E')?
        .field(b'C')
}

fn query(wire: &mut Wire, sql: &str) -> Vec<Message> {
    wire.send(b'Q', format!("{sql}\0").as_bytes());
    wire.receive_until(b'Z').expect("an answer")
}

/// Parse, Bind and Execute of the unnamed statement.
fn execute(wire: &mut Wire, sql: &str, parameters: &[Option<&str>]) {
    wire.send(b'P', format!("\0{sql}\0\0\0").as_bytes());
    let count = u16::try_from(parameters.len()).expect("few");
    let mut bind = b"\0\0\0\0".to_vec();
    bind.extend(count.to_be_bytes());
    for parameter in parameters {
        let length = parameter.map_or(-1, |text| i32::try_from(text.len()).expect("short"));
        bind.extend(length.to_be_bytes());
        bind.extend(parameter.unwrap_or_default().as_bytes());
    }
    bind.extend(b"\0\0");
    wire.send(b'B', &bind);
    wire.send(b'E', b"\0\0\0\0\0");
}

fn sync(wire: &mut Wire) {
    wire.send(b'S', b"");
}

fn ready(wire: &mut Wire) -> Vec<Message> {
    wire.receive_until(b'Z').expect("an answer")
}

/// Reads up to the notice about the next held operation; the request, and what came before.
fn held(wire: &mut Wire) -> (String, Vec<Message>) {
    let mut before = Vec::new();
    loop {
        let message = wire.receive().expect("a notice");
        let text = message.field(b'M').unwrap_or_default();
        if message.tag == b'N' && text.contains("this statement waits for approval") {
            let id = text.split("request ").nth(1).expect("an id");
            return (id.to_owned(), before);
        }
        assert_ne!(
            message.tag, b'Z',
            "nothing was held: {before:?} {message:?}"
        );
        before.push(message);
    }
}

/// As bob sees what will run.
fn exact(world: &World, request: &str) -> Value {
    let path = format!("/v1/requests/{request}/exact");
    let shown = world.bob().call("GET", &path, None);
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.body["exact"].clone()
}

fn commit_of(world: &World, request: &str) -> Value {
    let shown = world
        .bob()
        .call("GET", &format!("/v1/requests/{request}"), None);
    shown.body["request"]["commit"].clone()
}

/// The commitment as ADR 15 has it, without the gateway's code.
fn committed(exact: &Value) -> String {
    let digits = exact["commit_key"].as_str().expect("a key");
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
    let key: Vec<u8> = (0..digits.len()).step_by(2).map(digit).collect();
    let mut bytes = b"custos operation v1\0".to_vec();
    let mut push = |value: Option<&str>| match value {
        Some(text) => {
            let length = u32::try_from(text.len()).expect("short");
            bytes.extend(length.to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        None => bytes.extend([0xff; 4]),
    };
    for part in exact["parts"].as_array().expect("a list") {
        push(part["name"].as_str());
        push(part["text"].as_str());
    }
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &bytes);
    let digits = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

fn names(exact: &Value) -> Vec<&str> {
    let parts = exact["parts"].as_array().expect("a list").iter();
    parts.filter_map(|part| part["name"].as_str()).collect()
}

fn approve_by_two(world: &World, request: &str) {
    world.bob().approve(request).success();
    world.carol().approve(request).success();
}

fn a_pipeline(world: &World) {
    world.table("piped");
    let mut wire = world.wire("postgres/shop");
    execute(&mut wire, "select 'before piped'", &[]);
    execute(&mut wire, "drop table piped", &[]);
    execute(&mut wire, "select 'after piped'", &[]);
    sync(&mut wire);
    let (request, mut answer) = held(&mut wire);
    assert_eq!(world.runs("select 'after piped'"), 0);
    approve_by_two(world, &request);
    answer.extend(ready(&mut wire));
    assert_eq!(tags(&answer), "12DC12C12DCZ");
    let executed = Vec::from([
        "select 'before piped'",
        "drop table piped",
        "select 'after piped'",
    ]);
    assert_eq!(world.executed(&executed), executed);
    assert_eq!(world.ending(&request), "executed");
    wire.send(b'X', b"");
}

fn a_refused_pipeline(world: &World) {
    world.table("refused");
    let mut wire = world.wire("postgres/shop");
    execute(&mut wire, "select 'before refused'", &[]);
    execute(&mut wire, "drop table refused", &[]);
    execute(&mut wire, "select 'after refused'", &[]);
    sync(&mut wire);
    let (request, mut answer) = held(&mut wire);
    world.bob().deny(&request).success();
    answer.extend(ready(&mut wire));
    assert_eq!(tags(&answer), "12DC12EZ");
    assert_eq!(code(&answer).as_deref(), Some("42501"));
    assert_eq!(world.runs("select 'after refused'"), 0);
    assert_eq!(tags(&query(&mut wire, "select 'next'")), "TDCZ");
    assert!(world.has_table("refused"));
    wire.send(b'X', b"");
}

fn two_in_one_pipeline(world: &World) {
    let mut wire = world.wire("postgres/shop");
    execute(&mut wire, "delete from two where id = 1", &[]);
    execute(&mut wire, "drop table two", &[]);
    sync(&mut wire);
    let (first, mut answer) = held(&mut wire);
    world.bob().approve(&first).success();
    let (second, more) = held(&mut wire);
    assert_ne!(first, second);
    answer.extend(more);
    approve_by_two(world, &second);
    answer.extend(ready(&mut wire));
    assert_eq!(tags(&answer), "12C12CZ");
    wire.send(b'X', b"");
}

/// libpq's own pipeline mode.
fn a_pipeline_of_psycopg(world: &World) {
    const PROGRAM: &str = "
import psycopg
with psycopg.connect(autocommit=True) as connection, connection.pipeline() as pipeline:
    before = connection.execute('select %s::text', ('before',))
    dropped = connection.execute('drop table of_psycopg')
    after = connection.execute('select %s::text', ('after',))
    pipeline.sync()
    print(before.fetchone()[0], dropped.statusmessage, after.fetchone()[0])
";
    world.table("of_psycopg");
    let endpoint = world.endpoint_of(world.alice(), "postgres/shop");
    let mut python = std::process::Command::new(clients().join("python/bin/python"));
    endpoint.apply(&mut python);
    let python = start(python.args(["-c", PROGRAM]).env("PGOPTIONS", said(REASON)));
    let request = world.request_of("drop table of_psycopg");
    approve_by_two(world, &request);
    let told = python.finish(PATIENCE).success();
    assert_eq!(told, "before DROP TABLE after\n");
}

/// Nothing of a text runs before the whole of it may.
fn several_in_one_text(world: &World) {
    let mut wire = world.wire("postgres/shop");
    wire.send(
        b'Q',
        b"select 'part of several'; drop table several; select 2\0",
    );
    let (request, before) = held(&mut wire);
    assert_eq!(tags(&before), "");
    assert!(world.has_table("several"));
    approve_by_two(world, &request);
    assert_eq!(tags(&ready(&mut wire)), "TDCCTDCZ");
    wire.send(b'X', b"");
}

/// The lock on the row that was changed before, as the target has it.
fn is_locked(world: &World) -> bool {
    let locks = "select count(*) from pg_locks where mode = 'RowExclusiveLock' and relation = 'locked'::regclass";
    world.at_target(locks) == "1"
}

fn in_a_transaction_refused(world: &World) {
    let mut wire = world.wire("postgres/shop");
    query(&mut wire, "begin");
    query(&mut wire, "update locked set note = 'changed' where id = 1");
    execute(&mut wire, "delete from locked where id = 1", &[]);
    sync(&mut wire);
    let (request, _) = held(&mut wire);
    assert!(is_locked(world), "a transaction goes on while it waits");
    world.bob().deny(&request).success();
    let answer = ready(&mut wire);
    assert_eq!(tags(&answer), "12EZ");
    assert_eq!(answer.last().expect("Z").body, b"E");
    assert_eq!(
        code(&query(&mut wire, "select 1")).as_deref(),
        Some("25P02")
    );
    assert_eq!(query(&mut wire, "rollback").last().expect("Z").body, b"I");
    assert!(!is_locked(world));
    assert_eq!(world.at_target("select note from locked"), "here");
    wire.send(b'X', b"");
}

fn in_a_transaction_approved(world: &World) {
    let mut wire = world.wire("postgres/shop");
    query(&mut wire, "begin");
    query(&mut wire, "update locked set note = 'changed' where id = 1");
    execute(&mut wire, "delete from locked where id = 1", &[]);
    sync(&mut wire);
    let (request, _) = held(&mut wire);
    assert!(is_locked(world));
    world.bob().approve(&request).success();
    let answer = ready(&mut wire);
    assert_eq!(tags(&answer), "12CZ");
    assert_eq!(answer.last().expect("Z").body, b"T");
    assert_eq!(world.at_target("select count(*) from locked"), "1");
    assert_eq!(query(&mut wire, "commit").last().expect("Z").body, b"I");
    assert_eq!(world.at_target("select count(*) from locked"), "0");
    wire.send(b'X', b"");
}

/// A delete with a parameter, held.
fn held_delete(world: &World, parameter: Option<&str>) -> (Wire, String) {
    let mut wire = world.wire("postgres/shop");
    execute(&mut wire, "delete from bound where note = $1", &[parameter]);
    sync(&mut wire);
    let (request, _) = held(&mut wire);
    (wire, request)
}

fn parameters_are_committed_to(world: &World) {
    let (mut wire, request) = held_delete(world, Some("nothing there"));
    let shown = exact(world, &request);
    assert_eq!(
        names(&shown),
        ["statement", "parameter 1 (text)"],
        "{shown}"
    );
    assert_eq!(shown["parts"][1]["text"], "nothing there", "{shown}");
    assert_eq!(commit_of(world, &request), committed(&shown));
    world.bob().approve(&request).success();
    assert_eq!(tags(&ready(&mut wire)), "12CZ");
    // What is kept for good has the commitment, and not its key.
    let key = shown["commit_key"].as_str().expect("a key");
    for (path, bytes) in world.custos.files() {
        let found = bytes
            .windows(key.len())
            .any(|window| window == key.as_bytes());
        assert!(!found, "the key is in {}", path.display());
    }
    wire.send(b'X', b"");
}

fn other_parameters_are_another_request(world: &World) {
    let (mut one, first) = held_delete(world, Some("one"));
    let (mut other, second) = held_delete(world, Some("another"));
    let (_, again) = held_delete(world, Some("one"));
    let commits = [&first, &second, &again].map(|request| commit_of(world, request));
    assert_ne!(commits[0], commits[1]);
    // Not even the same one can be told from others by its commitment.
    assert_ne!(commits[0], commits[2]);
    world.bob().approve(&first).success();
    assert_eq!(tags(&ready(&mut one)), "12CZ");
    world.bob().deny(&second).success();
    assert_eq!(tags(&ready(&mut other)), "12EZ");
    assert_eq!(world.ending(&again), "withdrawn");
    for mut wire in [one, other] {
        wire.send(b'X', b"");
    }
}

fn null_is_no_empty_text(world: &World) {
    for parameter in [None, Some("")] {
        let (mut wire, request) = held_delete(world, parameter);
        let shown = exact(world, &request);
        assert_eq!(shown["parts"][1]["text"].as_str(), parameter, "{shown}");
        assert_eq!(commit_of(world, &request), committed(&shown));
        world.bob().deny(&request).success();
        assert_eq!(tags(&ready(&mut wire)), "12EZ");
        wire.send(b'X', b"");
    }
}

fn copy_in(world: &World) {
    let mut wire = world.wire("postgres/loads");
    wire.send(b'Q', b"copy loaded from stdin\0");
    let (request, before) = held(&mut wire);
    assert_eq!(tags(&before), "");
    world.bob().approve(&request).success();
    while wire.receive().expect("CopyInResponse").tag != b'G' {}
    wire.send(b'd', b"2\tcopied\n");
    wire.send(b'c', b"");
    assert_eq!(tags(&ready(&mut wire)), "CZ");
    assert_eq!(
        world.at_target("select note from loaded where id = 2"),
        "copied"
    );
    wire.send(b'X', b"");
}

/// A client that sends its rows without waiting loses them, and nothing else.
fn copy_in_refused(world: &World) {
    let mut wire = world.wire("postgres/loads");
    wire.send(b'Q', b"copy loaded from stdin\0");
    let (request, _) = held(&mut wire);
    wire.send(b'd', b"3\tcopied\n");
    wire.send(b'c', b"");
    world.bob().deny(&request).success();
    let answer = ready(&mut wire);
    assert_eq!(tags(&answer), "EZ");
    assert_eq!(code(&answer).as_deref(), Some("42501"));
    assert_eq!(tags(&query(&mut wire, "select 1")), "TDCZ");
    assert_eq!(
        world.at_target("select count(*) from loaded where id = 3"),
        "0"
    );
    wire.send(b'X', b"");
}

/// Whoever agrees to EXECUTE sees what it executes.
fn prepared_in_sql(world: &World) {
    const INNER: &str = "delete from prepared_in_sql where id = $1";
    let mut wire = world.wire("postgres/shop");
    wire.send(b'Q', format!("prepare p (int) as {INNER}\0").as_bytes());
    let mut answer = Vec::new();
    // To prepare may need an approval of its own.
    while answer
        .last()
        .is_none_or(|message: &Message| message.tag != b'Z')
    {
        let message = wire.receive().expect("an answer");
        let text = message.field(b'M').unwrap_or_default();
        if text.contains("this statement waits for approval") {
            let request = text.split("request ").nth(1).expect("an id");
            world.bob().approve(request).success();
        }
        answer.push(message);
    }
    assert_eq!(tags(&answer), "CZ", "{answer:?}");
    wire.send(b'Q', b"execute p(1)\0");
    let (request, _) = held(&mut wire);
    let shown = exact(world, &request);
    let parts = shown["parts"].as_array().expect("a list");
    assert_eq!(parts[0]["text"], "execute p(1)", "{shown}");
    assert_eq!(parts[1]["name"], "prepared statement p", "{shown}");
    let inner = parts[1]["text"].as_str().expect("a text");
    assert!(inner.contains(INNER), "{shown}");
    assert_eq!(commit_of(world, &request), committed(&shown));
    world.bob().approve(&request).success();
    assert_eq!(tags(&ready(&mut wire)), "CZ");
    assert_eq!(world.at_target("select count(*) from prepared_in_sql"), "0");
    wire.send(b'X', b"");
}

fn gone_while_it_waits(world: &World) {
    let (wire, request) = held_delete(world, Some("gone"));
    world
        .carol()
        .call("GET", &format!("/v1/requests/{request}/exact"), None);
    drop(wire);
    assert_eq!(world.ending(&request), "withdrawn");
    let gone = wait_for("the end of the session", PATIENCE, || {
        let all = world.bob().requests();
        let is_there = all
            .iter()
            .any(|view| view["request"]["id"] == request.as_str());
        (!is_there).then_some(all)
    });
    assert!(gone.is_empty(), "{gone:?}");
}
