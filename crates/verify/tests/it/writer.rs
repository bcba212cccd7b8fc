//! A small writer of evidence, from `docs/evidence-format.md`. It shares nothing with the gateway's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub(crate) type Hash = [u8; 32];
pub(crate) const NODE: &str = "custos/gw1";
pub(crate) const NOVEMBER: &str = "custos/gw1/2026-11";
pub(crate) const DECEMBER: &str = "custos/gw1/2026-12";

/// A key with its C2SP texts.
pub(crate) struct Key {
    name: String,
    signing: SigningKey,
}

impl Key {
    pub(crate) fn new(name: &str, seed: u8) -> Self {
        Self {
            name: name.to_owned(),
            signing: SigningKey::from_bytes(&[seed; 32]),
        }
    }

    pub(crate) fn vkey(&self) -> String {
        let id = hex(&self.id());
        format!("{}+{id}+{}", self.name, BASE64.encode(self.public()))
    }

    pub(crate) fn sign(&self, text: &str) -> String {
        let signature = self.signing.sign(text.as_bytes()).to_bytes();
        let blob = [&self.id()[..], &signature[..]].concat();
        format!("{text}\n\u{2014} {} {}\n", self.name, BASE64.encode(blob))
    }

    fn public(&self) -> Vec<u8> {
        [&[1][..], &self.signing.verifying_key().to_bytes()[..]].concat()
    }

    fn id(&self) -> [u8; 4] {
        let digest = Sha256::digest([self.name.as_bytes(), b"\n", &self.public()[..]].concat());
        [digest[0], digest[1], digest[2], digest[3]]
    }
}

/// One session as the writer sees it.
pub(crate) struct Session {
    id: String,
    day: String,
    n: u64,
    operation: u64,
    segment: u64,
}

impl Session {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The number of the last intent.
    pub(crate) fn operation(&self) -> u64 {
        self.operation
    }

    /// Counts one more intent.
    pub(crate) fn next_operation(&mut self) -> u64 {
        self.operation += 1;
        self.operation
    }

    pub(crate) fn segment_path(&self, number: u64) -> String {
        format!("segments/{}/{}/{number:04}.jsonl.zst", self.day, self.id)
    }
}

/// A node that writes records.
pub(crate) struct Writer {
    pub(crate) date: &'static str,
    /// Nanoseconds since midnight.
    pub(crate) utc_ns: u64,
    pub(crate) mono_ns: u64,
    pub(crate) boot: u8,
    ids: u64,
    pub(crate) records: Vec<Vec<u8>>,
    /// Content by path.
    pub(crate) segments: BTreeMap<String, Vec<u8>>,
}

impl Writer {
    pub(crate) fn new(date: &'static str) -> Self {
        Self {
            date,
            utc_ns: 3_600_000_000_000,
            mono_ns: 1_000,
            boot: 1,
            ids: 0,
            records: Vec::new(),
            segments: BTreeMap::new(),
        }
    }

    pub(crate) fn pass_seconds(&mut self, seconds: u64) {
        self.utc_ns += seconds * 1_000_000_000;
        self.mono_ns += seconds * 1_000_000_000;
    }

    /// Writes a record of a type with more members, one second after the one before.
    pub(crate) fn record(&mut self, kind: &str, members: Value) {
        self.pass_seconds(1);
        let mut record = json!({
            "v": 1,
            "id": self.next_id(),
            "type": kind,
            "time": {
                "boot": format!("{:08x}-0000-4000-8000-000000000000", self.boot),
                "mono_ns": self.mono_ns.to_string(),
                "utc": self.utc(),
            },
            "outcome": "ok",
            "gw": {"build": "0.1.0", "node": "gw1", "config": "a".repeat(64), "policy": "b".repeat(64)},
        });
        merge(&mut record, members);
        self.records.push(canonical(&record));
    }

    pub(crate) fn open_log(&mut self, origin: &str, key: &Key, previous: Option<Value>) {
        let mut log = json!({"origin": origin, "key": key.vkey()});
        if let Some(previous) = previous {
            log["previous"] = previous;
        }
        self.record("log.open", json!({"log": log}));
    }

