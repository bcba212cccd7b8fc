//! The gateway is killed under load. Whatever the target executed must be on record, from before it was executed.

mod check;
mod load;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use custos_testkit::{Credential, Custos, PATIENCE, Postgres, run as run_command, wait_for};
use rustix::process::Signal;

use crate::figures::{Random, millis, quantile};
use crate::records::{Reader, Record};
use crate::rig;
use crate::target_log::TargetLog;
use crate::time;
use check::Checked;
use load::{Load, Protocol};

/// After so many runs the evidence begins anew, so that recoveries accumulate, but not without end.
const RUNS_PER_GATEWAY: u64 = 20;
/// One run in so many is killed while its clients sign in, and one in so many again while it recovers.
const SPECIAL_RUNS: u64 = 5;
/// A verifier without optimization, on a busy machine, takes its time over 20 runs' records.
const VERIFY_LIMIT: Duration = Duration::from_mins(3);
/// Of many problems the first few tell enough.
const PROBLEMS_SHOWN: usize = 5;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// How often it is killed
    #[arg(long, default_value_t = 200)]
    runs: u64,
    /// Where the random numbers begin
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Sums over all runs.
#[derive(Debug, Default)]
struct Totals {
    checked: Checked,
    killed_in_recovery: u64,
    verified: u64,
    recoveries: Vec<Duration>,
    runs: Vec<Duration>,
}

/// One gateway and what its clients need.
struct Site<'a> {
    postgres: &'a Postgres,
    gateway: Custos,
    credentials: [Credential; 2],
    reader: Reader,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let postgres = rig::postgres();
    postgres.sql_in(Postgres::DATABASE, load::TABLE);
    let mut log = TargetLog::of(&postgres)?;
    let mut random = Random::new(options.seed);
    let mut totals = Totals::default();
    let mut number = 0;
    while number < options.runs {
        let mut site = Site::open(&postgres)?;
        let end = options.runs.min(number + RUNS_PER_GATEWAY);
        while number < end {
            let result = rig::attempt("a run", || {
                site.run(number, &mut log, &mut random, &mut totals)
            });
            if let Err(error) = result
                .and_then(|result| result)
                .and_then(|()| site.verdict(&totals))
            {
                report(&totals);
                return Err(
                    error.context(format!("run {number}; kept: {}", site.abandon().display()))
                );
            }
            number += 1;
        }
        site.finish()?;
        eprintln!(
            "kill: {number} of {} runs, {} statements",
            options.runs, totals.checked.executed
        );
    }
    report(&totals);
    Ok(())
}

impl<'a> Site<'a> {
    fn open(postgres: &'a Postgres) -> anyhow::Result<Self> {
        let gateway = rig::gateway("");
        let buffered = rig::resource(&gateway, postgres, "buffered")?;
        let strict = rig::resource(&gateway, postgres, "strict")?;
        let reader = Reader::new(&gateway.evidence_directory());
        let mut site = Self {
            postgres,
            gateway,
            credentials: [buffered, strict],
            reader,
        };
        // The gateway's first start is not part of the first run.
        site.recovered_records(0)?;
        Ok(site)
    }

    fn run(
        &mut self,
        number: u64,
        log: &mut TargetLog,
        random: &mut Random,
        totals: &mut Totals,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        let [buffered, strict] = &self.credentials;
        let credential = if number.is_multiple_of(2) {
            buffered
        } else {
            strict
        };
        let protocol = if (number / 2).is_multiple_of(2) {
            Protocol::Simple
        } else {
            Protocol::Prepared
        };
        // Only what this run adds is looked at.
        self.reader.new_records()?;
        log.skip()?;
        let endpoint = self.gateway.endpoint(credential, Postgres::DATABASE);
        let mut load = Load::start(&endpoint, protocol, random.next() >> 33)?;
        if number % SPECIAL_RUNS != SPECIAL_RUNS - 1 {
            wait_for("the first statement", PATIENCE, || {
                assert!(load.is_running(), "pgbench ended: {}", load.errors());
                log.has_news().unwrap_or(false).then_some(())
            });
        }
        std::thread::sleep(random.millis(50, 900));
        self.gateway.kill();
        load.finish();
        wait_until_idle(self.postgres);
        if number.is_multiple_of(SPECIAL_RUNS) {
            self.kill_in_recovery(random.millis(0, 150))?;
            totals.killed_in_recovery += 1;
        }
        let restarted = Instant::now();
        let restarted_unix_millis = time::now_unix_millis();
        rig::attempt("restart after SIGKILL", || self.gateway.restart())?;
        totals.recoveries.push(restarted.elapsed());
        let records = self.recovered_records(restarted_unix_millis)?;
        let evidence = self.gateway.evidence_directory();
        totals
            .checked
            .add(check::check(&log.new_statements()?, &records, &evidence)?);
        self.verify()?;
        totals.verified += 1;
        totals.runs.push(began.elapsed());
        Ok(())
    }

