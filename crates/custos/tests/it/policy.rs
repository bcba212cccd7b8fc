//! `custos policy`, as an operator and a reviewer see it.

use crate::command::shown;

const RULES: &str = "version: 1
labels:
  pii: {columns: ['*.*.ssn'], mask: redact}
rules:
  - {id: read, who: 'group:analysts', on: postgres/app-db, may: [session.open, sql.select], mask: pii}
";
const MORE: &str = "  - {id: write, who: 'group:analysts', on: postgres/app-db, may: sql.update, approve: {of: leads, per: statement}}\n";

fn show(arguments: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("both")).unwrap();
    std::fs::create_dir(dir.path().join("none")).unwrap();
    for (name, text) in [
        ("old.yaml", RULES.to_owned()),
        ("new.yaml", format!("{RULES}{MORE}")),
        ("both/labels.yaml", RULES.to_owned()),
        ("both/write.yml", format!("version: 1\nrules:\n{MORE}")),
        ("both/notes.txt", "not a document".to_owned()),
        (
            "bad.yaml",
            RULES
                .replace("who:", "whom:")
                .replace("sql.select", "sql.selct"),
        ),
        ("noted.yaml", RULES.replace("rules:", "# the same\nrules:")),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    shown(dir.path(), &arguments)
}

#[test]
fn check() {
    insta::assert_snapshot!("policy-check", show("policy check old.yaml"));
    insta::assert_snapshot!("policy-check-directory", show("policy check both"));
    insta::assert_snapshot!("policy-check-bad", show("policy check bad.yaml"));
    insta::assert_snapshot!("policy-check-twice", show("policy check old.yaml new.yaml"));
    insta::assert_snapshot!("policy-check-nowhere", show("policy check nowhere.yaml"));
    insta::assert_snapshot!("policy-check-none", show("policy check none"));
}

#[test]
fn matrix() {
    insta::assert_snapshot!("policy-matrix", show("policy matrix new.yaml"));
    insta::assert_snapshot!("policy-matrix-json", show("policy matrix --json old.yaml"));
}

#[test]
fn diff() {
    insta::assert_snapshot!("policy-diff", show("policy diff old.yaml new.yaml"));
    insta::assert_snapshot!("policy-diff-directory", show("policy diff both new.yaml"));
    insta::assert_snapshot!("policy-diff-same", show("policy diff old.yaml noted.yaml"));
    insta::assert_snapshot!(
        "policy-diff-json",
        show("policy diff --json new.yaml old.yaml")
    );
}

#[test]
fn explain() {
    let ask = |more: &str| {
        show(&format!(
            "policy explain new.yaml --principal bob --resource postgres/app-db {more}"
        ))
    };
    insta::assert_snapshot!(
        "policy-explain-denied",
        ask("--verb sql.delete --object shop.orders")
    );
    insta::assert_snapshot!(
        "policy-explain-other-group",
        ask("--group sales --verb sql.update --at 2026-11-20T09:00:00Z")
    );
    insta::assert_snapshot!(
        "policy-explain-allowed",
        ask("--group analysts --verb sql.read --sees pii")
    );
    insta::assert_snapshot!(
        "policy-explain-held",
        ask("--group analysts --verb sql.update")
    );
    insta::assert_snapshot!("policy-explain-bad-verb", ask("--verb sql.drop"));
    insta::assert_snapshot!(
        "policy-explain-bad-time",
        ask("--verb sql.read --at yesterday")
    );
}
