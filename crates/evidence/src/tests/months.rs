//! A month ends.

use std::sync::Arc;
use std::time::Duration;

use super::gateway::*;
use super::sim::Fault;

const TEN_DAYS: Duration = Duration::from_hours(240);

#[test]
fn a_running_gateway_goes_over_to_the_next_months_log() {
    let site = Site::new();
    let id = runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        let (op, position) = log.intent(&statement("select 1"), &allow()).unwrap();
        evidence.sync(position).await.unwrap();
        site.clock.advance_wall(TEN_DAYS);
        log.outcome(op, &custos_model::Outcome::default()).unwrap();
        session(evidence.clone(), Arc::new(Promises::default()), 10)
            .await
            .unwrap();
        end(&log).await.unwrap();
        evidence.shutdown().await.unwrap();
        log.id()
    });
    let dir = site.materialise();
    let reader = crate::reader::Reader::new(dir);
    assert_eq!(
        reader.origins().unwrap(),
        ["custos/gw1/2026-11", "custos/gw1/2026-12"]
    );
    let records = records(&reader);
    assert_eq!(count(&records, "log.close"), 1);
    let opened: Vec<_> = records
        .iter()
        .filter(|record| record["type"] == "log.open")
        .collect();
    assert_eq!(opened[1]["log"]["previous"]["origin"], "custos/gw1/2026-11");
    // The session went on across the months.
    let values: Vec<_> = reader.session(id).unwrap();
    let logs: Vec<_> = values.iter().map(|record| record.origin.as_str()).collect();
    assert_eq!(logs.first(), Some(&"custos/gw1/2026-11"));
    assert_eq!(logs.last(), Some(&"custos/gw1/2026-12"));
    // The clock stood still between two records for ten days, which the verifier reports as a gap, and nothing else.
    let (_, report) = site.verify();
    let codes: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect();
    assert!(
        codes.iter().all(|code| *code == "heartbeat-gap"),
        "{:#?}",
        report.findings
    );
    assert!(report.incomplete.is_empty());
}

#[test]
fn a_gateway_that_was_down_over_the_end_of_a_month_closes_it_at_its_start() {
    for killed in [false, true] {
        let site = Site::new();
        runtime().block_on(async {
            let (evidence, _) = site.open().unwrap();
            let log = begin(&evidence).unwrap();
            let (_, position) = log.intent(&statement("select 1"), &allow()).unwrap();
            evidence.sync(position).await.unwrap();
            if killed {
                site.disk.set_fault(Some(Fault::Crash { at: 0 }));
            } else {
                end(&log).await.unwrap();
                evidence.shutdown().await.unwrap();
            }
        });
        let after = site.with_image(site.disk.after_kill());
        after.clock.advance_wall(TEN_DAYS);
        runtime().block_on(async {
            let (evidence, recovery) = after.open().unwrap();
            assert_eq!(recovery.interrupted_sessions, u64::from(killed));
            session(evidence.clone(), Arc::new(Promises::default()), 3)
                .await
                .unwrap();
            evidence.shutdown().await.unwrap();
        });
        let (reader, records) = after.assert_good("a month later");
        assert_eq!(reader.origins().unwrap().len(), 2, "killed: {killed}");
        assert_eq!(count(&records, "log.close"), 1);
        assert_eq!(count(&records, "node.start"), 2);
    }
}

#[test]
fn a_month_change_survives_a_crash_at_any_step() {
    for step in 0..30 {
        let site = Site::new();
        runtime().block_on(async {
            let (evidence, _) = site.open().unwrap();
            session(evidence.clone(), Arc::new(Promises::default()), 3)
                .await
                .unwrap();
            site.clock.advance_wall(TEN_DAYS);
            let at = site.disk.operations() + step;
            site.disk.set_fault(Some(Fault::Crash { at }));
            let _ = session(evidence.clone(), Arc::new(Promises::default()), 8).await;
        });
        let after = site.with_image(site.disk.after_power_cut(step));
        runtime().block_on(async {
            let (evidence, _) = after
                .open()
                .unwrap_or_else(|error| panic!("step {step}: {error:?}"));
            session(evidence.clone(), Arc::new(Promises::default()), 3)
                .await
                .unwrap();
            evidence.shutdown().await.unwrap();
        });
        let (_, report) = after.verify();
        let bad: Vec<_> = report
            .findings
            .iter()
            .filter(|finding| finding.code.as_str() != "heartbeat-gap")
            .collect();
        assert!(bad.is_empty(), "step {step}: {bad:#?}");
        assert!(
            report.incomplete.is_empty(),
            "step {step}: {:?}",
            report.incomplete
        );
    }
}
