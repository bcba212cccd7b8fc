//! Random queries on a real server, over rows whose values say where they are from: whatever mark a result column
//! shows has to be in its lineage.
//!
//! 500 queries here; `CUSTOS_TAINT_QUERIES=100000` for more.

use std::process::Command;

use custos_sql::lineage::lineage;
use custos_testkit::{Dice, Postgres, Version};

use crate::fixture::{MARKED, ROWS, SCHEMA, Shop, base};

/// Relations with those of their columns that are texts.
const SOURCES: &[(&str, &[&str])] = &[
    ("customers", &["name", "ssn"]),
    ("orders", &["note", "card"]),
    ("items", &["label"]),
    ("people", &["label", "code"]),
    ("deep", &["a", "b", "c"]),
    ("everything", &["name", "ssn", "note", "card"]),
];

/// A source in FROM: its text, and columns that hold texts.
fn source(dice: &mut Dice, alias: &str, depth: usize) -> (String, Vec<String>) {
    if depth > 0 && dice.below(3) == 0 {
        let (query, count) = query(dice, depth - 1);
        let names: Vec<String> = (0..count).map(|index| format!("{alias}{index}")).collect();
        let columns = names.iter().map(|name| format!("{alias}.{name}")).collect();
        return (
            format!("({query}) as {alias} ({})", names.join(", ")),
            columns,
        );
    }
    let (relation, columns) = SOURCES[dice.below(SOURCES.len())];
    (
        format!("{relation} {alias}"),
        columns
            .iter()
            .map(|column| format!("{alias}.{column}"))
            .collect(),
    )
}

fn expression(dice: &mut Dice, columns: &[String], depth: usize) -> String {
    let column = columns[dice.below(columns.len())].clone();
    if depth == 0 {
        return column;
    }
    let inner = |dice: &mut Dice| expression(dice, columns, depth - 1);
    match dice.below(16) {
        0 => format!("lower({})", inner(dice)),
        1 => format!("{} || {}", inner(dice), inner(dice)),
        2 => format!("coalesce({}, {})", inner(dice), inner(dice)),
        3 => format!(
            "case when {} < {} then {} else 'x' end",
            inner(dice),
            inner(dice),
            inner(dice)
        ),
        4 => format!("({})::varchar(40)::text", inner(dice)),
        5 => format!(
            "(array[{}, {}])[{}]",
            inner(dice),
            inner(dice),
            1 + dice.below(2)
        ),
        6 => format!("jsonb_build_object('a', {}) ->> 'a'", inner(dice)),
        7 => format!("concat({}, '-', {})", inner(dice), inner(dice)),
        8 => format!("to_jsonb({}) #>> '{{}}'", inner(dice)),
        9 => format!("replace({}, '0', {})", inner(dice), inner(dice)),
        10 => {
            let alias = dice.pick(&["s", "t", "u", "v"]);
            let (from, names) = source(dice, alias, 0);
            let value = &names[dice.below(names.len())];
            format!(
                "(select {} from {from} limit 1)",
                if dice.below(2) == 0 {
                    value.clone()
                } else {
                    column
                }
            )
        }
        11 => {
            let alias = column.split('.').next().expect("an alias");
            format!("row_to_json({alias})::text")
        }
        12 => {
            let alias = column.split('.').next().expect("an alias");
            format!("{alias}::text")
        }
        13 => format!("lag({column}) over (order by {column})"),
        14 => format!("greatest({}, {})", inner(dice), inner(dice)),
        _ => column,
    }
}

/// A query, and how many columns it has. All of them are texts.
fn query(dice: &mut Dice, depth: usize) -> (String, usize) {
    let alias = format!("q{}", dice.below(1000));
    match if depth == 0 { 0 } else { dice.below(9) } {
        0..=3 => select(dice, &alias, depth),
        4 => {
            let (left, right) = (one(dice, depth - 1), one(dice, depth - 1));
            (
                format!(
                    "({left}) {} ({right})",
                    dice.pick(&["union", "union all", "except"])
                ),
                1,
            )
        }
        5 => {
            let (inner, count) = query(dice, depth - 1);
            let names: Vec<String> = (0..count).map(|index| format!("k{index}")).collect();
            (
                format!(
                    "with {alias} ({}) as ({inner}) select * from {alias}",
                    names.join(", ")
                ),
                count,
            )
        }
        6 => {
            let (first, second) = (one(dice, depth - 1), one(dice, 0));
            let text = format!(
                "with recursive {alias} (n, v) as (select 1, v from ({first}) f (v) union all select {alias}.n + 1, w from {alias}, \
                 lateral ({second}) g (w) where n < 2) select v from {alias}"
            );
            (text, 1)
        }
        7 => {
            let inner = one(dice, depth - 1);
            let aggregate = dice.pick(&[
                "max(v)",
                "string_agg(v, ',')",
                "array_agg(v)::text",
                "jsonb_agg(v)::text",
                "json_agg(z)::text",
            ]);
            (format!("select {aggregate} from ({inner}) z (v)"), 1)
        }
        _ => {
            let inner = one(dice, depth - 1);
            (
                format!("select x from ({inner}) z (v), unnest(array[v, 'x']) as x"),
                1,
            )
        }
    }
}

