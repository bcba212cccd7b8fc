//! A gateway without listeners, its admin socket, and a small HTTP client.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use custos_api::{Admin, AdminSettings, AdminSocket};
use custos_evidence::{Evidence, Settings, reader::Reader};
use custos_identity::Credentials;
use custos_model::{Clock, Instant};
use custos_policy::{AccessRules, Policy};
use custos_session::{Gateway, Limits, Services};
use custos_store::{MasterKey, Store};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) runtime: Runtime,
    pub(crate) evidence: Evidence,
    pub(crate) store: Store,
    pub(crate) socket: PathBuf,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

/// An answer: status, and the body with chunks put together.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

struct TestClock(StdInstant);

impl Clock for TestClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "checkpoints follow the real time"
    )]
    fn now(&self) -> Instant {
        let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Instant {
            utc_ns: u64::try_from(utc.as_nanos()).unwrap(),
            mono_ns: u64::try_from(self.0.elapsed().as_nanos()).unwrap(),
        }
    }
}

fn random(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap();
}

impl World {
    /// `own_uid`: as whom the gateway believes to run.
    #[expect(
        clippy::disallowed_methods,
        reason = "checkpoints follow the real time"
    )]
    pub(crate) fn new(own_uid: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let entered = runtime.enter();
        let clock: Arc<dyn Clock> = Arc::new(TestClock(StdInstant::now()));
        let store = Store::open(
            &dir.path().join("custos.db"),
            MasterKey::from_bytes([7; 32]),
        )
        .unwrap();
        let settings = Settings::new(dir.path().join("evidence"), "custos", "test", "0");
        let (evidence, _) =
            custos_evidence::open(settings, Arc::clone(&clock), &mut |it| random(it)).unwrap();
        let sign_ins = custos_identity::SignIns::new(store.clone(), random);
        let policy = Arc::new(ArcSwap::from_pointee(Policy::Access(
            AccessRules::new(Vec::new()).unwrap(),
        )));
        let approvals = custos_approvals::Approvals::new(custos_approvals::Parts {
            clock: Arc::clone(&clock),
            evidence: evidence.clone(),
            store: store.clone(),
            sign_ins: sign_ins.clone(),
            policy: Arc::clone(&policy),
            node: ("custos".to_owned(), "test".to_owned()),
            relying_party: None,
            random: Box::new(random),
            announce: Box::new(|_| {}),
        })
        .unwrap();
        let services = Services {
            approvals,
            clock,
            evidence: evidence.clone(),
            store: store.clone(),
            credentials: Credentials::new(store.clone(), random).unwrap(),
            certificates: custos_identity::CertificateAuthority::open(
                store.clone(),
                sign_ins.clone(),
                random,
            )
            .unwrap(),
            host_authority: custos_identity::HostAuthority::open(&store, random).unwrap(),
            sign_ins,
            workloads: custos_identity::Workloads::default(),
            own_issuer: None,
            policy,
        };
        let admin = Admin::new(AdminSettings {
            gateway: Gateway::new(services.clone(), Limits::default()),
            services,
            random: Arc::new(random),
            own_uid,
            pid: 1,
            build: "0".to_owned(),
            cluster: "custos".to_owned(),
            node: "test".to_owned(),
            evidence_dir: dir.path().join("evidence"),
            listeners: Vec::new(),
            client_ca_file: None,
            findings: Arc::default(),
            passwd: "root:x:0:0::/:/bin/sh\n".to_owned(),
        });
        let socket = dir.path().join("admin.sock");
        let bound = AdminSocket::bind(&socket).unwrap();
        let stop = CancellationToken::new();
        let server = runtime.spawn(bound.serve(admin, stop.clone()));
        drop(entered);
        Self {
            dir,
            runtime,
            evidence,
            store,
            socket,
            stop,
            server,
        }
    }

    pub(crate) fn own() -> Self {
        Self::new(rustix::process::geteuid().as_raw())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.call("POST", path, body)
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, "")
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut stream = self.send(method, path, body);
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        // One that refuses early closes with our request half read; its answer is there all the same.
        assert!(read.is_ok() || !answer.is_empty(), "{read:?}");
        parse(&String::from_utf8(answer).unwrap())
    }

    /// Sends a request and does not wait for its answer.
    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> UnixStream {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: custos\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        // A server that refuses early may close before it has read everything.
        let _ = stream.write_all(request.as_bytes());
        stream
    }

    pub(crate) fn add_shop(&self) {
        let answer = self.post("/v1/resources", &shop("s3cret-upstream").to_string());
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Stops everything and gives the records of the log.
    pub(crate) fn records(self) -> Vec<Value> {
        self.stop.cancel();
        self.runtime.block_on(self.server).unwrap();
        self.runtime.block_on(self.evidence.shutdown()).unwrap();
        let reader = Reader::new(self.dir.path().join("evidence"));
        let origin = reader.origins().unwrap().remove(0);
        reader
            .records(&origin, 0)
            .unwrap()
            .map(|record| record.unwrap().value())
            .collect()
    }
}

pub(crate) fn shop(password: &str) -> Value {
    serde_json::json!({
        "resource": {
            "name": "postgres/shop", "host": "db.internal", "port": 5432, "account": "shop_app",
            "labels": {"env": "test"},
        },
        "password": password,
    })
}

pub(crate) fn of_type<'r>(records: &'r [Value], kind: &str) -> Vec<&'r Value> {
    records
        .iter()
        .filter(|record| record["type"] == kind)
        .collect()
}

fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    let body = if chunked {
        unchunked(body)
    } else {
        body.to_owned()
    };
    Answer { status, body }
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    loop {
        let (length, after) = rest.split_once("\r\n").expect("a chunk's length");
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        body.push_str(&after[..length]);
        rest = &after[length + 2..];
    }
}
