//! People who ask, and people who approve: each with a machine, an SSH key in her own `~/.ssh`, and a psql.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::PATIENCE;
use crate::client::Endpoint;
use crate::custos::Custos;
use crate::laptop::Laptop;
use crate::process::{Finished, Running, run, start};

/// The SSHSIG namespace of decisions.
pub const APPROVAL_NAMESPACE: &str = "custos-approval";

/// A person with the command line and an SSH key.
#[derive(Debug)]
pub struct Person {
    name: String,
    gateway: String,
    laptop: Laptop,
    home: TempDir,
}

/// What the gateway answers to a call.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its JSON; null where there is none.
    pub body: Value,
}

/// A statement that the gateway made for somebody to sign.
#[derive(Clone, Debug)]
pub struct ToSign {
    /// The approval's id.
    pub approval: String,
    /// The bytes to sign.
    pub statement: String,
}

impl Person {
    /// Somebody who has not signed in yet; her key is made.
    ///
    /// # Panics
    /// When ssh-keygen is not installed.
    #[track_caller]
    pub fn new(name: &str, gateway: &str) -> Self {
        let home = tempfile::tempdir().expect("a directory can be made");
        std::fs::create_dir(home.path().join(".ssh")).expect("it is new");
        let person = Self {
            name: name.to_owned(),
            gateway: gateway.to_owned(),
            laptop: Laptop::new(gateway, &[]),
            home,
        };
        person.make_key("id_ed25519");
        person
    }

    /// What she is called here.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Her machine, to sign in at.
    pub fn laptop(&self) -> &Laptop {
        &self.laptop
    }

    /// A `custos` command of hers, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.laptop.command(arguments);
        command
            .env("HOME", self.home.path())
            .env_remove("SSH_AUTH_SOCK");
        command
    }

    /// Runs a `custos` command of hers to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        run(&mut self.command(arguments), PATIENCE)
    }

    /// Makes a key in her `~/.ssh`; the private file.
    ///
    /// # Panics
    /// When it cannot be made.
    #[track_caller]
    pub fn make_key(&self, file: &str) -> PathBuf {
        let path = self.home.path().join(".ssh").join(file);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", &self.name, "-f"]);
        run(keygen.arg(&path), PATIENCE).success();
        path
    }

    /// The private file of her usual key.
    pub fn key(&self) -> PathBuf {
        self.home.path().join(".ssh/id_ed25519")
    }

    /// The fingerprint of her usual key.
    #[track_caller]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.key())
    }

    /// Enrols her usual key, and the operator accepts it.
    #[track_caller]
    pub fn enrol(&self, custos: &Custos) {
        self.run(&["approver", "enrol"]).success();
        let accept = ["approver", "accept", "--operator", &self.fingerprint()];
        custos.cli(&accept).success();
    }

    /// Agrees to a request by the command line.
    #[track_caller]
    pub fn approve(&self, request: &str) -> Finished {
        self.run(&["approve", request, "--yes", "--reason", "looked at it"])
    }

    /// Refuses a request by the command line.
    #[track_caller]
    pub fn deny(&self, request: &str) -> Finished {
        self.run(&["deny", request, "--yes", "--reason", "not today"])
    }

    /// Where she connects to a resource with a credential of her own.
    ///
    /// # Panics
    /// When she gets none.
    #[track_caller]
    pub fn endpoint(&self, resource: &str, database: &str) -> Endpoint {
        let given = self.run(&["connect", resource, "--env"]).success();
        let value = |name: &str| {
            let start = format!("export {name}=");
            let line = given.lines().find_map(|line| line.strip_prefix(&start));
            line.unwrap_or_else(|| panic!("no {name} in {given}"))
                .trim_matches('\'')
                .to_owned()
        };
        Endpoint {
            host: value("PGHOST"),
            port: value("PGPORT").parse().expect("a port"),
            user: value("PGUSER"),
            password: value("PGPASSWORD"),
            database: database.to_owned(),
            root_certificate: Some(value("PGSSLROOTCERT").into()),
        }
    }

    /// A call with her access token.
    ///
    /// # Panics
    /// When nobody answers.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let tokens = self.laptop.tokens();
        let token = tokens["access_token"].as_str().expect("she is signed in");
        call(&self.gateway, token, method, path, body)
    }

    /// The open requests that she sees.
    #[track_caller]
    pub fn requests(&self) -> Vec<Value> {
        let listed = self.call("GET", "/v1/requests", None);
        assert_eq!(listed.status, 200, "{listed:?}");
        listed.body["requests"].as_array().expect("a list").clone()
    }

    /// Asks for the statement of a decision, to be signed with her usual key.
    #[track_caller]
    pub fn statement(&self, request: &str, decision: &str) -> Answer {
        self.statement_for(request, decision, &self.fingerprint())
    }

    /// The same, to be signed with another key.
    #[track_caller]
    pub fn statement_for(&self, request: &str, decision: &str, key: &str) -> Answer {
        let wanted = json!({"decision": decision, "justification": "by hand", "key": key});
        let path = format!("/v1/requests/{request}/statement");
        self.call("POST", &path, Some(&wanted))
    }

    /// Hands in a signature for a statement.
    #[track_caller]
    pub fn hand_in(&self, approval: &str, signature: &str) -> Answer {
        let body = json!({"signature": {"method": "ssh", "signature": signature}});
        self.call("POST", &format!("/v1/approvals/{approval}"), Some(&body))
    }

    /// Signs with her usual key.
    #[track_caller]
    pub fn sign(&self, statement: &str) -> String {
        sign(&self.key(), APPROVAL_NAMESPACE, statement)
    }
}

