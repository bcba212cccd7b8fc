//! A short run of the real thing through everything but Custos, which has its own tests.

use std::process::Command;

#[test]
fn a_short_run_measures_every_target_and_cleans_up() {
    let directory = tempfile::tempdir().expect("directory");
    // The servers' user must be able to pass.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).expect("permissions");
    let output = Command::new(env!("CARGO_BIN_EXE_custos-bench-postgres"))
        .args([
            "--targets",
            "direct,relay,pgbouncer",
            "--pgbouncer",
            "/usr/sbin/pgbouncer",
        ])
        .args([
            "--seconds",
            "1",
            "--rounds",
            "1",
            "--scale",
            "1",
            "--rows",
            "1000",
        ])
        .args([
            "--only",
            "select-only/prepared/8|tpcb-like/simple/1$|rows|memory",
            "--dir",
        ])
        .arg(directory.path())
        .output()
        .expect("the benchmark starts");
    let report = String::from_utf8_lossy(&output.stdout);
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}\n{progress}");
    for row in [
        "8, direct",
        "8, TCP relay",
        "8, PgBouncer",
        "1, PgBouncer",
        "`SELECT *`, TCP relay",
    ] {
        let start = format!("| {row} | ");
        let line = report
            .lines()
            .find(|line| line.starts_with(&start))
            .expect(row);
        let first = line[start.len()..]
            .split(' ')
            .next()
            .unwrap_or_default()
            .replace(',', "");
        assert!(first.parse::<f64>().is_ok_and(|rate| rate > 0.0), "{line}");
    }
    // No process keeps a file there, so nothing may be left.
    assert_eq!(
        std::fs::read_dir(directory.path())
            .expect("directory")
            .count(),
        0
    );
}

#[test]
fn a_missing_custos_is_said_before_anything_starts() {
    let output = Command::new(env!("CARGO_BIN_EXE_custos-bench-postgres"))
        .args(["--custos", "/nonexistent/custos"])
        .output()
        .expect("the benchmark starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no /nonexistent/custos"));
}
