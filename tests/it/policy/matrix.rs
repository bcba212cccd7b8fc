//! Every shape of query, every type that can hold text or numbers, each way to ask: no canary comes through, and what
//! has no label is as the target has it.

use std::fmt::Write as _;

use custos_testkit::{Message, Version, Wire};

use super::Site;

/// A type, a value of it as SQL, and what of the value must never be seen.
const TYPES: &[(&str, &str, &str)] = &[
    ("text", "'canary-text-7731'", "canary-text"),
    ("varchar(40)", "'canary-varchar-7731'", "canary-varchar"),
    ("char(40)", "'canary-bpchar-7731'", "canary-bpchar"),
    ("name", "'canary-name-7731'", "canary-name"),
    ("bytea", "'canary-bytea-7731'", "canary-bytea"),
    ("int2", "27731", "27731"),
    ("int4", "277318841", "277318841"),
    ("int8", "2773188417731", "2773188417731"),
    ("numeric", "773188417.7319", "773188417"),
    ("float4", "773188.5", "773188"),
    ("float8", "773188417.5", "773188417"),
    ("money", "'773188.41'", "773,188"),
    ("uuid", "'7731c0de-7731-4731-8731-7731c0de7731'", "7731c0de"),
    ("inet", "'77.31.77.31'", "77.31.77.31"),
    ("macaddr", "'77:31:c0:de:77:31'", "77:31:c0"),
    ("date", "'1977-03-01'", "1977-03"),
    ("timestamptz", "'1977-03-01 07:31:31+00'", "1977-03"),
    ("interval", "'7731 days'", "7731 days"),
    ("json", "'{\"k\": \"canary-json-7731\"}'", "canary-json"),
    ("jsonb", "'{\"k\": \"canary-jsonb-7731\"}'", "canary-jsonb"),
    ("xml", "'<k>canary-xml-7731</k>'", "canary-xml"),
    ("text[]", "array['canary-array-7731']", "canary-array"),
    ("int4[]", "array[277318842]", "277318842"),
    ("numrange", "'[773188.1,773189.2)'", "773188.1"),
    (
        "bit(32)",
        "b'01110111001100010111011100110001'",
        "0111011100110001",
    ),
    ("tsvector", "'canaryvector7731'", "canaryvector"),
    ("point", "'(7731.5,7731.25)'", "7731.5"),
    (
        "person",
        "row('canary-composite-7731', 7)",
        "canary-composite",
    ),
    ("mood", "'canary-mood'", "canary-mood"),
    ("code", "'canary-domain-7731'", "canary-domain"),
];

const POLICY: &str = r#"
version: 1
labels:
  secret: {columns: ["*.vault.secret_*"], mask: redact}
rules:
  - {id: readers, who: "*", on: "*", may: [session.open, sql.select], mask: [secret]}
"#;

/// What is asked of a column, and what else comes with it. `C` is the column.
const SHAPES: &[&str] = &[
    "select C, open from vault",
    "select v.C as harmless, v.open from vault v",
    "select (C), open from vault",
    "select x.a, x.b from (select C, open from vault) x (a, b)",
    "with w as (select C as a, open from vault) select a, open from w",
    "select C, open from shown",
    "select coalesce(C, C), open from vault",
    "select case when open is null then null else C end, open from vault",
    "select (select C from vault), open from vault",
    "select a, b from vault, lateral (select C as a, open as b) l",
    "select C, open from vault union all select C, open from vault",
    "select array[C], open from vault",
    "select row(C), open from vault",
    "select array_agg(C), max(open) from vault",
    "select first_value(C) over (), open from vault",
    "select C::text, open from vault",
    "select to_json(C), open from vault",
    "select v, open from vault v",
    "select to_jsonb(v), open from vault v",
    "select format('%s', C), open from vault",
];

/// A client that asks by hand.
struct Client(Wire);

impl Client {
    fn simple(&mut self, sql: &str) -> Vec<Message> {
        self.0.send(b'Q', format!("{sql}\0").as_bytes());
        self.0.receive_until(b'Z').expect("an answer")
    }

