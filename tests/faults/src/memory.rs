//! Peak memory: it must not depend on the size of results.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use custos_testkit::{Custos, Endpoint, Postgres};

use crate::figures::mebibytes;
use crate::query::Connection;
use crate::{proc_status, rig};

const IDLE_SESSIONS: usize = 100;
/// How long sessions are left alone before they count as idle.
const IDLE_TIME: Duration = Duration::from_secs(2);
/// Of one row.
const ROW_BYTES: u64 = 8192;
/// The single large value.
const VALUE_BYTES: u64 = 256 << 20;
/// The small result is a tenth of the large one, but not less than this, which fills every buffer.
const SMALL_BYTES_AT_LEAST: u64 = 128 << 20;
/// How much the peak may grow from the small result to a larger one.
const GROWTH_AT_MOST: f64 = 1.5;
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
    check_room(&gateway, large_bytes)?;
    let credential = rig::resource(&gateway, &postgres, "buffered")?;
    let endpoint = gateway.password_endpoint(&credential, Postgres::DATABASE);

    idle_sessions(&gateway, &endpoint)?;
    let small_bytes = SMALL_BYTES_AT_LEAST.max(large_bytes / 10);
    let small = peak(&gateway, &endpoint, "rows", small_bytes, &rows(small_bytes))?;
    let large = peak(&gateway, &endpoint, "rows", large_bytes, &rows(large_bytes))?;
    let value = format!("select repeat('x', {VALUE_BYTES})");
    let value = peak(&gateway, &endpoint, "one value", VALUE_BYTES, &value)?;
    gateway.finish();
    for (what, bytes) in [("the large result", large), ("the large value", value)] {
        let growth = bytes as f64 / small as f64;
        println!("memory: peak with {what} is {growth:.2} times that with the small result");
        anyhow::ensure!(
            growth <= GROWTH_AT_MOST,
            "memory grows with {what}: {growth:.2} times, {GROWTH_AT_MOST} at most"
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
    let wanted_bytes = FREE_BYTES_AT_LEAST + large_bytes / 4;
    anyhow::ensure!(
        free_bytes >= wanted_bytes,
        "{} are free in {} and {} are wanted",
        mebibytes(free_bytes),
        gateway.directory().display(),
        mebibytes(wanted_bytes)
    );
    Ok(())
}

fn idle_sessions(gateway: &Custos, endpoint: &Endpoint) -> anyhow::Result<()> {
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
    Ok(())
}

/// So many bytes in rows that PostgreSQL makes as it goes.
fn rows(bytes: u64) -> String {
    let (repeats, rows) = (ROW_BYTES / 32, bytes / ROW_BYTES);
    format!("select repeat(md5(number::text), {repeats}) from generate_series(1, {rows}) number")
}

/// Peak memory of the gateway while one result passes.
fn peak(
    gateway: &Custos,
    endpoint: &Endpoint,
    what: &str,
    bytes: u64,
    statement: &str,
) -> anyhow::Result<u64> {
    let mut connection = Connection::open(endpoint)?;
    proc_status::reset_peak(gateway.pid())?;
    let began = Instant::now();
    let received = connection.run(statement)?;
    anyhow::ensure!(
        received.bytes >= bytes,
        "{} of {bytes} bytes came",
        received.bytes
    );
    let took = began.elapsed();
    let peak = proc_status::peak_bytes(gateway.pid())?;
    println!(
        "memory: peak {} while {} in {what} passed ({} rows, {:.1} s, {}/s)",
        mebibytes(peak),
        mebibytes(received.bytes),
        received.rows,
        took.as_secs_f64(),
        mebibytes(received.bytes * 1000 / (took.as_millis() as u64).max(1))
    );
    Ok(peak)
}