    fn verdict(&self, totals: &Totals) -> anyhow::Result<()> {
        let problems = &totals.checked.problems;
        for problem in problems.iter().take(PROBLEMS_SHOWN) {
            eprintln!("problem: {problem}");
        }
        anyhow::ensure!(
            problems.is_empty(),
            "{} problems in {}",
            problems.len(),
            self.gateway.directory().display()
        );
        Ok(())
    }

    /// Ends the gateway and leaves its directory for whoever looks for the reason of a failure.
    fn abandon(mut self) -> PathBuf {
        let directory = self.gateway.directory().to_owned();
        // It may have ended already; that is told elsewhere.
        let _ = rig::attempt("ending the gateway", || self.gateway.kill());
        // It would remove its directory.
        std::mem::forget(self.gateway);
        directory
    }

    /// Stops the gateway in the ordinary way and runs both verifiers.
    fn finish(mut self) -> anyhow::Result<()> {
        let result = rig::attempt("stopping the gateway", || self.gateway.stop())
            .and_then(|()| self.verify())
            .and_then(|()| self.verify_by_script());
        let directory = self.gateway.directory().to_owned();
        // Its own end would verify once more, and not wait as long.
        std::mem::forget(self.gateway);
        result.with_context(|| format!("kept: {}", directory.display()))?;
        Ok(std::fs::remove_dir_all(directory)?)
    }

    /// Starts the gateway by hand and kills it again, most likely while it recovers.
    fn kill_in_recovery(&self, after: Duration) -> anyhow::Result<()> {
        let configuration = self.gateway.config_file();
        let configuration = configuration.to_str().context("paths here are text")?;
        let running =
            custos_testkit::start(&mut self.gateway.command(&["serve", "--config", configuration]));
        std::thread::sleep(after);
        running.signal(Signal::KILL);
        let finished = running.finish(PATIENCE);
        anyhow::ensure!(finished.code() == 137, "it did not start again: {finished}");
        Ok(())
    }

    /// The records since the last look, when there is a start of the gateway from this moment or later among them, and
    /// the end of every session.
    fn recovered_records(&mut self, restarted_unix_millis: u64) -> anyhow::Result<Vec<Record>> {
        let mut records = Vec::new();
        let limit = Instant::now() + PATIENCE;
        loop {
            records.extend(self.reader.new_records()?);
            let open = check::open_sessions(&records);
            if open.is_empty() && check::has_start_since(&records, restarted_unix_millis)? {
                return Ok(records);
            }
            anyhow::ensure!(
                Instant::now() < limit,
                "sessions still open after recovery: {open:?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn verify(&self) -> anyhow::Result<()> {
        self.run_verifier(&mut self.gateway.command(&["verify"]))
    }

    fn verify_by_script(&self) -> anyhow::Result<()> {
        let script = custos_testkit::root().join("scripts/verify.py");
        self.run_verifier(Command::new("python3").arg(script))
    }

    fn run_verifier(&self, verifier: &mut Command) -> anyhow::Result<()> {
        let directory = self.gateway.evidence_directory();
        let key = directory.join("keys/log.vkey");
        verifier.arg(&directory).arg("--key-file").arg(key);
        let finished = run_command(verifier, VERIFY_LIMIT);
        anyhow::ensure!(finished.code() == 0, "{verifier:?}: {finished}");
        Ok(())
    }
}

/// Waits until the target is done with what reached it.
fn wait_until_idle(postgres: &Postgres) {
    let sessions = format!(
        "select count(*) from pg_stat_activity where datname = '{}'",
        Postgres::DATABASE
    );
    wait_for("the target's sessions to end", PATIENCE, || {
        (postgres.sql(&sessions) == "0").then_some(())
    });
}

fn report(totals: &Totals) {
    let Totals {
        checked,
        killed_in_recovery,
        verified,
        recoveries,
        runs,
    } = totals;
    println!(
        "kill: {} runs (median {}), {killed_in_recovery} of them killed again while recovering",
        runs.len(),
        millis(quantile(runs, 50)),
    );
    println!(
        "kill: {} statements executed by the target in {} sessions, {} intents on record, {} missing, {} late",
        checked.executed, checked.sessions, checked.intents, checked.missing, checked.late
    );
    println!(
        "kill: {} sessions closed as interrupted, {} recorded statements never reached the target",
        checked.interrupted,
        checked.intents.saturating_sub(checked.executed)
    );
    println!(
        "kill: custos verify passed {verified} of {} times; restart with recovery took {} (median), {} (most)",
        runs.len(),
        millis(quantile(recoveries, 50)),
        millis(quantile(recoveries, 100)),
    );
}
