//! Real PostgreSQL servers.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use crate::certificates::Authority;
use crate::process::{Running, free_port, run, start};
use crate::target_log::TargetLog;
use crate::wait::wait_for;
use crate::{PATIENCE, workspace};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Debian's package.
    V15,
    /// The binaries of an npm package.
    V18,
}

/// How a server of one's own is set up.
#[derive(Clone, Copy, Debug)]
pub struct PostgresOptions {
    /// Whether it offers TLS.
    pub tls: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { tls: true }
    }
}

/// A running server on 127.0.0.1. Its certificate says `localhost` and not `127.0.0.1`.
///
/// Roles: [`Postgres::APP`] (SCRAM), [`Postgres::LEGACY`] (MD5), [`Postgres::CLEAR`] (password in clear).
/// Every statement is in its log, as JSON. It stops when it is dropped or the test process ends, however it ends.
#[derive(Debug)]
pub struct Postgres {
    version: Version,
    port: u16,
    directory: PathBuf,
    supervisor: Running,
    authority: Authority,
}

/// The shell keeps the server until its standard input ends, which even SIGKILL of the test brings about.
pub(crate) const SUPERVISE: &str = r#"
trap '' INT TERM HUP
"$@" </dev/null &
server=$!
cat >/dev/null
kill -INT "$server"
wait "$server"
rm -rf -- "$CUSTOS_TEST_DIRECTORY"
"#;

impl Postgres {
    /// Role with a SCRAM-SHA-256 password; owns the database `shop`.
    pub const APP: &str = "app";
    /// Role with an MD5 password.
    pub const LEGACY: &str = "legacy";
    /// Role that must send its password in clear.
    pub const CLEAR: &str = "clear";
    /// Password of all three. Tests look for this text where it must never be.
    pub const PASSWORD: &str = "upstream-canary-7Yq2";
    /// The database made at start.
    pub const DATABASE: &str = "shop";
    /// The name in its certificate.
    pub const HOST: &str = "localhost";

