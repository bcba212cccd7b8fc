//! The disk refuses for a while. Nothing new is accepted, nothing promised is lost, and it goes on by itself.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use custos_model::Outcome;

use super::gateway::*;
use super::sim::{Dice, Fault};
use crate::{EvidenceError, RecordOutcome, SessionEnd};

/// Fails while operations on `path` do, recovers when they work, and has lost nothing.
fn fails_and_recovers(path: &'static str, kind: ErrorKind) {
    let site = Site::new();
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        let (op, position) = log.intent(&statement("select 1"), &allow()).unwrap();
        evidence.sync(position).await.unwrap();
        log.transcript(b"{\"t\":1}\n", 1).unwrap();
        site.disk.set_fault(Some(Fault::While { path, kind }));
        wait_for(&evidence, false).await;
        let refused = log.intent(&statement("select 2"), &allow()).unwrap_err();
        assert!(
            matches!(refused, EvidenceError::Failing { .. }),
            "{refused}"
        );
        let refused = begin(&evidence).unwrap_err();
        assert!(
            matches!(refused, EvidenceError::Failing { .. }),
            "{refused}"
        );
        // What is under way may be completed; nobody is told that it is safe.
        let position = log.outcome(op, &Outcome::default()).unwrap();
        if path == "/evidence/wal" {
            let unsafe_yet = evidence.sync(position).await.unwrap_err();
            assert!(
                matches!(unsafe_yet, EvidenceError::Failing { .. }),
                "{unsafe_yet}"
            );
        }
        let end = SessionEnd {
            outcome: RecordOutcome::Interrupted,
            reason: "evidence fails",
            detail: &[],
        };
        let deferred = log.end(&end).await.unwrap_err();
        assert!(
            matches!(deferred, EvidenceError::Failing { .. }),
            "{deferred}"
        );
        site.disk.set_fault(None);
        wait_for(&evidence, true).await;
        session(evidence.clone(), Arc::new(Promises::default()), 5)
            .await
            .unwrap();
        evidence.shutdown().await.unwrap();
    });
    let (_, records) = site.assert_good(path);
    assert_eq!(
        count(&records, "evidence.failed"),
        count(&records, "evidence.recovered")
    );
    assert!(count(&records, "evidence.failed") >= 1);
    assert_eq!(count(&records, "session.end"), 2);
    assert_eq!(count(&records, "operation.outcome"), 6);
}

#[test]
fn a_write_ahead_log_that_cannot_be_written_stops_new_work_until_it_can() {
    fails_and_recovers("/evidence/wal", ErrorKind::StorageFull);
}

#[test]
fn tiles_that_cannot_be_written_stop_new_work_until_they_can() {
    fails_and_recovers("/evidence/logs", ErrorKind::StorageFull);
}

#[test]
fn segments_that_cannot_be_written_stop_new_work_until_they_can() {
    fails_and_recovers("/evidence/segments", ErrorKind::StorageFull);
}

/// Whoever wanted to keep an approval is told, nobody else is disturbed, and a second try finds nothing in its way.
#[test]
fn an_approval_that_cannot_be_kept_can_be_kept_later() {
    let site = Site::new();
    let name = "01932f5a-7c1e-7abc-8def-0123456789ab.json";
    let path = std::path::PathBuf::from("/evidence/approvals").join(name);
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        site.disk.set_fault(Some(Fault::While {
            path: "/evidence/approvals",
            kind: ErrorKind::StorageFull,
        }));
        let refused = evidence.keep_approval(name, b"{}").unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with(&ErrorKind::StorageFull.to_string()),
            "{refused}"
        );
        assert_eq!(*evidence.health().borrow(), crate::Health::Good);
        site.disk.set_fault(None);
        evidence.keep_approval(name, b"{}").unwrap();
        let durable = site.disk.after_power_cut(1);
        assert_eq!(durable.get(&path).map(Vec::as_slice), Some(&b"{}"[..]));
        // The same again is nothing new; anything else is refused.
        evidence.keep_approval(name, b"{}").unwrap();
        for (name, bytes) in [(name, &b"[]"[..]), ("node.json", b"{}")] {
            let refused = evidence.keep_approval(name, bytes).unwrap_err();
            assert!(
                matches!(refused, EvidenceError::ApprovalFile { .. }),
                "{refused}"
            );
        }
        evidence.shutdown().await.unwrap();
        let stopped = evidence.keep_approval(name, b"{}").unwrap_err();
        assert!(matches!(stopped, EvidenceError::Stopped), "{stopped}");
    });
    site.assert_good("approvals");
}

/// At every step of the way: what was acknowledged is whole after a power cut, and a try after a failure succeeds.
#[test]
fn one_failed_step_of_keeping_an_approval_is_survived() {
    let name = "01932f5a-7c1e-7abc-8def-0123456789ab.sshsig";
    let path = std::path::PathBuf::from("/evidence/approvals").join(name);
    for step in 1..=8 {
        let site = Site::new();
        let evidence = runtime().block_on(async { site.open().unwrap().0 });
        // The writer's own operations come between, so not every step is one of this file; all of its are met.
        let at = site.disk.operations() + step;
        site.disk.set_fault(Some(Fault::Once {
            at,
            kind: ErrorKind::StorageFull,
        }));
        if evidence.keep_approval(name, b"signature").is_err() {
            evidence.keep_approval(name, b"signature").unwrap();
        }
        let durable = site.disk.after_power_cut(step);
        assert_eq!(
            durable.get(&path).map(Vec::as_slice),
            Some(&b"signature"[..]),
            "step {step}"
        );
    }
}