    pub(crate) fn close_log(&mut self, origin: &str) {
        self.record("log.close", json!({"log": {"origin": origin}}));
    }

    pub(crate) fn plain(&mut self, kind: &str) {
        self.record(kind, json!({}));
    }

    /// Writes heartbeats, ten seconds apart, until the log has `size` records.
    pub(crate) fn heartbeats_to(&mut self, size: usize) {
        while self.records.len() < size {
            self.pass_seconds(4);
            self.record("log.heartbeat", json!({"detail": {"sessions": 0}}));
        }
    }

    pub(crate) fn start(&mut self) -> Session {
        let mut session = Session {
            id: self.next_id(),
            day: self.date.replace('-', "/"),
            n: 0,
            operation: 0,
            segment: 0,
        };
        self.of_session(&mut session, "session.start", json!({}));
        session
    }

    pub(crate) fn intent(&mut self, session: &mut Session) {
        session.operation += 1;
        let members = json!({
            "outcome": "pending",
            "op": {"n": session.operation, "verb": "select", "effect": "read", "text": "select 'caf\u{e9}\n'"},
            "verdict": {"effect": "allow", "rules": ["readers"]},
        });
        self.of_session(session, "operation.intent", members);
    }

    pub(crate) fn outcome(&mut self, session: &mut Session) {
        let members = json!({"op": {"n": session.operation, "rows": 3, "bytes": 120}});
        self.of_session(session, "operation.outcome", members);
    }

    pub(crate) fn transfer(&mut self, session: &mut Session) {
        let members = json!({
            "op": {"n": session.operation, "verb": "upload", "text": "/srv/a"},
            "detail": {"ending": "closed", "written": 3, "written_sha256": hex(&Sha256::digest(b"abc"))},
        });
        self.of_session(session, "operation.transfer", members);
    }

    pub(crate) fn error(&mut self, session: &mut Session) {
        let members = json!({"outcome": "failed", "op": {"n": 0, "sqlstate": "42601"}});
        self.of_session(session, "operation.error", members);
    }

    pub(crate) fn segment(&mut self, session: &mut Session, content: &[u8]) {
        let digest = hex(&Sha256::digest(content));
        let number = session.segment;
        self.segments
            .insert(session.segment_path(number), content.to_vec());
        session.segment += 1;
        let members = json!({"body": {"segment": number, "bytes": content.len(), "lines": 1, "sha256": digest}});
        self.of_session(session, "segment.closed", members);
    }

    pub(crate) fn end(&mut self, session: &mut Session, unfinished: u64) {
        let members = if unfinished == 0 {
            json!({})
        } else {
            json!({"outcome": "interrupted", "detail": {"unfinished": unfinished}})
        };
        self.of_session(session, "session.end", members);
    }

    pub(crate) fn of_session(&mut self, session: &mut Session, kind: &str, more: Value) {
        let mut members = json!({
            "sess": {"id": session.id, "n": session.n},
            "actor": {"iss": "custos", "kind": "human", "name": "Alice", "sub": "alice", "groups": ["dba"]},
            "src": {"ip": "127.0.0.1", "port": 50_000, "client": "psql"},
            "target": {"resource": "postgres/shop", "protocol": "postgres"},
        });
        merge(&mut members, more);
        session.n += 1;
        self.record(kind, members);
    }

    pub(crate) fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("01932f5a-7c1e-7abc-8def-{:012x}", self.ids)
    }

    fn utc(&self) -> String {
        let (seconds, ns) = (self.utc_ns / 1_000_000_000, self.utc_ns % 1_000_000_000);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!(
            "{}T{hours:02}:{minutes:02}:{seconds:02}.{ns:09}Z",
            self.date
        )
    }
}

/// A log: an origin and its records.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) origin: String,
    pub(crate) records: Vec<Vec<u8>>,
}

impl Log {
    pub(crate) fn root(&self) -> Hash {
        let leaves: Vec<Hash> = self.records.iter().map(|record| leaf(record)).collect();
        root(&leaves)
    }

    pub(crate) fn checkpoint_text(&self) -> String {
        let root = BASE64.encode(self.root());
        format!("{}\n{}\n{root}\n", self.origin, self.records.len())
    }

