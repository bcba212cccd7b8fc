//! Hundreds of sessions wait for people: those who work must not notice, and each that waits must cost little.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use custos_testkit::{Custos, Endpoint, Postgres, Settings};

use crate::figures::{mebibytes, millis, quantile};
use crate::psql::Psql;
use crate::query::Connection;
use crate::records::Reader;
use crate::{proc_status, rig};

/// Rows that somebody who works asks for before, while and after sessions begin to wait.
const ROWS: usize = 300;
/// The longest that a working psql may wait for one row.
const ROW_WAIT_AT_MOST: Duration = Duration::from_secs(1);
/// What one wait may cost, beyond its session.
const BYTES_EACH_AT_MOST: u64 = 64 * 1024;
/// How long sessions that have ended may take to be on record.
const END_AT_MOST: Duration = Duration::from_secs(20);

const POLICY: &str = "
version: 1
rules:
  - id: reading
    who: \"*\"
    on: postgres/*
    may: [session.open, sql.select]
  - id: emptying
    who: \"*\"
    on: postgres/*
    may: sql.truncate
    approve: {count: 2, of: nobody, per: statement, expires: 1h}
";

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// How many sessions wait
    #[arg(long, default_value_t = 500)]
    sessions: usize,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let sessions = options.sessions;
    let postgres = rig::postgres();
    let settings = Settings {
        limits: format!(
            "sessions_per_principal = {}\nhandshakes_per_source = 1000",
            sessions + 10
        ),
        ..Settings::under(POLICY)
    };
    let gateway = Custos::start_with(&settings);
    let result = rig::attempt("a measurement", || measure(&gateway, &postgres, sessions));
    rig::conclude(gateway, result.and_then(|result| result))
}

fn measure(gateway: &Custos, postgres: &Postgres, sessions: usize) -> anyhow::Result<()> {
    let credential = rig::resource(gateway, postgres, "buffered")?;
    let waiting = gateway.password_endpoint(&credential, Postgres::DATABASE);
    let mut psql = Psql::open(&gateway.endpoint(&credential, Postgres::DATABASE))?;
    let before = rows(&mut psql, "before", |_| Ok(()))?;
    let mut all = open(&waiting, sessions)?;
    let idle = proc_status::resident_bytes(gateway.pid())?;
    let began = Instant::now();
    let mut next = all.iter_mut();
    // Somebody works while all of them begin to wait.
    let meanwhile = rows(&mut psql, "while they begin to wait", |_| {
        for session in next.by_ref().take(sessions.div_ceil(ROWS)) {
            session.ask("truncate nothing_that_is_there");
        }
        Ok(())
    })?;
    for session in &mut all {
        session.notice().context("a statement was not held")?;
    }
    println!(
        "holds: {sessions} statements wait after {}",
        millis(began.elapsed())
    );
    let after = rows(&mut psql, "while they wait", |_| Ok(()))?;
    let held = proc_status::resident_bytes(gateway.pid())?;
    let each = held.saturating_sub(idle) / sessions as u64;
    println!(
        "holds: {} with {sessions} idle sessions, {} when each waits: {} KiB each",
        mebibytes(idle),
        mebibytes(held),
        each / 1024
    );
    anyhow::ensure!(each <= BYTES_EACH_AT_MOST, "a wait takes {each} bytes");
    for (what, rows) in [
        ("before", &before),
        ("meanwhile", &meanwhile),
        ("after", &after),
    ] {
        let longest = quantile(rows, 100);
        anyhow::ensure!(
            longest <= ROW_WAIT_AT_MOST,
            "a row took {} {what}",
            millis(longest)
        );
    }
    drop(all);
    all_withdrawn(gateway, sessions)
}

/// Asks for rows, doing something between each two; how long each took.
fn rows(
    psql: &mut Psql,
    when: &str,
    mut between: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Duration>> {
    let mut taken = Vec::with_capacity(ROWS);
    for number in 0..ROWS {
        between(number)?;
        taken.push(psql.ask()?);
    }
    println!(
        "holds: a row {when} takes {} (median), {} (99 %), {} at most",
        millis(quantile(&taken, 50)),
        millis(quantile(&taken, 99)),
        millis(quantile(&taken, 100))
    );
    Ok(taken)
}

fn open(endpoint: &Endpoint, sessions: usize) -> anyhow::Result<Vec<Connection>> {
    let open = || -> anyhow::Result<Connection> {
        let mut connection = Connection::open(endpoint)?;
        connection.run("select 1")?;
        Ok(connection)
    };
    (0..sessions).map(|_| open()).collect()
}

/// Each request is on record as withdrawn, once.
fn all_withdrawn(gateway: &Custos, sessions: usize) -> anyhow::Result<()> {
    let mut records = Reader::new(&gateway.evidence_directory());
    let began = Instant::now();
    let mut withdrawn = 0;
    while withdrawn < sessions {
        anyhow::ensure!(
            began.elapsed() < END_AT_MOST,
            "{withdrawn} of {sessions} requests are on record as withdrawn"
        );
        let ended = records.new_records()?;
        let ended = ended.iter().filter(|record| record.kind == "request.ended");
        withdrawn += ended
            .filter(|record| record.detail["ending"] == "withdrawn")
            .count();
        std::thread::sleep(Duration::from_millis(50));
    }
    anyhow::ensure!(
        withdrawn == sessions,
        "{withdrawn} of {sessions} were withdrawn"
    );
    println!("holds: all {sessions} requests are on record as withdrawn");
    Ok(())
}
