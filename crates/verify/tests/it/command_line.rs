//! Arguments, exit codes and hints.

use std::ffi::OsString;

use custos_verify::main_with_args;

use crate::writer::Fixture;

fn run(arguments: &[&str]) -> (u8, String, String) {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = main_with_args(arguments.into_iter(), &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (exit, text(out), text(err))
}

#[test]
fn a_key_must_be_given_even_when_the_directory_has_one() {
    let fixture = Fixture::standard(20);
    let vkey = fixture.key.vkey();
    crate::writer::put(&fixture.dir().join("keys/log.vkey"), vkey.as_bytes());
    let (exit, out, err) = run(&[fixture.dir().to_str().unwrap()]);
    assert_eq!((exit, out.as_str()), (2, ""));
    assert!(
        err.contains("hint: ") && err.contains("not from DIR"),
        "{err}"
    );
}

#[test]
fn wrong_usage_is_2_and_own_trouble_is_1() {
    let fixture = Fixture::standard(20);
    let (dir, vkey) = (fixture.dir().to_str().unwrap(), fixture.key.vkey());
    for arguments in [
        &["--key", vkey.as_str()][..],
        &[dir, "--key", "custos/gw1+00000000+AAAA"],
        &[dir, dir, "--key", &vkey],
        &[dir, "--key"],
        &[dir, "--key", &vkey, "--fast"],
    ] {
        assert_eq!(run(arguments).0, 2, "{arguments:?}");
    }
    for arguments in [
        &["/nowhere/at/all", "--key", vkey.as_str()][..],
        &[dir, "--key-file", "/nowhere/at/all"],
        &[dir, "--key", &vkey, "--remember", "/nowhere/at/all"],
    ] {
        let (exit, _, err) = run(arguments);
        assert_eq!(exit, 1, "{arguments:?}");
        assert!(
            err.contains("/nowhere/at/all") && err.contains("caused by: "),
            "{err}"
        );
    }
    assert_eq!(run(&["--help"]).0, 0);
}

#[test]
fn keys_may_come_from_a_file_and_quiet_is_quiet() {
    let fixture = Fixture::standard(20);
    let keys = fixture.dir().join("pinned");
    let other = crate::writer::Key::new("custos/gw1", 9).vkey();
    crate::writer::put(
        &keys,
        format!("{other}\n{}\n", fixture.key.vkey()).as_bytes(),
    );
    let dir = fixture.dir().to_str().unwrap();
    let (exit, out, _) = run(&[dir, "--key-file", keys.to_str().unwrap(), "--quiet"]);
    assert_eq!((exit, out.as_str()), (0, "PASS\n"));
}

#[test]
fn a_newcomer_reads_the_first_bad_record_first() {
    let mut fixture = Fixture::standard(20);
    fixture.edit(5, |record| record["op"]["n"] = 2.into());
    let dir = fixture.dir().to_str().unwrap();
    let (exit, out, _) = run(&[dir, "--key", &fixture.key.vkey()]);
    assert_eq!(exit, 6);
    let first = out.lines().next().unwrap();
    assert_eq!(
        first,
        "FAIL record 5 of custos/gw1/2026-11 (operation.outcome, session 01932f5a-7c1e-7abc-8def-000000000003, n 2): \
         operation-order: outcome of 2, which has no open intent"
    );
    assert!(out.contains("assurance   L0, local signed log"), "{out}");
    assert!(
        out.lines()
            .last()
            .unwrap()
            .starts_with("FAIL: 1 log(s), 20 records; "),
        "{out}"
    );
}

#[test]
fn at_most_twenty_more_findings_are_listed() {
    let mut fixture = Fixture::standard(100);
    fixture.resign(|records| {
        for record in &mut records[40..] {
            record.push(b' ');
        }
    });
    let (exit, out, _) = run(&[
        fixture.dir().to_str().unwrap(),
        "--key",
        &fixture.key.vkey(),
    ]);
    assert_eq!(exit, 6);
    assert_eq!(
        out.lines()
            .filter(|line| line.starts_with("FAIL record "))
            .count(),
        21
    );
    assert!(out.contains("\nand 39 more\n"), "{out}");
}
