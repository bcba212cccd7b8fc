//! What `docs/verify-by-hand.md` says of approvals does what it says.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::scene::{APPROVAL, by_bob};
use crate::writer::Fixture;

const PAGE: &str = include_str!("../../../../docs/verify-by-hand.md");

/// The first block of commands below a heading that contains `words`.
fn block(words: &str) -> &'static str {
    let (_, below) = PAGE
        .split("\n## ")
        .find_map(|part| {
            part.split_once('\n')
                .filter(|(line, _)| line.contains(words))
        })
        .expect("the page has the heading");
    let (_, commands) = below.split_once("```sh\n").expect("a block follows");
    commands.split_once("```").expect("the block ends").0
}

/// The value of a variable of the block is replaced; the rest is run as it stands there.
fn with(commands: &str, name: &str, value: &str) -> String {
    let mut found = false;
    let lines: Vec<String> = commands
        .lines()
        .map(|line| {
            if line.starts_with(&format!("{name}=")) {
                found = true;
                format!("{name}='{value}'")
            } else {
                line.to_owned()
            }
        })
        .collect();
    assert!(found, "{name} is in the block");
    lines.join("\n")
}

fn follow(fixture: &Fixture) -> Output {
    let record = |index: usize| -> Value {
        serde_json::from_slice(&fixture.logs[0].records[index]).unwrap()
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (enrolled, decided) = (record(2), record(6));
    let mut commands = block("Check one approval").to_owned();
    for (name, value) in [
        ("ID", APPROVAL.to_owned()),
        ("KEY", text(&decided["detail"]["key"])),
        ("LINE", text(&enrolled["detail"]["public_key"])),
    ] {
        commands = with(&commands, name, &value);
    }
    // Where the page says `evidence`, there is the fixture.
    let work = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(fixture.dir(), work.path().join("evidence")).unwrap();
    run(&commands, work.path())
}

fn run(commands: &str, dir: &Path) -> Output {
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", commands])
        .current_dir(dir)
        .output()
        .expect("bash is needed for this test")
}

#[test]
fn the_commands_for_an_approval_show_what_they_should() {
    let fixture = by_bob(|_, _| {});
    let output = follow(&fixture);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}{errors}");
    let decided: Value = serde_json::from_slice(&fixture.logs[0].records[6]).unwrap();
    for member in ["statement_sha256", "signature_sha256"] {
        let hash = decided["detail"][member].as_str().unwrap();
        assert!(text.contains(hash), "{text}");
    }
    let key = decided["detail"]["key"].as_str().unwrap();
    assert!(text.contains(&format!("256 {key}")), "{text}");
    assert!(
        text.contains("Good \"custos-approval\" signature"),
        "{text}"
    );
}

#[test]
fn they_fail_when_a_byte_is_another() {
    let fixture = by_bob(|_, _| {});
    let path = fixture.dir().join(format!("approvals/{APPROVAL}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("checked", "checker")).unwrap();
    let output = follow(&fixture);
    assert!(!output.status.success());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("Good"));
}