impl Answer {
    /// The statement of an answer that must be one.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn to_sign(&self) -> ToSign {
        assert_eq!(self.status, 201, "{self:?}");
        let text = |name: &str| self.body[name].as_str().expect("a text").to_owned();
        ToSign {
            approval: text("approval"),
            statement: text("statement"),
        }
    }

    /// The code of a refusal.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// Fingerprint of a key file.
///
/// # Panics
/// When it is none.
#[track_caller]
pub fn fingerprint(key: &Path) -> String {
    let told = run(Command::new("ssh-keygen").arg("-lf").arg(key), PATIENCE).success();
    let word = told.split(' ').nth(1);
    word.expect("a fingerprint").to_owned()
}

/// An armored SSHSIG, made by ssh-keygen.
///
/// # Panics
/// When it does not sign.
#[track_caller]
pub fn sign(key: &Path, namespace: &str, text: &str) -> String {
    let mut keygen = Command::new("ssh-keygen");
    keygen
        .args(["-Y", "sign", "-q", "-n", namespace, "-f"])
        .arg(key)
        .env_remove("SSH_AUTH_SOCK");
    let mut running = start(&mut keygen);
    running.write(text);
    running.close_stdin();
    running.finish(PATIENCE).success()
}

#[track_caller]
fn call(gateway: &str, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let authority = gateway.trim_start_matches("http://");
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(authority).expect("the gateway listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout can be set");
    stream
        .write_all(request.as_bytes())
        .expect("the gateway reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the gateway answers in time");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1);
    Answer {
        status: status.and_then(|it| it.parse().ok()).expect("a status"),
        body: serde_json::from_str(body).unwrap_or_default(),
    }
}

/// A psql that goes on after errors, and may wait for people.
#[derive(Debug)]
pub struct Psql {
    running: Running,
    held: usize,
}

impl Psql {
    /// Starts one, with further startup options (`-c name=value`).
    #[track_caller]
    pub fn start(endpoint: &Endpoint, options: &str) -> Self {
        let mut psql = endpoint.psql(&["-At", "-v", "ON_ERROR_STOP=0", "-v", "VERBOSITY=verbose"]);
        Self {
            running: start(psql.env("PGOPTIONS", options)),
            held: 0,
        }
    }

    /// Types a line.
    pub fn send(&mut self, line: &str) {
        self.running.write_if_alive(line);
        self.running.write_if_alive("\n");
    }

    /// What it printed.
    pub fn stdout(&self) -> String {
        self.running.stdout()
    }

    /// Errors and notices.
    pub fn stderr(&self) -> String {
        self.running.stderr()
    }

    /// Waits until it has printed a text.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        self.wait(text, Running::stdout);
    }

    /// Waits until it has told an error or a notice with this text.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn wait_for_error(&mut self, text: &str) {
        self.wait(text, Running::stderr);
    }

    #[track_caller]
    fn wait(&mut self, text: &str, of: impl Fn(&Running) -> String) {
        let deadline = crate::Deadline::after(PATIENCE);
        while !of(&self.running).contains(text) {
            // In this order: what it said last may come between the two.
            let is_over = deadline.is_over() || self.running.has_said_all();
            let seen = of(&self.running).contains(text);
            let (out, told) = (self.stdout(), self.stderr());
            assert!(
                seen || !is_over,
                "no `{text}` in\n{out}\n--- stderr\n{told}"
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Waits until the next statement of it is held; the request.
    ///
    /// # Panics
    /// When none is.
    #[track_caller]
    pub fn held(&mut self) -> String {
        const TOLD: &str = "waits for approval";
        let deadline = crate::Deadline::after(PATIENCE);
        let request = loop {
            let told = self.running.stderr();
            let mut notices = told.lines().filter(|line| line.contains(TOLD));
            let notice = notices.nth(self.held);
            let id = notice.and_then(|line| line.split("request ").nth(1));
            if let Some(id) = id.filter(|id| id.len() >= 36) {
                break id[..36].to_owned();
            }
            let (out, is_running) = (self.stdout(), self.running.is_running());
            assert!(
                is_running && !deadline.is_over(),
                "nothing is held\n{out}\n--- stderr\n{told}"
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        self.held += 1;
        request
    }

    /// Ctrl-C: it sends a cancel request.
    pub fn cancel(&self) {
        self.running.signal(Signal::INT);
    }

    /// Ends it without a word to the server.
    pub fn kill(&self) {
        self.running.signal(Signal::KILL);
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.running.is_running()
    }

    /// Ends its input, and waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        self.running.close_stdin();
        self.running.finish(PATIENCE)
    }
}

/// Checks a kept approval with ssh-keygen alone: the statement against its signature, under the key of this line.
///
/// # Panics
/// When it does not fit.
#[track_caller]
pub fn verify_with_ssh_keygen(evidence: &Path, approval: &str, allowed_signers: &Path, key: &str) {
    let file = |end: &str| evidence.join("approvals").join(format!("{approval}.{end}"));
    let statement = std::fs::read_to_string(file("json")).expect("the statement is kept");
    let mut keygen = Command::new("ssh-keygen");
    keygen
        .args(["-Y", "verify", "-n", APPROVAL_NAMESPACE, "-I", key, "-f"])
        .arg(allowed_signers)
        .arg("-s")
        .arg(file("sshsig"));
    let mut running = start(&mut keygen);
    running.write(&statement);
    running.close_stdin();
    running.finish(PATIENCE).success();
}
