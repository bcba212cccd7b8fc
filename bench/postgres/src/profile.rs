//! Where a proxy's processor time goes: perf over one cell.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::options::Plan;
use crate::pgbench;
use crate::process::output_of;
use crate::rig::Rig;
use crate::workload::Workload;

/// Runs the first pgbench cell of the plan through the first Custos target of the plan (else the first that has a
/// process) under `perf record -g`, and prints perf's report on stdout. The recording stays in the temporary directory
/// of the system for closer looks.
pub(crate) async fn run(rig: &Rig, plan: &Plan) -> anyhow::Result<()> {
    let cell = plan.workloads.iter().find_map(|workload| match workload {
        Workload::Pgbench(cell) => Some(*cell),
        Workload::Rows(_) => None,
    });
    let cell = cell.context("--only leaves no pgbench cell to profile")?;
    let kind = plan
        .targets
        .iter()
        .find(|kind| kind.is_custos())
        .or(plan.targets.first());
    let target = rig.target(*kind.context("--targets is empty")?)?;
    let pid = target
        .pid
        .context("a direct connection has no proxy to profile")?;
    let recording = std::env::temp_dir().join("custos-bench.perf.data");
    eprintln!(
        "perf over {} through {}",
        Workload::Pgbench(cell).name(),
        target.kind.title()
    );
    let mut perf = start_perf(pid, &recording, plan.run_time)?;
    let measured = pgbench::run(rig, &target, cell, plan.run_time + Duration::from_secs(1)).await?;
    let status = perf.wait().await.context("cannot wait for perf")?;
    anyhow::ensure!(status.success(), "perf failed ({status})");
    eprintln!(
        "{:.0} tps; recording in {}",
        measured.rate,
        recording.display()
    );
    for options in [
        ["--no-children", "-g", "none"].as_slice(),
        &["--children", "-g", "caller,0.5,callee", "--max-stack", "12"],
    ] {
        let mut report = Command::new("perf");
        report
            .args(["report", "--stdio", "--percent-limit", "1"])
            .args(options)
            .arg("-i")
            .arg(&recording);
        std::io::stdout()
            .write_all(output_of(&mut report)?.as_bytes())
            .context("cannot print perf's report")?;
    }
    Ok(())
}

fn start_perf(
    pid: u32,
    recording: &std::path::Path,
    run_time: Duration,
) -> anyhow::Result<tokio::process::Child> {
    let mut command = tokio::process::Command::new("perf");
    command
        .args([
            "record",
            "-q",
            "-g",
            "-F",
            "997",
            "-p",
            &pid.to_string(),
            "-o",
        ])
        .arg(recording);
    command.args(["--", "sleep", &run_time.as_secs().to_string()]);
    command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start perf")
}