    /// What the next log's `log.previous` says.
    pub(crate) fn as_previous(&self) -> Value {
        let root = BASE64.encode(self.root());
        json!({"origin": self.origin, "root": root, "size": self.records.len()})
    }

    fn write(&self, dir: &Path, key: &Key) {
        let top = dir.join("logs").join(&self.origin);
        if top.exists() {
            fs::remove_dir_all(&top).unwrap();
        }
        for (number, chunk) in self.records.chunks(256).enumerate() {
            let bundle: Vec<u8> = chunk.iter().flat_map(|record| entry(record)).collect();
            put(&top.join(tile("entries", number, chunk.len())), &bundle);
        }
        let mut row: Vec<Hash> = self.records.iter().map(|record| leaf(record)).collect();
        let mut level = 0;
        while !row.is_empty() {
            for (number, chunk) in row.chunks(256).enumerate() {
                let path = top.join(tile(&level.to_string(), number, chunk.len()));
                put(&path, &chunk.concat());
            }
            row = row.chunks_exact(256).map(root).collect();
            level += 1;
        }
        put(
            &top.join("checkpoint"),
            key.sign(&self.checkpoint_text()).as_bytes(),
        );
    }
}

/// A directory of evidence, and what is needed to write it again after a change.
pub(crate) struct Fixture {
    pub(crate) temporary: TempDir,
    pub(crate) key: Key,
    pub(crate) logs: Vec<Log>,
    pub(crate) segments: BTreeMap<String, Vec<u8>>,
}

impl Fixture {
    pub(crate) fn new(logs: Vec<Log>, segments: BTreeMap<String, Vec<u8>>) -> Self {
        let fixture = Self {
            temporary: tempfile::tempdir().unwrap(),
            key: Key::new(NODE, 7),
            logs,
            segments,
        };
        fixture.write();
        fixture
    }

    /// One log of `size` records; see [`standard_records`] for the first fourteen.
    pub(crate) fn standard(size: usize) -> Self {
        let mut writer = standard_records(size);
        writer.heartbeats_to(size);
        Self::of(writer)
    }

    /// One log of what a writer wrote.
    pub(crate) fn of(writer: Writer) -> Self {
        let log = Log {
            origin: NOVEMBER.to_owned(),
            records: writer.records,
        };
        Self::new(vec![log], writer.segments)
    }

    /// November, closed, and December, which goes on with a session; `alter` may change the link.
    pub(crate) fn two_months(alter: impl FnOnce(&mut Value)) -> Self {
        let key = Key::new(NODE, 7);
        let mut writer = standard_records(14);
        writer.heartbeats_to(300);
        let mut session = writer.start();
        writer.intent(&mut session);
        writer.segment(&mut session, b"november");
        writer.close_log(NOVEMBER);
        let november = Log {
            origin: NOVEMBER.to_owned(),
            records: std::mem::take(&mut writer.records),
        };
        writer.date = "2026-12-01";
        let mut previous = november.as_previous();
        alter(&mut previous);
        writer.open_log(DECEMBER, &key, Some(previous).filter(|one| !one.is_null()));
        writer.outcome(&mut session);
        writer.segment(&mut session, b"december");
        writer.end(&mut session, 0);
        writer.heartbeats_to(20);
        let december = Log {
            origin: DECEMBER.to_owned(),
            records: writer.records,
        };
        Self::new(vec![november, december], writer.segments)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.temporary.path()
    }

    /// A file of the first log.
    pub(crate) fn log_file(&self, name: &str) -> PathBuf {
        self.dir()
            .join("logs")
            .join(&self.logs[0].origin)
            .join(name)
    }

    /// Writes everything with the genuine key.
    pub(crate) fn write(&self) {
        for log in &self.logs {
            log.write(self.dir(), &self.key);
        }
        for (path, content) in &self.segments {
            put(&self.dir().join(path), content);
        }
    }

    /// Changes the first log's records and signs the result with the genuine key.
    pub(crate) fn resign(&mut self, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
        change(&mut self.logs[0].records);
        self.write();
    }

