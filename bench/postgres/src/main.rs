//! Custos beside its peers, in one run against the same PostgreSQL.
//!
//! Starts a throwaway PostgreSQL, a plain TCP relay, `PgBouncer` and Custos four times (buffered and strict durability,
//! without and with policy documents), drives all of them with pgbench and with large results, and prints medians and
//! ratios as Markdown. See docs/performance.md.

mod bulk;
mod clock;
mod cost;
mod disk;
mod floors;
mod machine;
mod markdown;
mod memory;
mod options;
mod pgbench;
mod proc_stat;
mod process;
mod profile;
mod relay;
mod report;
mod results;
mod rig;
mod run;
mod scram;
mod servers;
mod stats;
mod wire;
mod workload;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::options::{Cli, Command, Options};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let finished = match cli.command {
        Some(Command::Relay { upstream }) => relay::serve(upstream),
        None => drive(&cli.options),
    };
    match finished {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("caused by: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Runs the measurement on one thread, so that it takes little from what it measures, until it is done or interrupted.
/// Either way everything that was started is stopped when the run's values are dropped.
fn drive(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            finished = Box::pin(run::run(options)) => finished,
            _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
            _ = terminate.recv() => Err(anyhow::anyhow!("terminated")),
        }
    })
}