    /// Parse, Bind, Describe if asked for, Execute, Sync.
    fn extended(&mut self, sql: &str, binary: bool, describe: bool) -> Vec<Message> {
        let wire = &mut self.0;
        wire.send(b'P', format!("\0{sql}\0\0\0").as_bytes());
        let formats: &[u8] = if binary { &[0, 1, 0, 1] } else { &[0, 0] };
        wire.send(b'B', &[b"\0\0\0\0\0\0".as_slice(), formats].concat());
        if describe {
            wire.send(b'D', b"P\0");
        }
        wire.send(b'E', b"\0\0\0\0\0");
        wire.send(b'S', b"");
        wire.receive_until(b'Z').expect("an answer")
    }
}

fn holds(messages: &[Message], canary: &str) -> bool {
    let hex = canary.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    messages.iter().any(|message| {
        [canary.as_bytes(), hex.as_bytes()].iter().any(|wanted| {
            message
                .body
                .windows(wanted.len())
                .any(|window| window == *wanted)
        })
    })
}

fn ways(version: Version, database: &str) {
    let site = Site::on(version, database, POLICY);
    site.at_target(
        "create type person as (name text, age int); create type mood as enum ('canary-mood', 'fine');
         create domain code as text;",
    );
    let columns = TYPES.iter().enumerate();
    let columns: Vec<String> = columns
        .map(|(index, (kind, _, _))| format!("secret_{index} {kind}"))
        .collect();
    let values: Vec<&str> = TYPES.iter().map(|(_, value, _)| *value).collect();
    site.at_target(&format!(
        "create table vault (open text, {}); insert into vault values ('plain-open', {});
         create view shown as select * from vault;
         grant select on vault, shown to public",
        columns.join(", "),
        values.join(", ")
    ));
    let mut client = Client(Wire::sign_in(&site.wire_as("x")).expect("a session"));
    let mut leaks = Vec::new();
    let mut asked = 0;
    for (index, (kind, _, canary)) in TYPES.iter().enumerate() {
        for shape in SHAPES {
            let sql = shape.replace('C', &format!("secret_{index}"));
            let mut answers = vec![
                ("simple", client.simple(&sql)),
                ("text", client.extended(&sql, false, true)),
                ("binary", client.extended(&sql, true, true)),
                ("undescribed", client.extended(&sql, false, false)),
            ];
            let cursor = format!("begin; declare c cursor for {sql}; fetch all from c; commit");
            answers.push(("cursor", client.simple(&cursor)));
            client.simple("rollback");
            let copy = |options: &str| format!("copy ({sql}) to stdout {options}");
            answers.push(("copy", client.simple(&copy(""))));
            answers.push(("copy binary", client.simple(&copy("(format binary)"))));
            for (way, answer) in &answers {
                asked += 1;
                if holds(answer, canary) {
                    leaks.push(format!("{kind} {way}: {sql}"));
                }
                // Some types have no equality, JSON or binary form: then the target says so.
                let failed = answer.iter().any(|message| message.tag == b'E');
                if !failed && !holds(answer, "plain-open") {
                    leaks.push(format!("{kind} {way}: what is open is hidden: {sql}"));
                }
            }
        }
    }
    assert!(
        leaks.is_empty(),
        "{} of {asked}\n{}",
        leaks.len(),
        leaks.join("\n")
    );
    assert!(asked >= 4000, "{asked}");
    let mut custos = site.custos;
    custos.stop();
    for (path, bytes) in custos.files() {
        // Short rows of digits stand in every log by chance.
        let telling = |canary: &str| canary.len() > 8;
        for (kind, _, canary) in TYPES.iter().filter(|(_, _, canary)| telling(canary)) {
            let wanted = canary.as_bytes();
            let found = bytes.windows(wanted.len()).any(|window| window == wanted);
            assert!(!found, "{kind} in {}", path.display());
        }
    }
    let told = custos.transcripts();
    for (kind, _, canary) in TYPES.iter().filter(|(_, _, canary)| canary.len() > 8) {
        assert!(!told.contains(canary), "{kind} in a transcript");
    }
    assert!(told.contains("plain-open"));
    custos.finish();
}

#[test]
fn no_canary_comes_through_from_15() {
    ways(Version::V15, "matrix_15");
}

#[test]
fn no_canary_comes_through_from_18() {
    ways(Version::V18, "matrix_18");
}
