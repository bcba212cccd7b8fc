//! Files, modes, disk space and the clock.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::Check;
use crate::config::{Config, show_size};

/// Less free space than this stops a busy gateway soon.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// 2026-01-01T00:00:00Z: no clock that runs this program is right before it.
const OLDEST_UTC_NS: u64 = 1_767_225_600_000_000_000;
/// A file is not newer than the clock by more than this, unless the clock was set back.
const AHEAD_SECONDS_MAX: u64 = 60;

pub(super) fn check(config: &Config, utc_ns: u64) -> Vec<Check> {
    let mut checks = vec![state_directory(config)];
    let secrets = ["master_key_file", "log.key"];
    let paths = [
        config.master_key_file.clone(),
        config.state_dir.join("log.key"),
    ];
    for (what, path) in secrets.into_iter().zip(&paths) {
        checks.extend(secret_file(what, path, 0o077));
    }
    for tls in config
        .listeners
        .iter()
        .filter_map(|listener| listener.tls.as_ref())
    {
        checks.extend(secret_file("listener key", &tls.key, 0o037));
    }
    checks.push(space(config));
    checks.push(clock(config, utc_ns));
    checks
}

fn state_directory(config: &Config) -> Check {
    let dir = &config.state_dir;
    let shown = dir.display();
    let Ok(metadata) = std::fs::metadata(dir) else {
        return Check::warn(
            "state",
            format!("{shown} does not exist"),
            "it is made at the first start",
        );
    };
    if !metadata.is_dir() {
        return Check::fail(
            "state",
            format!("{shown} is not a directory"),
            "set `state_dir`",
        );
    }
    if metadata.mode() & 0o077 != 0 {
        return Check::fail(
            "state",
            format!(
                "{shown} has mode {:04o}: other users can look into it",
                metadata.mode() & 0o7777
            ),
            format!("chmod 700 {shown}"),
        );
    }
    match rustix::fs::access(dir, rustix::fs::Access::WRITE_OK) {
        Ok(()) => Check::ok("state", format!("{shown} is writable and private")),
        Err(error) => Check::fail(
            "state",
            format!("{shown} is not writable: {error}"),
            format!(
                "chown the directory to the gateway's user (it is uid {})",
                metadata.uid()
            ),
        ),
    }
}

/// `None` when there is no such file yet; the gateway makes its own.
fn secret_file(what: &str, path: &Path, forbidden_bits: u32) -> Option<Check> {
    let metadata = std::fs::metadata(path).ok()?;
    let mode = metadata.mode() & 0o7777;
    let shown = path.display();
    Some(if mode & forbidden_bits == 0 {
        Check::ok("secrets", format!("{what}: {shown} has mode {mode:04o}"))
    } else {
        Check::fail(
            "secrets",
            format!("{what}: {shown} has mode {mode:04o}, so that other users can reach it"),
            format!("chmod 600 {shown}"),
        )
    })
}

fn space(config: &Config) -> Check {
    let dir = &config.evidence_dir;
    let existing = dir
        .ancestors()
        .find(|path| path.exists())
        .unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(existing) {
        Err(error) => Check::fail(
            "disk",
            format!("cannot look at {}: {error}", existing.display()),
            "set `evidence_dir` to a directory on a local disk",
        ),
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let text = format!("{} MiB free for {}", free >> 20, dir.display());
            if free < FREE_BYTES_MIN {
                let least = show_size(FREE_BYTES_MIN);
                Check::fail(
                    "disk",
                    text,
                    format!("free at least {least}: without space traffic stops"),
                )
            } else {
                Check::ok("disk", text)
            }
        }
    }
}

fn clock(config: &Config, utc_ns: u64) -> Check {
    const HINT: &str = "set the clock and keep it by NTP (chrony or systemd-timesyncd)";
    if utc_ns < OLDEST_UTC_NS {
        return Check::fail(
            "clock",
            "the clock is wrong: it shows a time before 2026",
            HINT,
        );
    }
    let newest = newest_checkpoint(config).unwrap_or(0);
    if newest > utc_ns / 1_000_000_000 + AHEAD_SECONDS_MAX {
        let text =
            "the last checkpoint was written later than the clock shows now: it was set back";
        return Check::fail("clock", text, HINT);
    }
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return Check::ok("clock", "synchronised by systemd-timesyncd");
    }
    Check::ok(
        "clock",
        "plausible; whether it is synchronised cannot be told from here",
    )
}

/// Seconds since 1970 of the newest checkpoint file of this node.
fn newest_checkpoint(config: &Config) -> Option<u64> {
    let logs = config
        .evidence_dir
        .join("logs")
        .join(&config.cluster)
        .join(&config.node);
    let months = std::fs::read_dir(logs).ok()?;
    months
        .filter_map(|month| {
            modified(&std::fs::metadata(month.ok()?.path().join("checkpoint")).ok()?)
        })
        .max()
}

fn modified(metadata: &Metadata) -> Option<u64> {
    Some(
        metadata
            .modified()
            .ok()?
            .duration_since(UNIX_EPOCH)
            .ok()?
            .as_secs(),
    )
}
