//! Thousands of connections that send nothing: those who work must not notice, and all must be cut in time.

mod flood;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use custos_testkit::{Custos, Endpoint, Postgres};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::figures::{mebibytes, millis, quantile};
use crate::psql::Psql;
use crate::records::Reader;
use crate::{proc_status, rig};
use flood::Flood;

/// Source addresses of the connections.
const SOURCES: usize = 16;
/// Sources that the usual limits are tried with: few enough that places are left for others.
const SOURCES_WITHIN_LIMITS: usize = 2;
/// Time to sign in, however few the connections are, and how many more may be opened in each further second.
const HANDSHAKE_SECONDS: usize = 3;
const CONNECTIONS_PER_SECOND: usize = 2000;
/// How much later than that the last connection may be cut. Thousands end at the same moment.
const CUT_SLACK: Duration = Duration::from_secs(4);
/// The longest that a working psql may wait for one row.
const ROW_WAIT_AT_MOST: Duration = Duration::from_secs(1);
/// The longest that a new psql may take to sign in.
const SIGN_IN_AT_MOST: Duration = Duration::from_secs(2);
const SIGN_IN_INTERVAL: Duration = Duration::from_millis(500);
/// What one silent connection may cost.
const BYTES_EACH_AT_MOST: u64 = 64 * 1024;
/// Individual records of refusals in one second at most, and the one that counts the others.
const RECORDS_PER_SECOND: u64 = 51;
/// File descriptors that are needed beside those of the connections.
const SPARE_DESCRIPTORS: u64 = 200;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// How many connections
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let connections = options.connections;
    raise_descriptor_limit(connections)?;
    let postgres = rig::postgres();
    let seconds = HANDSHAKE_SECONDS + connections / CONNECTIONS_PER_SECOND;
    let timeout = format!("handshake_timeout = \"{seconds}s\"");
    let places = format!(
        "{timeout}\nhandshakes = {}\nhandshakes_per_source = {connections}",
        connections + 100
    );
    let mut gateway = rig::gateway(&places);
    let result = rig::attempt("a siege", || {
        let credential = rig::resource(&gateway, &postgres, "strict")?;
        let endpoint = gateway.endpoint(&credential, Postgres::DATABASE);
        let mut siege = Siege {
            records: Reader::new(&gateway.evidence_directory()),
            connections,
            handshake_timeout: Duration::from_secs(seconds as u64),
        };
        println!(
            "half-open: {connections} connections from {SOURCES} addresses, with places for all"
        );
        siege.run(&gateway, &endpoint, SOURCES)?;
        gateway.stop();
        gateway.write_settings(&rig::settings(&timeout));
        gateway.restart();
        println!(
            "half-open: {connections} connections from {SOURCES_WITHIN_LIMITS} addresses, with the usual limits"
        );
        siege.run(&gateway, &endpoint, SOURCES_WITHIN_LIMITS)
    });
    rig::conclude(gateway, result.and_then(|result| result))
}

/// What stays the same for one gateway.
struct Siege {
    records: Reader,
    connections: usize,
    handshake_timeout: Duration,
}

/// Those who work while the others are silent.
struct Workers<'a> {
    endpoint: &'a Endpoint,
    psql: Psql,
    /// What the open session waited for a row.
    rows: Vec<Duration>,
    /// What a new client waited until it was signed in.
    sign_ins: Vec<Duration>,
    last_sign_in: Instant,
}

impl<'a> Workers<'a> {
    fn begin(endpoint: &'a Endpoint) -> anyhow::Result<Self> {
        let psql = Psql::open(endpoint)?;
        let last_sign_in = Instant::now();
        Ok(Self {
            endpoint,
            psql,
            rows: Vec::new(),
            sign_ins: Vec::new(),
            last_sign_in,
        })
    }

    fn work(&mut self) -> anyhow::Result<()> {
        self.rows.push(self.psql.ask()?);
        if self.last_sign_in.elapsed() >= SIGN_IN_INTERVAL {
            let began = Instant::now();
            drop(Psql::open(self.endpoint).context("a new client was not served")?);
            self.sign_ins.push(began.elapsed());
            self.last_sign_in = Instant::now();
        }
        Ok(())
    }
}

