//! What the clients do: pgbench with statements that can be told from each other.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use custos_testkit::{Endpoint, Finished, PATIENCE, Running, start};

/// Debian's wrapper of this name costs a start of Perl.
const PGBENCH: &str = "/usr/lib/postgresql/15/bin/pgbench";
/// Sessions at once.
pub(super) const CLIENTS: usize = 8;
/// Markers are numbers of this size and above, and no other numbers in these statements are.
pub(super) const LEAST_MARKER: u64 = 1_000_000_000_000_000;

/// The table that is written to.
pub(super) const TABLE: &str =
    "create table if not exists writes (client int, marker bigint primary key, note text);
    grant all on writes to app";

/// Each session's first statement has a marker, so that its two ends can be matched.
const SCRIPT: &str = r"
\set first random(1000000000000000, 9000000000000000000)
\set second random(1000000000000000, 9000000000000000000)
\set third random(1000000000000000, 9000000000000000000)
INSERT INTO writes VALUES (:client_id, :first, 'alone');
BEGIN;
INSERT INTO writes VALUES (:client_id, :second, 'one of two');
UPDATE writes SET note = 'two of two' WHERE marker = :second;
END;
";
/// Two statements in one message, which the extended protocol does not have.
const TOGETHER: &str = r"INSERT INTO writes VALUES (:client_id, :third, 'together') \; UPDATE writes SET note = 'changed' WHERE marker = :third;
";

/// How statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Simple,
    Prepared,
}

/// A running pgbench.
#[derive(Debug)]
pub(super) struct Load {
    running: Running,
    _script: tempfile::NamedTempFile,
}

impl Load {
    pub(super) fn start(
        endpoint: &Endpoint,
        protocol: Protocol,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let mut script = tempfile::NamedTempFile::new()?;
        script.write_all(SCRIPT.as_bytes())?;
        if protocol == Protocol::Simple {
            script.write_all(TOGETHER.as_bytes())?;
        }
        let running = start(&mut command(endpoint, protocol, seed, script.path()));
        Ok(Self {
            running,
            _script: script,
        })
    }

    pub(super) fn is_running(&mut self) -> bool {
        self.running.is_running()
    }

    pub(super) fn errors(&self) -> String {
        self.running.stderr()
    }

    /// Waits for its end, which comes when all its connections are lost.
    pub(super) fn finish(self) -> Finished {
        self.running.finish(PATIENCE)
    }
}

fn command(endpoint: &Endpoint, protocol: Protocol, seed: u64, script: &Path) -> Command {
    let mut command = Command::new(PGBENCH);
    let clients = CLIENTS.to_string();
    command.args(["--no-vacuum", "--jobs=2", "--time=60", "--client", &clients]);
    command.arg(match protocol {
        Protocol::Simple => "--protocol=simple",
        Protocol::Prepared => "--protocol=prepared",
    });
    command
        .arg(format!("--random-seed={seed}"))
        .arg("--file")
        .arg(script);
    endpoint.apply(&mut command);
    command
}
