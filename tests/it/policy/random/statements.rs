//! Statements that are no queries by themselves: changes with RETURNING, COPY, and what fails with a value in its error.

use custos_testkit::Dice;

use super::queries::{condition, query, targets};
use super::shop::{Kind, RELATIONS, TABLES};
use super::sources::of_relation;
use super::values::{Source, as_text, column, fill};

/// What fails, or may, and tells in its error what it was given. `@` is a text.
const FAILING: &[&str] = &[
    "@::int",
    "@::numeric",
    "@::date",
    "@::timestamptz",
    "@::interval",
    "@::uuid",
    "@::json",
    "@::jsonb",
    "@::xml",
    "@::inet",
    "@::macaddr",
    "@::boolean",
    "@::bit(8)",
    "@::point",
    "@::int[]",
    "('{' || @)::text[]",
    "('(' || @)::card",
    "@::int4range",
    "@::money",
    "@::regclass",
    "@::regtype",
    "@::regprocedure",
    "@::pg_lsn",
    "@::tsquery",
    "@::oid",
    "to_date(@, 'YYYY-MM-DD')",
    "to_timestamp(@, 'YYYY')",
    "to_number(@, '999')",
    "decode(@, 'hex')",
    "decode('00', @)",
    "convert_from('\\x00', @)",
    "convert_to('a', @)",
    "current_setting(@)",
    "has_table_privilege(@, 'select')",
    "pg_column_size(@) / 0",
    "date_trunc(@, now())",
    "date_part(@, now())",
    "now() at time zone @",
    "format(@ || '%y')",
    "regexp_replace('a', @ || '(', '')",
    "'a' like 'b' escape @",
    "jsonb_path_query(to_jsonb(@), 'strict $.none')",
    "jsonb_path_query('{}', @::jsonpath)",
    "(to_jsonb(@))::int",
    "jsonb_set('[]', array[@], '1')",
    "json_object(array[@])",
    "jsonb_object_agg(null, @)",
    "json_populate_record(null::card, to_json(@))",
    "jsonb_populate_record(null::card, jsonb_build_object('expires', @))",
    "xmlparse(document @)",
    "xpath(@, '<a/>')",
    "to_regclass(@)::text",
    "nextval(@)",
    "set_config('application_name', @, false)",
    "pg_notify('a', @)",
    "set_config(@, 'x', false)",
    "pg_size_bytes(@)",
    "parse_ident(@ || '.')",
    "unistr(@ || '\\')",
    "string_agg(@, ',')::int",
    "(select @ from people union all select @ from people)",
    "to_tsquery(@ || ' &')",
    "to_tsvector(@::regconfig, 'a')",
    "trunc(1 / (length(@) - length(@)))",
    "row_to_json(row(@))::text::int",
    "(array[@])[@::int]",
    "percentile_cont(0.5) within group (order by @::numeric)",
    "make_date(1, 1, @::int)",
    "to_char(now(), @)",
    "chr(-length(@))",
    "lpad(@, 3)::int",
    "xmlcomment(@ || '--')",
];

/// Changes that constraints, partitions or keys refuse, with the row in the detail.
const REFUSED: &[&str] = &[
    "update people set id = -id where id = 1",
    "update people set name = null where id = 2",
    "update only people set id = 0 where id = 3 returning *",
    "update people set id = 1 where id = 2",
    "update people set ssn = 'given' where id < 3",
    "update people set ssn = upper(ssn)",
    "update accounts set note = 'wrong' where id = 1",
    "update accounts set iban = 'given' where id < 3 returning iban",
    "update contacts set id = 0 where id = 1",
    "update visits set id = 5000 where id = 1",
    "insert into visits (id, room) values (5000, 'x')",
    "insert into people (id, name) select id, name from people",
    "insert into people (id, name, ssn) values (1, 'x', 'y')",
    "insert into staff select * from people",
    "insert into accounts (id, iban) select 50 + id, ssn from people",
    "insert into accounts (id, balance) select id, balance from accounts",
    "with x as (update people set name = null where id = 1 returning ssn) select * from x",
    "merge into people t using staff s on t.id = s.id when matched then update set name = null",
];

/// A text to ask with.
pub(super) struct Statement {
    pub(super) sql: String,
    /// Changes nothing, and can stand in COPY, a cursor and EXPLAIN.
    pub(super) is_query: bool,
}

pub(super) fn statement(dice: &mut Dice) -> Statement {
    let (sql, is_query) = match dice.below(100) {
        0..=11 => (change(dice), false),
        12..=16 => (failing(dice), false),
        17 | 18 => (dice.pick(REFUSED).to_owned(), false),
        _ => (query(dice, 2).sql, true),
    };
    Statement { sql, is_query }
}

