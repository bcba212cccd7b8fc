//! The speed that Custos must reach, held against what was measured. Floors, not aims.

use crate::memory::{Memory, SMALL_RESULT_DIVISOR};
use crate::results::{Field, P50_US, RATE, ROWS_RATE, Results};
use crate::workload::{Bulk, Cell, TargetKind, Workload};

use TargetKind::{
    CustosBuffered, CustosBufferedPolicy, CustosStrict, CustosStrictPolicy, Pgbouncer, Relay,
};

const BUFFERED_THROUGHPUT: f64 = 0.9;
const BUFFERED_ADDED_US: f64 = 60.0;
const STRICT_THROUGHPUT: f64 = 0.8;
const STRICT_CLIENTS: u32 = 64;
const STRICT_ADDED_BEYOND_FDATASYNC_US: f64 = 100.0;
const BULK_THROUGHPUT: f64 = 0.8;
const MASKED_BULK_THROUGHPUT: f64 = 0.5;
const IDLE_SESSION_KIB: f64 = 64.0;
/// Memory counts as flat when the large result's peak is above the small one's by less than this and less than a tenth
/// of what the result itself grew.
const FLAT_KIB: f64 = 8.0 * 1024.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

/// One floor and how it stands.
#[derive(Debug)]
pub(crate) struct Floor {
    pub(crate) demand: String,
    pub(crate) found: String,
    pub(crate) verdict: Verdict,
}

/// All floors, in the order of the report. They hold with and without policy documents.
pub(crate) fn check(results: &Results) -> Vec<Floor> {
    let mut floors = Vec::new();
    for (buffered, strict) in [
        (CustosBuffered, CustosStrict),
        (CustosBufferedPolicy, CustosStrictPolicy),
    ] {
        floors.extend(buffered_floors(results, buffered));
        floors.extend(strict_floors(results, strict));
    }
    for target in [
        CustosBuffered,
        CustosStrict,
        CustosBufferedPolicy,
        CustosStrictPolicy,
    ] {
        floors.push(at_least(
            format!(
                "{}: large results at least {BULK_THROUGHPUT} × the TCP relay, without masks",
                target.title()
            ),
            &bulk_ratios(results, target, false),
            BULK_THROUGHPUT,
        ));
    }
    for target in [CustosBufferedPolicy, CustosStrictPolicy] {
        floors.push(at_least(
            format!(
                "{}: large results at least {MASKED_BULK_THROUGHPUT} × the TCP relay in rows, with masks",
                target.title()
            ),
            &bulk_ratios(results, target, true),
            MASKED_BULK_THROUGHPUT,
        ));
    }
    floors.extend(memory_floors(&results.memory));
    floors
}

fn buffered_floors(results: &Results, target: TargetKind) -> [Floor; 3] {
    let name = short(target);
    [
        at_least(
            format!("{name}: throughput at least {BUFFERED_THROUGHPUT} × PgBouncer"),
            &throughput_ratios(results, target, |_| true),
            BUFFERED_THROUGHPUT,
        ),
        at_most(
            format!(
                "{name}: p50 added over PgBouncer at most {BUFFERED_ADDED_US} µs a statement, one client"
            ),
            &added_per_statement(results, target, |cell| cell.clients == 1),
            Some(BUFFERED_ADDED_US),
        ),
        at_most(
            UNDER_LOAD.to_owned(),
            &added_per_statement(results, target, |cell| cell.clients > 1),
            Some(BUFFERED_ADDED_US),
        ),
    ]
}

fn strict_floors(results: &Results, target: TargetKind) -> [Floor; 3] {
    let name = short(target);
    let fdatasync_us = results.fdatasync_us(50);
    let added_us = fdatasync_us.map(|time_us| time_us + STRICT_ADDED_BEYOND_FDATASYNC_US);
    [
        at_least(
            format!(
                "{name}: throughput at {STRICT_CLIENTS} clients at least {STRICT_THROUGHPUT} × PgBouncer"
            ),
            &throughput_ratios(results, target, |cell| cell.clients == STRICT_CLIENTS),
            STRICT_THROUGHPUT,
        ),
        at_most(
            format!(
                "{name}: p50 added over PgBouncer at most one fdatasync + {STRICT_ADDED_BEYOND_FDATASYNC_US} µs a statement, one client"
            ),
            &added_per_statement(results, target, |cell| cell.clients == 1),
            added_us,
        ),
        at_most(
            UNDER_LOAD.to_owned(),
            &added_per_statement(results, target, |cell| cell.clients > 1),
            added_us,
        ),
    ]
}

const UNDER_LOAD: &str = "the same under load, where waiting for a processor is counted too";

