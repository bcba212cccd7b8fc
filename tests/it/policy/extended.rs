//! Refusals in the extended protocol, in pipelines and in transactions leave client and target in step.

use custos_testkit::{Message, Wire};

use super::{EMAIL, POLICY, SSN, Site};

fn tags(messages: &[Message]) -> String {
    messages
        .iter()
        .map(|message| char::from(message.tag))
        .collect()
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

fn parse(wire: &mut Wire, name: &str, sql: &str) {
    wire.send(b'P', format!("{name}\0{sql}\0\0\0").as_bytes());
}

fn bind(wire: &mut Wire, name: &str) {
    wire.send(b'B', &[b"\0", name.as_bytes(), b"\0\0\0\0\0\0\0"].concat());
}

fn execute(wire: &mut Wire) {
    wire.send(b'E', b"\0\0\0\0\0");
}

fn sync(wire: &mut Wire) -> Vec<Message> {
    wire.send(b'S', b"");
    wire.receive_until(b'Z').expect("an answer")
}

#[test]
fn a_refusal_aborts_what_a_real_error_would() {
    let site = Site::new("extended", POLICY);
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");

    // Refused at Parse; the rest of the pipeline is skipped.
    parse(&mut wire, "", "select 1");
    bind(&mut wire, "");
    execute(&mut wire);
    parse(&mut wire, "", "delete from orders");
    bind(&mut wire, "");
    execute(&mut wire);
    parse(&mut wire, "", "select 2");
    bind(&mut wire, "");
    execute(&mut wire);
    let answer = sync(&mut wire);
    assert_eq!(tags(&answer), "12DCEZ");
    assert_eq!(code(&answer).as_deref(), Some("42501"));
    assert_eq!(answer.last().expect("Z").body, b"I");

    // Inside a transaction the state is `E` afterwards, and a rollback mends it.
    query(&mut wire, "begin");
    let answer = query(&mut wire, "update orders set note = 'x'");
    assert_eq!(
        (tags(&answer).as_str(), code(&answer).as_deref()),
        ("EZ", Some("42501"))
    );
    assert_eq!(answer.last().expect("Z").body, b"E");
    assert_eq!(
        code(&query(&mut wire, "select 1")).as_deref(),
        Some("25P02")
    );
    assert_eq!(query(&mut wire, "rollback").last().expect("Z").body, b"I");

    // A text of several statements is judged whole: nothing of it runs.
    let answer = query(&mut wire, "select 1; delete from orders; select 2");
    assert_eq!(tags(&answer), "EZ");

    // A statement of the same name as a refused one is the one before.
    parse(&mut wire, "s", "select id from orders");
    sync(&mut wire);
    parse(&mut wire, "s2", "truncate orders");
    bind(&mut wire, "s2");
    execute(&mut wire);
    assert_eq!(tags(&sync(&mut wire)), "EZ");
    bind(&mut wire, "s");
    execute(&mut wire);
    assert_eq!(tags(&sync(&mut wire)), "2DCZ");
    assert_eq!(
        site.at_target("select count(*), min(note) from orders"),
        "1|first"
    );
    site.custos.finish();
}

#[test]
fn values_that_clients_send_are_masked_in_records() {
    let site = Site::new("sent", POLICY);
    let owners = site.as_member("owners");
    for sql in [
        format!("insert into people (id, name, ssn) values (7, 'Carol', '{SSN}')"),
        format!("update people set email = '{EMAIL}' where id = 7"),
        format!("select name from people where ssn = '{SSN}'"),
        format!("insert into people values (8, 'Dave', '{EMAIL}', '{SSN}', 'x')"),
        format!("prepare p as select 1 from people where email = $1; execute p('{EMAIL}')"),
        // The server reports what it is set to, and again when that is taken back.
        "select set_config('application_name', ssn, false) from people where id = 1; begin; set application_name = 'x'; rollback".to_owned(),
    ] {
        owners.query(&sql).success();
    }
    // Errors tell values too.
    for sql in [
        "select ssn::int from people".to_owned(),
        format!(
            "create unique index on people (ssn); insert into people (id, ssn) values (9, '{SSN}'), (10, '{SSN}')"
        ),
    ] {
        owners.query(&sql).failure();
    }
    let mut wire = Wire::sign_in(&site.wire_as("owners")).expect("a session");
    parse(&mut wire, "", "select id from people where ssn = $1");
    let value = SSN.as_bytes();
    let length = u8::try_from(value.len()).expect("short");
    let parameter = [
        b"\0\0\0\0\0\x01\0\0\0".as_slice(),
        &[length],
        value,
        b"\0\0",
    ]
    .concat();
    wire.send(b'B', &parameter);
    execute(&mut wire);
    assert!(tags(&sync(&mut wire)).contains('D'));
    wire.send(b'Q', b"copy people (id, ssn) from stdin\0");
    assert_eq!(wire.receive().expect("CopyInResponse").tag, b'G');
    wire.send(b'd', format!("20\t{SSN}\n").as_bytes());
    wire.send(b'c', b"");
    wire.receive_until(b'Z').expect("an answer");
    drop(wire);
    // Analysts do not hear values in errors either.
    let heard = site
        .as_member("analysts")
        .query("select ssn::int from people")
        .failure();
    assert!(
        heard.contains("withheld") && !heard.contains(SSN),
        "{heard}"
    );
    let mut custos = site.custos;
    custos.stop();
    let told = custos.transcripts();
    for canary in [EMAIL, SSN] {
        assert!(!told.contains(canary), "{canary} in a transcript");
        for (path, bytes) in custos.files() {
            let found = bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes());
            assert!(!found, "{canary} in {}", path.display());
        }
    }
    assert!(told.contains("Carol") || told.contains("[masked]"));
    custos.finish();
}
