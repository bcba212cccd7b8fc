//! The Go project's transparency-log library, as a third opinion on checkpoints, tree and segments.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::writer::{DECEMBER, Fixture, Key, NODE, NOVEMBER};

fn build(into: &Path) -> PathBuf {
    let program = into.join("verify-go");
    let status = Command::new("go")
        .args(["build", "-buildvcs=false", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/verify-go"))
        .status()
        .expect("go is needed for this test");
    assert!(status.success());
    program
}

fn run(program: &Path, fixture: &Fixture, vkey: &str) -> (Option<i32>, String) {
    let output = Command::new(program)
        .arg(fixture.dir())
        .arg(vkey)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn the_go_library_agrees() {
    let temporary = tempfile::tempdir().unwrap();
    let program = build(temporary.path());
    for size in [1, 255, 256, 257, 700] {
        let fixture = Fixture::standard(size);
        let (exit, text) = run(&program, &fixture, &fixture.key.vkey());
        assert_eq!(exit, Some(0), "{text}");
        assert!(
            text.contains(&format!("{NOVEMBER}: {size} records")),
            "{text}"
        );
    }
    let fixture = Fixture::two_months(|_| {});
    let (exit, text) = run(&program, &fixture, &fixture.key.vkey());
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains(DECEMBER), "{text}");

    let other = Key::new(NODE, 8).vkey();
    assert_eq!(run(&program, &fixture, &other).0, Some(6));

    let place = fixture.range_in_bundle(17).start + 20;
    fixture.change_file("tile/entries/000", |bytes| bytes[place] ^= 1);
    let (exit, text) = run(&program, &fixture, &fixture.key.vkey());
    assert_eq!(exit, Some(6));
    assert!(text.contains("record 17 is not the one"), "{text}");

    let fixture = Fixture::standard(20);
    std::fs::write(fixture.segment_path(0), b"another").unwrap();
    let (exit, text) = run(&program, &fixture, &fixture.key.vkey());
    assert_eq!(exit, Some(6));
    assert!(text.contains("record 8: segment 0"), "{text}");
}
