//! The gateway under test: the built binary, with its state in a temporary directory.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::{Authority, Pair, write_private};
use crate::client::Endpoint;
use crate::evidence::Evidence;
use crate::postgres::Postgres;
use crate::process::{Finished, Running, free_port, run, start};
use crate::settings::Settings;
use crate::wait::wait_for;
use crate::{PATIENCE, workspace};

/// A gateway. A test ends with [`Custos::finish`], which verifies its evidence.
///
/// It has three listeners: the usual one with TLS, whose certificate says `localhost`; one with TLS that takes the
/// credential as a password, for sessions spoken by hand; and one in plain text.
#[derive(Debug)]
pub struct Custos {
    directory: TempDir,
    authority: Authority,
    certificate: Pair,
    tls_port: u16,
    password_port: u16,
    plain_port: u16,
    running: Option<Running>,
    logs: String,
    verified: bool,
}

/// An issued connection credential.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its public id.
    pub id: String,
    /// The login name that it belongs to.
    pub principal: String,
    /// The secret.
    pub secret: String,
}

/// What a stopped gateway leaves: its evidence, verified by two verifiers.
#[derive(Debug)]
pub struct Stopped {
    /// Its records.
    pub evidence: Evidence,
    /// All that it wrote to its own log.
    pub log: String,
}

