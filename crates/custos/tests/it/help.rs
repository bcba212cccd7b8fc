//! Help texts and the generated reference.

use crate::command::{custos, shown};

#[test]
fn help_of_every_command() {
    let dir = tempfile::tempdir().unwrap();
    for command in [
        "",
        "login",
        "connect",
        "whoami",
        "logout",
        "serve",
        "dev",
        "status",
        "resource",
        "resource add",
        "resource ls",
        "resource rm",
        "credential",
        "credential issue",
        "credential ls",
        "credential revoke",
        "sign-in",
        "sign-in ls",
        "sign-in end",
        "session",
        "session ls",
        "session show",
        "session replay",
        "session cut",
        "ssh-config",
        "ssh-cert",
        "config",
        "config check",
        "config reference",
        "policy",
        "policy check",
        "policy explain",
        "policy matrix",
        "policy diff",
        "doctor",
    ] {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let name = format!("help {command}").trim().replace(' ', "-");
        insta::assert_snapshot!(name, shown(dir.path(), &arguments));
    }
}

#[test]
fn the_verifier_has_its_own_help() {
    let dir = tempfile::tempdir().unwrap();
    let text = shown(dir.path(), &["verify", "--help"]);
    assert!(text.starts_with("exit code 0\n"), "{text}");
    assert!(text.contains("--remember"), "{text}");
}

#[test]
fn the_version_names_the_build() {
    let dir = tempfile::tempdir().unwrap();
    let text = shown(dir.path(), &["--version"]);
    assert!(
        text.contains(concat!("custos ", env!("CARGO_PKG_VERSION"), " (")),
        "{text}"
    );
}

#[test]
fn the_committed_reference_is_fresh() {
    let dir = tempfile::tempdir().unwrap();
    let output = custos(dir.path(), &["config", "reference"])
        .output()
        .unwrap();
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let committed = std::fs::read(committed).unwrap();
    assert!(
        output.stdout == committed,
        "run: custos config reference > docs/configuration.md"
    );
}
