//! The report: the text of docs/performance.md.

use crate::cost;
use crate::floors::{self, Verdict};
use crate::machine::Machine;
use crate::markdown::{self, number, signed, table};
use crate::memory::{IDLE_SESSIONS, SMALL_RESULT_DIVISOR};
use crate::options::Plan;
use crate::results::{P50_US, P99_US, PROXY_CPU, RATE, Results};
use crate::servers::documents;
use crate::workload::{Cell, QueryMode, Script, TargetKind, Workload};

use TargetKind::{Pgbouncer, Relay};

/// The whole report as Markdown.
pub(crate) fn markdown(machine: &Machine, plan: &Plan, results: &Results) -> String {
    let mut sections = vec![
        introduction(plan),
        machine_section(machine, results),
        method(plan),
        floor_section(results),
    ];
    sections.extend(cost::section(plan, results));
    for script in Script::ALL {
        for mode in [QueryMode::Prepared, QueryMode::Simple] {
            sections.extend(pgbench_section(plan, results, script, mode));
        }
    }
    sections.extend(bulk_section(plan, results));
    sections.extend(memory_section(results));
    sections.extend(failure_section(results));
    sections.join("\n")
}

fn introduction(plan: &Plan) -> String {
    format!(
        "# Performance\n\n\
         Written by `bench/postgres/run`; do not edit. Custos beside a direct connection, a plain TCP relay and PgBouncer, all\n\
         on one machine, in one run, against the same PostgreSQL. Compare rows of one table; the absolute numbers are this machine's.\n\n\
         To repeat it: `bench/postgres/run --write docs/performance.md` on an otherwise idle machine (about {} min as below; `--quick` takes four,\n\
         `--only REGEX` takes parts, `--help` says the rest). It installs PostgreSQL and PgBouncer where missing (Debian packages) and\n\
         builds in release mode.\n",
        plan.runs() as u64 * (plan.run_time.as_secs() + 1) / 60 + 1,
    )
}

fn machine_section(machine: &Machine, results: &Results) -> String {
    let mut rows: Vec<Vec<String>> = machine
        .facts
        .iter()
        .map(|(name, value)| vec![(*name).to_owned(), value.clone()])
        .collect();
    // The quicker of the probes before and after, as the floors take it.
    for (name, percent) in [("median", 50), ("99th percentile", 99)] {
        let value = format!("{} µs", number(results.fdatasync_us(percent)));
        rows.push(vec![format!("4 KiB overwrite + fdatasync, {name}"), value]);
    }
    format!("## Machine\n\n{}", table(&["", ""], &rows))
}

fn method(plan: &Plan) -> String {
    format!(
        "## Method\n\n\
         - Everything talks over 127.0.0.1, in plain text. PostgreSQL runs with `fsync=on` and all tables in shared buffers (pgbench scale {}).\n\
         - The TCP relay is tokio with two threads, 64 KiB buffers, `TCP_NODELAY`. PgBouncer pools sessions, with its default settings.\n\
         - Custos signs its clients in by SCRAM, decides, records every statement and result, and writes its evidence on the same disk: with\n\
         \x20 `buffered` and with `strict` durability, each without and with policy documents.\n\
         - Without documents, who may open the session may do whatever the account may. With them (\"policy\": {} rules, most of them other\n\
         \x20 teams', and {} labels of columns), every statement is parsed and judged, and results are masked by the origin of their columns, for\n\
         \x20 the client and for the records. Nothing that select-only, tpcb-like and `bench_rows` show is labelled; select-masked is select-only of\n\
         \x20 a labelled column.\n\
         - With the simple protocol nearly every text is another one, by its numbers, so that each is parsed and judged anew; what is prepared\n\
         \x20 is parsed once.\n\
         - A pgbench run takes {} s, with two threads; latencies come from its per-transaction log (every fifth transaction of select-only).\n\
         - Rounds: {}. In each round all targets take their turn, so noise of the machine hits all alike; before each run, what is still to be written goes to the disk. Numbers are medians over\n\
         \x20 rounds; ratios and differences are taken within a round first. p50 and p99 are of whole transactions: one statement in select-only,\n\
         \x20 seven in tpcb-like. What is masked is longer or shorter than what it stands for, so large results with masks are compared by rows.\n\
         - Processor time is the proxy's own (user and system), all of its threads, signing in included.\n\
         - Client, proxy and server share the machine's processors, so under load a proxy's throughput falls by what its processor time takes\n\
         \x20 from the other two.\n",
        plan.scale,
        documents::RULES,
        documents::labels(),
        plan.run_time.as_secs(),
        plan.rounds,
    )
}

fn floor_section(results: &Results) -> String {
    let mut text = "## Floors\n\nComputed from this run. These are floors, not aims.\n\n| floor | measured | |\n| --- | --- | --- |\n".to_owned();
    for floor in floors::check(results) {
        let verdict = match floor.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "**missed**",
            Verdict::NotMeasured => "not measured",
        };
        text += &markdown::line([floor.demand.as_str(), &floor.found, verdict].into_iter());
    }
    text
}

