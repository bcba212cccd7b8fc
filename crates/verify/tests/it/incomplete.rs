//! Nothing is bad, but not all of it was given.

use crate::verifiers::{judge, judge_with};
use crate::writer::{Fixture, Key, NOVEMBER, standard_records};

#[test]
fn an_open_session_is_incomplete() {
    let mut writer = standard_records(14);
    let mut session = writer.start();
    writer.intent(&mut session);
    writer.segment(&mut session, b"so far");
    let unnamed = session.segment_path(1);
    let mut fixture = Fixture::of(writer);
    // The segment being written has no record yet.
    fixture.segments.insert(unnamed, b"more".to_vec());
    fixture.write();
    let judgement = judge(&fixture);
    assert_eq!(judgement.exit, 7, "{}", judgement.text);
    assert!(
        judgement.text.contains("1 session(s) still open"),
        "{}",
        judgement.text
    );
}

#[test]
fn a_crash_during_recovery_is_incomplete() {
    let mut writer = standard_records(14);
    let _session = writer.start();
    writer.boot = 2;
    writer.mono_ns = 0;
    writer.plain("node.start");
    let judgement = judge(&Fixture::of(writer));
    assert_eq!(judgement.exit, 7, "{}", judgement.text);
}

#[test]
fn december_without_november_is_incomplete() {
    let fixture = Fixture::two_months(|_| {});
    std::fs::remove_dir_all(fixture.dir().join("logs").join(NOVEMBER)).unwrap();
    for (path, content) in &fixture.segments {
        if content != b"november" && content != b"december" {
            let session = fixture.dir().join(path).parent().unwrap().to_owned();
            if session.exists() {
                std::fs::remove_dir_all(session).unwrap();
            }
        }
    }
    let judgement = judge(&fixture);
    assert_eq!(judgement.exit, 7, "{}", judgement.text);
    assert!(judgement.text.contains(NOVEMBER), "{}", judgement.text);
    assert_eq!(judgement.report["logs"][0]["segments"], 1);
}

#[test]
fn a_log_without_its_segments_is_incomplete() {
    let fixture = Fixture::standard(20);
    std::fs::remove_dir_all(fixture.dir().join("segments")).unwrap();
    let judgement = judge(&fixture);
    assert_eq!(judgement.exit, 7, "{}", judgement.text);
    assert!(
        judgement.text.contains("segments/ was not given"),
        "{}",
        judgement.text
    );
}

#[test]
fn a_pinned_key_without_a_log_is_incomplete() {
    let fixture = Fixture::standard(20);
    let other = Key::new("custos/gw2", 8).vkey();
    let judgement = judge_with(&fixture, &[&fixture.key.vkey(), &other], None);
    assert_eq!(judgement.exit, 7, "{}", judgement.text);
}
