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
    site.settings.wal_file_bytes = 1 << 20;
    site.settings.buffered_sync_interval = std::time::Duration::from_millis(50);
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
    // The verifier is for the other tests: without optimisation this much takes it half a minute.
    let reader = crate::reader::Reader::new(site.materialise());
    let origin = &reader.origins().unwrap()[0];
    let mut found = [0; 2];
    for record in reader.records(origin, 0).unwrap() {
        let json = record.unwrap().json;
        for (count, kind) in found
            .iter_mut()
            .zip(["operation.intent", "operation.outcome"])
        {
            *count += u32::from(json.contains(kind));
        }
    }
    assert_eq!(found, [150_000, 150_000]);
}

#[test]
fn damaged_recordings_are_errors_and_never_a_panic() {
    let site = Site::new();
    let id = runtime().block_on(async {
        let (evidence, _) = site.open().unwrap();
        let log = begin(&evidence).unwrap();
        let lines = "[\"1\",null]\n".repeat(500);
        log.transcript(lines.as_bytes(), 500).unwrap();
        end(&log).await.unwrap();
        evidence.shutdown().await.unwrap();
        log.id()
    });
    let dir = site.materialise();
    let reader = crate::reader::Reader::new(&dir);
    let records = reader.session(id).unwrap();
    let segment = dir.join(format!("segments/2026/11/21/{id}/0000.jsonl.zst"));
    let good = std::fs::read(&segment).unwrap();
    let read = || reader.transcript(&records).unwrap().collect::<Vec<_>>();
    assert!(read().iter().all(Result::is_ok));
    // A frame header that asks for a window of 2 GiB: magic, descriptor, window descriptor.
    let bomb = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8][..], &[0; 64]].concat();
    let long_line = zstd::bulk::compress(&vec![b'x'; 64 << 20], 1).unwrap();
    for bad in [
        &good[..good.len() / 2],
        &bomb,
        &long_line,
        b"no zstd at all",
    ] {
        std::fs::write(&segment, bad).unwrap();
        let found = read();
        assert!(found.last().is_some_and(Result::is_err), "{found:?}");
    }
    std::fs::remove_file(&segment).unwrap();
    assert!(read().last().is_some_and(Result::is_err));
}

#[test]
fn an_empty_directory_has_no_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let reader = crate::reader::Reader::new(dir.path());
    assert!(reader.origins().unwrap().is_empty());
    assert!(reader.sessions(10).unwrap().is_empty());
}
