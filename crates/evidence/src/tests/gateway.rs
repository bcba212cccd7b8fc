//! A writer on a simulated disk, something to write, and a verifier to judge it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use custos_model::{
    Clock, Decision, Effect, Instant, Operation, Outcome, Principal, PrincipalKind, SessionId,
    Verdict,
};
use custos_verify::{Options, Report, VerifierKey};
use serde_json::Value;

use super::sim::{Dice, Image, SimDisk};
use crate::reader::Reader;
use crate::recovery::open_on;
use crate::shared::lock;
use crate::{
    Evidence, EvidenceError, Health, OpenError, RecordOutcome, Recovery, SessionEnd, SessionLog,
    SessionStart, Settings, Source, Target,
};

/// The machine's time, and as much more as a test adds.
#[derive(Debug)]
pub(crate) struct TestClock {
    start: std::time::Instant,
    utc_ns: AtomicU64,
}

impl TestClock {
    /// `utc_ns`: when it starts.
    pub(crate) fn new(utc_ns: u64) -> Arc<Self> {
        Arc::new(Self {
            start: std::time::Instant::now(),
            utc_ns: AtomicU64::new(utc_ns),
        })
    }

    /// Moves the wall clock on; the monotonic clock does not notice.
    pub(crate) fn advance_wall(&self, by: Duration) {
        self.utc_ns
            .fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        let mono_ns = self.start.elapsed().as_nanos() as u64;
        Instant {
            utc_ns: self.utc_ns.load(Ordering::SeqCst) + mono_ns,
            mono_ns,
        }
    }
}

/// 2026-11-21T03:46:27Z
pub(crate) const NOVEMBER: u64 = 1_795_232_787_000_000_000;

/// A place for a writer: the simulated disk has everything but the key.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) disk: SimDisk,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) settings: Settings,
    temporary: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let settings = Settings {
            key_file: temporary.path().join("log.key"),
            wal_file_bytes: 32 << 10,
            segment_bytes: 4 << 10,
            segment_age: Duration::from_millis(40),
            checkpoint_interval: Duration::from_millis(8),
            heartbeat_interval: Duration::from_millis(25),
            buffered_sync_interval: Duration::from_millis(3),
            retry_interval: Duration::from_millis(5),
            ..Settings::new("/evidence", "custos", "gw1", "test")
        };
        let disk = SimDisk::default();
        let clock = TestClock::new(NOVEMBER);
        Self {
            disk,
            clock,
            settings,
            temporary,
        }
    }

    pub(crate) fn open(&self) -> Result<(Evidence, Recovery), OpenError> {
        // Boot ids differ, also between sites that share a past.
        static BOOTS: AtomicU64 = AtomicU64::new(1);
        let mut dice = Dice::new(BOOTS.fetch_add(1, Ordering::SeqCst));
        let disk = Arc::new(self.disk.clone());
        open_on(
            disk,
            self.settings.clone(),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            &mut |bytes| {
                bytes.fill_with(|| dice.below(256) as u8);
            },
        )
    }

    /// The same place with another disk, as after a crash.
    pub(crate) fn with_image(&self, image: Image) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let key_file = temporary.path().join("log.key");
        std::fs::copy(&self.settings.key_file, &key_file).unwrap();
        let settings = Settings {
            key_file,
            ..self.settings.clone()
        };
        let clock = TestClock::new(self.clock.now().utc_ns);
        Self {
            disk: SimDisk::with(image),
            clock,
            settings,
            temporary,
        }
    }

    /// Writes the disk's content to real files.
    pub(crate) fn materialise(&self) -> PathBuf {
        let root = tempfile::tempdir_in(self.temporary.path()).unwrap().keep();
        for (path, bytes) in self.disk.after_kill() {
            let path = root.join(path.strip_prefix("/").unwrap());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        root.join("evidence")
    }

    /// What the verifier says of the disk's content.
    pub(crate) fn verify(&self) -> (Reader, Report) {
        let dir = self.materialise();
        let key = std::fs::read_to_string(dir.join("keys/log.vkey")).unwrap();
        let report = custos_verify::verify(&Options {
            directory: dir.clone(),
            keys: vec![VerifierKey::parse(key.trim_end()).unwrap()],
            remember: None,
        })
        .unwrap();
        (Reader::new(dir), report)
    }

    /// Everything is good and nothing is missing; returns the records of all logs.
    pub(crate) fn assert_good(&self, context: &str) -> (Reader, Vec<Value>) {
        let (reader, report) = self.verify();
        assert!(
            report.findings.is_empty(),
            "{context}: {:#?}",
            report.findings
        );
        assert!(
            report.incomplete.is_empty(),
            "{context}: {:#?}",
            report.incomplete
        );
        let records = records(&reader);
        (reader, records)
    }
}

/// The records of all logs in order.
pub(crate) fn records(reader: &Reader) -> Vec<Value> {
    let origins = reader.origins().unwrap();
    let all = origins
        .iter()
        .flat_map(|origin| reader.records(origin, 0).unwrap());
    all.map(|record| record.unwrap().value()).collect()
}