fn one(dice: &mut Dice, depth: usize) -> String {
    let (inner, count) = query(dice, depth);
    let names: Vec<String> = (0..count).map(|index| format!("o{index}")).collect();
    format!(
        "select {} from ({inner}) o ({})",
        names[dice.below(count)],
        names.join(", ")
    )
}

fn select(dice: &mut Dice, alias: &str, depth: usize) -> (String, usize) {
    let (first, mut columns) = source(dice, &format!("{alias}a"), depth);
    let mut from = first;
    match dice.below(4) {
        0 => {
            let (second, more) = source(dice, &format!("{alias}b"), depth);
            from = format!("{from} cross join {second}");
            columns.extend(more);
        }
        1 => {
            let value = expression(dice, &columns, 1);
            // A window function is not allowed there.
            let value = if value.contains("over (") {
                columns[0].clone()
            } else {
                value
            };
            from = format!("{from}, lateral (select {value} as w) {alias}l");
            columns.push(format!("{alias}l.w"));
        }
        _ => {}
    }
    let count = 1 + dice.below(3);
    let values: Vec<String> = (0..count).map(|_| expression(dice, &columns, 2)).collect();
    let order = if dice.below(3) == 0 {
        " order by 1"
    } else {
        ""
    };
    (
        format!("select {} from {from}{order} limit 20", values.join(", ")),
        count,
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "a long run is asked for by the environment"
)]
fn wanted() -> usize {
    std::env::var("CUSTOS_TAINT_QUERIES").map_or(500, |text| text.parse().expect("a number"))
}

#[test]
fn no_value_comes_from_a_column_outside_of_its_lineage() {
    let server = Postgres::shared(Version::V15);
    server.sql("create database taint");
    for statement in SCHEMA.iter().chain(ROWS) {
        server.sql_in("taint", statement);
    }
    server.sql_in(
        "taint",
        "grant select on all tables in schema public to app",
    );
    let (mut dice, shop) = (Dice::new(0x5eed_1234_abcd_0001), Shop::new());
    let (mut ran, mut known, mut marks) = (0, 0, 0);
    let wanted = wanted();
    while ran < wanted {
        let queries: Vec<String> = (0..100).map(|_| query(&mut dice, 2).0).collect();
        for (text, answer) in queries.iter().zip(run(server, &queries)) {
            let Some(rows) = answer else { continue };
            ran += 1;
            let found = lineage(text, &shop).expect(text);
            let Some(outputs) = &found[0].outputs else {
                continue;
            };
            for row in rows {
                let cells: Vec<&str> = row.split('\u{1f}').collect();
                assert_eq!(cells.len(), outputs.len(), "{text}");
                for (cell, output) in cells.iter().zip(outputs) {
                    known += 1;
                    for (relation, column) in MARKED {
                        if cell.contains(&format!("@{relation}.{column}@")) {
                            marks += 1;
                            assert!(
                                output.origin.may_be(&base(relation, column)),
                                "{relation}.{column} in {text}\n{output:?}"
                            );
                        }
                    }
                }
            }
        }
    }
    // Neither did most queries fail, nor is the answer always "unknown".
    assert!(
        known > ran && marks > ran,
        "{ran} queries, {known} cells, {marks} marks"
    );
}

/// The rows of each query; `None` where the server refused it.
fn run(server: &Postgres, queries: &[String]) -> Vec<Option<Vec<String>>> {
    let mut psql = Command::new("psql");
    psql.args([
        "-XAtq",
        "-F",
        "\u{1f}",
        "-R",
        "\u{1e}",
        "-h",
        "127.0.0.1",
        "-p",
        &server.port().to_string(),
    ])
    .args([
        "-U",
        Postgres::APP,
        "-d",
        "taint",
        "-c",
        "set statement_timeout = '2s'",
    ])
    .env("PGPASSWORD", Postgres::PASSWORD);
    for query in queries {
        psql.args(["-c", query, "-c", "\\echo -n the-next"]);
    }
    let output = psql.output().expect("psql runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answers: Vec<&str> = text.split("the-next").collect();
    assert_eq!(
        answers.len(),
        queries.len() + 1,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answers = answers.iter().take(queries.len()).map(|answer| {
        let answer = answer.trim_end_matches('\n');
        if answer.is_empty() {
            return None;
        }
        Some(answer.split('\u{1e}').map(str::to_owned).collect())
    });
    answers.collect()
}
