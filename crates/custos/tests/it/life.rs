//! A gateway's life: up, status, reload, drain, down, and what is on record of it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{custos, texts};

const CONFIG: &str = r#"
state_dir = "state"
[log]
format = "json"
[limits]
sessions = 100
[[listener]]
name = "pg"
protocol = "postgres"
address = "127.0.0.1:0"
tls = "off"
[[access]]
name = "shop"
principals = ["alice"]
resources = ["postgres/shop"]
"#;
/// The slowest of our machines.
const DEADLINE: Duration = Duration::from_mins(1);

struct Gateway {
    child: Child,
    log: Receiver<String>,
}

impl Gateway {
    fn start(dir: &Path, arguments: &[&str]) -> Self {
        let mut child = custos(dir, arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, log) = sync_channel(1000);
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let gateway = Self { child, log };
        gateway.wait_for("ready");
        gateway
    }

    /// The next log line that contains the text.
    fn wait_for(&self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let line = self
                .log
                .recv_timeout(DEADLINE)
                .unwrap_or_else(|_| panic!("no {text} in:\n{seen}"));
            if line.contains(text) {
                return line;
            }
            seen.push_str(&line);
            seen.push('\n');
        }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    fn end(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), CONFIG);
    dir
}

fn write(dir: &Path, config: &str) {
    std::fs::write(dir.join("custos.toml"), config).unwrap();
}

fn serve(dir: &Path) -> Gateway {
    Gateway::start(dir, &["serve", "--config", "custos.toml"])
}

fn ask(dir: &Path, arguments: &[&str]) -> Value {
    let output = custos(dir, arguments).output().unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{arguments:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

fn status(dir: &Path) -> Value {
    ask(dir, &["status", "--json", "--config", "custos.toml"])
}

/// The log verifies with the key, and these are the records of the type.
fn records(dir: &Path, key: &str, kind: &str) -> Vec<Value> {
    let evidence = dir.join("state/evidence");
    let verified = custos(dir, &["verify", evidence.to_str().unwrap(), "--key", key])
        .output()
        .unwrap();
    let (out, err) = texts(&verified);
    assert!(verified.status.success(), "{out}{err}");
    let reader = custos_evidence::reader::Reader::new(&evidence);
    let origins = reader.origins().unwrap();
    origins
        .iter()
        .flat_map(|origin| reader.records(origin, 0).unwrap())
        .map(|record| record.unwrap().value())
        .filter(|record| record["type"] == kind)
        .collect()
}

#[test]
fn it_comes_up_tells_how_it_is_and_goes_down() {
    let dir = directory();
    let gateway = serve(dir.path());
    let status = status(dir.path());
    assert_eq!(
        (status["health"].as_str(), status["node"].as_str()),
        (Some("good"), Some("custos/gw1"))
    );
    assert_eq!(status["listeners"][0]["tls"], "off");
    assert_eq!(status["pid"], gateway.child.id());
    assert_eq!(
        ask(
            dir.path(),
            &["session", "ls", "--json", "--config", "custos.toml"]
        ),
        serde_json::json!([])
    );
    let doctor = ask(dir.path(), &["doctor", "--json", "--config", "custos.toml"]);
    let failed: Vec<&Value> = doctor
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["state"] == "fail")
        .collect();
    assert!(failed.is_empty(), "{failed:?}");

    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.child.id())).unwrap();
    let of = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..]
            .split_whitespace()
            .take(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("Max core file size"), ["0", "0"]);
    assert_eq!(
        of("Max open files")[0],
        of("Max open files")[1],
        "raised to what is allowed"
    );

    let socket = dir.path().join("state/admin.sock");
    assert!(socket.exists());
    gateway.signal("TERM");
    gateway.wait_for("stopped");
    assert_eq!(gateway.end().code(), Some(0));
    assert!(!socket.exists());
    let key = status["verifier_key"].as_str().unwrap();
    assert_eq!(records(dir.path(), key, "node.start").len(), 1);
    assert_eq!(records(dir.path(), key, "node.stop").len(), 1);
}

#[test]
fn a_second_gateway_on_the_same_state_is_refused() {
    let dir = directory();
    let gateway = serve(dir.path());
    let output = custos(dir.path(), &["serve", "--config", "custos.toml"])
        .output()
        .unwrap();
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(err.contains("in use by another process"), "{err}");
    assert_eq!(
        status(dir.path())["health"],
        "good",
        "the first one is unharmed"
    );
    gateway.signal("INT");
    assert_eq!(gateway.end().code(), Some(0));
}

