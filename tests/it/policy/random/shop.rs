//! The database that is asked: tables, a child, partitions and views over them, each labelled cell with a canary of its own.

use std::fmt::Write as _;

use super::canaries::Mint;

/// What a value can be done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Date,
    Uuid,
    Bytes,
    Texts,
    Json,
    JsonText,
    Card,
    Row,
}

/// A column: its name, what it is, and whether it has a label.
pub(super) type Column = (&'static str, Kind, bool);

/// A table or view.
pub(super) struct Relation {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
}

const fn open(name: &'static str, kind: Kind) -> Column {
    (name, kind, false)
}

const fn labelled(name: &'static str, kind: Kind) -> Column {
    (name, kind, true)
}

const PEOPLE: &[Column] = &[
    open("id", Kind::Number),
    open("name", Kind::Text),
    open("city", Kind::Text),
    labelled("ssn", Kind::Text),
    labelled("email", Kind::Text),
    labelled("token", Kind::Uuid),
    labelled("born", Kind::Date),
    labelled("salary", Kind::Number),
    labelled("pin", Kind::Number),
    labelled("photo", Kind::Bytes),
    labelled("nicknames", Kind::Texts),
    labelled("doc", Kind::Json),
    labelled("raw", Kind::JsonText),
    labelled("card", Kind::Card),
    open("tags", Kind::Texts),
    open("profile", Kind::Json),
    open("joined", Kind::Date),
];

const ACCOUNTS: &[Column] = &[
    open("id", Kind::Number),
    open("person", Kind::Number),
    labelled("iban", Kind::Text),
    labelled("number", Kind::Text),
    labelled("balance", Kind::Number),
    open("note", Kind::Text),
    open("noted", Kind::Text),
];

const VISITS: &[Column] = &[
    open("id", Kind::Number),
    open("person", Kind::Number),
    labelled("diagnosis", Kind::Text),
    labelled("code", Kind::Text),
    open("room", Kind::Text),
    open("day", Kind::Date),
];

/// Everything that can stand in FROM. What is a table stands first.
pub(super) const RELATIONS: &[Relation] = &[
    Relation {
        name: "people",
        columns: PEOPLE,
    },
    Relation {
        name: "accounts",
        columns: ACCOUNTS,
    },
    Relation {
        name: "visits",
        columns: VISITS,
    },
    Relation {
        name: "staff",
        columns: PEOPLE,
    },
    Relation {
        name: "visits_low",
        columns: VISITS,
    },
    Relation {
        name: "contacts",
        columns: &[
            open("id", Kind::Number),
            open("name", Kind::Text),
            labelled("address", Kind::Text),
            open("city", Kind::Text),
        ],
    },
    Relation {
        name: "ledger",
        columns: &[
            open("id", Kind::Number),
            open("owner", Kind::Text),
            labelled("secret", Kind::Text),
            labelled("number", Kind::Text),
            labelled("amount", Kind::Number),
            open("note", Kind::Text),
        ],
    },
    Relation {
        name: "deep",
        columns: &[
            open("id", Kind::Number),
            labelled("pair", Kind::Text),
            labelled("shown", Kind::Text),
            open("note", Kind::Text),
        ],
    },
    Relation {
        name: "totals",
        columns: &[
            open("id", Kind::Number),
            labelled("ibans", Kind::Text),
            labelled("top", Kind::Number),
            open("many", Kind::Number),
        ],
    },
    // Its names say the opposite of what they are.
    Relation {
        name: "wards",
        columns: &[
            open("id", Kind::Number),
            labelled("name", Kind::Text),
            open("ssn", Kind::Text),
        ],
    },
    Relation {
        name: "kept",
        columns: &[
            open("id", Kind::Number),
            labelled("code", Kind::Text),
            open("city", Kind::Text),
        ],
    },
];

/// How many of them are tables.
pub(super) const TABLES: usize = 5;

/// Analysts work under labels, owners see everything.
pub(super) const POLICY: &str = r#"
version: 1
labels:
  person: {columns: ["*.people.ssn", "*.people.token", "*.people.born", "*.people.salary", "*.people.pin"], mask: redact}
  person.more: {columns: ["*.people.photo", "*.people.nicknames", "*.people.doc", "*.people.raw", "*.people.card"], mask: redact}
  person.email: {columns: ["*.people.email"], mask: {partial: {first: 1, last: 4}}, predicates: allow}
  pay.iban: {columns: ["*.accounts.iban"], mask: {partial: {first: 2, last: 3}}}
  pay.number: {columns: ["*.accounts.number"], mask: format_preserving}
  pay.balance: {columns: ["*.accounts.balance"], mask: "null"}
  care: {columns: ["*.visits.diagnosis"], mask: hash}
  care.code: {columns: ["*.visits.code"], mask: {token: {scope: care}}}
rules:
  - id: analysts
    who: group:analysts
    on: "*"
    may: [session.open, sql.select, sql.dml]
    mask: [person, person.more, person.email, pay.iban, pay.number, pay.balance, care, care.code]
  - id: owners
    who: group:owners
    on: "*"
    may: [session.open, sql.select, sql.dml, "unmask:person", "unmask:person.more", "unmask:person.email", "unmask:pay.iban", "unmask:pay.number", "unmask:pay.balance", "unmask:care", "unmask:care.code"]
"#;

/// Nothing is seen of a value but whether there is one.
pub(super) const REDACTED: &str = r#"
version: 1
labels:
  all:
    columns: ["*.people.ssn", "*.people.email", "*.people.token", "*.people.born", "*.people.salary", "*.people.pin",
      "*.people.photo", "*.people.nicknames", "*.people.doc", "*.people.raw", "*.people.card", "*.accounts.iban",
      "*.accounts.number", "*.accounts.balance", "*.visits.diagnosis", "*.visits.code"]
    mask: redact
rules:
  - {id: analysts, who: group:analysts, on: "*", may: [session.open, sql.select, sql.dml], mask: [all]}
  - {id: owners, who: group:owners, on: "*", may: [session.open, sql.select, "unmask:all"]}
"#;

/// A semicolon in `\x3b` is one that statements are not taken apart at.
const TABLES_AND_VIEWS: &str = r"
drop table people, orders cascade;
create type card as (number text, expires date);
create table people (id int primary key check (id > 0), name text not null, city text, ssn text unique, email text, token uuid, born date,
    salary numeric(14,2), pin int8, photo bytea, nicknames text[], doc jsonb, raw json, card card, tags text[], profile jsonb, joined date);
create table staff () inherits (people);
create table accounts (id int primary key, person int, iban text unique, number text, balance numeric, note text check (note <> 'wrong'),
    noted text generated always as (upper(note)) stored);
create table visits (id int, person int, diagnosis text, code varchar(20), room text, day date) partition by range (id);
create table visits_low partition of visits for values from (1) to (3);
create table visits_high partition of visits for values from (3) to (100) with (autovacuum_enabled = false);
create view contacts as select id, name, email as address, city from people with check option;
create view ledger as select a.id, p.name as owner, p.ssn as secret, a.number, a.balance as amount, a.note
    from accounts a join people p on p.id = a.person;
create view deep as select l.id, l.secret || '/' || l.number as pair, l.amount::text as shown, l.note from ledger l;
create view totals as select person as id, string_agg(iban, ',') as ibans, max(balance) as top, count(*) as many from accounts group by person;
create view wards as select id, diagnosis as name, room as ssn from visits;
create function told() returns trigger language plpgsql as E'begin raise notice ''row % becomes %'', old::text, new::text\x3b return new\x3b end';
create trigger tells before update on accounts for each row execute function told();
";

/// All that makes the database, and the canaries that are in it. With other seeds they are others, of the same length.
pub(super) fn shop(seed: u64) -> (String, Mint) {
    let mut mint = Mint::new(seed);
    let mut sql = TABLES_AND_VIEWS.to_owned();
    let rows = [
        ("people", PEOPLE, 1..4),
        ("staff", PEOPLE, 4..6),
        ("accounts", ACCOUNTS, 1..5),
        ("visits", VISITS, 1..5),
    ];
    for (table, columns, ids) in rows {
        // Plans must not change while questions are asked.
        let table_of_rows = if table == "visits" {
            "visits_low"
        } else {
            table
        };
        writeln!(
            sql,
            "alter table {table_of_rows} set (autovacuum_enabled = false);"
        )
        .expect("a string takes all");
        for id in ids {
            let values: Vec<String> = columns
                .iter()
                .filter(|(name, ..)| *name != "noted")
                .map(|column| value(&mut mint, column, id))
                .collect();
            let values = values.join(", ");
            writeln!(sql, "insert into {table} values ({values});").expect("a string takes all");
        }
    }
    sql += "
        create materialized view kept as select id, ssn as code, city from people;
        grant usage, create on schema public to public;
        grant all on all tables in schema public to public;";
    (sql, mint)
}

/// A query for what functions make of whole canaries, a row for each.
pub(super) fn digests(mint: &Mint) -> String {
    let words = mint.words().join(",");
    let words = format!("unnest(string_to_array('{words}', ',')) w");
    format!(
        "select md5(w) from {words} union all select encode(sha256(w::bytea), 'hex') from {words}"
    )
}

fn value(mint: &mut Mint, &(name, kind, has_label): &Column, id: u32) -> String {
    if !has_label {
        return match (name, kind) {
            ("id", _) => id.to_string(),
            ("person", _) => (1 + id % 3).to_string(),
            (_, Kind::Date) => format!("'2021-03-0{id}'"),
            (_, Kind::Texts) => format!("array['{name} {id}', 'common']"),
            (_, Kind::Json) => {
                format!("'{{\"k\": \"{name} {id}\", \"list\": [\"common\"], \"n\": {id}}}'")
            }
            _ => format!("'{name} {id}'"),
        };
    }
    match (name, kind) {
        ("email", _) => format!("'{}@example.com'", mint.word()),
        ("number" | "code", _) => format!("'{}'", mint.digits()),
        ("pin", _) => mint.digits(),
        (_, Kind::Number) => mint.numeric(),
        (_, Kind::Date) => format!("'{}'", mint.date()),
        (_, Kind::Uuid) => format!("'{}'", mint.uuid()),
        (_, Kind::Texts) => format!("array['{}', '{}']", mint.word(), mint.word()),
        (_, Kind::Json | Kind::JsonText) => format!(
            "'{{\"k\": \"{}\", \"list\": [\"{}\", {}]}}'",
            mint.word(),
            mint.word(),
            mint.digits()
        ),
        (_, Kind::Card) => format!("row('{}', '{}')", mint.word(), mint.date()),
        _ => format!("'{}'", mint.word()),
    }
}
