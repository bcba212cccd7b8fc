//! A throwaway PostgreSQL with pgbench's tables and two large ones.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::process::Signal;

use super::NAME;
use crate::process::{Account, Server, clean_command, free_address, output_of};
use crate::rig::Target;

/// Where Debian keeps the server binaries, a directory for each major version.
const DEBIAN_DIRECTORY: &str = "/usr/lib/postgresql";

/// Memory for pages that all measured tables fit in; no checkpoint and no autovacuum falls into a run; commits are
/// durable, as they would be in production.
const SETTINGS: [&str; 10] = [
    "listen_addresses=127.0.0.1",
    "max_connections=600",
    "shared_buffers=2GB",
    "max_wal_size=16GB",
    "checkpoint_timeout=1h",
    "autovacuum=off",
    "fsync=on",
    "synchronous_commit=on",
    "jit=off",
    "log_min_messages=error",
];

/// The server behind every target.
#[derive(Debug)]
pub(crate) struct Postgres {
    server: Server,
    binaries: PathBuf,
    socket_directory: PathBuf,
    address: SocketAddr,
}

impl Postgres {
    /// Initializes and starts a cluster under `directory`, as `account` (initdb refuses root).
    pub(crate) fn start(
        binaries: &Path,
        directory: &Path,
        account: Option<Account>,
    ) -> anyhow::Result<Self> {
        let home = directory.join("postgres");
        let data = home.join("data");
        fs::create_dir(&home).with_context(|| format!("cannot create {}", home.display()))?;
        if let Some(account) = account {
            chown(&home, Some(account.uid), Some(account.gid))
                .context("cannot give the directory to postgres")?;
        }
        let mut initdb = clean_command(binaries.join("initdb").as_os_str(), account);
        initdb
            .args([
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--username",
                NAME,
            ])
            .arg(&data);
        output_of(initdb.current_dir(&home)).context("cannot initialize PostgreSQL")?;

        let address = free_address()?;
        let mut arguments = vec![
            "-D".to_owned(),
            data.display().to_string(),
            format!("-p{}", address.port()),
            format!("-k{}", home.display()),
        ];
        arguments.extend(
            SETTINGS
                .iter()
                .flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]),
        );
        let log = directory.join("postgres.log");
        let server = Server::start(
            &binaries.join("postgres"),
            arguments,
            account,
            Signal::INT,
            log,
        )?;
        let mut postgres = Self {
            server,
            binaries: binaries.to_owned(),
            socket_directory: home,
            address,
        };
        postgres.wait_ready()?;
        Ok(postgres)
    }

    fn wait_ready(&mut self) -> anyhow::Result<()> {
        let mut probe = clean_command(self.binaries.join("psql").as_os_str(), None);
        probe.args(["-X", "-h"]).arg(&self.socket_directory);
        probe.args([
            format!("-p{}", self.address.port()),
            format!("-U{NAME}"),
            "-dpostgres".to_owned(),
        ]);
        probe.args(["-c", &format!("CREATE DATABASE {NAME}")]);
        self.server
            .wait_until(|| output_of(&mut probe).ok())
            .context("PostgreSQL did not start")
            .map(drop)
    }

    /// Makes pgbench's tables at `scale`, `bench_rows` with `rows` rows of eight text columns, and `bench_people` with as
    /// many, of which documents label some columns; in memory and flushed.
    pub(crate) fn fill(&self, scale: u32, rows: u32) -> anyhow::Result<()> {
        let mut pgbench = clean_command(self.program("pgbench").as_os_str(), None);
        pgbench.args(["-i", "-q", "-s", &scale.to_string(), "-h", "127.0.0.1"]);
        pgbench.args(["-p", &self.address.port().to_string(), "-U", NAME, NAME]);
        output_of(&mut pgbench).context("cannot make pgbench's tables")?;
        self.execute(&format!(
            "CREATE UNLOGGED TABLE bench_rows AS SELECT
               lpad(i::text, 9, '0') AS id, 'Customer ' || i AS name, 'user' || i || '@example.com' AS email,
               (ARRAY['Hamburg', 'Lyon', 'Osaka', 'Porto'])[i % 4 + 1] AS city, '+49 40 ' || lpad((i * 7 % 10000000)::text, 7, '0') AS phone,
               to_char(date '2020-01-01' + i % 2000, 'YYYY-MM-DD') AS since, (i % 100000 / 100.0)::text AS balance, md5(i::text) AS token
             FROM generate_series(1, {rows}) AS i"
        ))?;
        self.execute(
            "CREATE UNLOGGED TABLE bench_people AS SELECT
               id, name, city, since, balance, 'wrote on ' || since AS remark, phone, email, token
             FROM bench_rows",
        )?;
        self.execute("VACUUM ANALYZE")?;
        self.execute("CHECKPOINT")
    }

    /// Brings the tables back to a like state before a run that writes, as pgbench itself does without `--no-vacuum`.
    pub(crate) fn tidy(&self) -> anyhow::Result<()> {
        self.execute("VACUUM pgbench_branches")?;
        self.execute("VACUUM pgbench_tellers")?;
        self.execute("TRUNCATE pgbench_history")
    }

    /// Runs one statement over the Unix socket, past every proxy.
    pub(crate) fn execute(&self, statement: &str) -> anyhow::Result<()> {
        let mut psql = clean_command(self.program("psql").as_os_str(), None);
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h"])
            .arg(&self.socket_directory);
        psql.args([
            "-p",
            &self.address.port().to_string(),
            "-U",
            NAME,
            "-d",
            NAME,
            "-c",
            statement,
        ]);
        output_of(&mut psql).map(drop)
    }

    /// What psql prints of a statement's result when it asks through a target.
    pub(crate) fn ask(&self, target: &Target, statement: &str) -> anyhow::Result<String> {
        let mut psql = clean_command(self.program("psql").as_os_str(), None);
        psql.args(["-X", "-A", "-t", "-h", &target.address.ip().to_string()]);
        psql.args(["-p", &target.address.port().to_string()]);
        psql.args(["-U", NAME, "-d", NAME, "-c", statement]);
        psql.env("PGSSLMODE", "disable");
        if let Some(password) = &target.password {
            psql.env("PGPASSWORD", password);
        }
        output_of(&mut psql).with_context(|| format!("{statement} through {}", target.kind.title()))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The path of one of PostgreSQL's programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }
}

/// Debian's newest PostgreSQL.
pub(crate) fn find_binaries() -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(DEBIAN_DIRECTORY).with_context(|| {
        format!("no PostgreSQL in {DEBIAN_DIRECTORY}; name its directory with --postgres-bin")
    })?;
    let newest = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, binaries)| binaries.join("initdb").exists())
        .max();
    let (_, binaries) =
        newest.with_context(|| format!("no PostgreSQL server in {DEBIAN_DIRECTORY}"))?;
    Ok(binaries)
}
