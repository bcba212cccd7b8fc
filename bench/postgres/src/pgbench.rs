//! One pgbench run: throughput, latency from its per-transaction log, and the proxy's processor time.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;

use crate::proc_stat;
use crate::process::clean_command;
use crate::results::Measurement;
use crate::rig::{Rig, Target};
use crate::servers::NAME;
use crate::stats::percentile;
use crate::workload::Cell;

/// Client threads of pgbench; more than the processors of a small machine would only add switching.
const CLIENT_THREADS: u32 = 2;
/// Fraction of transactions logged: a fast script yields more than enough.
const SELECT_SAMPLING: &str = "0.2";
/// How much longer than asked a run may take before it counts as stuck.
const GRACE: Duration = Duration::from_mins(1);

/// Runs one cell through one target for `run_time`. `scale` is that of the tables.
pub(crate) async fn run(
    rig: &Rig,
    target: &Target,
    cell: Cell,
    scale: u32,
    run_time: Duration,
) -> anyhow::Result<Measurement> {
    if !cell.script.only_reads() {
        rig.postgres
            .tidy()
            .context("cannot tidy up before the run")?;
    }
    let logs = tempfile::tempdir_in(rig.directory()).context("no directory for pgbench's log")?;
    let script = script_file(rig, cell, scale)?;
    let cpu_before = target.pid.map(proc_stat::cpu_time).transpose()?;
    let printed = pgbench(rig, target, cell, &script, run_time, logs.path()).await?;
    let cpu_after = target.pid.map(proc_stat::cpu_time).transpose()?;
    let summary = Summary::parse(&printed)
        .with_context(|| format!("pgbench's output was not understood:\n{printed}"))?;
    anyhow::ensure!(
        summary.failed == 0,
        "{} transactions failed:\n{printed}",
        summary.failed
    );
    let mut latencies = read_latencies(logs.path())?;
    let cpu = cpu_before
        .zip(cpu_after)
        .map(|(before, after)| after.saturating_sub(before));
    Ok(Measurement {
        rate: summary.transactions_per_second,
        p50_us: percentile(&mut latencies, 50).map(f64::from),
        p99_us: percentile(&mut latencies, 99).map(f64::from),
        proxy_cpu: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / summary.transactions as f64),
        million_rows: None,
    })
}

/// pgbench's options that name the script.
fn script_file(rig: &Rig, cell: Cell, scale: u32) -> anyhow::Result<Vec<String>> {
    let Some(text) = cell.script.text() else {
        return Ok(vec!["-b".to_owned(), cell.script.name().to_owned()]);
    };
    let path = rig.directory().join(cell.script.name());
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    let options = ["-s", &scale.to_string(), "-f", &path.display().to_string()];
    Ok(options.map(str::to_owned).into())
}

async fn pgbench(
    rig: &Rig,
    target: &Target,
    cell: Cell,
    script: &[String],
    run_time: Duration,
    logs: &Path,
) -> anyhow::Result<String> {
    let mut command = clean_command(rig.postgres.program("pgbench").as_os_str(), None);
    command
        .args(["-n", "-M", cell.mode.name()])
        .args(script)
        .args([
            "-c",
            &cell.clients.to_string(),
            "-j",
            &cell.clients.min(CLIENT_THREADS).to_string(),
        ])
        .args(["-T", &run_time.as_secs().to_string(), "-l", "--log-prefix"])
        .arg(logs.join("transactions"));
    if cell.script.only_reads() {
        command.args(["--sampling-rate", SELECT_SAMPLING]);
    }
    command.args([
        "-h",
        &target.address.ip().to_string(),
        "-p",
        &target.address.port().to_string(),
        "-U",
        NAME,
        NAME,
    ]);
    command
        .env("PGSSLMODE", "disable")
        .env("PGGSSENCMODE", "disable");
    if let Some(password) = &target.password {
        command.env("PGPASSWORD", password);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start pgbench")?;
    let output = tokio::time::timeout(run_time + GRACE, child.wait_with_output())
        .await
        .context("pgbench did not end in time")?
        .context("cannot wait for pgbench")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(
        output.status.success(),
        "pgbench failed ({}): {}",
        output.status,
        errors.trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The lines of pgbench's report that are used.
#[derive(Debug, PartialEq)]
struct Summary {
    transactions: u64,
    failed: u64,
    transactions_per_second: f64,
}

impl Summary {
    fn parse(printed: &str) -> Option<Self> {
        let number = |label: &str| -> Option<&str> {
            let line = printed.lines().find_map(|line| line.strip_prefix(label))?;
            line.split([' ', '/']).find(|word| !word.is_empty())
        };
        let summary = Self {
            transactions: number("number of transactions actually processed:")?
                .parse()
                .ok()?,
            failed: number("number of failed transactions:")?.parse().ok()?,
            transactions_per_second: number("tps =")?.parse().ok()?,
        };
        (summary.transactions > 0).then_some(summary)
    }
}

/// Latencies of the logged transactions in microseconds, from all files in the directory (one for each thread).
fn read_latencies(logs: &Path) -> anyhow::Result<Vec<u32>> {
    let mut latencies = Vec::new();
    for entry in fs::read_dir(logs)? {
        let path = entry?.path();
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for line in text.lines() {
            latencies.push(latency_us(line).with_context(|| format!("pgbench logged `{line}`"))?);
        }
    }
    anyhow::ensure!(!latencies.is_empty(), "pgbench logged no transaction");
    Ok(latencies)
}

/// `client_id transaction_no time script_no time_epoch time_us`: the third is the elapsed time in microseconds.
fn latency_us(line: &str) -> Option<u32> {
    line.split_ascii_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
pgbench (15.18)
transaction type: <builtin: select only>
scaling factor: 64
query mode: prepared
number of clients: 8
number of transactions actually processed: 123456
number of failed transactions: 0 (0.000%)
latency average = 0.324 ms
initial connection time = 10.2 ms
tps = 24691.358025 (without initial connection time)
";

    #[test]
    fn the_summary_is_read() {
        let expected = Summary {
            transactions: 123_456,
            failed: 0,
            transactions_per_second: 24_691.358_025,
        };
        assert_eq!(Summary::parse(PRINTED), Some(expected));
    }

    #[test]
    fn a_run_without_transactions_is_no_result() {
        assert_eq!(Summary::parse(&PRINTED.replace("123456", "0")), None);
        assert_eq!(Summary::parse("connection refused"), None);
    }

    #[test]
    fn latencies_of_all_threads_are_joined() {
        let directory = tempfile::tempdir().expect("directory");
        fs::write(
            directory.path().join("transactions.1"),
            "0 199 2241 0 1175850568 995598\n",
        )
        .expect("write");
        fs::write(
            directory.path().join("transactions.1.1"),
            "1 3 80 0 1175850568 998079\n",
        )
        .expect("write");
        let mut latencies = read_latencies(directory.path()).expect("latencies");
        latencies.sort_unstable();
        assert_eq!(latencies, [80, 2241]);
    }
}