/// How many records of a type there are.
pub(crate) fn count(records: &[Value], kind: &str) -> usize {
    records
        .iter()
        .filter(|record| record["type"] == kind)
        .count()
}

pub(crate) fn alice() -> Principal {
    Principal {
        issuer: "local".into(),
        subject: "alice".into(),
        name: "alice".into(),
        kind: PrincipalKind::Human,
        groups: vec!["dev".into()],
        on_behalf_of: Vec::new(),
    }
}

pub(crate) fn allow() -> Verdict {
    Verdict {
        decision: Decision::Allow,
        rules: vec!["everybody".into()],
        masks: Vec::new(),
    }
}

pub(crate) fn begin(evidence: &Evidence) -> Result<SessionLog, EvidenceError> {
    let id = evidence.ids().session(evidence.clock().now().utc_ns);
    let start = SessionStart {
        id,
        actor: &alice(),
        src: Source {
            ip: [127, 0, 0, 1].into(),
            port: 4242,
            client: Some("psql"),
            tls: None,
        },
        target: Target {
            resource: "postgres/shop",
            database: Some("shop"),
            ..Target::default()
        },
        verdict: &allow(),
        durability: "strict",
        detail: &[],
    };
    evidence.begin_session(start).map(|(log, _)| log)
}

pub(crate) async fn end(log: &SessionLog) -> Result<(), EvidenceError> {
    let end = SessionEnd {
        outcome: RecordOutcome::Ok,
        reason: "client closed the session",
        detail: &[],
    };
    log.end(&end).await.map(|_| ())
}

pub(crate) fn statement(text: &str) -> Operation<'_> {
    Operation {
        verb: "query",
        effect: Effect::Unknown,
        may_change: true,
        objects: &[],
        text,
        parameters: 0,
    }
}

/// What was acknowledged: intents by session and number, and how many transcript lines.
#[derive(Debug, Default)]
pub(crate) struct Promised {
    pub(crate) intents: BTreeMap<SessionId, u64>,
    pub(crate) lines: BTreeMap<SessionId, u64>,
}

/// Promises that survive the process, and those that survive a power cut.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    pub(crate) written: Mutex<Promised>,
    pub(crate) durable: Mutex<Promised>,
}

impl Promised {
    pub(crate) fn assert_kept(&self, reader: &Reader, context: &str) {
        for (id, intents) in &self.intents {
            let records = reader.session(*id).unwrap();
            let values: Vec<_> = records
                .iter()
                .map(crate::reader::StoredRecord::value)
                .collect();
            let found = count(&values, "operation.intent") as u64;
            assert!(
                found >= *intents,
                "{context}: {found} of {intents} intents of {id}"
            );
            let lines = reader
                .transcript(&records)
                .unwrap()
                .map(Result::unwrap)
                .count() as u64;
            let wanted = self.lines.get(id).copied().unwrap_or(0);
            assert!(
                lines >= wanted,
                "{context}: {lines} of {wanted} lines of {id}"
            );
        }
    }
}

/// One session with `operations` operations; every other one waits for the disk. Stops at the first error.
pub(crate) async fn session(
    evidence: Evidence,
    promises: Arc<Promises>,
    operations: u64,
) -> Result<(), EvidenceError> {
    let log = begin(&evidence)?;
    for number in 1..=operations {
        let text = format!("insert into t values ({number})");
        let (op, position) = log.intent(&statement(&text), &allow())?;
        confirm(&evidence, position, number).await?;
        promise(&promises, number, |promised| {
            *promised.intents.entry(log.id()).or_default() = number;
        });
        let size = if number % 7 == 0 { 90_000 } else { 40 };
        let line = format!(
            "{{\"t\":{number},\"op\":{},\"text\":\"{}\"}}\n",
            op.0,
            "x".repeat(size)
        );
        log.transcript(line.as_bytes(), 1)?;
        let position = log.outcome(
            op,
            &Outcome {
                bytes: 10,
                ..Outcome::default()
            },
        )?;
        confirm(&evidence, position, number).await?;
        promise(&promises, number, |promised| {
            *promised.lines.entry(log.id()).or_default() = number;
        });
        evidence.room().await;
    }
    end(&log).await
}

async fn confirm(
    evidence: &Evidence,
    position: crate::Position,
    number: u64,
) -> Result<(), EvidenceError> {
    if number.is_multiple_of(2) {
        evidence.sync(position).await
    } else {
        evidence.write_out(position)
    }
}

fn promise(promises: &Promises, number: u64, make: impl Fn(&mut Promised)) {
    make(&mut lock(&promises.written));
    if number.is_multiple_of(2) {
        make(&mut lock(&promises.durable));
    }
}

/// Waits until evidence can be written, or cannot.
pub(crate) async fn wait_for(evidence: &Evidence, good: bool) {
    let mut health = evidence.health();
    let wanted = health.wait_for(|health| (*health == Health::Good) == good);
    tokio::time::timeout(Duration::from_secs(20), wanted)
        .await
        .unwrap()
        .unwrap();
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap()
}

pub(crate) fn exists(root: &Path, path: &str) -> bool {
    root.join(path).exists()
}
