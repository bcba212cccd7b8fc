//! Where a proxy's processor time goes: perf over one cell.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::options::Plan;
use crate::process::output_of;
use crate::rig::{Rig, Target};
use crate::workload::Workload;
use crate::{bulk, clock, pgbench};

/// Runs the first workload of the plan through the first Custos target of the plan (else the first that has a process)
/// under `perf record -g`, and prints perf's report on stdout. The recording stays in the temporary directory of the
/// system for closer looks.
pub(crate) async fn run(rig: &Rig, plan: &Plan) -> anyhow::Result<()> {
    let workload = plan.workloads.first();
    let workload = *workload.context("--only leaves no workload to profile")?;
    let mut kinds = plan.targets_of(workload);
    let kind = kinds.clone().find(|kind| kind.is_custos());
    let kind = kind.or_else(|| kinds.next());
    let target = rig.target(kind.context("--targets is empty")?)?;
    let pid = target
        .pid
        .context("a direct connection has no proxy to profile")?;
    let recording = std::env::temp_dir().join("custos-bench.perf.data");
    eprintln!(
        "perf over {} through {}",
        workload.name(),
        target.kind.title()
    );
    let mut perf = start_perf(pid, &recording, plan.run_time)?;
    let rate = drive(rig, plan, workload, &target).await?;
    let status = perf.wait().await.context("cannot wait for perf")?;
    anyhow::ensure!(status.success(), "perf failed ({status})");
    eprintln!("{rate}; recording in {}", recording.display());
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

/// Keeps the target at work for a little longer than perf looks; the rate, for people.
async fn drive(
    rig: &Rig,
    plan: &Plan,
    workload: Workload,
    target: &Target,
) -> anyhow::Result<String> {
    let run_time = plan.run_time + Duration::from_secs(1);
    match workload {
        Workload::Pgbench(cell) => {
            let measured = pgbench::run(rig, target, cell, plan.scale, run_time).await?;
            Ok(format!("{:.0} tps", measured.rate))
        }
        Workload::Rows(bulk) => {
            let started = clock::now();
            loop {
                let measured = bulk::run(target, bulk, plan.rows).await?;
                if started.elapsed() > run_time {
                    return Ok(format!("{:.0} MB/s", measured.rate));
                }
            }
        }
    }
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