fn pgbench_section(
    plan: &Plan,
    results: &Results,
    script: Script,
    mode: QueryMode,
) -> Option<String> {
    let mut rows = Vec::new();
    for workload in &plan.workloads {
        match workload {
            Workload::Pgbench(cell) if cell.script == script && cell.mode == mode => {
                rows.extend(
                    plan.targets_of(*workload)
                        .map(|target| pgbench_row(results, *cell, target)),
                );
            }
            Workload::Pgbench(_) | Workload::Rows(_) => {}
        }
    }
    let head = [
        "clients, target",
        "tps",
        "× PgBouncer",
        "× relay",
        "p50 µs",
        "added to PgBouncer",
        "p99 µs",
        "proxy CPU µs",
    ];
    let title = format!(
        "## {}, {} protocol",
        script.name(),
        if mode == QueryMode::Simple {
            "simple"
        } else {
            "extended (prepared)"
        }
    );
    (!rows.is_empty()).then(|| format!("{title}\n\n{}", table(&head, &rows)))
}

fn pgbench_row(results: &Results, cell: Cell, target: TargetKind) -> Vec<String> {
    let workload = Workload::Pgbench(cell);
    vec![
        format!("{}, {}", cell.clients, target.title()),
        number(results.median(workload, target, RATE)),
        number(results.ratio(workload, target, Pgbouncer, RATE)),
        number(results.ratio(workload, target, Relay, RATE)),
        number(results.median(workload, target, P50_US)),
        signed(results.added(workload, target, Pgbouncer, P50_US)),
        number(results.median(workload, target, P99_US)),
        number(results.median(workload, target, PROXY_CPU)),
    ]
}

fn bulk_section(plan: &Plan, results: &Results) -> Option<String> {
    let mut rows = Vec::new();
    for workload in &plan.workloads {
        let Workload::Rows(bulk) = workload else {
            continue;
        };
        rows.extend(plan.targets_of(*workload).map(|target| {
            vec![
                format!("{}, {}", bulk.title(), target.title()),
                number(results.median(*workload, target, RATE)),
                number(results.ratio(*workload, target, Relay, RATE)),
                number(results.ratio(*workload, target, Pgbouncer, RATE)),
                number(results.median(*workload, target, PROXY_CPU)),
            ]
        }));
    }
    let head = [
        "statement, target",
        "MB/s",
        "× relay",
        "× PgBouncer",
        "proxy CPU ns/byte",
    ];
    let table = table(&head, &rows);
    (!rows.is_empty()).then(|| {
        format!(
            "## Large results: {} rows of eight text columns, or six of which one may be masked\n\n{table}",
            plan.rows
        )
    })
}

fn memory_section(results: &Results) -> Option<String> {
    let mebibytes = |kib: u64| number(Some(kib as f64 / 1024.0));
    let rows: Vec<Vec<String>> = results
        .memory
        .iter()
        .map(|memory| {
            vec![
                memory.kind.title().to_owned(),
                mebibytes(memory.base_kib),
                number(Some(memory.idle_session_kib)),
                mebibytes(memory.small_peak_kib),
                mebibytes(memory.large_peak_kib),
                mebibytes(memory.large_result_kib),
            ]
        })
        .collect();
    let small = format!("peak MiB, 1/{SMALL_RESULT_DIVISOR} of the rows");
    let head = [
        "resident memory",
        "one session MiB",
        "idle session KiB",
        &small,
        "peak MiB, all rows",
        "result MiB",
    ];
    (!rows.is_empty()).then(|| {
        format!(
            "## Memory\n\nOf freshly started proxies. An idle session is the growth by {IDLE_SESSIONS} sessions that ran one statement, divided by them.\n\n{}",
            table(&head, &rows)
        )
    })
}

fn failure_section(results: &Results) -> Option<String> {
    let lines: Vec<String> = results
        .failures
        .iter()
        .map(|failure| format!("- {failure}\n"))
        .collect();
    (!lines.is_empty()).then(|| format!("## Failed runs\n\n{}", lines.concat()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::Cli;
    use crate::results::tests::measured;

    fn plan() -> Plan {
        let cli = Cli::try_parse_from(["bench", "--only", "select-only/prepared/1$|rows/copy"])
            .expect("arguments");
        cli.options.plan().expect("plan")
    }

    #[test]
    fn each_target_has_its_row_and_gaps_are_dashes() {
        let plan = plan();
        let mut results = Results::default();
        results.add(plan.workloads[0], Pgbouncer, 0, measured(20_000.0, 100.0));
        results.add(
            plan.workloads[0],
            TargetKind::CustosStrict,
            0,
            measured(15_000.0, 250.0),
        );
        let text = markdown(&Machine { facts: Vec::new() }, &plan, &results);
        assert!(
            text.contains("| 1, Custos, strict | 15,000 | 0.75 | – | 250 | +150 | 500 | 1.00 |\n"),
            "{text}"
        );
        assert!(
            text.contains("| 1, direct | – | – | – | – | – | – | – |\n"),
            "{text}"
        );
        assert!(!text.contains("tpcb-like, "), "{text}");
        assert!(!text.contains("Failed runs"), "{text}");
    }
}
