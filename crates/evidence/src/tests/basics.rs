//! The ordinary life of a writer.

use std::sync::Arc;
use std::time::Duration;

use custos_model::{OperationNumber, Outcome};

use super::gateway::*;
use crate::{
    DetailValue, EvidenceError, NodeRecord, OpenError, RecordOutcome, RecordType, Settings,
    Transfer,
};

#[test]
fn a_new_log_begins_with_its_opening_and_the_start() {
    let site = Site::new();
    runtime().block_on(async {
        let (evidence, recovery) = site.open().unwrap();
        assert_eq!(recovery, crate::Recovery::default());
        assert!(evidence.verifier_key().starts_with("custos/gw1+"));
        evidence.shutdown().await.unwrap();
        let error = begin(&evidence).unwrap_err();
        assert!(matches!(error, EvidenceError::Stopped), "{error}");
    });
    let (_, records) = site.assert_good("new log");
    let kinds: Vec<_> = records
        .iter()
        .map(|record| record["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[..2], ["log.open", "node.start"]);
    assert_eq!(kinds.last(), Some(&"node.stop"));
    assert!(records[0]["log"].get("previous").is_none());
}

#[test]
fn concurrent_sessions_are_complete_and_verify() {
    let site = Site::new();
    let promises = Arc::new(Promises::default());
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let sessions: Vec<_> = (0..12)
            .map(|_| tokio::spawn(session(evidence.clone(), Arc::clone(&promises), 40)))
            .collect();
        for session in sessions {
            session.await.unwrap().unwrap();
        }
        let stats = evidence.stats();
        assert_eq!(stats.open_sessions, 0);
        evidence.shutdown().await.unwrap();
        assert_eq!(evidence.stats().pending_bytes, 0);
        assert_eq!(evidence.stats().tree_size, evidence.stats().checkpoint_size);
    });
    let (reader, records) = site.assert_good("concurrent sessions");
    assert_eq!(count(&records, "operation.intent"), 12 * 40);
    assert_eq!(count(&records, "operation.outcome"), 12 * 40);
    assert_eq!(count(&records, "session.end"), 12);
    promises
        .written
        .lock()
        .unwrap()
        .assert_kept(&reader, "concurrent sessions");
}

#[test]
fn the_write_ahead_log_is_used_again_and_stays_small() {
    let site = Site::new();
    let promises = Arc::new(Promises::default());
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        for _ in 0..6 {
            session(evidence.clone(), Arc::clone(&promises), 60)
                .await
                .unwrap();
        }
        evidence.shutdown().await.unwrap();
    });
    let files = site.disk.after_kill();
    let wal: u64 = files
        .iter()
        .filter(|(path, _)| path.starts_with("/evidence/wal"))
        .map(|(_, bytes)| bytes.len() as u64)
        .sum();
    // 360 operations are about 700 KB of frames.
    assert!(wal < 12 * (32 << 10), "{wal} bytes of write-ahead log");
    assert!(files.contains_key(std::path::Path::new("/evidence/wal/state")));
    site.assert_good("recycled write-ahead log");
}

#[test]
fn a_restart_goes_on_where_the_last_run_stopped() {
    let site = Site::new();
    let promises = Arc::new(Promises::default());
    runtime().block_on(async {
        for run in 0..4 {
            let (evidence, recovery) = site.open().unwrap();
            assert_eq!(recovery.interrupted_sessions, 0, "run {run}");
            session(evidence.clone(), Arc::clone(&promises), 30)
                .await
                .unwrap();
            evidence.shutdown().await.unwrap();
        }
    });
    let (_, records) = site.assert_good("restarts");
    assert_eq!(count(&records, "node.start"), 4);
    assert_eq!(count(&records, "log.open"), 1);
}