/// Durability, and whether documents are in force.
fn short(target: TargetKind) -> &'static str {
    let title = target.title();
    title.strip_prefix("Custos, ").unwrap_or(title)
}

/// A number and the workload or target that it comes from.
type Named = (String, f64);

fn cells(results: &Results, wanted: fn(Cell) -> bool) -> impl Iterator<Item = (Workload, Cell)> {
    let measured = move |workload: &Workload| results.median(*workload, Pgbouncer, RATE).is_some();
    Workload::all()
        .into_iter()
        .filter(measured)
        .filter_map(move |workload| match workload {
            Workload::Pgbench(cell) if wanted(cell) => Some((workload, cell)),
            Workload::Pgbench(_) | Workload::Rows(_) => None,
        })
}

fn throughput_ratios(
    results: &Results,
    target: TargetKind,
    wanted: fn(Cell) -> bool,
) -> Vec<Named> {
    cells(results, wanted)
        .filter_map(|(workload, _)| {
            Some((
                workload.name(),
                results.ratio(workload, target, Pgbouncer, RATE)?,
            ))
        })
        .collect()
}

/// A transaction of several statements makes as many round trips; a proxy adds its part to each.
fn added_per_statement(
    results: &Results,
    target: TargetKind,
    wanted: fn(Cell) -> bool,
) -> Vec<Named> {
    cells(results, wanted)
        .filter_map(|(workload, cell)| {
            let added_us = results.added(workload, target, Pgbouncer, P50_US)?;
            Some((
                workload.name(),
                added_us / f64::from(cell.script.statements()),
            ))
        })
        .collect()
}

fn bulk_ratios(results: &Results, target: TargetKind, are_masked: bool) -> Vec<Named> {
    // A mask makes rows shorter or longer: bytes would compare different work.
    let rate: Field = if are_masked { ROWS_RATE } else { RATE };
    Bulk::all()
        .into_iter()
        .filter(|bulk| bulk.is_masked() == are_masked)
        .map(Workload::Rows)
        .filter_map(|workload| {
            Some((
                workload.name(),
                results.ratio(workload, target, Relay, rate)?,
            ))
        })
        .collect()
}

fn memory_floors(memory: &[Memory]) -> [Floor; 2] {
    let custos = || memory.iter().filter(|memory| memory.kind.is_custos());
    let idle: Vec<Named> = custos()
        .map(|memory| (memory.kind.title().to_owned(), memory.idle_session_kib))
        .collect();
    let grown: Vec<Named> = custos()
        .map(|memory| (memory.kind.title().to_owned(), memory.grown_kib()))
        .collect();
    let result_kib = custos()
        .map(|memory| memory.large_result_kib as f64)
        .fold(f64::INFINITY, f64::min);
    let flat_kib = FLAT_KIB.min(result_kib / 10.0);
    [
        at_most(
            format!("at most {IDLE_SESSION_KIB} KiB for an idle session"),
            &idle,
            Some(IDLE_SESSION_KIB),
        ),
        at_most(
            format!(
                "memory flat in result size: peak at most {flat_kib:.0} KiB higher when the result is {SMALL_RESULT_DIVISOR} times as large"
            ),
            &grown,
            Some(flat_kib),
        ),
    ]
}

impl Memory {
    fn grown_kib(&self) -> f64 {
        self.large_peak_kib as f64 - self.small_peak_kib as f64
    }
}

fn at_least(demand: String, found: &[Named], floor: f64) -> Floor {
    judged(demand, found, Some(floor), |value, floor| value >= floor)
}

fn at_most(demand: String, found: &[Named], ceiling: Option<f64>) -> Floor {
    judged(demand, found, ceiling, |value, ceiling| value <= ceiling)
}

/// A floor is met when every value meets it; the report shows the worst and how many do.
fn judged(
    demand: String,
    found: &[Named],
    limit: Option<f64>,
    meets: fn(f64, f64) -> bool,
) -> Floor {
    let Some(limit) = limit else {
        return not_measured(demand);
    };
    // Of two values the worse one is that which, taken as the limit, the other meets.
    let worst = found
        .iter()
        .reduce(|worst, next| if meets(worst.1, next.1) { next } else { worst });
    let Some((name, value)) = worst else {
        return not_measured(demand);
    };
    let meeting = found
        .iter()
        .filter(|(_, value)| meets(*value, limit))
        .count();
    let verdict = if meeting == found.len() {
        Verdict::Met
    } else {
        Verdict::Missed
    };
    let found = format!(
        "limit {limit:.2}; worst {value:.2} ({name}); {meeting} of {} meet it",
        found.len()
    );
    Floor {
        demand,
        found,
        verdict,
    }
}

