//! Everything that runs during a measurement.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::options::Options;
use crate::process::{Account, clean_command, output_of};
use crate::servers::custos::Custos;
use crate::servers::documents;
use crate::servers::pgbouncer::Pgbouncer;
use crate::servers::postgres::{self, Postgres};
use crate::servers::tcp_relay::TcpRelay;
use crate::workload::TargetKind;

/// A way to PostgreSQL, ready to be used.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) kind: TargetKind,
    pub(crate) address: SocketAddr,
    /// The proxy's process; `None` for the direct way.
    pub(crate) pid: Option<u32>,
    /// The connection credential, where the target wants one.
    pub(crate) password: Option<String>,
}

/// The running servers. Fields are dropped in this order: proxies, then PostgreSQL, then the directory.
#[derive(Debug)]
pub(crate) struct Rig {
    relay: Option<TcpRelay>,
    pgbouncer: Option<Pgbouncer>,
    custos: Vec<(TargetKind, Custos)>,
    pub(crate) postgres: Postgres,
    directory: TempDir,
}

impl Rig {
    /// Starts what `options.targets` names, and PostgreSQL always.
    pub(crate) fn start(options: &Options) -> anyhow::Result<Self> {
        let directory = work_directory(options.dir.as_deref())?;
        let path = directory.path();
        let account = server_account()?;
        let wanted = |kind| options.targets.contains(&kind);
        let custos = custos_program(options);
        let binaries = options
            .postgres_bin
            .clone()
            .map_or_else(postgres::find_binaries, Ok)?;
        let postgres = Postgres::start(&binaries, path, account)?;
        let upstream = postgres.address();
        let mut started = Vec::new();
        for kind in TargetKind::ALL.into_iter().filter(|kind| wanted(*kind)) {
            if let Some(durability) = kind.durability() {
                let program = custos.as_ref().map_err(clone_error)?;
                let documents = kind.is_under_documents().then(documents::company);
                let custos = Custos::start(program, path, upstream, durability, documents)?;
                started.push((kind, custos));
            }
        }
        Ok(Self {
            relay: wanted(TargetKind::Relay)
                .then(|| TcpRelay::start(path, upstream))
                .transpose()?,
            pgbouncer: wanted(TargetKind::Pgbouncer)
                .then(|| Pgbouncer::start(&options.pgbouncer, path, upstream, account))
                .transpose()?,
            custos: started,
            postgres,
            directory,
        })
    }

    /// The target of this kind, with a fresh credential where it needs one.
    pub(crate) fn target(&self, kind: TargetKind) -> anyhow::Result<Target> {
        let (address, pid) = match kind {
            TargetKind::Direct => (Some(self.postgres.address()), None),
            TargetKind::Relay => (
                self.relay.as_ref().map(TcpRelay::address),
                self.relay.as_ref().map(TcpRelay::pid),
            ),
            TargetKind::Pgbouncer => (
                self.pgbouncer.as_ref().map(Pgbouncer::address),
                self.pgbouncer.as_ref().map(Pgbouncer::pid),
            ),
            TargetKind::CustosBuffered
            | TargetKind::CustosStrict
            | TargetKind::CustosBufferedPolicy
            | TargetKind::CustosStrictPolicy => {
                let custos = self.custos(kind);
                (custos.map(Custos::address), custos.map(Custos::pid))
            }
        };
        let address = address.with_context(|| format!("{} was not started", kind.title()))?;
        let password = self
            .custos(kind)
            .map(Custos::issue_credential)
            .transpose()?;
        Ok(Target {
            kind,
            address,
            pid,
            password,
        })
    }

    fn custos(&self, kind: TargetKind) -> Option<&Custos> {
        let mut started = self.custos.iter();
        started
            .find(|(known, _)| *known == kind)
            .map(|(_, custos)| custos)
    }

    /// Makes sure that labelled columns come masked through the targets under documents, and as they are through all
    /// others: else what is measured would not be what the report says.
    pub(crate) fn check_masks(&self, targets: &[TargetKind]) -> anyhow::Result<()> {
        for kind in targets {
            let target = self.target(*kind)?;
            for (statement, mask) in documents::MASKED {
                let shown = self.postgres.ask(&target, statement)?;
                anyhow::ensure!(
                    shown.contains(mask) == kind.is_under_documents(),
                    "{statement} through {} gives {shown}",
                    kind.title()
                );
            }
        }
        Ok(())
    }

    /// The run's own directory; evidence lies below it.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// The binary that is measured.
pub(crate) fn custos_program(options: &Options) -> anyhow::Result<PathBuf> {
    let program = match &options.custos {
        Some(program) => program.clone(),
        None => std::env::current_exe()
            .context("cannot find this program")?
            .with_file_name("custos"),
    };
    anyhow::ensure!(
        program.exists(),
        "there is no {}: build it, name it with --custos, or leave Custos out with --targets",
        program.display()
    );
    Ok(program)
}

fn work_directory(wanted: Option<&Path>) -> anyhow::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("custos-bench-");
    let directory = match wanted {
        Some(parent) => {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot create {}", parent.display()))?;
            builder.tempdir_in(parent)
        }
        None => builder.tempdir(),
    }
    .context("cannot make a directory for the run")?;
    // The database user must be able to reach its own directory inside.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    Ok(directory)
}

/// Root may not run PostgreSQL; then the servers run as Debian's `postgres`.
fn server_account() -> anyhow::Result<Option<Account>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let id = |option| -> anyhow::Result<u32> {
        let printed = output_of(clean_command("id".as_ref(), None).args([option, "postgres"]))?;
        printed
            .trim()
            .parse()
            .context("`id` did not print a number")
    };
    Ok(Some(Account {
        uid: id("-u")?,
        gid: id("-g")?,
    }))
}

fn clone_error(error: &anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::options::Cli;
    use crate::wire::Client;

    #[tokio::test]
    async fn the_client_reads_rows_and_signs_in_by_scram() {
        let cli = Cli::try_parse_from(["bench", "--targets", "direct"]).expect("arguments");
        let rig = Rig::start(&cli.options).expect("PostgreSQL");
        let mut target = rig.target(TargetKind::Direct).expect("target");
        let mut client = Client::connect(&target).await.expect("trusted connection");
        let received = client
            .query("SELECT repeat('x', 70000) FROM generate_series(1, 100)")
            .await
            .expect("rows");
        assert_eq!(received.rows, 100);
        assert!(received.bytes > 100 * 70_000);

        let rules = rig.directory().join("postgres/data/pg_hba.conf");
        let lines = "('local all all trust'), ('host all all 127.0.0.1/32 scram-sha-256')";
        rig.postgres
            .execute(&format!("COPY (VALUES {lines}) TO '{}'", rules.display()))
            .expect("rules");
        rig.postgres
            .execute("ALTER ROLE bench PASSWORD 'correct'")
            .expect("password");
        rig.postgres
            .execute("SELECT pg_reload_conf()")
            .expect("reload");
        // The postmaster reads its rules again in its own time: until then it still trusts everybody.
        let started = crate::clock::now();
        while Client::connect(&target).await.is_ok() {
            assert!(
                started.elapsed() < crate::process::READY_LIMIT,
                "the new rules were not read"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        target.password = Some("correct".to_owned());
        let mut client = Client::connect(&target).await.expect("SCRAM connection");
        assert_eq!(client.query("SELECT 1").await.expect("row").rows, 1);
        target.password = Some("wrong".to_owned());
        let error = Client::connect(&target).await.expect_err("wrong password");
        assert!(error.to_string().contains("28P01"), "{error}");
    }
}
