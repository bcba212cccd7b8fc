//! What PostgreSQL parses is parsed here, and the other way round.
//!
//! In a transaction that has failed a server parses what comes, and then refuses it for the transaction's sake. So
//! whether it understood is told by the code of its error, and nothing is ever executed.

use std::process::Command;

use custos_sql::{SqlError, parse};
use custos_testkit::{Postgres, Version};

use crate::corpus::{Entry, bypass, ordinary};

const SYNTAX_ERROR: &str = "42601";

/// Which of the statements the server's grammar takes.
fn server_parses(server: &Postgres, entries: &[Entry]) -> Vec<bool> {
    let mut psql = Command::new("psql");
    psql.args(["-XAtq", "-v", "VERBOSITY=sqlstate", "-h", "127.0.0.1"])
        .args([
            "-p",
            &server.port().to_string(),
            "-U",
            Postgres::APP,
            "-d",
            Postgres::DATABASE,
        ])
        .env("PGPASSWORD", Postgres::PASSWORD);
    for entry in entries {
        psql.args([
            "-c",
            "begin",
            "-c",
            "select 1/0",
            "-c",
            &entry.statement,
            "-c",
            "rollback",
        ]);
        psql.args(["-c", "\\warn the-next"]);
    }
    let output = psql.output().expect("psql runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let answers: Vec<&str> = errors.split("the-next").collect();
    assert_eq!(answers.len(), entries.len() + 1, "{errors}");
    let answers = answers.iter().take(entries.len());
    answers
        .map(|errors| {
            assert!(errors.contains("22012"), "no failed transaction: {errors}");
            !errors.contains(SYNTAX_ERROR)
        })
        .collect()
}

/// Statements on which the two differ.
fn differences(version: Version) -> Vec<String> {
    let server = Postgres::shared(version);
    let entries: Vec<Entry> = bypass().into_iter().chain(ordinary()).collect();
    let mut found = Vec::new();
    for some in entries.chunks(100) {
        for (entry, parses) in some.iter().zip(server_parses(server, some)) {
            let here = parse(&entry.statement);
            assert!(!matches!(here, Err(error) if error != SqlError::Syntax));
            if here.is_ok() != parses {
                found.push(entry.statement.clone());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_same_statements_as_postgresql_18() {
    assert_eq!(differences(Version::V18), Vec::<String>::new());
}

/// What is newer than 15 is parsed here and not there; nothing goes the other way.
#[test]
fn the_same_statements_as_postgresql_15_but_for_newer_ones() {
    let found = differences(Version::V15);
    for statement in &found {
        assert!(
            parse(statement).is_ok(),
            "only the server understands {statement}"
        );
    }
    let newer = ["MERGE", "WITH m AS (MERGE", "SELECT * FROM json_table"];
    let unexpected: Vec<&String> = found
        .iter()
        .filter(|statement| !newer.iter().any(|newer| statement.starts_with(newer)))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert_eq!(found.len(), 3, "{found:#?}");
}
