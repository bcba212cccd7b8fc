//! The servers that every fault needs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use custos_testkit::{Credential, Custos, Postgres, PostgresOptions, Settings, Version};

/// The end of a gateway's log is shown when something went wrong.
const LOG_SHOWN_BYTES: usize = 4000;

/// A real PostgreSQL 15 whose log has every statement.
pub(crate) fn postgres() -> Postgres {
    Postgres::start(Version::V15, PostgresOptions::default())
}

/// A gateway with these lines in its `[limits]`.
pub(crate) fn gateway(limits: &str) -> Custos {
    Custos::start_with(&settings(limits))
}

/// The usual settings with these limits.
pub(crate) fn settings(limits: &str) -> Settings {
    Settings {
        limits: limits.to_owned(),
        ..Settings::default()
    }
}

/// Adds the resource `postgres/<durability>` and issues alice a credential for it.
pub(crate) fn resource(
    gateway: &Custos,
    postgres: &Postgres,
    durability: &str,
) -> anyhow::Result<Credential> {
    let name = format!("postgres/{durability}");
    let authority = postgres.authority().file();
    let authority = authority.to_str().context("paths here are text")?;
    let options = ["--ca-file", authority, "--durability", durability];
    gateway
        .add_target(
            &name,
            Postgres::HOST,
            postgres.port(),
            Postgres::APP,
            &options,
        )
        .success();
    Ok(gateway.issue("alice", &name))
}

/// Runs something of the test kit, which panics when its expectation does not hold. The message is on standard error.
pub(crate) fn attempt<T>(what: &str, action: impl FnOnce() -> T) -> anyhow::Result<T> {
    catch_unwind(AssertUnwindSafe(action)).map_err(|_| anyhow::anyhow!("{what} failed, see above"))
}

/// Ends a gateway: after a success both verifiers look at its evidence; after a failure its directory is copied.
pub(crate) fn conclude(mut gateway: Custos, result: anyhow::Result<()>) -> anyhow::Result<()> {
    let Err(error) = result else {
        return attempt("verifying the evidence", || gateway.finish()).map(drop);
    };
    let kept = abandon(&mut gateway)?;
    std::fs::remove_dir_all(gateway.directory())?;
    // It would complain that its evidence was not verified.
    std::mem::forget(gateway);
    Err(error.context(format!("kept: {}", kept.display())))
}

/// Kills a gateway, shows the end of its log, and returns where a copy of its directory is.
pub(crate) fn abandon(gateway: &mut Custos) -> anyhow::Result<PathBuf> {
    let log = gateway.log();
    let tail = log.len().saturating_sub(LOG_SHOWN_BYTES);
    eprintln!("{}", log.get(tail..).unwrap_or(&log));
    // It may have ended already; the log tells.
    let _ = attempt("ending the gateway", || gateway.kill());
    keep(gateway.directory())
}

/// Puts a copy of a gateway's directory aside, for whoever looks for the reason of a failure. Returns where.
pub(crate) fn keep(directory: &Path) -> anyhow::Result<PathBuf> {
    let kept = tempfile::Builder::new()
        .prefix("custos-kept-")
        .tempdir()?
        .keep();
    let status = Command::new("cp")
        .arg("-a")
        .arg(directory)
        .arg(&kept)
        .status()?;
    anyhow::ensure!(status.success(), "cannot copy {}", directory.display());
    Ok(kept)
}
