//! The machine goes off at any moment. What was promised is there, and the log is whole.

use std::path::PathBuf;
use std::sync::Arc;

use custos_model::{Decision, OperationNumber, Verdict};

use super::gateway::*;
use super::sim::{Dice, Fault};
use crate::{Approval, EvidenceError, IntentApproval, OpenError};

const REQUEST: &str = "01932f5a-7c1e-7abc-8def-000000000001";
const APPROVAL: &str = "01932f5a-7c1e-7abc-8def-000000000002";

/// Runs three sessions until the disk crashes at an operation, or to their end.
fn run_until(site: &Site, crash_at: u64) -> Arc<Promises> {
    let promises = Arc::new(Promises::default());
    site.disk.set_fault(Some(Fault::Crash { at: crash_at }));
    runtime().block_on(async {
        let Ok((evidence, _)) = site.open() else {
            return;
        };
        let sessions: Vec<_> = (0..3)
            .map(|_| tokio::spawn(session(evidence.clone(), Arc::clone(&promises), 30)))
            .collect();
        for session in sessions {
            // An error is what a crash looks like from inside.
            let _ = session.await.unwrap();
        }
        if !site.disk.has_crashed() {
            let stopped = evidence.shutdown().await;
            assert!(stopped.is_ok() || site.disk.has_crashed(), "{stopped:?}");
        }
    });
    promises
}

/// Starts on an image, stops again, and has the result verified.
fn recover_and_verify(site: &Site, promised: &Promised, context: &str) {
    runtime().block_on(async {
        let (evidence, _) = site
            .open()
            .unwrap_or_else(|error| panic!("{context}: {error:?}"));
        session(evidence.clone(), Arc::new(Promises::default()), 3)
            .await
            .unwrap();
        evidence.shutdown().await.unwrap();
    });
    let (reader, _) = site.assert_good(context);
    promised.assert_kept(&reader, context);
}

fn crash_points(count: u64, seed: u64) -> impl Iterator<Item = u64> {
    let total = {
        let site = Site::new();
        run_until(&site, u64::MAX);
        site.disk.operations()
    };
    let mut dice = Dice::new(seed);
    (0..count).map(move |point| {
        // Evenly over the run, and off the grid by chance.
        let step = (total / count).max(1);
        point * step + dice.below(step) + 1
    })
}

#[test]
fn a_killed_gateway_loses_nothing_that_was_written_out() {
    for at in crash_points(40, 1) {
        let site = Site::new();
        let promises = run_until(&site, at);
        if !site.settings.key_file.exists() {
            continue;
        }
        let after = site.with_image(site.disk.after_kill());
        recover_and_verify(
            &after,
            &promises.written.lock().unwrap(),
            &format!("killed at {at}"),
        );
    }
}

#[test]
fn a_power_cut_loses_nothing_that_was_fsynced() {
    for at in crash_points(50, 2) {
        let site = Site::new();
        let promises = run_until(&site, at);
        if !site.settings.key_file.exists() {
            continue;
        }
        for seed in [at, at + 1] {
            let after = site.with_image(site.disk.after_power_cut(seed));
            let context = format!("power cut at {at}, seed {seed}");
            recover_and_verify(&after, &promises.durable.lock().unwrap(), &context);
        }
    }
}

#[test]
fn a_crash_during_recovery_is_recovered_from() {
    let mut dice = Dice::new(3);
    for at in crash_points(12, 4) {
        let site = Site::new();
        let promises = run_until(&site, at);
        if !site.settings.key_file.exists() {
            continue;
        }
        let mut image = site.disk.after_power_cut(at);
        for round in 0..3 {
            let second = site.with_image(image);
            second.disk.set_fault(Some(Fault::Crash {
                at: 1 + dice.below(120),
            }));
            drop(second.open());
            image = second.disk.after_power_cut(at + round);
        }
        let after = site.with_image(image);
        let context = format!("crashed at {at} and three times in recovery");
        recover_and_verify(&after, &promises.durable.lock().unwrap(), &context);
    }
}

#[test]
fn interrupted_sessions_are_closed_with_what_they_left() {
    let site = Site::new();
    let id = runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        log.intent(&statement("select pg_sleep(60)"), &allow())
            .unwrap();
        log.transcript(b"{\"t\":1}\n{\"t\":2}\n", 2).unwrap();
        let (_, position) = log.intent(&statement("select 2"), &allow()).unwrap();
        evidence.sync(position).await.unwrap();
        let id = log.id();
        // The process is gone before either handle is dropped in an orderly way.
        site.disk.set_fault(Some(Fault::Crash { at: 0 }));
        id
    });
    let after = site.with_image(site.disk.after_kill());
    runtime().block_on(async {
        let (evidence, recovery) = after.open().unwrap();
        assert_eq!(recovery.interrupted_sessions, 1);
        assert_eq!(recovery.rebuilt_segments, 1);
        evidence.shutdown().await.unwrap();
    });
    let (reader, _) = after.assert_good("interrupted session");
    let records = reader.session(id).unwrap();
    let values: Vec<_> = records
        .iter()
        .map(crate::reader::StoredRecord::value)
        .collect();
    let kinds: Vec<_> = values
        .iter()
        .map(|record| record["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "session.start",
            "operation.intent",
            "operation.intent",
            "segment.closed",
            "session.end"
        ]
    );
    assert_eq!(values[3]["body"]["recovered"], true);
    assert_eq!(values[4]["outcome"], "interrupted");
    assert_eq!(values[4]["detail"]["unfinished"], 2);
    let lines: Vec<_> = reader
        .transcript(&records)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(lines, ["{\"t\":1}", "{\"t\":2}"]);
}

