//! The gateway under test: the built binary, with its state in a temporary directory.

mod admin;
mod remains;

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::certificates::{Authority, Pair};
use crate::evidence::Evidence;
use crate::postgres::Postgres;
use crate::process::{Finished, Running, free_port, run, start};
use crate::settings::Settings;
use crate::wait::wait_for;
use crate::{PATIENCE, workspace};

/// A gateway. A test ends with [`Custos::finish`], which verifies its evidence.
///
/// It has four listeners: one for SSH, and three for PostgreSQL: the usual one with TLS, whose certificate says `localhost`; one with TLS that takes the
/// credential as a password, for sessions spoken by hand; and one in plain text.
#[derive(Debug)]
pub struct Custos {
    directory: TempDir,
    authority: Authority,
    certificate: Pair,
    tls_port: u16,
    password_port: u16,
    plain_port: u16,
    ssh_port: u16,
    running: Option<Running>,
    logs: String,
    verified: bool,
    clock: Option<String>,
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
        let directory = tempfile::Builder::new()
            .prefix("custos-gw-")
            .tempdir()
            .expect("/tmp can be written");
        let authority = Authority::new(directory.path(), "ca");
        let certificate = authority.issue("gateway", &["localhost"]);
        let mut custos = Self {
            directory,
            authority,
            certificate,
            tls_port: free_port(),
            password_port: free_port(),
            plain_port: free_port(),
            ssh_port: free_port(),
            running: None,
            logs: String::new(),
            verified: false,
            clock: settings.clock.clone(),
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

    /// From its next start on the gateway's wall clock is off by this much (libfaketime's words, as in `+5m`); `None`: it is
    /// right.
    pub fn set_clock(&mut self, offset: Option<&str>) {
        self.clock = offset.map(str::to_owned);
    }

    /// Starts the binary on the state as it is.
    ///
    /// # Panics
    /// When it does not serve in time.
    #[track_caller]
    pub fn restart(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let clock = self.clock.iter().flat_map(|offset| wrong_clock(offset));
        let mut running = start(
            // A write beyond a file size limit is then an error, as with a full disk, and not a deadly signal.
            Command::new("sh")
                .args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh"])
                .arg(workspace::custos_binary())
                .args(["serve", "--config"])
                .arg(self.config_file())
                .current_dir(self.directory.path())
                .envs(clock)
                .env_remove("CUSTOS_MASTER_KEY")
                .env_remove("RUST_LOG"),
        );
        wait_for("the gateway to serve", PATIENCE, || {
            assert!(
                running.is_running(),
                "the gateway ended: {}",
                running.stderr()
            );
            UnixStream::connect(self.socket()).ok()
        });
        self.running = Some(running);
    }

    /// Writes the configuration file anew; the running gateway sees it at [`Custos::reload`].
    pub fn write_settings(&self, settings: &Settings) {
        let Settings {
            limits,
            access,
            policy,
            drain_timeout,
            clock: _,
        } = settings;
        let (certificate, key) = (
            self.certificate.certificate.display(),
            self.certificate.key.display(),
        );
        let Self {
            tls_port,
            password_port,
            plain_port,
            ssh_port,
            ..
        } = self;
        let (policy, access) = match policy {
            Some(policy) => {
                let file = self.directory().join("policy.yaml");
                std::fs::write(file, policy).expect("the directory can be written");
                ("policy = \"policy.yaml\"", "")
            }
            None => ("", access.as_str()),
        };
        let text = format!(
            r#"cluster = "test"
node = "gw1"
state_dir = "state"
evidence_dir = "evidence"
admin_socket = "admin.sock"
drain_timeout = "{drain_timeout}"
{policy}

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

[[listener]]
name = "ssh"
protocol = "ssh"
address = "127.0.0.1:{ssh_port}"

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

    /// The SSH listener.
    pub fn ssh_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ssh_port).into()
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
        let limit = if fail {
            "--fsize=0:"
        } else {
            "--fsize=unlimited:"
        };
        run(
            Command::new("prlimit")
                .arg(limit)
                .args(["--pid", &self.pid().to_string()]),
            PATIENCE,
        )
        .success();
    }

    /// What it has logged since it was first started.
    pub fn log(&self) -> String {
        self.logs.clone()
            + &self
                .running
                .as_ref()
                .map(Running::stderr)
                .unwrap_or_default()
    }

    fn process(&self) -> &Running {
        self.running.as_ref().expect("the gateway runs")
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
        let finished = self
            .running
            .take()
            .expect("the gateway runs")
            .finish(PATIENCE);
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
        Stopped {
            evidence: self.evidence(),
            log,
        }
    }
}

/// What libfaketime, loaded by itself so that signals go to the gateway, reads from the environment.
fn wrong_clock(offset: &str) -> [(&'static str, String); 3] {
    let places = std::fs::read_dir("/usr/lib").expect("libraries are installed");
    let mut places = places.filter_map(|place| {
        let library = place.ok()?.path().join("faketime/libfaketimeMT.so.1");
        library.exists().then(|| library.display().to_string())
    });
    let library = places.next().expect("faketime is installed");
    [
        ("LD_PRELOAD", library),
        ("FAKETIME", offset.to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}

impl Drop for Custos {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(6000);
            eprintln!("--- the gateway's log\n{}", log.get(tail..).unwrap_or(&log));
        } else {
            assert!(
                self.verified,
                "a test ends with Custos::finish, so that its evidence is verified"
            );
        }
    }
}
