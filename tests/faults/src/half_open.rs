//! Thousands of connections that send nothing: those who work must not notice, and all must be cut in time.

mod flood;

use std::time::{Duration, Instant};

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
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(8);
/// How much later than that the last connection may be cut. Thousands end at the same moment.
const CUT_SLACK: Duration = Duration::from_secs(4);
/// The longest that a working psql may wait for one row.
const LATENCY_AT_MOST: Duration = Duration::from_secs(1);
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
    raise_descriptor_limit(options.connections)?;
    let postgres = rig::postgres();
    let connections = options.connections;
    let timeout = format!("handshake_timeout = \"{}s\"", HANDSHAKE_TIMEOUT.as_secs());
    let held = format!(
        "{timeout}\nhandshakes = {}\nhandshakes_per_source = {connections}",
        connections + 100
    );
    let mut gateway = rig::gateway(&held);
    let credential = rig::resource(&gateway, &postgres, "strict")?;
    let endpoint = gateway.endpoint(&credential, Postgres::DATABASE);
    let mut records = Reader::new(&gateway.evidence_directory());

    println!(
        "half-open: {connections} connections from {SOURCES} addresses, with room for all of them"
    );
    besiege(&gateway, &endpoint, connections, SOURCES, &mut records)?;
    gateway.stop();
    gateway.write_settings(&rig::settings(&timeout));
    gateway.restart();
    records.new_records()?;
    println!(
        "half-open: {connections} connections from {SOURCES_WITHIN_LIMITS} addresses, with the usual limits"
    );
    besiege(
        &gateway,
        &endpoint,
        connections,
        SOURCES_WITHIN_LIMITS,
        &mut records,
    )?;
    gateway.finish();
    Ok(())
}

fn besiege(
    gateway: &Custos,
    endpoint: &Endpoint,
    connections: usize,
    sources: usize,
    records: &mut Reader,
) -> anyhow::Result<()> {
    let mut psql = Psql::open(endpoint)?;
    let quiet: Vec<Duration> = (0..50).map(|_| psql.ask()).collect::<anyhow::Result<_>>()?;
    let before = proc_status::resident_bytes(gateway.pid())?;
    proc_status::reset_peak(gateway.pid())?;
    let began = Instant::now();
    let mut flood = Flood::open(gateway.tls_address(), connections, sources)?;
    let opened = began.elapsed();
    let mut latencies = Vec::new();
    let sign_in = Instant::now();
    drop(Psql::open(endpoint)?);
    let sign_in = sign_in.elapsed();
    let mut open_at_most = 0;
    while flood.count() > 0 {
        latencies.push(psql.ask()?);
        flood.look();
        open_at_most = open_at_most.max(flood.count());
        anyhow::ensure!(
            began.elapsed() <= opened + HANDSHAKE_TIMEOUT + CUT_SLACK,
            "{} connections were not cut after {}",
            flood.count(),
            millis(began.elapsed())
        );
    }
    let cut = began.elapsed();
    let peak = proc_status::peak_bytes(gateway.pid())?;
    let each = peak.saturating_sub(before) / connections as u64;
    println!(
        "half-open: opened in {}, {open_at_most} were held at once, the last was cut {} after the first was opened",
        millis(opened),
        millis(cut)
    );
    println!(
        "half-open: psql waited {} (median, {} before), {} (99 %), {} (most) for a row, of {}; a new sign-in took {}",
        millis(quantile(&latencies, 0.5)),
        millis(quantile(&quiet, 0.5)),
        millis(quantile(&latencies, 0.99)),
        millis(quantile(&latencies, 1.0)),
        latencies.len(),
        millis(sign_in)
    );
    println!(
        "half-open: memory {} before, {} at most: {} KiB for each",
        mebibytes(before),
        mebibytes(peak),
        each / 1024
    );
    anyhow::ensure!(
        quantile(&latencies, 1.0) <= LATENCY_AT_MOST,
        "psql had to wait too long"
    );
    anyhow::ensure!(
        sign_in <= LATENCY_AT_MOST * 2,
        "a new client had to wait too long"
    );
    anyhow::ensure!(
        each <= BYTES_EACH_AT_MOST,
        "a silent connection costs too much memory"
    );
    check_records(records, connections as u64, began)
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