/// A relation by its name, under another.
fn source(name: &str, relation: &str) -> Source {
    let relation = RELATIONS.iter().find(|known| known.name == relation);
    of_relation(name, relation.expect("it is one of them"))
}

/// INSERT, UPDATE, DELETE and MERGE, most of them with RETURNING.
fn change(dice: &mut Dice) -> String {
    let table = dice.one(&RELATIONS[..TABLES]).name;
    let text = match table {
        "people" | "staff" => "city",
        "accounts" => "note",
        _ => "room",
    };
    let one = [source("t", table)];
    let condition = condition(dice, &one);
    let id = 1 + dice.below(5);
    let mut returning = |scope: &[Source]| targets(dice, scope).0;
    let with_people = |first: &str| [source("t", first), source("p", "people")];
    match id * 3 + one[0].columns.len() % 3 {
        3 | 4 => format!(
            "update {table} t set {text} = 'changed' where {condition} returning {}",
            returning(&one)
        ),
        5 => format!(
            "update {table} t set ({text}, id) = ('changed', id) where id = {id} returning {}",
            returning(&one)
        ),
        6 => format!(
            "insert into accounts as t (id, person, note, iban) values (90, 1, 'new', 'given'), (91, 1, 'new', null) returning {}",
            returning(&[source("t", "accounts")])
        ),
        7 => format!(
            "insert into people as t (id, name) values (1, 'new') on conflict (id) do update set city = 'changed' returning {}",
            returning(&[source("t", "people")])
        ),
        8 => format!(
            "insert into visits as t (id, person, room) select id + 10, person, room from visits returning {}",
            returning(&[source("t", "visits")])
        ),
        9 => format!(
            "delete from {table} t where {condition} returning {}",
            returning(&one)
        ),
        10 => format!(
            "delete from accounts t using people p where p.id = t.person returning {}",
            returning(&with_people("accounts"))
        ),
        11 => format!(
            "update visits t set room = p.name from people p where p.id = t.person returning {}",
            returning(&with_people("visits"))
        ),
        12 => format!(
            "with t as (update {table} set {text} = 'changed' where {condition_of_its_own} returning *) select {} from t",
            returning(&one),
            condition_of_its_own = "id > 0",
        ),
        13 => format!(
            "with t as (delete from {table} returning *), p as (select * from people) select {} from t, p",
            returning(&[one[0].clone(), source("p", "people")])
        ),
        14 => "merge into accounts t using people p on t.person = p.id when matched then update set note = p.name".to_owned(),
        15 => format!(
            "merge into accounts t using people p on t.person = p.id when matched then delete returning {}",
            returning(&with_people("accounts"))
        ),
        16 => format!(
            "update {table} t set {text} = 'changed' where id = 1 returning old.{text}, new.*, {}",
            returning(&one)
        ),
        _ => format!(
            "update accounts t set note = (select ssn from people limit 1) where id = {id} returning {}",
            returning(&[source("t", "accounts")])
        ),
    }
}

fn failing(dice: &mut Dice) -> String {
    let relation = dice.one(RELATIONS).name;
    let scope = [source("t", relation)];
    let found = as_text(column(dice, &scope));
    let template = dice.pick(FAILING);
    let failing = fill(dice, &scope, template, Kind::Text, &found).sql;
    match dice.below(5) {
        0 => format!("select id, {failing} from {relation} t"),
        1 => format!("select 1 from {relation} t where ({failing})::text = 'a'"),
        2 => format!("select x from (select {failing} as x from {relation} t) y"),
        _ => format!("select {failing} from {relation} t"),
    }
}

/// COPY of a whole table, or of some of its columns.
pub(super) fn copied_table(dice: &mut Dice) -> String {
    let relation = dice.one(&RELATIONS[..TABLES]);
    let columns = match dice.below(3) {
        0 => {
            let start = dice.below(relation.columns.len());
            let some = relation.columns[start..].iter().rev();
            let some: Vec<&str> = some.map(|(name, ..)| *name).collect();
            format!(" ({})", some.join(", "))
        }
        _ => String::new(),
    };
    // A table with partitions is not copied by itself.
    if relation.name == "visits" {
        return "copy (table visits) to stdout".to_owned();
    }
    format!("copy {}{columns} to stdout{}", relation.name, options(dice))
}

/// COPY of what a query gives.
pub(super) fn copied(dice: &mut Dice, query: &str) -> String {
    format!("copy ({query}) to stdout{}", options(dice))
}

fn options(dice: &mut Dice) -> &'static str {
    if dice.percent(5) {
        // Refused where rows would have to be masked.
        return dice.pick(&[" (format csv)", " csv header", " (delimiter '|', null '')"]);
    }
    dice.pick(&["", "", " (format binary)", " binary", " with (format text)"])
}
