//! Reading back what was written.

use std::sync::Arc;

use custos_model::{IdSource, Outcome};

use super::gateway::*;

#[test]
fn sessions_are_listed_newest_first_and_found_by_id() {
    let site = Site::new();
    let ids = runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let mut ids = Vec::new();
        for _ in 0..15 {
            let log = begin(&evidence).unwrap();
            for number in 0..30 {
                let text = format!("select {number}");
                let (op, _) = log.intent(&statement(&text), &allow()).unwrap();
                log.outcome(op, &Outcome::default()).unwrap();
            }
            end(&log).await.unwrap();
            ids.push(log.id());
        }
        // Still open when it is looked at.
        let open = begin(&evidence).unwrap();
        ids.push(open.id());
        let (_, position) = open.intent(&statement("select 1"), &allow()).unwrap();
        evidence.sync(position).await.unwrap();
        let target = evidence.stats().tree_size;
        while evidence.stats().checkpoint_size <= target {
            tokio::task::yield_now().await;
        }
        let reader = crate::reader::Reader::new(site.materialise());
        let listed = reader.sessions(5).unwrap();
        assert_eq!(listed.len(), 5);
        assert_eq!(listed[0].id, open.id().to_string());
        assert_eq!(listed[0].end, None);
        assert_eq!(listed[1].outcome.as_deref(), Some("ok"));
        assert_eq!(listed[1].operations, Some(30));
        assert_eq!(listed[1].actor, "alice");
        assert_eq!(listed[1].resource, "postgres/shop");
        assert!(listed.windows(2).all(|pair| pair[0].start > pair[1].start));
        end(&open).await.unwrap();
        evidence.shutdown().await.unwrap();
        ids
    });
    let (reader, _) = site.assert_good("listing");
    for id in &ids[..15] {
        let records = reader.session(*id).unwrap();
        assert_eq!(records.len(), 1 + 60 + 1, "{id}");
    }
    let nobody = IdSource::new([1; 10]).session(NOVEMBER + 1);
    assert!(reader.session(nobody).unwrap().is_empty());
    assert_eq!(reader.sessions(100).unwrap().len(), 16);
}

#[test]
fn records_are_read_from_any_index() {
    let site = Site::new();
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        session(evidence.clone(), Arc::new(Promises::default()), 300)
            .await
            .unwrap();
        evidence.shutdown().await.unwrap();
    });
    let (reader, records) = site.assert_good("reading");
    let origin = &reader.origins().unwrap()[0];
    for from in [
        0,
        1,
        255,
        256,
        257,
        records.len() as u64 - 1,
        records.len() as u64,
    ] {
        let read: Vec<_> = reader
            .records(origin, from)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            read.len() as u64,
            records.len() as u64 - from,
            "from {from}"
        );
        assert!(read.first().is_none_or(|record| record.index == from));
    }
}

#[test]
fn a_transcript_comes_back_line_by_line_whatever_its_pieces() {
    let site = Site::new();
    let mut lines = Vec::new();
    let id = runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        for number in 0..40_usize {
            // Short ones, ones that are compressed at once, and ones that are cut into several frames.
            let sizes = [10, 70_000, 200, 1_500_000];
            let rows = sizes[number % 4] / 100 + 1;
            let piece: Vec<_> = (0..rows)
                .map(|row| format!("[\"{number}\",\"{row}\",\"{}\"]", "z".repeat(row % 90)))
                .collect();
            let text: String = piece.iter().flat_map(|line| [line, "\n"]).collect();
            log.transcript(text.as_bytes(), piece.len() as u64).unwrap();
            lines.extend(piece);
            evidence.room().await;
        }
        end(&log).await.unwrap();
        evidence.shutdown().await.unwrap();
        log.id()
    });
    let (reader, records) = site.assert_good("transcript");
    let session = reader.session(id).unwrap();
    let read: Vec<_> = reader
        .transcript(&session)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read.len(), lines.len());
    assert!(read == lines);
    let counted: u64 = records
        .iter()
        .filter(|record| record["type"] == "segment.closed")
        .map(|record| record["body"]["lines"].as_u64().unwrap())
        .sum();
    assert_eq!(counted, lines.len() as u64);
    assert!(count(&records, "segment.closed") > 1);
}

#[test]
fn three_hundred_thousand_records_pass_through() {
    let mut site = Site::new();
    site.settings.wal_file_bytes = 8 << 20;
    site.settings.heartbeat_interval = std::time::Duration::from_mins(1);
    site.settings.checkpoint_interval = std::time::Duration::from_millis(200);
    runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let work = |evidence: crate::Evidence| async move {
            let log = begin(&evidence).unwrap();
            for _ in 0..37_500 {
                let (op, position) = log.intent(&statement("select 1"), &allow()).unwrap();
                evidence.write_out(position).unwrap();
                log.outcome(op, &Outcome::default()).unwrap();
                evidence.room().await;
            }
            end(&log).await.unwrap();
        };
        let sessions: Vec<_> = (0..4)
            .map(|_| tokio::spawn(work(evidence.clone())))
            .collect();
        for session in sessions {
            session.await.unwrap();
        }
        evidence.shutdown().await.unwrap();
    });
    let (_, report) = site.verify();
    assert_eq!(
        report.verdict(),
        custos_verify::Verdict::Pass,
        "{report:#?}"
    );
    assert!(report.logs[0].size > 300_000);
}
