//! The command line, and the sizes of a run that follow from it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use regex_automata::meta::Regex;

use crate::workload::{TargetKind, Workload};

/// Measures Custos beside a direct connection, a plain TCP relay and `PgBouncer`.
#[derive(Debug, Parser)]
#[command(name = "custos-bench-postgres", args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Relays TCP connections to an address; prints its own address on stdout (the run starts this itself)
    Relay {
        #[arg(long)]
        upstream: SocketAddr,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds of each pgbench run [default: 5; with --quick 3]
    #[arg(long)]
    seconds: Option<u32>,
    /// Rounds over all targets in each cell [default: 3; with --quick 1]
    #[arg(long)]
    rounds: Option<usize>,
    /// pgbench scale factor [default: 64; with --quick 20]
    #[arg(long)]
    scale: Option<u32>,
    /// Rows of the large result [default: 1000000]
    #[arg(long)]
    rows: Option<u32>,
    /// Few cells, one short round: about four minutes
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only workloads whose name matches, for example `tpcb-like/.*/64` or `rows/copy$` or `masked|rows/.*/` or `memory`
    #[arg(long, value_name = "REGEX")]
    only: Option<String>,
    /// Only these targets, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = TargetKind::ALL)]
    pub(crate) targets: Vec<TargetKind>,
    /// Also write the whole report to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// Run perf on the proxy during the first matching workload and print where its time goes, instead of measuring
    #[arg(long)]
    pub(crate) profile: bool,
    /// Where to keep data, evidence and logs; must be on a real disk. Removed at the end [default: a new one under /tmp]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The custos binary [default: `custos` beside this binary]
    #[arg(long, value_name = "FILE")]
    pub(crate) custos: Option<PathBuf>,
    /// Directory with initdb, postgres, psql and pgbench [default: Debian's newest]
    #[arg(long, value_name = "DIR")]
    pub(crate) postgres_bin: Option<PathBuf>,
    /// The pgbouncer binary
    #[arg(long, value_name = "FILE", default_value = "pgbouncer")]
    pub(crate) pgbouncer: PathBuf,
}

/// What will be measured, and how long.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) run_time: Duration,
    pub(crate) rounds: usize,
    pub(crate) scale: u32,
    pub(crate) rows: u32,
    pub(crate) targets: Vec<TargetKind>,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) memory: bool,
}

impl Plan {
    /// The targets that a workload is measured through.
    pub(crate) fn targets_of(
        &self,
        workload: Workload,
    ) -> impl Iterator<Item = TargetKind> + Clone {
        let targets = self.targets.iter().copied();
        targets.filter(move |kind| workload.is_through(*kind))
    }

    /// Single runs, of all workloads in all rounds.
    pub(crate) fn runs(&self) -> usize {
        let targets = self.workloads.iter().map(|it| self.targets_of(*it).count());
        targets.sum::<usize>() * self.rounds
    }
}

impl Options {
    /// Fills in the defaults and applies `--only`. Fails when nothing is left to measure.
    pub(crate) fn plan(&self) -> anyhow::Result<Plan> {
        let only = self.only.as_deref().unwrap_or("");
        let only = Regex::new(only)
            .with_context(|| format!("--only `{only}` is not a regular expression"))?;
        let mut workloads = if self.quick {
            Workload::quick()
        } else {
            Workload::all()
        };
        workloads.retain(|workload| {
            let wanted = |kind: &TargetKind| workload.is_through(*kind);
            only.is_match(workload.name().as_str()) && self.targets.iter().any(wanted)
        });
        let plan = Plan {
            run_time: Duration::from_secs(u64::from(
                self.seconds
                    .unwrap_or(if self.quick { 3 } else { 5 })
                    .max(1),
            )),
            rounds: self.rounds.unwrap_or(if self.quick { 1 } else { 3 }).max(1),
            scale: self
                .scale
                .unwrap_or(if self.quick { 20 } else { 64 })
                .max(1),
            rows: self.rows.unwrap_or(1_000_000).max(10),
            targets: self.targets.clone(),
            workloads,
            memory: only.is_match("memory"),
        };
        anyhow::ensure!(
            !plan.workloads.is_empty() || plan.memory,
            "--only and --targets leave nothing to measure; workloads have names such as select-only/prepared/64, rows/select, memory"
        );
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> anyhow::Result<Plan> {
        let cli =
            Cli::try_parse_from(std::iter::once(&"bench").chain(arguments)).expect("arguments");
        cli.options.plan()
    }

    #[test]
    fn the_default_run_stays_under_50_minutes() {
        let plan = plan(&[]).expect("plan");
        assert_eq!((plan.workloads.len(), plan.targets.len()), (32, 7));
        let runs = u32::try_from(plan.runs()).expect("small");
        assert!(plan.run_time * runs < Duration::from_mins(48), "{runs}");
    }

    #[test]
    fn a_workload_that_no_target_is_left_for_is_left_out() {
        let arguments = ["--targets", "direct", "--only", "rows/copy"];
        let plan = plan(&arguments).expect("plan");
        assert_eq!((plan.workloads.len(), plan.runs()), (1, 3));
    }

    #[test]
    fn only_keeps_what_matches() {
        let plan = plan(&["--only", "^tpcb-like/simple/(8|64)$"]).expect("plan");
        let names: Vec<String> = plan
            .workloads
            .iter()
            .map(|workload| workload.name())
            .collect();
        assert_eq!(names, ["tpcb-like/simple/8", "tpcb-like/simple/64"]);
        assert!(!plan.memory);
    }

    #[test]
    fn only_that_matches_nothing_is_refused() {
        assert!(plan(&["--only", "nothing-is-called-so"]).is_err());
        assert!(plan(&["--only", "("]).is_err());
    }

    #[test]
    fn targets_are_a_list() {
        assert_eq!(
            plan(&["--targets", "direct,custos-strict"])
                .expect("plan")
                .targets,
            [TargetKind::Direct, TargetKind::CustosStrict]
        );
    }
}
