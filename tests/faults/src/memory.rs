//! Peak memory: it must not depend on the size of results.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use custos_testkit::{Custos, Endpoint, Postgres};

use crate::figures::mebibytes;
use crate::query::{Connection, Received};
use crate::{proc_status, rig};

const IDLE_SESSIONS: usize = 100;
/// How long sessions are left alone before they count as idle.
const IDLE_TIME: Duration = Duration::from_secs(2);
/// Of one row.
const ROW_BYTES: u64 = 8192;
/// The single large value.
const VALUE_BYTES: u64 = 256 << 20;
/// A small result is a tenth of the large one, but not less than this, which fills every buffer.
const SMALL_BYTES_AT_LEAST: u64 = 128 << 20;
/// How much the peak may grow from the small result to a larger one.
const GROWTH_AT_MOST: f64 = 1.5;
/// What passing results may take in all: the bounded queue of the evidence writer (32 MiB), and buffers.
const ABOVE_REST_AT_MOST_BYTES: u64 = 64 << 20;
/// Recordings are compressed and results here compress well; this is what must be free all the same.
const FREE_BYTES_AT_LEAST: u64 = 2 << 30;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Size of the large result in GiB
    #[arg(long, default_value_t = 5.0)]
    gib: f64,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(
        (0.2..=1000.0).contains(&options.gib),
        "--gib must be from 0.2 to 1000"
    );
    let large_bytes = bytes(options.gib);
    let postgres = rig::postgres();
    let gateway = rig::gateway("sessions_per_principal = 200");
    let result = rig::attempt("a measurement", || {
        measure(&gateway, &postgres, large_bytes)
    });
    rig::conclude(gateway, result.and_then(|result| result))
}

fn measure(gateway: &Custos, postgres: &Postgres, large_bytes: u64) -> anyhow::Result<()> {
    check_room(gateway, large_bytes)?;
    let credential = rig::resource(gateway, postgres, "buffered")?;
    let endpoint = gateway.password_endpoint(&credential, Postgres::DATABASE);
    let rest = idle_sessions(gateway, &endpoint)?;

    // The queue of the evidence writer fills in bursts, so the small results pass as long as the large one.
    let small_bytes = SMALL_BYTES_AT_LEAST.max(large_bytes / 10);
    let times = large_bytes.div_ceil(small_bytes);
    let value = format!("select repeat('x', {VALUE_BYTES})");
    let small = peak(
        gateway,
        &endpoint,
        "small results",
        times,
        small_bytes,
        &rows(small_bytes),
    )?;
    let large = peak(
        gateway,
        &endpoint,
        "one result",
        1,
        large_bytes,
        &rows(large_bytes),
    )?;
    let value = peak(gateway, &endpoint, "one value", 1, VALUE_BYTES, &value)?;
    for (what, peak) in [("the large result", large), ("the large value", value)] {
        let growth = peak as f64 / small as f64;
        let above = peak.saturating_sub(rest);
        println!(
            "memory: peak with {what} is {growth:.2} times that with small ones, {} above rest",
            mebibytes(above)
        );
        anyhow::ensure!(
            growth <= GROWTH_AT_MOST,
            "memory grows with {what}: {growth:.2} times, {GROWTH_AT_MOST} at most"
        );
        anyhow::ensure!(
            above <= ABOVE_REST_AT_MOST_BYTES,
            "{what} takes {}",
            mebibytes(above)
        );
    }
    Ok(())
}

#[expect(clippy::cast_sign_loss, reason = "the range of the option was checked")]
fn bytes(gib: f64) -> u64 {
    (gib * f64::from(1 << 30)) as u64
}

fn check_room(gateway: &Custos, large_bytes: u64) -> anyhow::Result<()> {
    let room =
        rustix::fs::statvfs(gateway.directory()).context("cannot look at the file system")?;
    let free_bytes = room.f_bavail * room.f_frsize;
    let wanted_bytes = FREE_BYTES_AT_LEAST + large_bytes / 2;
    anyhow::ensure!(
        free_bytes >= wanted_bytes,
        "{} are free in {} and {} are wanted",
        mebibytes(free_bytes),
        gateway.directory().display(),
        mebibytes(wanted_bytes)
    );
    Ok(())
}

/// Returns the memory after them, in bytes.
fn idle_sessions(gateway: &Custos, endpoint: &Endpoint) -> anyhow::Result<u64> {
    let start = proc_status::resident_bytes(gateway.pid())?;
    let open = || -> anyhow::Result<Connection> {
        let mut connection = Connection::open(endpoint)?;
        connection.run("select 1")?;
        Ok(connection)
    };
    let first = open()?;
    sleep(IDLE_TIME);
    let one = proc_status::resident_bytes(gateway.pid())?;
    let sessions = (0..IDLE_SESSIONS)
        .map(|_| open())
        .collect::<anyhow::Result<Vec<_>>>()?;
    sleep(IDLE_TIME);
    let all = proc_status::resident_bytes(gateway.pid())?;
    drop((first, sessions));
    println!(
        "memory: {} at start, {} with one session, {} with {IDLE_SESSIONS} more: {} KiB each",
        mebibytes(start),
        mebibytes(one),
        mebibytes(all),
        all.saturating_sub(one) / 1024 / IDLE_SESSIONS as u64
    );
    Ok(all)
}

/// So many bytes in rows that PostgreSQL makes as it goes.
fn rows(bytes: u64) -> String {
    let (repeats, rows) = (ROW_BYTES / 32, bytes / ROW_BYTES);
    format!("select repeat(md5(number::text), {repeats}) from generate_series(1, {rows}) number")
}

/// Peak memory of the gateway while results pass one after the other, each of so many bytes.
fn peak(
    gateway: &Custos,
    endpoint: &Endpoint,
    what: &str,
    times: u64,
    bytes: u64,
    statement: &str,
) -> anyhow::Result<u64> {
    let mut connection = Connection::open(endpoint)?;
    proc_status::reset_peak(gateway.pid())?;
    let began = Instant::now();
    let mut received = Received::default();
    for _ in 0..times {
        let result = connection.run(statement)?;
        anyhow::ensure!(
            result.bytes >= bytes,
            "{} of {bytes} bytes came",
            result.bytes
        );
        received.bytes += result.bytes;
        received.rows += result.rows;
    }
    let took = began.elapsed();
    let peak = proc_status::peak_bytes(gateway.pid())?;
    println!(
        "memory: peak {} while {} passed in {times} × {what} ({} rows, {:.1} s, {}/s)",
        mebibytes(peak),
        mebibytes(received.bytes),
        received.rows,
        took.as_secs_f64(),
        mebibytes(received.bytes * 1000 / (took.as_millis() as u64).max(1))
    );
    Ok(peak)
}