impl Custos {
    /// Starts one with the usual settings.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(&Settings::default())
    }

    /// Starts one and waits until it serves.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn start_with(settings: &Settings) -> Self {
        let directory = tempfile::Builder::new().prefix("custos-gw-").tempdir().expect("/tmp can be written");
        let authority = Authority::new(directory.path(), "ca");
        let certificate = authority.issue("gateway", &["localhost"]);
        let mut custos = Self {
            directory,
            authority,
            certificate,
            tls_port: free_port(),
            password_port: free_port(),
            plain_port: free_port(),
            running: None,
            logs: String::new(),
            verified: false,
        };
        custos.write_settings(settings);
        custos.restart();
        custos
    }

    /// A gateway with the resource `postgres/shop` on a server, its TLS verified, and alice's credential for it.
    #[track_caller]
    pub fn in_front_of(postgres: &Postgres) -> (Self, Credential) {
        let custos = Self::start();
        custos.add_resource("postgres/shop", postgres);
        let credential = custos.issue("alice", "postgres/shop");
        (custos, credential)
    }

    /// Starts the binary on the state as it is.
    ///
    /// # Panics
    /// When it does not serve in time.
    #[track_caller]
    pub fn restart(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let mut running = start(
            // A write beyond a file size limit is then an error, as with a full disk, and not a deadly signal.
            Command::new("sh")
                .args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh"])
                .arg(workspace::custos_binary())
                .args(["serve", "--config"])
                .arg(self.config_file())
                .current_dir(self.directory.path())
                .env_remove("CUSTOS_MASTER_KEY")
                .env_remove("RUST_LOG"),
        );
        wait_for("the gateway to serve", PATIENCE, || {
            assert!(running.is_running(), "the gateway ended: {}", running.stderr());
            UnixStream::connect(self.socket()).ok()
        });
        self.running = Some(running);
    }

    /// Writes the configuration file anew; the running gateway sees it at [`Custos::reload`].
    pub fn write_settings(&self, settings: &Settings) {
        let Settings { limits, access, drain_timeout } = settings;
        let (certificate, key) = (self.certificate.certificate.display(), self.certificate.key.display());
        let Self { tls_port, password_port, plain_port, .. } = self;
        let text = format!(
            r#"cluster = "test"
node = "gw1"
state_dir = "state"
evidence_dir = "evidence"
admin_socket = "admin.sock"
drain_timeout = "{drain_timeout}"

[log]
level = "debug"

[limits]
{limits}

[[listener]]
name = "tls"
protocol = "postgres"
address = "127.0.0.1:{tls_port}"
certificate = "{certificate}"
key = "{key}"

[[listener]]
name = "password"
protocol = "postgres"
address = "127.0.0.1:{password_port}"
certificate = "{certificate}"
key = "{key}"
authentication = "password"

[[listener]]
name = "plain"
protocol = "postgres"
address = "127.0.0.1:{plain_port}"
tls = "off"

{access}"#
        );
        std::fs::write(self.config_file(), text).expect("the directory can be written");
    }

    /// Makes the running gateway read its configuration again. Returns at once.
    pub fn reload(&self) {
        self.process().signal(Signal::HUP);
    }

    /// The directory that everything is in.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The evidence directory.
    pub fn evidence_directory(&self) -> PathBuf {
        self.directory.path().join("evidence")
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.directory.path().join("custos.toml")
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("admin.sock")
    }

    /// The authority that signed the TLS listener's certificate.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The TLS listener.
    pub fn tls_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.tls_port).into()
    }

    /// The plain-text listener.
    pub fn plain_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.plain_port).into()
    }

    /// Process id of the running gateway.
    pub fn pid(&self) -> u32 {
        self.process().pid()
    }

    /// From now on every write of the running gateway to a file fails, or no longer does.
    ///
    /// # Panics
    /// When the limit cannot be set.
    pub fn fail_writes(&self, fail: bool) {
        let limit = if fail { "--fsize=0:" } else { "--fsize=unlimited:" };
        run(Command::new("prlimit").arg(limit).args(["--pid", &self.pid().to_string()]), PATIENCE).success();
    }

    /// What it has logged since it was first started.
    pub fn log(&self) -> String {
        self.logs.clone() + &self.running.as_ref().map(Running::stderr).unwrap_or_default()
    }

    fn process(&self) -> &Running {
        self.running.as_ref().expect("the gateway runs")
    }

    /// A `custos` command for this gateway, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(workspace::custos_binary());
        command.args(arguments).current_dir(self.directory.path()).env("CUSTOS_SOCKET", self.socket());
        command.env("CUSTOS_CONFIG", self.config_file());
        command
    }

    /// Runs a `custos` command to its end.
    #[track_caller]
    pub fn cli(&self, arguments: &[&str]) -> Finished {
        run(&mut self.command(arguments), PATIENCE)
    }

    /// Runs a `custos` command that prints JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.cli(arguments).success();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// Adds a server as a resource: account [`Postgres::APP`], TLS verified in full.
    #[track_caller]
    pub fn add_resource(&self, name: &str, postgres: &Postgres) {
        let authority = postgres.authority().file();
        let authority = authority.to_str().expect("paths here are text");
        self.add_target(name, Postgres::HOST, postgres.port(), Postgres::APP, &["--ca-file", authority]).success();
    }

    /// Adds a resource with options of one's own; the password is [`Postgres::PASSWORD`].
    #[track_caller]
    pub fn add_target(&self, name: &str, host: &str, port: u16, account: &str, options: &[&str]) -> Finished {
        let port = port.to_string();
        let mut arguments = vec!["resource", "add", name, "--host", host, "--port", &port];
        arguments.extend(["--account", account, "--password-stdin"]);
        arguments.extend(options);
        let mut running = start(&mut self.command(&arguments));
        running.write(Postgres::PASSWORD);
        running.write("\n");
        running.close_stdin();
        running.finish(PATIENCE)
    }

    /// Issues a credential to a person.
    #[track_caller]
    pub fn issue(&self, principal: &str, resource: &str) -> Credential {
        self.issue_with(principal, resource, &[])
    }

    /// Issues a credential with further options.
    #[track_caller]
    pub fn issue_with(&self, principal: &str, resource: &str, options: &[&str]) -> Credential {
        let mut arguments = vec!["credential", "issue", "--format", "json", "--principal", principal];
        arguments.extend(["--resource", resource]);
        arguments.extend(options);
        let issued = self.json(&arguments);
        let text = |name: &str| issued[name].as_str().expect("an issued credential has it").to_owned();
        Credential { id: text("id"), principal: principal.to_owned(), secret: text("secret") }
    }

    /// Where a client with that credential connects, over TLS.
    pub fn endpoint(&self, credential: &Credential, database: &str) -> Endpoint {
        Endpoint {
            host: "localhost".to_owned(),
            port: self.tls_port,
            user: credential.principal.clone(),
            password: credential.secret.clone(),
            database: database.to_owned(),
            root_certificate: Some(self.authority.file()),
        }
    }

    /// Where [`crate::Wire::sign_in`] connects with that credential.
    pub fn password_endpoint(&self, credential: &Credential, database: &str) -> Endpoint {
        Endpoint { port: self.password_port, ..self.endpoint(credential, database) }
    }

    /// The records so far, up to the last checkpoint.
    pub fn evidence(&self) -> Evidence {
        Evidence::read(&self.evidence_directory())
    }

    /// Waits until a record is in the log that fits.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn wait_for_record(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait_for(&format!("a record: {what}"), PATIENCE, || self.evidence().all().iter().find(|record| fits(record)).cloned())
    }

    /// Waits until so many sessions have ended.
    #[track_caller]
    pub fn wait_for_ended_sessions(&self, count: usize) {
        wait_for(&format!("{count} ended sessions"), PATIENCE, || {
            (self.evidence().of_type("session.end").count() >= count).then_some(())
        });
    }

    /// Waits until every session that began has ended.
    #[track_caller]
    pub fn wait_for_quiet(&self) {
        wait_for("all sessions to end", PATIENCE, || {
            let evidence = self.evidence();
            let (begun, ended) = (evidence.of_type("session.start").count(), evidence.of_type("session.end").count());
            (begun > 0 && begun == ended).then_some(())
        });
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        self.process().signal(Signal::KILL);
        self.collect();
    }

    /// Stops it with SIGTERM.
    ///
    /// # Panics
    /// When it does not exit with status 0.
    #[track_caller]
    pub fn stop(&mut self) {
        self.process().signal(Signal::TERM);
        let finished = self.collect();
        assert_eq!(finished.code(), 0, "the gateway stopped with {finished}");
    }

    /// Waits for the end of a gateway that was told to stop.
    #[track_caller]
    pub fn collect(&mut self) -> Finished {
        let finished = self.running.take().expect("the gateway runs").finish(PATIENCE);
        self.logs.push_str(&finished.stderr);
        finished
    }

    /// Stops it if it runs, verifies the evidence with both verifiers, and hands it over.
    ///
    /// # Panics
    /// When it does not stop properly or its evidence does not verify.
    #[track_caller]
    pub fn finish(mut self) -> Stopped {
        if self.running.is_some() {
            self.stop();
        }
        self.verify(0);
        self.verified = true;
        let log = std::mem::take(&mut self.logs);
        assert!(!log.contains("panicked"), "{log}");
        Stopped { evidence: self.evidence(), log }
    }

    /// Runs both verifiers and wants this exit code of them.
    ///
    /// # Panics
    /// When one of them says something else.
    #[track_caller]
    pub fn verify(&self, code: i32) -> String {
        let directory = self.evidence_directory();
        // Pinned from the gateway's own directory: these tests are about its writer, not about the operator.
        let key = directory.join("keys/log.vkey");
        let mut built_in = Command::new(workspace::custos_binary());
        built_in.arg("verify").arg(&directory).arg("--key-file").arg(&key);
        let verdict = run(&mut built_in, PATIENCE);
        assert_eq!(verdict.code(), code, "custos verify: {verdict}");
        let mut script = Command::new("python3");
        script.arg(workspace::root().join("scripts/verify.py")).arg(&directory).arg("--key-file").arg(&key);
        let second = run(&mut script, Duration::from_mins(2));
        assert_eq!(second.code(), code, "scripts/verify.py: {second}");
        verdict.stdout
    }

    /// Every file below state and evidence, with its bytes.
    ///
    /// # Panics
    /// When one cannot be read.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut waiting = vec![self.directory.path().to_owned()];
        while let Some(directory) = waiting.pop() {
            for entry in std::fs::read_dir(&directory).expect("it can be listed").flatten() {
                let path = entry.path();
                let kind = entry.file_type().expect("it has a type");
                if kind.is_dir() {
                    waiting.push(path);
                } else if kind.is_file() {
                    let bytes = std::fs::read(&path).expect("it can be read");
                    found.push((path, bytes));
                }
            }
        }
        found
    }

    /// The transcripts of all closed and open segments so far, decompressed, in order of their path.
    ///
    /// # Panics
    /// When one cannot be read to its end.
    pub fn transcripts(&self) -> String {
        let mut segments = self.files();
        segments.retain(|(path, _)| path.extension().is_some_and(|extension| extension == "zst"));
        segments.sort();
        let mut text = String::new();
        for (path, bytes) in segments {
            let mut decoder = zstd::Decoder::new(bytes.as_slice()).expect("a decoder is made");
            let read = decoder.read_to_string(&mut text);
            assert!(read.is_ok(), "{}: {read:?}", path.display());
        }
        text
    }

    /// Writes a file into its directory that only its owner may read.
    pub fn write_private(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        write_private(&path, text);
        path
    }
}

impl Drop for Custos {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(6000);
            eprintln!("--- the gateway's log\n{}", log.get(tail..).unwrap_or(&log));
        } else {
            assert!(self.verified, "a test ends with Custos::finish, so that its evidence is verified");
        }
    }
}