fn not_measured(demand: String) -> Floor {
    Floor {
        demand,
        found: "–".to_owned(),
        verdict: Verdict::NotMeasured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{measured, measured_rows};
    use crate::workload::{Column, QueryMode, Read, Script};

    fn named(values: &[f64]) -> Vec<Named> {
        values
            .iter()
            .map(|value| (format!("cell {value}"), *value))
            .collect()
    }

    #[test]
    fn one_bad_cell_misses_a_floor() {
        let floor = at_least(String::new(), &named(&[0.95, 0.89, 1.2]), 0.9);
        assert_eq!(floor.verdict, Verdict::Missed);
        assert_eq!(
            floor.found,
            "limit 0.90; worst 0.89 (cell 0.89); 2 of 3 meet it"
        );
        let ceiling = at_most(String::new(), &named(&[10.0, 61.0, 5.0]), Some(60.0));
        assert_eq!(ceiling.verdict, Verdict::Missed);
        assert!(ceiling.found.contains("worst 61.00"), "{}", ceiling.found);
    }

    #[test]
    fn all_good_cells_meet_it() {
        assert_eq!(
            at_least(String::new(), &named(&[0.9, 1.0]), 0.9).verdict,
            Verdict::Met
        );
        assert_eq!(
            at_most(String::new(), &named(&[-3.0, 60.0]), Some(60.0)).verdict,
            Verdict::Met
        );
    }

    #[test]
    fn nothing_measured_is_not_met() {
        assert!(
            check(&Results::default())
                .iter()
                .all(|floor| floor.verdict == Verdict::NotMeasured)
        );
    }

    #[test]
    fn latency_is_judged_by_the_statement() {
        let cell = Cell {
            script: Script::TpcbLike,
            mode: QueryMode::Simple,
            clients: 1,
        };
        let mut results = Results::default();
        results.add(
            Workload::Pgbench(cell),
            Pgbouncer,
            0,
            measured(100.0, 1000.0),
        );
        results.add(
            Workload::Pgbench(cell),
            CustosBuffered,
            0,
            measured(95.0, 1000.0 + 7.0 * 59.0),
        );
        let floors = check(&results);
        assert_eq!(
            (floors[0].verdict, floors[1].verdict),
            (Verdict::Met, Verdict::Met),
            "{floors:?}"
        );
        assert_eq!(floors[2].verdict, Verdict::NotMeasured);
    }

    fn floor<'f>(floors: &'f [Floor], start: &str) -> &'f Floor {
        let mut found = floors.iter().filter(|it| it.demand.starts_with(start));
        let floor = found.next().expect(start);
        assert!(found.next().is_none(), "several floors begin with {start}");
        floor
    }

    #[test]
    fn the_floors_hold_under_documents_too() {
        let cell = Cell {
            script: Script::SelectMasked,
            mode: QueryMode::Prepared,
            clients: 1,
        };
        let mut results = Results::default();
        let workload = Workload::Pgbench(cell);
        results.add(workload, Pgbouncer, 0, measured(100.0, 100.0));
        results.add(workload, CustosBuffered, 0, measured(95.0, 150.0));
        results.add(workload, CustosBufferedPolicy, 0, measured(85.0, 161.0));
        let floors = check(&results);
        let verdict = |start| floor(&floors, start).verdict;
        assert_eq!(verdict("buffered: throughput"), Verdict::Met);
        assert_eq!(verdict("buffered: p50"), Verdict::Met);
        assert_eq!(verdict("buffered, policy: throughput"), Verdict::Missed);
        assert_eq!(verdict("buffered, policy: p50"), Verdict::Missed);
        assert_eq!(verdict("strict, policy: p50"), Verdict::NotMeasured);
    }

    #[test]
    fn masked_rows_are_counted_in_rows_and_others_in_bytes() {
        let mut results = Results::default();
        let rows = |column| Workload::Rows(Bulk::Six(Read::CopyOut, column));
        // The tokens are longer than what they stand for: more bytes, and fewer rows.
        for (workload, relay, own) in [
            (
                rows(Column::Token),
                measured_rows(100.0, 1.0),
                measured_rows(101.0, 2.1),
            ),
            (
                rows(Column::Clear),
                measured_rows(100.0, 1.0),
                measured_rows(81.0, 1.2),
            ),
        ] {
            results.add(workload, Relay, 0, relay);
            results.add(workload, CustosBufferedPolicy, 0, own);
        }
        let floors = check(&results);
        let masked = "Custos, buffered, policy: large results at least 0.5";
        assert_eq!(floor(&floors, masked).verdict, Verdict::Missed);
        let clear = "Custos, buffered, policy: large results at least 0.8";
        assert_eq!(floor(&floors, clear).verdict, Verdict::Met);
    }
}