impl Siege {
    fn run(&mut self, gateway: &Custos, endpoint: &Endpoint, sources: usize) -> anyhow::Result<()> {
        let mut workers = Workers::begin(endpoint)?;
        let before = proc_status::resident_bytes(gateway.pid())?;
        proc_status::reset_peak(gateway.pid())?;
        let began = Instant::now();
        let mut flood = Flood::begin(gateway.tls_address(), self.connections, sources);
        let mut held_at_most = 0;
        let mut opened = None;
        loop {
            workers.work()?;
            if opened.is_none() && flood.is_opened()? {
                opened = Some(began.elapsed());
            }
            let held = flood.count();
            held_at_most = held_at_most.max(held);
            let Some(opened) = opened else { continue };
            if held == 0 {
                break;
            }
            anyhow::ensure!(
                began.elapsed() <= opened + self.handshake_timeout + CUT_SLACK,
                "{held} connections were not cut after {}",
                millis(began.elapsed())
            );
        }
        println!(
            "half-open: opened in {}, {held_at_most} were held at once, the last was cut {} after the first was opened",
            millis(opened.unwrap_or_default()),
            millis(began.elapsed())
        );
        let peak = proc_status::peak_bytes(gateway.pid())?;
        check_memory(before, peak, self.connections as u64)?;
        check_waits(&workers)?;
        check_records(&mut self.records, self.connections as u64, began)
    }
}

fn check_memory(before_bytes: u64, peak_bytes: u64, connections: u64) -> anyhow::Result<()> {
    let each = peak_bytes.saturating_sub(before_bytes) / connections;
    println!(
        "half-open: memory {} before, {} at most: {} KiB for each",
        mebibytes(before_bytes),
        mebibytes(peak_bytes),
        each / 1024
    );
    anyhow::ensure!(
        each <= BYTES_EACH_AT_MOST,
        "a silent connection costs too much memory"
    );
    Ok(())
}

fn check_waits(workers: &Workers<'_>) -> anyhow::Result<()> {
    for (what, waits, at_most) in [
        ("a row", &workers.rows, ROW_WAIT_AT_MOST),
        ("sign-in", &workers.sign_ins, SIGN_IN_AT_MOST),
    ] {
        println!(
            "half-open: psql waited {} (median), {} (99 %), {} (most) for {what}, {} times",
            millis(quantile(waits, 50)),
            millis(quantile(waits, 99)),
            millis(quantile(waits, 100)),
            waits.len(),
        );
        anyhow::ensure!(
            quantile(waits, 100) <= at_most,
            "psql had to wait too long for {what}"
        );
    }
    Ok(())
}

/// Every connection is on record, by itself or in a count; and the records are few.
fn check_records(reader: &mut Reader, connections: u64, began: Instant) -> anyhow::Result<()> {
    let limit = Instant::now() + custos_testkit::PATIENCE;
    let (mut single, mut counts, mut counted) = (0, 0, 0);
    while single + counted < connections {
        anyhow::ensure!(
            Instant::now() < limit,
            "{single} single and {counted} counted refusals of {connections} are on record"
        );
        std::thread::sleep(Duration::from_millis(20));
        for record in reader
            .new_records()?
            .iter()
            .filter(|record| record.kind == "connection.refused")
        {
            match record.detail["count"].as_u64() {
                Some(count) => (counts, counted) = (counts + 1, counted + count),
                None => single += 1,
            }
        }
    }
    println!(
        "half-open: {single} refusals have a record each, {counted} are counted in {counts} records"
    );
    anyhow::ensure!(
        single + counted == connections,
        "{} refusals for {connections} connections",
        single + counted
    );
    let at_most = (began.elapsed().as_secs() + 2) * RECORDS_PER_SECOND;
    anyhow::ensure!(
        single + counts <= at_most,
        "{} records of refusals, {at_most} at most",
        single + counts
    );
    Ok(())
}

fn raise_descriptor_limit(connections: usize) -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?;
    let wanted = connections as u64 + SPARE_DESCRIPTORS;
    let allowed = limit.maximum.unwrap_or(u64::MAX);
    anyhow::ensure!(
        wanted <= allowed,
        "{wanted} file descriptors are wanted and {allowed} allowed (ulimit -Hn)"
    );
    Ok(())
}