/// Between the approval and the outcome of what was approved: it is unfinished, and approved on record.
#[test]
fn a_session_interrupted_after_an_approval_is_closed() {
    let site = Site::new();
    let id = runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        let held = Verdict {
            decision: Decision::Hold,
            ..allow()
        };
        let commit = "a".repeat(64);
        let under = IntentApproval {
            commit: Some(&commit),
            grant: None,
        };
        let (op, _) = log
            .intent_under(&statement("drop table t"), &held, &under)
            .unwrap();
        let by = [APPROVAL.to_owned()];
        let approval = Approval {
            id: REQUEST,
            commit: Some(&commit),
            by: &by,
        };
        let nothing = log.approved(OperationNumber(2), &approval).unwrap_err();
        assert!(
            matches!(nothing, EvidenceError::UnknownOperation { .. }),
            "{nothing}"
        );
        let position = log.approved(op, &approval).unwrap();
        evidence.sync(position).await.unwrap();
        site.disk.set_fault(Some(Fault::Crash { at: 0 }));
        log.id()
    });
    let after = site.with_image(site.disk.after_kill());
    runtime().block_on(async {
        let (evidence, recovery) = after.open().unwrap();
        assert_eq!(recovery.interrupted_sessions, 1);
        evidence.shutdown().await.unwrap();
    });
    let (reader, _) = after.verify();
    let records = reader.session(id).unwrap();
    let values: Vec<_> = records
        .iter()
        .map(crate::reader::StoredRecord::value)
        .collect();
    let kinds: Vec<_> = values
        .iter()
        .map(|record| record["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "session.start",
            "operation.intent",
            "operation.approved",
            "session.end"
        ]
    );
    let commit = "a".repeat(64);
    assert_eq!(values[1]["verdict"]["effect"], "hold");
    assert_eq!(values[1]["op"]["commit"], *commit);
    assert_eq!(
        values[2]["approval"],
        serde_json::json!({ "by": [APPROVAL], "commit": commit, "id": REQUEST })
    );
    assert_eq!(values[2]["op"], serde_json::json!({ "n": 1 }));
    assert_eq!(values[3]["detail"]["unfinished"], 1);
    assert_eq!(values[3]["sess"]["n"], 3);
}

#[test]
fn a_damaged_write_ahead_log_is_never_taken_for_a_torn_one() {
    let site = Site::new();
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        for number in 0..20 {
            let (_, position) = log
                .intent(&statement(&format!("select {number}")), &allow())
                .unwrap();
            evidence.sync(position).await.unwrap();
        }
        site.disk.set_fault(Some(Fault::Crash { at: 0 }));
    });
    let image = site.disk.after_kill();
    let wal: Vec<PathBuf> = image
        .keys()
        .filter(|path| path.extension().is_some_and(|extension| extension == "wal"))
        .cloned()
        .collect();
    let after = site.with_image(image);
    // In the first of the records that are not in the first commit.
    after.disk.flip(&wal[0], 4000);
    let error = after.open().unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Damaged { .. } | OpenError::Inconsistent { .. }
        ),
        "{error:?}"
    );
}

#[test]
fn any_bytes_in_the_write_ahead_log_are_survived() {
    let site = Site::new();
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let _ = session(evidence, Arc::new(Promises::default()), 20).await;
        site.disk.set_fault(Some(Fault::Crash { at: 0 }));
    });
    let image = site.disk.after_kill();
    let mut dice = Dice::new(6);
    for _ in 0..60 {
        let mut damaged = image.clone();
        for (path, bytes) in &mut damaged {
            if !path.starts_with("/evidence/wal") || bytes.is_empty() || dice.below(2) == 0 {
                continue;
            }
            let at = dice.below(bytes.len() as u64) as usize;
            match dice.below(3) {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << dice.below(8),
                _ => bytes[at..]
                    .iter_mut()
                    .for_each(|byte| *byte = dice.below(256) as u8),
            }
        }
        // Started or refused, and if started, then on a log that verifies.
        let after = site.with_image(damaged);
        let opened = runtime().block_on(async {
            let Ok((evidence, _)) = after.open() else {
                return false;
            };
            evidence.shutdown().await.unwrap();
            true
        });
        if opened {
            after.assert_good("damaged write-ahead log");
        }
    }
}
