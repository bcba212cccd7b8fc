//! Labels that are not of columns by their names: what is found in values, places in documents, comments.

use custos_testkit::{Endpoint, Wire};

use super::{PLAIN, Site};

const CARD: &str = "4111 1111 1111 1111";
const MAIL: &str = "canary.mail@example.com";
const STAFF: &str = "EMP-404142";
const STREET: &str = "canary street 5";

const POLICY: &str = r#"
version: 1
labels:
  found.card:
    detect: payment_card
    mask: {partial: {last: 4}}
  found.mail:
    detect: [email, {pattern: '\bEMP-\d{6}\b'}]
    mask: redact
  address:
    columns: ["*.customers.profile"]
    paths: ["$.address", "$.contacts[*].street"]
    mask: redact
  secret:
    commented: true
    mask: redact
rules:
  - id: analysts-read
    who: group:analysts
    on: postgres/*
    may: [session.open, sql.select, sql.dml, sql.ddl]
    mask: [address, secret]
  - id: owners
    who: group:owners
    on: postgres/*
    may: [session.open, sql.select, sql.dml, sql.ddl, "unmask:found.card", "unmask:found.mail", "unmask:address", "unmask:secret"]
"#;

/// A database in which values are found only by looking at them.
fn site(name: &str, policy: &str) -> Site {
    let site = Site::new(name, policy);
    site.at_target(&format!(
        r#"create table tickets (id int primary key, body text, lines text[], data jsonb, number numeric, raw bytea);
           insert into tickets values (1, 'call {MAIL}, card {CARD}. {PLAIN}', '{{"{CARD}","{PLAIN}"}}',
               '{{"from": "{MAIL}", "said": "{PLAIN}", "staff": "{STAFF}"}}', 4111111111111111, '{STAFF}');
           create table customers (id int primary key, profile jsonb, code text);
           insert into customers values (1, '{{"name": "{PLAIN}", "address": "{STREET}",
               "contacts": [{{"kind": "{PLAIN}", "street": "{STREET}"}}], "mail": "{MAIL}"}}', '{STREET}');
           create view people_codes as select code from customers;
           create table children (like customers including all);
           comment on column customers.code is 'what nobody sees (Custos:Secret.)';
           grant all on all tables in schema public to public"#
    ));
    site
}

fn tells(text: &str) -> Option<&'static str> {
    // Bytes are shown in hexadecimal.
    let staff_in_hex = "454d502d343034313432";
    let canaries = [
        "4111 1111 1111",
        "4111111111111111",
        MAIL,
        STAFF,
        STREET,
        staff_in_hex,
    ];
    canaries.into_iter().find(|canary| text.contains(canary))
}

/// Whatever the client hears of it.
fn assert_silent(endpoint: &Endpoint, sql: &str) {
    let heard = endpoint.query(sql);
    let told = [heard.stdout, heard.stderr].concat();
    assert_eq!(tells(&told), None, "{sql}: {told}");
}

#[test]
fn what_is_found_in_values_is_masked() {
    let site = site("detected", POLICY);
    let analysts = site.as_member("analysts");
    let one = analysts.query("select body, lines, data, number from tickets");
    assert_eq!(
        one.success(),
        format!(
            "call [redacted], card ***************1111. {PLAIN}|{{\"***************1111\",{PLAIN}}}|\
             {{\"from\": \"[redacted]\", \"said\": \"{PLAIN}\", \"staff\": \"[redacted]\"}}|1111\n"
        )
    );
    for sql in [
        "select * from tickets",
        "select upper(body), lines[1], data->>'from', data - 'said', number::text || '' from tickets",
        "select array_agg(t), row_to_json(t) from (select body, lines, data from tickets) t group by t",
        "copy tickets to stdout",
        "copy (select id, body, lines, data, number from tickets) to stdout csv header",
        "copy (select body, data from tickets) to stdout (format csv, force_quote *)",
        "copy tickets (id, body, lines, data) to stdout with (delimiter '|')",
        "copy tickets (id, body, lines, data) to stdout binary",
        "begin; declare c cursor for select body, raw from tickets; fetch all from c; commit",
        "prepare q as select body from tickets; execute q",
        "select 'a literal of mine: 4111 1111 1111 1111'",
        "select body::int from tickets",
        "insert into tickets values (1, 'EMP-404142')",
    ] {
        assert_silent(&analysts, sql);
    }
    // What the server says of a setting that was set to a value.
    let mut wire = Wire::sign_in(&site.wire_as("analysts")).expect("a session");
    wire.send(
        b'Q',
        b"select set_config('application_name', body, false) from tickets\0",
    );
    let answer = wire.receive_until(b'Z').expect("an answer");
    let told = answer
        .iter()
        .find(|message| message.tag == b'S')
        .expect("a report");
    let told = String::from_utf8_lossy(&told.body).into_owned();
    assert!(
        told.contains("call [redacted]") && tells(&told).is_none(),
        "{told}"
    );
    drop(wire);
    let csv = analysts.query("copy (select id, body from tickets) to stdout csv");
    assert_eq!(
        csv.success(),
        format!("1,\"call [redacted], card ***************1111. {PLAIN}\"\n")
    );
    let clear = site.as_member("owners").query("select body from tickets");
    assert_eq!(
        clear.success(),
        format!("call {MAIL}, card {CARD}. {PLAIN}\n")
    );

    // What is sent: statements, parameters and COPY data, cut in any place.
    let mut wire = Wire::sign_in(&site.wire_as("owners")).expect("a session");
    wire.send(b'P', b"\0select $1::text, $2::text\0\0\0");
    let bound = [
        b"\0\0\0\0\0\x02\0\0\0\x17",
        MAIL.as_bytes(),
        b"\0\0\0\x05plain\0\0",
    ]
    .concat();
    wire.send(b'B', &bound);
    wire.send(b'E', b"\0\0\0\0\0");
    wire.send(b'S', b"");
    let answer = wire.receive_until(b'Z').expect("an answer");
    assert!(
        answer.iter().any(|message| message.tag == b'D'),
        "{answer:?}"
    );
    wire.send(
        b'Q',
        b"create temp table pasted (line text); copy pasted from stdin\0",
    );
    for byte in format!("one {CARD} {PLAIN}\n{STAFF}\n").bytes() {
        wire.send(b'd', &[byte]);
    }
    wire.send(b'c', b"");
    let answer = wire.receive_until(b'Z').expect("an answer");
    assert!(
        answer.iter().all(|message| message.tag != b'E'),
        "{answer:?}"
    );
    wire.send(b'Q', b"copy pasted from stdin\0");
    wire.send(b'f', format!("it was {MAIL}\0").as_bytes());
    wire.receive_until(b'Z').expect("an answer");
    wire.send(
        b'Q',
        format!("listen news; notify news, 'of {STAFF}'\0").as_bytes(),
    );
    wire.receive_until(b'Z').expect("an answer");
    wire.send(b'X', b"");

    let mut custos = site.custos;
    custos.stop();
    let mut plain = 0;
    for (path, bytes) in custos.files() {
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(tells(&text), None, "{}", path.display());
        plain += text.matches(PLAIN).count();
    }
    assert!(plain > 10, "what is not sensitive is on record");
    custos.finish();
}

#[test]
fn places_in_documents_are_masked_and_the_rest_is_not() {
    let site = site("places", POLICY);
    let analysts = site.as_member("analysts");
    assert_eq!(
        analysts.query("select profile from customers").success(),
        format!(
            "{{\"mail\": \"[redacted]\", \"name\": \"{PLAIN}\", \"address\": \"[redacted]\", \
             \"contacts\": [{{\"kind\": \"{PLAIN}\", \"street\": \"[redacted]\"}}]}}\n"
        )
    );
    for sql in [
        "select * from customers",
        "select profile->>'address', profile::text, profile #> '{contacts,0}' from customers",
        "select jsonb_pretty(profile), to_json(c) from customers c",
        "copy customers to stdout",
        "select x.value from customers, jsonb_each(profile) x",
    ] {
        assert_silent(&analysts, sql);
    }
    site.custos.finish();
}

#[test]
fn a_comment_gives_a_column_its_label() {
    let site = site("commented", POLICY);
    let analysts = site.as_member("analysts");
    for sql in [
        "select code from customers",
        "select code || '' from people_codes",
        "select * from people_codes",
        "select max(c.code) from customers c",
    ] {
        assert_eq!(analysts.query(sql).success(), "[redacted]\n", "{sql}");
    }
    let clear = site.as_member("owners").query("select code from customers");
    assert_eq!(clear.success(), format!("{STREET}\n"));
    // Who does not see the column clear does not take its label away.
    let refused = analysts.query("comment on column customers.code is 'nothing'");
    let refused = refused.failure();
    assert!(refused.contains("stored:secret"), "{refused}");
    site.custos.finish();
}

/// Without labels of columns, no origin is doubted.
#[test]
fn what_is_only_looked_for_hinders_nobody() {
    let policy = POLICY.replace("    columns: [\"*.customers.profile\"]\n    paths: [\"$.address\", \"$.contacts[*].street\"]", "    detect: iban");
    let policy = policy.replace("    commented: true", "    detect: cloud_key");
    let site = site("only_found", &policy);
    let analysts = site.as_member("analysts");
    for sql in [
        format!("select substr('{PLAIN}', 1) from tickets where body like '%card%' order by body"),
        format!("select x from unnest(array['{PLAIN}']) x"),
    ] {
        assert_eq!(
            analysts.query(&sql).success(),
            format!("{PLAIN}\n"),
            "{sql}"
        );
    }
    let body = analysts.query("select body from tickets").success();
    assert!(body.contains(PLAIN) && tells(&body).is_none(), "{body}");
    site.custos.finish();
}
