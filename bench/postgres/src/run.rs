//! The order of a measurement: start, fill, memory while all is fresh, workloads in rounds, report.

use std::fs;
use std::io::Write;
use std::time::Instant;

use anyhow::Context;

use crate::clock;
use crate::disk;
use crate::machine::Machine;
use crate::memory;
use crate::options::{Options, Plan};
use crate::profile;
use crate::report;
use crate::results::{Measurement, Results};
use crate::rig::{Rig, Target};
use crate::workload::{TargetKind, Workload};
use crate::{bulk, pgbench};

/// Does what the options ask for and prints it. Fails when a run failed, after printing what the others gave.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let plan = options.plan()?;
    if options.write.is_some() {
        anyhow::ensure!(
            !cfg!(debug_assertions),
            "--write wants a release build: debug numbers mean nothing"
        );
    }
    let machine = Machine::look(options)?;
    let rig = start(options, &plan)?;
    if options.profile {
        return profile::run(&rig, &plan).await;
    }
    let results = measure(&rig, &plan).await?;
    let text = report::markdown(&machine, &plan, &results);
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot print the report")?;
    anyhow::ensure!(
        results.failures.is_empty(),
        "{} runs failed; see above",
        results.failures.len()
    );
    if let Some(path) = &options.write {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

fn start(options: &Options, plan: &Plan) -> anyhow::Result<Rig> {
    eprintln!("starting the servers");
    let rig = Rig::start(options)?;
    eprintln!(
        "filling the database (scale {}, {} rows) in {}",
        plan.scale,
        plan.rows,
        rig.directory().display()
    );
    rig.postgres.fill(plan.scale, plan.rows)?;
    rig.check_masks(&plan.targets)?;
    Ok(rig)
}

async fn measure(rig: &Rig, plan: &Plan) -> anyhow::Result<Results> {
    let mut results = Results::default();
    results
        .fdatasync_probes_ns
        .push(disk::fdatasync_times_ns(rig.directory())?);
    if plan.memory {
        measure_memory(rig, plan, &mut results).await?;
    }
    let mut progress = Progress::new(plan.runs());
    for workload in &plan.workloads {
        let targets = plan
            .targets_of(*workload)
            .map(|kind| rig.target(kind))
            .collect::<anyhow::Result<Vec<_>>>()?;
        for round in 0..plan.rounds {
            for target in in_turn(&targets, round) {
                let measured = run_once(rig, plan, *workload, target).await;
                progress.show(*workload, round, target.kind, measured.as_ref());
                match measured {
                    Ok(measurement) => results.add(*workload, target.kind, round, measurement),
                    Err(error) => {
                        let name = workload.name();
                        results
                            .failures
                            .push(format!("{name} through {}: {error:#}", target.kind.title()));
                    }
                }
            }
        }
    }
    results
        .fdatasync_probes_ns
        .push(disk::fdatasync_times_ns(rig.directory())?);
    Ok(results)
}

async fn measure_memory(rig: &Rig, plan: &Plan, results: &mut Results) -> anyhow::Result<()> {
    for kind in &plan.targets {
        eprintln!("memory of {}", kind.title());
        match memory::measure(&rig.target(*kind)?, plan.rows).await {
            Ok(memory) => results.memory.extend(memory),
            Err(error) => results
                .failures
                .push(format!("memory of {}: {error:#}", kind.title())),
        }
    }
    Ok(())
}

/// Every round begins with another target, so that none always comes first or always follows the same one's dirt.
fn in_turn(targets: &[Target], round: usize) -> impl Iterator<Item = &Target> {
    targets
        .iter()
        .cycle()
        .skip(round % targets.len().max(1))
        .take(targets.len())
}

async fn run_once(
    rig: &Rig,
    plan: &Plan,
    workload: Workload,
    target: &Target,
) -> anyhow::Result<Measurement> {
    // What the run before left for the disk would otherwise be written during this one.
    rustix::fs::sync();
    match workload {
        Workload::Pgbench(cell) => pgbench::run(rig, target, cell, plan.scale, plan.run_time).await,
        Workload::Rows(bulk) => bulk::run(target, bulk, plan.rows).await,
    }
}

/// Lines on stderr that say how far the run is.
struct Progress {
    done: usize,
    total: usize,
    started: Instant,
}

impl Progress {
    fn new(total: usize) -> Self {
        Self {
            done: 0,
            total,
            started: clock::now(),
        }
    }

    fn show(
        &mut self,
        workload: Workload,
        round: usize,
        kind: TargetKind,
        measured: Result<&Measurement, &anyhow::Error>,
    ) {
        self.done += 1;
        let spent = self.started.elapsed();
        let left = spent.mul_f64((self.total - self.done) as f64 / self.done as f64);
        let found = match measured {
            Ok(Measurement {
                rate,
                p50_us: Some(p50_us),
                ..
            }) => format!("{rate:.0} tps, p50 {p50_us:.0} µs"),
            Ok(Measurement { rate, .. }) => format!("{rate:.0} MB/s"),
            Err(error) => format!("FAILED: {error:#}"),
        };
        eprintln!(
            "[{}/{}, {} s left] {} round {} {}: {found}",
            self.done,
            self.total,
            left.as_secs(),
            workload.name(),
            round + 1,
            kind.title(),
        );
    }
}
