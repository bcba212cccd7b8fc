//! Heads from before: what a directory alone cannot show.

use std::fs;

use custos_verify::Code;

use crate::verifiers::{judge, judge_with};
use crate::writer::{Fixture, NOVEMBER};

pub(crate) const COVERED: &[Code] = &[Code::Rollback];

#[test]
fn a_log_that_grew_passes_and_is_level_1() {
    for (before, after) in [
        (1, 300),
        (14, 255),
        (255, 700),
        (256, 700),
        (300, 300),
        (512, 700),
    ] {
        let heads = tempfile::tempdir().unwrap();
        let heads = heads.path().join("heads.json");
        let small = Fixture::standard(before.max(14));
        let first = judge_with(&small, &[&small.key.vkey()], Some(&heads));
        assert_eq!(
            (first.exit, &first.report["level"]),
            (0, &"L0".into()),
            "{}",
            first.text
        );
        let large = Fixture::standard(after);
        let second = judge_with(&large, &[&large.key.vkey()], Some(&heads));
        assert_eq!(
            (second.exit, &second.report["level"]),
            (0, &"L1".into()),
            "{}",
            second.text
        );
        let written = fs::read_to_string(&heads).unwrap();
        assert!(written.contains(&format!("\"size\":{after}")), "{written}");
    }
}

#[test]
fn an_older_genuine_checkpoint_is_a_rollback() {
    let heads = tempfile::tempdir().unwrap();
    let heads = heads.path().join("heads.json");
    let large = Fixture::standard(700);
    assert_eq!(
        judge_with(&large, &[&large.key.vkey()], Some(&heads)).exit,
        0
    );
    let written = fs::read(&heads).unwrap();
    let small = Fixture::standard(600);
    // Alone, the older state is genuine.
    assert_eq!(judge(&small).exit, 0);
    let judgement = judge_with(&small, &[&small.key.vkey()], Some(&heads));
    judgement.assert_first(Code::Rollback, None);
    assert_eq!(judgement.report["level"], "L0");
    assert_eq!(
        fs::read(&heads).unwrap(),
        written,
        "a bad log must not be remembered"
    );
}

#[test]
fn another_history_of_the_same_size_is_a_rollback() {
    for changed in [20, 255, 256, 511] {
        for after in [512, 700] {
            let heads = tempfile::tempdir().unwrap();
            let heads = heads.path().join("heads.json");
            let genuine = Fixture::standard(512);
            assert_eq!(
                judge_with(&genuine, &[&genuine.key.vkey()], Some(&heads)).exit,
                0
            );
            let mut fork = Fixture::standard(after);
            fork.edit(changed, |record| record["reason"] = "another".into());
            assert_eq!(judge(&fork).exit, 0);
            judge_with(&fork, &[&fork.key.vkey()], Some(&heads)).assert_first(Code::Rollback, None);
        }
    }
}

#[test]
fn a_log_that_is_gone_is_a_rollback() {
    let heads = tempfile::tempdir().unwrap();
    let heads = heads.path().join("heads.json");
    let both = Fixture::two_months(|_| {});
    assert_eq!(judge_with(&both, &[&both.key.vkey()], Some(&heads)).exit, 0);
    fs::remove_dir_all(both.dir().join("logs/custos/gw1/2026-12")).unwrap();
    let judgement = judge_with(&both, &[&both.key.vkey()], Some(&heads));
    assert_eq!(judgement.exit, 6);
    let codes: Vec<_> = judgement.report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    assert!(
        codes
            .iter()
            .any(|one| one["code"] == "rollback" && one["origin"] != NOVEMBER),
        "{}",
        judgement.text
    );
}
