//! The file system of the evidence is filled under load. Traffic must stop at once and say why, nothing that a client
//! was told may be missing, and when there is room again work goes on by itself.

mod ballast;

use std::collections::HashSet;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use custos_testkit::{Credential, Custos, Endpoint, Evidence, Postgres};
use rustix::process::Signal;

use crate::figures::millis;
use crate::mount::{Kind, Mount, enter_own_namespace};
use crate::query::{Connection, Failure};
use crate::target_log::{Executed, TargetLog};
use crate::writer::{Writer, Written};
use crate::{proc_status, rig};
use ballast::Ballast;

/// PostgreSQL's code for a full disk.
const DISK_FULL: &str = "53100";
/// From the full disk to the end of traffic.
const STOP_LIMIT: Duration = Duration::from_secs(1);
/// From room on the disk to the first new session.
const RESUME_LIMIT: Duration = Duration::from_secs(2);
/// How long refusals and processor time are watched while the disk is full.
const OUTAGE: Duration = Duration::from_secs(2);
/// Of one processor; more would be spinning.
const IDLE_SHARE_AT_MOST: f64 = 0.25;
/// How long clients write before the disk is filled.
const TRAFFIC: Duration = Duration::from_secs(1);
const WRITERS: usize = 4;
const TABLE: &str = "create table notes (note text); grant all on notes to app";

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// What the small file system is
    #[arg(long, value_enum, default_value = "tmpfs")]
    filesystem: Kind,
    /// Its size in MiB
    #[arg(long, default_value_t = 256)]
    size_mib: u64,
    /// How often it is filled, before one last time in which the gateway is killed
    #[arg(long, default_value_t = 2)]
    cycles: u32,
    /// Mount here, in the present mount namespace, and not in one of its own
    #[arg(long, hide = true)]
    here: bool,
}

/// What becomes of the gateway while the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// It lives through it.
    Outlived,
    /// It is killed, and started again.
    Killed,
}

/// One gateway whose evidence is on the small file system.
struct Site {
    gateway: Custos,
    credentials: [Credential; 2],
    acknowledged: Vec<String>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if !options.here {
        let mut arguments: Vec<String> = std::env::args().skip(1).collect();
        arguments.push("--here".to_owned());
        return Err(enter_own_namespace(&arguments));
    }
    let postgres = rig::postgres();
    postgres.sql_in(Postgres::DATABASE, TABLE);
    let mut log = TargetLog::of(&postgres)?;
    let mut gateway = rig::gateway("");
    let credentials = [
        rig::resource(&gateway, &postgres, "strict")?,
        rig::resource(&gateway, &postgres, "buffered")?,
    ];
    gateway.stop();
    let directory = gateway.directory().to_owned();
    let evidence = gateway.evidence_directory();
    let mount = Mount::over(&evidence, options.filesystem, options.size_mib)?;
    gateway.restart();
    let mut site = Site {
        gateway,
        credentials,
        acknowledged: Vec::new(),
    };
    let result = site.cycles(options.cycles).and_then(|()| site.stop());
    if let Err(error) = result {
        let kept = site.abandon()?;
        drop(mount);
        std::fs::remove_dir_all(directory)?;
        return Err(error.context(format!("kept: {}", kept.display())));
    }
    let kept = rig::keep(&directory)?;
    let executed = log.new_statements()?;
    let Site {
        gateway,
        acknowledged,
        ..
    } = site;
    let stopped = rig::attempt("verifying the evidence", || gateway.finish());
    drop(mount);
    // What was mounted over could not be removed before.
    std::fs::remove_dir_all(directory)?;
    stopped
        .and_then(|stopped| {
            check_records(&stopped.evidence, &acknowledged, &executed, options.cycles)
        })
        .with_context(|| format!("kept: {}", kept.display()))?;
    Ok(std::fs::remove_dir_all(kept)?)
}

impl Site {
    fn cycles(&mut self, cycles: u32) -> anyhow::Result<()> {
        for cycle in 0..cycles {
            rig::attempt("a cycle", || self.cycle(cycle, After::Outlived))?
                .with_context(|| format!("cycle {cycle}"))?;
        }
        rig::attempt("the last cycle", || self.cycle(cycles, After::Killed))?
            .context("the cycle with SIGKILL")
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        rig::attempt("stopping the gateway", || self.gateway.stop())
    }

