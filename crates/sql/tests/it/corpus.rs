//! Statements and what they do, in files: what goes round rules, and what must not be hindered.

use custos_sql::{Script, SqlError, Verb, fingerprint, parse};

const BYPASS: &str = include_str!("../corpus/bypass.txt");
const ORDINARY: &str = include_str!("../corpus/ordinary.txt");

/// A statement, and its effects in a line.
pub(crate) struct Entry {
    pub(crate) family: &'static str,
    pub(crate) statement: String,
    pub(crate) expected: &'static str,
}

fn entries(corpus: &'static str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut family = "";
    let mut statement = None;
    for line in corpus.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            family = name;
        } else if let Some(expected) = line.strip_prefix("=>") {
            let statement: &str = statement.take().expect("a statement before its effects");
            let statement = statement.replace("\\n", "\n");
            found.push(Entry {
                family,
                statement,
                expected: expected.trim_start(),
            });
        } else {
            assert!(
                statement.replace(line).is_none(),
                "no effects before {line}"
            );
        }
    }
    assert!(statement.is_none());
    found
}

pub(crate) fn bypass() -> Vec<Entry> {
    entries(BYPASS)
}

pub(crate) fn ordinary() -> Vec<Entry> {
    entries(ORDINARY)
}

/// As the example `effects` writes them.
fn told(script: &Result<Script, SqlError>) -> String {
    let script = match script {
        Err(SqlError::Syntax) => return "syntax".to_owned(),
        Err(error) => return error.to_string(),
        Ok(script) => script,
    };
    let effects = script
        .statements
        .iter()
        .flat_map(|statement| &statement.effects);
    let told: Vec<String> = effects
        .map(|effect| match effect.object.dotted().as_str() {
            "" => effect.verb.word().to_owned(),
            object => format!("{} {object}", effect.verb.word()),
        })
        .collect();
    told.join(", ")
}

fn check(entries: &[Entry]) {
    let wrong: Vec<String> = entries
        .iter()
        .filter_map(|entry| {
            let told = told(&parse(&entry.statement));
            (told != entry.expected).then(|| {
                format!(
                    "{}\n  expected {}\n  found    {told}",
                    entry.statement, entry.expected
                )
            })
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        entries.len(),
        wrong.join("\n")
    );
}

#[test]
fn ways_round_rules_are_seen() {
    let entries = bypass();
    assert!(entries.len() >= 250, "{}", entries.len());
    check(&entries);
}

#[test]
fn ordinary_statements_are_taken_for_what_they_are() {
    let entries = ordinary();
    assert!(entries.len() >= 250, "{}", entries.len());
    check(&entries);
}

/// Whatever the expectation files say: nothing ordinary counts as an escape, administration or unknown.
#[test]
fn ordinary_statements_alarm_nobody() {
    for entry in ordinary() {
        let script = parse(&entry.statement).expect("it parses");
        for verb in [
            Verb::Escape,
            Verb::Administer,
            Verb::Unknown,
            Verb::Destroy,
            Verb::Truncate,
        ] {
            let does = script
                .statements
                .iter()
                .any(|statement| statement.does(verb));
            assert!(!does, "{} ({}): {verb:?}", entry.statement, entry.family);
        }
    }
}

/// Comments and upper case change nothing.
#[test]
fn disguise_does_not_help() {
    for entry in bypass() {
        let Ok(plain) = parse(&entry.statement) else {
            continue;
        };
        let disguised = format!("/* SELECT 1; */ {} -- SELECT 1", entry.statement);
        let print = fingerprint(&entry.statement);
        assert!(print.is_some(), "{}", entry.statement);
        assert_eq!(fingerprint(&disguised), print, "{}", entry.statement);
        let disguised = parse(&disguised).expect("a comment does no harm");
        let effects = |script: &Script| -> Vec<_> {
            script
                .statements
                .iter()
                .flat_map(|statement| statement.effects.clone())
                .collect()
        };
        assert_eq!(effects(&disguised), effects(&plain), "{}", entry.statement);
    }
}
