//! How much a statement may return, how often there may be one, and what must be on disk first.

use custos_testkit::{Version, Wire};

use super::Site;

const POLICY: &str = r"
version: 1
rules:
  - id: few
    who: group:few
    on: postgres/*
    may: [session.open, sql.select, sql.dml]
    limit: {rows: 1000}
  - id: small
    who: group:small
    on: postgres/*
    may: [session.open, sql.select]
    limit: {bytes: 10KiB}
  - id: seldom
    who: group:seldom
    on: postgres/*
    may: [session.open, sql.select]
    limit: {rate: 3/h}
";

#[test]
fn a_result_that_is_too_large_is_cut_off_and_the_session_goes_on() {
    let site = Site::on(Version::V18, "limits", POLICY);
    let endpoint = site.as_member("few");
    let thousand = endpoint.query("select * from generate_series(1, 1000)");
    assert_eq!(thousand.success().lines().count(), 1000);
    for sql in [
        "select * from generate_series(1, 1001)",
        "select generate_series(1, 100000000)",
        "select * from generate_series(1, 600); select * from generate_series(1, 600)",
        "select repeat('x', 200000) from generate_series(1, 2000)",
        "copy (select generate_series(1, 100000000)) to stdout",
    ] {
        let heard = endpoint.query(sql).failure();
        assert!(heard.contains("at most 1000 rows"), "{sql}: {heard}");
    }
    let mut wire = Wire::sign_in(&site.wire_as("few")).expect("a session");
    for (sql, code) in [
        ("select generate_series(1, 100000000)", "54000"),
        ("select 1", ""),
        ("begin", ""),
        ("select generate_series(1, 100000000)", "54000"),
        ("select 1", "25P02"),
        ("rollback", ""),
        (
            "copy (select generate_series(1, 100000000)) to stdout",
            "54000",
        ),
        ("select 1", ""),
    ] {
        wire.send(b'Q', format!("{sql}\0").as_bytes());
        let answer = wire.receive_until(b'Z').expect("an answer");
        let errors = answer.iter().filter(|message| message.tag == b'E');
        let codes: Vec<String> = errors.filter_map(|message| message.field(b'C')).collect();
        assert_eq!(codes.join(" "), code, "{sql}");
        let rows = answer
            .iter()
            .filter(|message| matches!(message.tag, b'D' | b'd'));
        assert!(rows.count() <= 1000, "{sql}");
    }
    // In a pipeline what follows is skipped, and the next one runs.
    for (sql, tags) in [
        ("select generate_series(1, 100000000)", "12DE"),
        ("select 1", "12DC12"),
    ] {
        wire.send(b'P', format!("\0{sql}\0\0\0").as_bytes());
        wire.send(b'B', b"\0\0\0\0\0\0\0\0");
        wire.send(b'E', b"\0\0\0\0\0");
        wire.send(b'P', b"\0select 1\0\0\0");
        wire.send(b'B', b"\0\0\0\0\0\0\0\0");
        wire.send(b'S', b"");
        let answer = wire.receive_until(b'Z').expect("an answer");
        let heard = answer.iter().filter(|message| message.tag != b'Z');
        let mut heard: Vec<u8> = heard.map(|message| message.tag).collect();
        heard.dedup();
        assert_eq!(String::from_utf8_lossy(&heard), tags, "{sql}");
    }
    // The target is done with so few before it hears of a cancel, and the session goes on all the same.
    for _ in 0..5 {
        wire.send(b'P', b"\0select generate_series(1, 1001)\0\0\0");
        wire.send(b'B', b"\0\0\0\0\0\0\0\0");
        wire.send(b'E', b"\0\0\0\0\0");
        wire.send(b'S', b"");
        let answer = wire.receive_until(b'Z').expect("an answer");
        assert_eq!(answer.iter().filter(|it| it.tag == b'D').count(), 1000);
        assert_eq!(answer.iter().filter(|it| it.tag == b'E').count(), 1);
        assert!(answer.iter().all(|it| it.tag != b'C'));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    // A portal gives that much each time.
    wire.send(b'Q', b"begin\0");
    wire.receive_until(b'Z').expect("an answer");
    wire.send(b'P', b"\0select generate_series(1, 100000)\0\0\0");
    wire.send(b'B', b"\0\0\0\0\0\0\0\0");
    wire.send(b'E', &[b"\0".as_slice(), &1000_i32.to_be_bytes()].concat());
    wire.send(b'E', &[b"\0".as_slice(), &1000_i32.to_be_bytes()].concat());
    wire.send(b'S', b"");
    let answer = wire.receive_until(b'Z').expect("an answer");
    assert_eq!(answer.iter().filter(|it| it.tag == b'D').count(), 2000);
    drop(wire);

    let small = site.as_member("small");
    small.query("select repeat('x', 5000)").success();
    let heard = small.query("select repeat('x', 5000) from generate_series(1, 5)");
    assert!(heard.failure().contains("at most 10240 bytes"));
    let evidence = site.custos.finish().evidence;
    let cut = evidence.outcome_of("select * from generate_series(1, 1001)");
    assert_eq!(
        (&cut["outcome"], &cut["op"]["sqlstate"]),
        (&"failed".into(), &"54000".into())
    );
}

#[test]
fn statements_come_only_so_often() {
    let site = Site::new("seldom", POLICY);
    let endpoint = site.as_member("seldom");
    for _ in 0..3 {
        endpoint.query("select 1").success();
    }
    let heard = endpoint.query("select 1").failure();
    assert!(
        heard.contains("limit:rate") && heard.contains("more than 3 in 1h"),
        "{heard}"
    );
    site.as_member("few").query("select 1").success();
    site.custos.finish();
}