    /// The one server of this version in this process, with TLS.
    pub fn shared(version: Version) -> &'static Self {
        static V15: OnceLock<Postgres> = OnceLock::new();
        static V18: OnceLock<Postgres> = OnceLock::new();
        let slot = match version {
            Version::V15 => &V15,
            Version::V18 => &V18,
        };
        slot.get_or_init(|| Self::start(version, PostgresOptions::default()))
    }

    /// A server of its own.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(version: Version, options: PostgresOptions) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("custos-pg-")
            .tempdir()
            .expect("/tmp can be written")
            .keep();
        let authority = Authority::new(&directory, "target-ca");
        let pair = authority.issue("server", &[Self::HOST]);
        give_away(&directory);
        let data = directory.join("data");
        run(
            as_server(version, "initdb").arg("-D").arg(&data).args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--no-instructions",
            ]),
            PATIENCE,
        )
        .success();
        let port = free_port();
        let mut settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n{SETTINGS}",
            directory.display()
        );
        if options.tls {
            let (certificate, key) = (pair.certificate.display(), pair.key.display());
            let _ = write!(
                settings,
                "ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n"
            );
        }
        replace(&data.join("postgresql.conf"), &settings);
        replace(&data.join("pg_hba.conf"), ACCESS);
        let server = as_server(version, "postgres");
        let mut supervisor = start(
            Command::new("sh")
                .args(["-c", SUPERVISE, "sh"])
                .arg(server.get_program())
                .args(server.get_args())
                .arg("-D")
                .arg(&data)
                .env("CUSTOS_TEST_DIRECTORY", &directory),
        );
        wait_for("PostgreSQL to be ready", PATIENCE, || {
            assert!(supervisor.is_running(), "{}", supervisor.stderr());
            let state = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
            state
                .lines()
                .nth(7)
                .filter(|line| line.trim() == "ready")
                .map(|_| ())
        });
        let server = Self {
            version,
            port,
            directory,
            supervisor,
            authority,
        };
        server.sql(&format!(
            "create role app login password '{password}';
             create role clear login password '{password}';
             set password_encryption = md5;
             create role legacy login password '{password}';
             create database shop owner app",
            password = Self::PASSWORD
        ));
        server.sql_in(Self::DATABASE, "grant all on schema public to public");
        server
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The root certificate that its own is signed by.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Runs statements as superuser, past everything, and returns the rows as psql prints them with `-At`.
    ///
    /// # Panics
    /// When one fails.
    #[track_caller]
    pub fn sql(&self, statements: &str) -> String {
        self.sql_in("postgres", statements)
    }

    /// The same in another database.
    #[track_caller]
    pub fn sql_in(&self, database: &str, statements: &str) -> String {
        let mut command = Command::new("psql");
        command.args([
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            database,
            "-p",
            &self.port.to_string(),
        ]);
        command.arg("-h").arg(&self.directory);
        // One -c for each statement: CREATE DATABASE refuses the implicit transaction of several.
        for statement in statements
            .split(';')
            .filter(|statement| !statement.trim().is_empty())
        {
            command.args(["-c", statement]);
        }
        run(&mut command, PATIENCE).success().trim_end().to_owned()
    }

    /// What it wrote into its log.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn log(&self) -> Vec<Value> {
        TargetLog::of(&self.directory).entries()
    }

    /// The statements that it executed in a database, in order, as its own log has them.
    pub fn executed_in(&self, database: &str) -> Vec<String> {
        TargetLog::of(&self.directory).statements(database)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.supervisor.close_stdin();
        let deadline = crate::Deadline::after(Duration::from_secs(10));
        while self.supervisor.is_running() && !deadline.is_over() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

const SETTINGS: &str = "\
fsync = off
max_connections = 700
shared_buffers = 32MB
log_statement = all
log_destination = jsonlog
logging_collector = on
log_directory = log
log_filename = server
log_rotation_age = 0
log_rotation_size = 0
max_wal_senders = 4
wal_level = logical
";

const ACCESS: &str = "\
local all         postgres              trust
host  all         legacy   127.0.0.1/32 md5
host  all         clear    127.0.0.1/32 password
host  all         all      127.0.0.1/32 scram-sha-256
host  replication all      127.0.0.1/32 scram-sha-256
";

/// A program of the server, run as a user that it accepts: it refuses root.
fn as_server(version: Version, program: &str) -> Command {
    let binary = binaries(version).join(program);
    if server_user().is_none() {
        return Command::new(binary);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--init-groups"])
        .arg(binary);
    command
}

fn binaries(version: Version) -> PathBuf {
    match version {
        Version::V15 => PathBuf::from("/usr/lib/postgresql/15/bin"),
        Version::V18 if server_user().is_some() => {
            PathBuf::from("/var/cache/custos/postgres-18/bin")
        }
        Version::V18 => workspace::clients().join("postgres-18/public/bin"),
    }
}

/// User and group id of `postgres` when this process is root, which must hand its servers to somebody else.
fn server_user() -> Option<(u32, u32)> {
    static USER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    *USER.get_or_init(|| {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let users = std::fs::read_to_string("/etc/passwd").expect("there is a user database");
        let user = users
            .lines()
            .find(|line| line.starts_with("postgres:"))
            .expect("the user postgres exists");
        let mut fields = user
            .split(':')
            .skip(2)
            .map(|field| field.parse().expect("an id is a number"));
        Some((
            fields.next().expect("a user id"),
            fields.next().expect("a group id"),
        ))
    })
}

fn give_away(directory: &Path) {
    let Some((user, group)) = server_user() else {
        return;
    };
    let files = std::fs::read_dir(directory).expect("the directory can be read");
    let paths = files
        .map(|file| file.expect("an entry").path())
        .chain([directory.to_owned()]);
    for path in paths {
        std::os::unix::fs::chown(path, Some(user), Some(group)).expect("root may give files away");
    }
}

/// Writes over a file without changing its owner.
fn replace(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the data directory can be written");
}