    /// Ends the gateway and returns where a copy of its directory is.
    fn abandon(mut self) -> anyhow::Result<PathBuf> {
        let kept = rig::abandon(&mut self.gateway)?;
        // It would complain that its evidence was not verified.
        std::mem::forget(self.gateway);
        Ok(kept)
    }

    /// Traffic, a full disk, room again.
    fn cycle(&mut self, cycle: u32, after: After) -> anyhow::Result<()> {
        let writers = self.start_writers(cycle)?;
        sleep(TRAFFIC);
        let before: u64 = writers.iter().map(Writer::count).sum();
        let ballast = Ballast::fill(&self.gateway.evidence_directory().join("ballast"))?;
        let full = Instant::now();
        let stopped = self.await_stop(writers, full)?;
        println!(
            "disk-full: {before} statements acknowledged before the disk was full; traffic ended with {DISK_FULL} {} after it",
            millis(stopped)
        );
        let (refused, share) = self.watch_outage()?;
        println!(
            "disk-full: {refused} new connections refused with {DISK_FULL} in {OUTAGE:?}; the gateway used {:.0} % of a processor",
            share * 100.0
        );
        if after == After::Killed {
            self.gateway.kill();
            self.start_without_room()?;
        }
        ballast.remove()?;
        if after == After::Killed {
            rig::attempt("restart after SIGKILL", || self.gateway.restart())?;
        }
        let resumed = self.await_resumption(cycle)?;
        println!(
            "disk-full: new sessions worked {} after there was room again",
            millis(resumed)
        );
        Ok(())
    }

    /// Starts a gateway that finds no room. It may serve refusals or give up and say why, but nothing else.
    fn start_without_room(&self) -> anyhow::Result<()> {
        let configuration = self.gateway.config_file();
        let configuration = configuration.to_str().context("paths here are text")?;
        let arguments = ["serve", "--config", configuration];
        let mut running = custos_testkit::start(&mut self.gateway.command(&arguments));
        let limit = Instant::now() + OUTAGE;
        while running.is_running() && Instant::now() < limit {
            sleep(Duration::from_millis(5));
        }
        let told = if running.is_running() {
            running.signal(Signal::KILL);
            running.finish(custos_testkit::PATIENCE);
            "waited for room"
        } else {
            let finished = running.finish(custos_testkit::PATIENCE);
            anyhow::ensure!(
                finished.code() == 1 && finished.stderr.contains("No space left"),
                "a start on a full disk ended with {finished}"
            );
            "gave up and said why"
        };
        println!("disk-full: killed on the full disk and started again there, the gateway {told}");
        Ok(())
    }

    fn endpoint(&self, number: usize) -> Endpoint {
        let credential = &self.credentials[number % self.credentials.len()];
        self.gateway
            .password_endpoint(credential, Postgres::DATABASE)
    }

    /// Half of them write to the strict resource, half to the buffered one.
    fn start_writers(&self, cycle: u32) -> anyhow::Result<Vec<Writer>> {
        let start = |number| Writer::start(self.endpoint(number), format!("{cycle}-{number}"));
        let writers: Vec<Writer> = (0..WRITERS).map(start).collect();
        let limit = Instant::now() + custos_testkit::PATIENCE;
        while writers.iter().any(|writer| writer.count() == 0) {
            anyhow::ensure!(Instant::now() < limit, "the clients do not get to work");
            sleep(Duration::from_millis(5));
        }
        Ok(writers)
    }

    /// Waits for the end of all clients; returns when the last one ended.
    fn await_stop(&mut self, writers: Vec<Writer>, full: Instant) -> anyhow::Result<Duration> {
        let limit = full + STOP_LIMIT * 10;
        while !writers.iter().all(Writer::has_ended) && Instant::now() < limit {
            sleep(Duration::from_millis(2));
        }
        let mut last = Duration::ZERO;
        let mut problems = Vec::new();
        for (number, writer) in writers.into_iter().enumerate() {
            let Written {
                acknowledged,
                failure,
                ended,
            } = writer.finish();
            let after = ended.saturating_duration_since(full);
            match failure {
                Some(Failure::Error { sqlstate, .. }) if sqlstate == DISK_FULL => {}
                Some(failure) => problems.push(format!(
                    "client {number} ended after {} with: {failure}",
                    millis(after)
                )),
                None => problems.push(format!(
                    "client {number} was still served after {}",
                    millis(after)
                )),
            }
            self.acknowledged.extend(acknowledged);
            last = last.max(after);
        }
        anyhow::ensure!(problems.is_empty(), "{}", problems.join("; "));
        anyhow::ensure!(
            last <= STOP_LIMIT,
            "traffic went on for {} on a full disk",
            millis(last)
        );
        Ok(last)
    }