#[test]
fn what_a_session_may_not_do_is_refused() {
    let site = Site::new();
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        let (op, _) = log.intent(&statement("select 1"), &allow()).unwrap();
        let file = Transfer {
            direction: "upload",
            file: "/srv/a",
            is_closed: true,
            detail: &[("written", DetailValue::Integer(3))],
        };
        log.transferred(op, &file).unwrap();
        log.outcome(op, &Outcome::default()).unwrap();
        let over = log.transferred(op, &file).unwrap_err();
        assert!(
            matches!(over, EvidenceError::UnknownOperation { operation: 1, .. }),
            "{over}"
        );
        let twice = log.outcome(op, &Outcome::default()).unwrap_err();
        assert!(
            matches!(twice, EvidenceError::UnknownOperation { operation: 1, .. }),
            "{twice}"
        );
        let never = log
            .outcome(OperationNumber(9), &Outcome::default())
            .unwrap_err();
        assert!(
            matches!(never, EvidenceError::UnknownOperation { operation: 9, .. }),
            "{never}"
        );
        end(&log).await.unwrap();
        let again = end(&log).await.unwrap_err();
        assert!(matches!(again, EvidenceError::SessionEnded(_)), "{again}");
        let late = log.intent(&statement("select 2"), &allow()).unwrap_err();
        assert!(matches!(late, EvidenceError::SessionEnded(_)), "{late}");
        let wrong = NodeRecord::new(RecordType::LogClose, RecordOutcome::Ok);
        let error = evidence.append(&wrong).unwrap_err();
        assert!(
            matches!(error, EvidenceError::WrongType("log.close")),
            "{error}"
        );
        evidence.shutdown().await.unwrap();
    });
    site.assert_good("refusals leave no trace");
}

#[test]
fn a_session_that_is_dropped_is_recorded_as_interrupted() {
    let site = Site::new();
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        log.intent(&statement("select 1"), &allow()).unwrap();
        log.transcript(b"{\"t\":0}\n", 1).unwrap();
        drop(log);
        evidence.shutdown().await.unwrap();
    });
    let (_, records) = site.assert_good("dropped session");
    let end = records
        .iter()
        .find(|record| record["type"] == "session.end")
        .unwrap();
    assert_eq!(end["outcome"], "interrupted");
    assert_eq!(end["detail"]["unfinished"], 1);
    assert_eq!(count(&records, "segment.closed"), 1);
}

#[test]
fn heartbeats_and_checkpoints_come_without_being_asked() {
    let site = Site::new();
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while evidence.stats().checkpoint_size < 6 {
            assert!(
                std::time::Instant::now() < deadline,
                "{:?}",
                evidence.stats()
            );
            tokio::task::yield_now().await;
        }
        evidence.shutdown().await.unwrap();
    });
    let (_, records) = site.assert_good("heartbeats");
    assert!(count(&records, "log.heartbeat") >= 3);
}

#[test]
fn a_directory_is_one_nodes_and_one_process_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::new(dir.path().join("evidence"), "custos", "gw1", "test");
    let open = |settings: Settings| {
        crate::open(settings, TestClock::new(NOVEMBER), &mut |bytes| {
            bytes.fill(3);
        })
    };
    let (evidence, _) = open(settings.clone()).unwrap();
    let error = open(settings.clone()).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    drop(evidence);
    let error = open(Settings {
        node: "gw2".into(),
        ..settings.clone()
    })
    .unwrap_err();
    assert!(matches!(error, OpenError::OtherNode { .. }), "{error}");
    let error = open(Settings {
        node: "../x".into(),
        ..settings.clone()
    })
    .unwrap_err();
    assert!(matches!(error, OpenError::Name(_)), "{error}");
    std::fs::remove_file(&settings.key_file).unwrap();
    let error = open(settings).unwrap_err();
    assert!(matches!(error, OpenError::KeyMissing(_)), "{error}");
}

#[test]
fn a_log_on_a_real_disk_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::new(dir.path().join("evidence"), "custos", "gw1", "test");
    let promises = Arc::new(Promises::default());
    runtime().block_on(async {
        let clock = TestClock::new(NOVEMBER);
        let (evidence, _) =
            crate::open(settings.clone(), clock, &mut |bytes| bytes.fill(9)).unwrap();
        session(evidence.clone(), Arc::clone(&promises), 20)
            .await
            .unwrap();
        evidence.shutdown().await.unwrap();
    });
    assert!(exists(&settings.dir, "logs/custos/gw1/2026-11/checkpoint"));
    let key = std::fs::read_to_string(settings.dir.join("keys/log.vkey")).unwrap();
    let report = custos_verify::verify(&custos_verify::Options {
        directory: settings.dir,
        keys: vec![custos_verify::VerifierKey::parse(key.trim_end()).unwrap()],
        remember: None,
    })
    .unwrap();
    assert_eq!(
        report.verdict(),
        custos_verify::Verdict::Pass,
        "{report:#?}"
    );
}
