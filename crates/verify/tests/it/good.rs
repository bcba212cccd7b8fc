//! Untampered logs pass.

use serde_json::json;

use crate::verifiers::judge;
use crate::writer::{Fixture, NOVEMBER, Writer, put, standard_records};

#[test]
fn logs_around_the_width_of_a_tile_pass() {
    for size in [1, 14, 255, 256, 257, 512, 700] {
        let judgement = judge(&Fixture::standard(size));
        assert_eq!(judgement.exit, 0, "{size}: {}", judgement.text);
        let log = &judgement.report["logs"][0];
        assert_eq!(log["size"], size);
        assert_eq!(log["origin"], NOVEMBER);
        assert_eq!(log["level"], "L0");
        if size > 1 {
            assert_eq!(
                (&log["sessions"], &log["operations"], &log["segments"]),
                (&json!(2), &json!(2), &json!(3))
            );
        }
    }
}

/// 257 full tiles and some: a full tile of level 1, a partial one of level 2.
#[test]
fn a_log_of_three_levels_passes() {
    let mut writer = standard_records(14);
    while writer.records.len() < 257 * 256 + 3 {
        writer.record("log.heartbeat", json!({}));
    }
    let fixture = Fixture::of(writer);
    assert!(fixture.log_file("tile/1/000").exists());
    assert!(fixture.log_file("tile/2/000.p/1").exists());
    let judgement = judge(&fixture);
    assert_eq!(judgement.exit, 0, "{}", judgement.text);

    fixture.change_file("tile/1/000", |bytes| bytes[32 * 200] ^= 1);
    let judgement = judge(&fixture);
    judgement.assert_first(custos_verify::Code::TileMismatch, None);
    assert_eq!(judgement.report["findings"][0]["file"], "tile/1/000");
}

#[test]
fn a_session_across_two_months_passes() {
    let judgement = judge(&Fixture::two_months(|_| {}));
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
    assert_eq!(judgement.report["logs"][1]["origin"], "custos/gw1/2026-12");
}

#[test]
fn files_that_went_through_an_operation_pass() {
    let mut writer = standard_records(14);
    let mut session = writer.start();
    writer.intent(&mut session);
    writer.transfer(&mut session);
    writer.transfer(&mut session);
    writer.outcome(&mut session);
    writer.end(&mut session, 0);
    let judgement = judge(&Fixture::of(writer));
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
}

#[test]
fn an_interrupted_session_that_recovery_closed_passes() {
    let mut writer = standard_records(14);
    let mut session = writer.start();
    writer.intent(&mut session);
    writer.boot = 2;
    writer.mono_ns = 0;
    writer.pass_seconds(3600);
    writer.plain("node.start");
    // The gateway is killed once more before recovery is done.
    writer.boot = 3;
    writer.mono_ns = 0;
    writer.plain("node.start");
    writer.plain("evidence.recovered");
    writer.segment(&mut session, b"what was left");
    writer.end(&mut session, 1);
    writer.plain("log.heartbeat");
    let judgement = judge(&Fixture::of(writer));
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
}

#[test]
fn silence_after_a_stop_passes() {
    let mut writer = standard_records(14);
    writer.plain("node.stop");
    writer.pass_seconds(3600);
    writer.boot = 2;
    writer.mono_ns = 0;
    writer.plain("node.start");
    let judgement = judge(&Fixture::of(writer));
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
}

/// A start in a new month: `log.open` comes after a silence, with a new boot, and `node.start` follows it.
#[test]
fn silence_before_a_start_in_a_new_month_passes() {
    let key = crate::writer::Key::new(crate::writer::NODE, 7);
    let mut fixture = Fixture::two_months(|_| {});
    let mut writer = Writer::new("2026-12-02");
    writer.boot = 9;
    writer.open_log(
        crate::writer::DECEMBER,
        &key,
        Some(fixture.logs[0].as_previous()),
    );
    writer.plain("node.start");
    // The session of November, closed by recovery.
    let mut end: serde_json::Value = serde_json::from_slice(&fixture.logs[1].records[3]).unwrap();
    end["sess"]["n"] = json!(3);
    end["detail"] = json!({"unfinished": 1});
    end["time"] =
        serde_json::from_slice::<serde_json::Value>(&writer.records[1]).unwrap()["time"].clone();
    writer.records.push(crate::writer::canonical(&end));
    writer.plain("log.heartbeat");
    fixture.logs[1].records = writer.records;
    fixture.segments.retain(|_, content| content != b"december");
    std::fs::remove_dir_all(fixture.dir().join("segments")).unwrap();
    fixture.write();
    let judgement = judge(&fixture);
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
}

#[test]
fn what_is_no_evidence_is_ignored() {
    let fixture = Fixture::standard(300);
    for path in [
        "node.json",
        "wal/000001",
        "keys/log.vkey",
        "logs/custos/gw1/2026-11/checkpoint.tmp",
        "logs/custos/gw1/2026-11/tile/0/001.p/44.tmp",
        "segments/2026/11/21/half.tmp",
        // Stale partial tiles, and such beyond the checkpoint.
        "logs/custos/gw1/2026-11/tile/0/001.p/17",
        "logs/custos/gw1/2026-11/tile/entries/000.p/3",
        "logs/custos/gw1/2026-11/tile/entries/001.p/45",
        "logs/custos/gw1/2026-11/tile/0/002",
    ] {
        put(&fixture.dir().join(path), b"anything");
    }
    let judgement = judge(&fixture);
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
}

#[test]
fn full_tiles_serve_where_partials_are_gone() {
    let small = Fixture::standard(700);
    let large = Fixture::standard(768);
    for name in ["tile/0/002", "tile/entries/002"] {
        std::fs::remove_dir_all(small.log_file(&format!("{name}.p"))).unwrap();
        std::fs::copy(large.log_file(name), small.log_file(name)).unwrap();
    }
    let judgement = judge(&small);
    assert_eq!(judgement.exit, 0, "{}", judgement.text);
}
