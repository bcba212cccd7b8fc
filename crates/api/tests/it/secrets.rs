//! Canaries: the upstream password is in no answer, no log line and no file in clear; a credential's
//! secret is in the one answer that issues it.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::world::{World, shop};

const CANARY: &str = "canary-5f0c9e7a";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn assert_absent(what: &str, dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_absent(what, &path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let found = bytes
                .windows(what.len())
                .any(|window| window == what.as_bytes());
            assert!(!found, "{what} is in {}", path.display());
        }
    }
}

#[test]
fn secrets_stay_secret() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .try_init()
        .unwrap();

    let world = World::own();
    let mut misplaced = shop("x");
    misplaced["resource"]["password"] = json!(CANARY);
    let mut as_number = shop("x");
    as_number["password"] = json!({ "value": CANARY });
    let bodies = [
        shop(CANARY).to_string(),
        shop(CANARY).to_string(),
        misplaced.to_string(),
        as_number.to_string(),
        format!("{{\"password\": \"{CANARY}\", \"resource\": 5}}"),
        format!("{{\"password\": \"{CANARY}\""),
        format!("[\"{CANARY}\"]"),
        json!({"password": CANARY, "resource": {"name": "Bad", "host": "h", "port": 1, "account": "a"}}).to_string(),
        json!({"password": CANARY, "resource": shop("x")["resource"], "more": CANARY}).to_string(),
    ];
    let mut answers = String::new();
    for body in bodies {
        answers.push_str(&world.post("/v1/resources", &body).body);
    }
    let body = json!({"principal": "alice", "kind": "human", "resource": "postgres/shop", "ttl_seconds": 60});
    let issued = world.post("/v1/credentials", &body.to_string()).json();
    let secret = issued["secret"].as_str().unwrap().to_owned();
    for path in [
        "/v1/resources",
        "/v1/credentials",
        "/v1/status",
        "/v1/sessions",
    ] {
        answers.push_str(&world.get(path).body);
    }
    assert!(answers.contains("db.internal"), "the answers are real");
    let dir = world.dir.path().to_owned();
    let name = "postgres/shop".parse().unwrap();
    assert_eq!(
        world.store.upstream_password(&name).unwrap().expose(),
        CANARY
    );
    for canary in [CANARY, secret.as_str()] {
        assert!(!answers.contains(canary), "{answers}");
        assert_absent(canary, &dir);
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("resource added"),
        "the log is real: {logged}"
    );
    for canary in [CANARY, secret.as_str()] {
        assert!(!logged.contains(canary), "{logged}");
    }
}