    /// Connects again and again; returns how many were refused, and the share of a processor that the gateway used
    /// when it was left alone.
    fn watch_outage(&self) -> anyhow::Result<(u64, f64)> {
        let began = Instant::now();
        let mut refused = 0;
        while began.elapsed() < OUTAGE / 2 {
            match Connection::open(&self.endpoint(usize::try_from(refused)?)) {
                Err(Failure::Error { sqlstate, .. }) if sqlstate == DISK_FULL => refused += 1,
                Err(failure) => {
                    anyhow::bail!("on a full disk a new connection ended with: {failure}")
                }
                Ok(_) => anyhow::bail!("on a full disk a new connection was accepted"),
            }
        }
        let (before, watched) = (
            proc_status::processor_time(self.gateway.pid())?,
            Instant::now(),
        );
        sleep(OUTAGE / 2);
        let used = proc_status::processor_time(self.gateway.pid())?.saturating_sub(before);
        let share = used.as_secs_f64() / watched.elapsed().as_secs_f64();
        anyhow::ensure!(
            share <= IDLE_SHARE_AT_MOST,
            "the gateway uses {:.0} % of a processor on a full disk",
            share * 100.0
        );
        Ok((refused, share))
    }

    /// Connects until it works again, on both resources; returns how long that took.
    fn await_resumption(&mut self, cycle: u32) -> anyhow::Result<Duration> {
        let room = Instant::now();
        for number in 0..self.credentials.len() {
            let statement = format!("INSERT INTO notes VALUES ('again-{cycle}-{number}')");
            loop {
                let result = Connection::open(&self.endpoint(number))
                    .and_then(|mut open| open.run(&statement));
                match result {
                    Ok(_) => break,
                    Err(failure) => anyhow::ensure!(
                        room.elapsed() <= RESUME_LIMIT,
                        "{} after there was room again: {failure}",
                        millis(room.elapsed())
                    ),
                }
                sleep(Duration::from_millis(20));
            }
            self.acknowledged.push(statement);
        }
        let resumed = room.elapsed();
        anyhow::ensure!(
            resumed <= RESUME_LIMIT,
            "work went on only {} after there was room",
            millis(resumed)
        );
        Ok(resumed)
    }
}

/// What clients were told, and what the target did, must be on record; and so must the outage.
fn check_records(
    evidence: &Evidence,
    acknowledged: &[String],
    executed: &[Executed],
    cycles: u32,
) -> anyhow::Result<()> {
    let key =
        |record: &serde_json::Value| (record["sess"]["id"].to_string(), record["op"]["n"].as_u64());
    let succeeded: HashSet<_> = evidence
        .of_type("operation.outcome")
        .filter(|record| record["outcome"] == "ok")
        .map(key)
        .collect();
    let mut asked = HashSet::new();
    let mut answered = HashSet::new();
    for intent in evidence.of_type("operation.intent") {
        let text = intent["op"]["text"].as_str().unwrap_or_default();
        asked.insert(text);
        if succeeded.contains(&key(intent)) {
            answered.insert(text);
        }
    }
    let missing = acknowledged
        .iter()
        .filter(|text| !answered.contains(text.as_str()))
        .count();
    let unrecorded = executed
        .iter()
        .filter(|statement| !asked.contains(statement.text.as_str()))
        .count();
    println!(
        "disk-full: {} acknowledged statements, {missing} missing; {} executed by the target, {unrecorded} not on record",
        acknowledged.len(),
        executed.len()
    );
    anyhow::ensure!(missing == 0 && unrecorded == 0, "evidence is missing");
    for kind in ["evidence.failed", "evidence.recovered"] {
        let found = evidence.of_type(kind).count();
        anyhow::ensure!(
            found >= cycles as usize,
            "{found} records {kind} for {cycles} outages"
        );
    }
    Ok(())
}