#[test]
fn reload_puts_on_record_what_it_changes() {
    let dir = directory();
    let gateway = serve(dir.path());
    let key = status(dir.path())["verifier_key"]
        .as_str()
        .unwrap()
        .to_owned();

    write(
        dir.path(),
        &CONFIG
            .replace("sessions = 100", "sessions = 5")
            .replace("[\"alice\"]", "[\"bob\"]"),
    );
    gateway.signal("HUP");
    gateway.wait_for("limits.sessions: 100 -> 5");

    write(dir.path(), &CONFIG.replace("sessions = 100", "sesions = 5"));
    gateway.signal("HUP");
    gateway.wait_for("reload refused");

    write(dir.path(), &CONFIG.replace("127.0.0.1:0", "127.0.0.1:1"));
    gateway.signal("HUP");
    let line = gateway.wait_for("reload refused");
    assert!(
        line.contains("need") && line.contains("listener.pg.address"),
        "{line}"
    );

    write(
        dir.path(),
        &CONFIG
            .replace("sessions = 100", "sessions = 5")
            .replace("[\"alice\"]", "[\"bob\"]"),
    );
    gateway.signal("HUP");
    gateway.wait_for("nothing has changed");
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));

    let changes = records(dir.path(), &key, "config.changed");
    let outcomes: Vec<&str> = changes
        .iter()
        .map(|it| it["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["ok", "failed", "failed"]);
    let detail = &changes[0]["detail"];
    assert_eq!(
        detail["diff"],
        "access.shop.principals: alice -> bob\nlimits.sessions: 100 -> 5\n"
    );
    assert_ne!(detail["config_old"], detail["config_new"]);
    assert_ne!(detail["policy_old"], detail["policy_new"]);
    assert!(
        changes[1]["reason"]
            .as_str()
            .unwrap()
            .contains("unknown key"),
        "{}",
        changes[1]
    );
    let stop = &records(dir.path(), &key, "node.stop")[0];
    assert_eq!(
        stop["gw"]["config"], detail["config_new"],
        "records name what is in force"
    );
    assert_eq!(stop["gw"]["policy"], detail["policy_new"]);
}

#[test]
fn killed_at_once_it_comes_back_whole() {
    let dir = directory();
    let gateway = serve(dir.path());
    let key = status(dir.path())["verifier_key"]
        .as_str()
        .unwrap()
        .to_owned();
    std::fs::write(dir.path().join("pass"), "s3cret\n").unwrap();
    let add = "resource add postgres/shop --host db --account app --password-file pass --config custos.toml";
    let added = custos(dir.path(), &add.split(' ').collect::<Vec<_>>())
        .output()
        .unwrap();
    assert!(added.status.success(), "{}", texts(&added).1);
    gateway.signal("KILL");
    assert_eq!(gateway.end().code(), None);

    let gateway = serve(dir.path());
    let issue = "credential issue --principal alice --resource postgres/shop --format psql --config custos.toml";
    let issued = custos(dir.path(), &issue.split(' ').collect::<Vec<_>>())
        .output()
        .unwrap();
    let (out, err) = texts(&issued);
    assert!(
        out.starts_with("PGPASSWORD=cus_") && out.contains("sslmode=disable"),
        "{out}{err}"
    );
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
    assert_eq!(records(dir.path(), &key, "resource.added").len(), 1);
    assert_eq!(records(dir.path(), &key, "node.start").len(), 2);
}

#[test]
fn dev_needs_nothing_but_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    // Its usual port may be that of another one.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let web = free.local_addr().unwrap().to_string();
    drop(free);
    let arguments = ["dev", "--listen", "127.0.0.1:0", "--web", &web];
    let gateway = Gateway::start(dir.path(), &arguments);
    let status = ask(dir.path(), &["status", "--json"]);
    assert_eq!(status["node"], "custos/dev");
    assert_eq!(status["listeners"][0]["tls"], "required");
    let ca = std::fs::read_to_string(status["client_ca_file"].as_str().unwrap()).unwrap();
    assert!(ca.starts_with("-----BEGIN CERTIFICATE-----"));
    gateway.signal("TERM");
    assert_eq!(gateway.end().code(), Some(0));
}