/// Clients tell a full disk from other failures, so the second to run into it must hear what the first did.
#[test]
fn all_who_run_into_a_failure_hear_what_it_is() {
    const WRITERS: usize = 4;
    let site = Site::new();
    let runtime = runtime();
    let evidence = runtime.block_on(async { site.open().unwrap().0 });
    for _ in 0..100 {
        // What met the fault of the round before may be told only now.
        let logs: Vec<_> = (0..WRITERS)
            .map(|_| {
                begin(&evidence).unwrap_or_else(|_| {
                    runtime.block_on(wait_for(&evidence, true));
                    begin(&evidence).unwrap()
                })
            })
            .collect();
        site.disk.set_fault(Some(Fault::While {
            path: "/evidence/wal",
            kind: ErrorKind::StorageFull,
        }));
        let together = std::sync::Barrier::new(WRITERS);
        std::thread::scope(|scope| {
            for log in &logs {
                scope.spawn(|| {
                    together.wait();
                    let refused = log
                        .intent(&statement("select 1"), &allow())
                        .and_then(|(_, position)| evidence.write_out(position))
                        .unwrap_err();
                    let cause = ErrorKind::StorageFull.to_string();
                    assert!(refused.to_string().ends_with(&cause), "{refused}");
                });
            }
        });
        site.disk.set_fault(None);
        drop(logs);
        runtime.block_on(wait_for(&evidence, true));
    }
    runtime.block_on(evidence.shutdown()).unwrap();
}

#[test]
fn one_failed_operation_anywhere_is_survived() {
    let total = {
        let site = Site::new();
        run_with(&site, None, "no fault");
        site.disk.operations()
    };
    let mut dice = Dice::new(5);
    for round in 0..60 {
        let at = 1 + dice.below(total);
        let kind = if round % 2 == 0 {
            ErrorKind::StorageFull
        } else {
            ErrorKind::Other
        };
        let site = Site::new();
        run_with(
            &site,
            Some(Fault::Once { at, kind }),
            &format!("operation {at} failed"),
        );
    }
}

/// Two sessions that begin again when they are refused; everything promised is there in the end, also when the power
/// goes right after the last promise.
fn run_with(site: &Site, fault: Option<Fault>, context: &str) {
    let promises = Arc::new(Promises::default());
    site.disk.set_fault(fault);
    let (image, restarted) = runtime().block_on(async {
        // A start that fails can be tried again.
        let (evidence, _) = match site.open() {
            Ok(opened) => opened,
            Err(_) => site
                .open()
                .unwrap_or_else(|error| panic!("{context}: {error:?}")),
        };
        let mut refused = Vec::new();
        for _ in 0..4 {
            let work = session(evidence.clone(), Arc::clone(&promises), 12);
            let done = tokio::time::timeout(Duration::from_secs(30), work)
                .await
                .expect(context);
            refused.extend(done.err());
            // A segment that fsync dropped can only be rebuilt by a restart.
            let health = evidence.health();
            let wait = wait_for_good(health);
            if tokio::time::timeout(Duration::from_millis(300), wait)
                .await
                .is_err()
            {
                break;
            }
        }
        assert!(refused.len() <= 2, "{context}: refused {refused:?}");
        let image = site.disk.after_power_cut(7);
        let stuck = *evidence.health().borrow() != crate::Health::Good;
        if stuck {
            drop(evidence);
        } else {
            evidence
                .shutdown()
                .await
                .unwrap_or_else(|error| panic!("{context}: {error}"));
        }
        (image, stuck)
    });
    let promised = promises.durable.lock().unwrap();
    if !restarted {
        let (reader, _) = site.assert_good(context);
        promised.assert_kept(&reader, context);
    }
    let after = site.with_image(image);
    runtime().block_on(async {
        let (evidence, _) = after
            .open()
            .unwrap_or_else(|error| panic!("{context}: {error:?}"));
        evidence.shutdown().await.unwrap();
    });
    let (reader, _) = after.assert_good(context);
    promised.assert_kept(&reader, context);
}

async fn wait_for_good(mut health: tokio::sync::watch::Receiver<crate::Health>) {
    health
        .wait_for(|health| *health == crate::Health::Good)
        .await
        .unwrap();
}

#[test]
fn memory_stays_bounded_while_nothing_can_be_written() {
    let mut site = Site::new();
    site.settings.queue_bytes = 64 << 10;
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        site.disk.set_fault(Some(Fault::While {
            path: "/evidence/wal",
            kind: ErrorKind::Other,
        }));
        let line = format!("{{\"x\":\"{}\"}}\n", "y".repeat(1000));
        let refused = (0..1000)
            .find_map(|_| log.transcript(line.as_bytes(), 1).err())
            .unwrap();
        assert!(
            matches!(refused, EvidenceError::Overloaded { .. }),
            "{refused}"
        );
        assert!(
            evidence.stats().pending_bytes < 256 << 10,
            "{:?}",
            evidence.stats()
        );
        site.disk.set_fault(None);
        wait_for(&evidence, true).await;
        evidence.room().await;
        end(&log).await.unwrap();
        evidence.shutdown().await.unwrap();
    });
    site.assert_good("bounded memory");
}