    /// Changes one record's members and signs the result with the genuine key.
    pub(crate) fn edit(&mut self, index: usize, change: impl FnOnce(&mut Value)) {
        self.resign(|records| {
            let mut value = serde_json::from_slice(&records[index]).unwrap();
            change(&mut value);
            records[index] = canonical(&value);
        });
    }

    /// Replaces one record's text and signs the result with the genuine key.
    pub(crate) fn replace(&mut self, index: usize, from: &str, to: &str) {
        self.resign(|records| {
            let text = String::from_utf8(records[index].clone()).unwrap();
            assert!(text.contains(from), "{text}");
            records[index] = text.replacen(from, to, 1).into_bytes();
        });
    }

    /// Changes a file of the first log.
    pub(crate) fn change_file(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.log_file(name);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
    }

    /// Byte range of a record in its bundle of 256.
    pub(crate) fn range_in_bundle(&self, index: usize) -> std::ops::Range<usize> {
        let records = &self.logs[0].records;
        let first = index / 256 * 256;
        let start = 2 + records[first..index]
            .iter()
            .map(|r| r.len() + 2)
            .sum::<usize>();
        start..start + records[index].len()
    }

    /// A record with one byte changed that leaves it good by itself.
    pub(crate) fn another_build(&self, index: usize) -> Vec<u8> {
        let text = String::from_utf8(self.logs[0].records[index].clone()).unwrap();
        text.replace("0.1.0", "0.1.9").into_bytes()
    }

    pub(crate) fn segment_path(&self, number: usize) -> PathBuf {
        let path = self.segments.keys().nth(number).unwrap();
        self.dir().join(path)
    }
}

/// 0 `log.open`, 1 `node.start`, 2 start A, 3 intent A, 4 start B, 5 outcome A, 6 intent B, 7 outcome B, 8 segment A 0,
/// 9 error A, 10 end A, 11 segment B 0, 12 segment B 1, 13 end B. Smaller logs have only `log.open`, or the first 14.
pub(crate) fn standard_records(size: usize) -> Writer {
    let mut writer = Writer::new("2026-11-21");
    writer.open_log(NOVEMBER, &Key::new(NODE, 7), None);
    if size == 1 {
        return writer;
    }
    writer.plain("node.start");
    let mut a = writer.start();
    writer.intent(&mut a);
    let mut b = writer.start();
    writer.outcome(&mut a);
    writer.intent(&mut b);
    writer.outcome(&mut b);
    writer.segment(&mut a, b"segment 0 of a");
    writer.error(&mut a);
    writer.end(&mut a, 0);
    writer.segment(&mut b, b"segment 0 of b");
    writer.segment(&mut b, b"segment 1 of b");
    writer.end(&mut b, 0);
    writer
}

pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let members: Vec<Vec<u8>> = sorted
                .into_iter()
                .map(|(key, value)| {
                    [json!(key).to_string().as_bytes(), b":", &canonical(value)].concat()
                })
                .collect();
            [b"{", &members.join(&b","[..])[..], b"}"].concat()
        }
        Value::Array(items) => {
            let items: Vec<Vec<u8>> = items.iter().map(canonical).collect();
            [b"[", &items.join(&b","[..])[..], b"]"].concat()
        }
        plain => plain.to_string().into_bytes(),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap();
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

pub(crate) fn leaf(record: &[u8]) -> Hash {
    Sha256::digest([&[0], record].concat()).into()
}

/// RFC 6962 section 2.1, by its definition.
pub(crate) fn root(hashes: &[Hash]) -> Hash {
    if let [one] = hashes {
        return *one;
    }
    let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
    Sha256::digest([&[1], &root(left)[..], &root(right)[..]].concat()).into()
}

pub(crate) fn put(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn entry(record: &[u8]) -> Vec<u8> {
    let length = u16::try_from(record.len()).unwrap().to_be_bytes();
    [&length, record].concat()
}

fn tile(level: &str, number: usize, width: usize) -> String {
    assert!(number < 1000, "the test writer makes short names only");
    let partial = if width < 256 {
        format!(".p/{width}")
    } else {
        String::new()
    };
    format!("tile/{level}/{number:03}{partial}")
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
