//! What policy and masking cost: Custos under documents against itself without.

use crate::markdown::{number, signed, table};
use crate::options::Plan;
use crate::results::{P50_US, PROXY_CPU, RATE, ROWS_CPU, ROWS_RATE, ROWS_SECONDS, Results};
use crate::workload::{Bulk, Cell, TargetKind, Workload};

use TargetKind::{Pgbouncer, Relay};

/// The section of the report; `None` where no pair was measured.
pub(crate) fn section(plan: &Plan, results: &Results) -> Option<String> {
    let statements = per_statement(plan, results);
    let rows = per_million_rows(plan, results);
    (statements.is_some() || rows.is_some()).then(|| {
        let tables: Vec<String> = statements.into_iter().chain(rows).collect();
        format!(
            "## What policy and masking cost\n\n\
             Custos under policy documents against Custos of the same durability without, in the same round.\n\n{}",
            tables.join("\n")
        )
    })
}

/// A target under documents, and the one that it is compared with, where both were measured.
fn pairs(
    plan: &Plan,
    results: &Results,
    workload: Workload,
) -> impl Iterator<Item = (TargetKind, TargetKind)> {
    let pairs = plan
        .targets_of(workload)
        .filter_map(|kind| Some((kind, kind.without_documents()?)));
    pairs.filter(move |(kind, base)| results.ratio(workload, *kind, *base, RATE).is_some())
}

fn per_statement(plan: &Plan, results: &Results) -> Option<String> {
    let mut rows = Vec::new();
    for workload in &plan.workloads {
        let Workload::Pgbench(cell) = workload else {
            continue;
        };
        rows.extend(
            pairs(plan, results, *workload)
                .map(|(kind, base)| statement_row(results, *cell, kind, base)),
        );
    }
    let head = [
        "workload, target",
        "tps × without",
        "p50 added, µs a statement",
        "proxy CPU added, µs a statement",
        "p50 added to PgBouncer, µs a statement",
    ];
    (!rows.is_empty()).then(|| table(&head, &rows))
}

fn statement_row(results: &Results, cell: Cell, kind: TargetKind, base: TargetKind) -> Vec<String> {
    let workload = Workload::Pgbench(cell);
    let statements = f64::from(cell.script.statements());
    let each = |added: Option<f64>| signed(added.map(|added| added / statements));
    vec![
        format!("{}, {}", workload.name(), kind.title()),
        number(results.ratio(workload, kind, base, RATE)),
        each(results.added(workload, kind, base, P50_US)),
        each(results.added(workload, kind, base, PROXY_CPU)),
        each(results.added(workload, kind, Pgbouncer, P50_US)),
    ]
}

fn per_million_rows(plan: &Plan, results: &Results) -> Option<String> {
    let mut rows = Vec::new();
    for workload in &plan.workloads {
        let Workload::Rows(bulk) = workload else {
            continue;
        };
        rows.extend(
            pairs(plan, results, *workload)
                .map(|(kind, base)| rows_row(results, *bulk, kind, base)),
        );
    }
    let head = [
        "a million rows, target",
        "seconds, TCP relay",
        "seconds, without",
        "seconds added",
        "proxy CPU seconds added",
        "× without",
        "× relay",
    ];
    (!rows.is_empty()).then(|| table(&head, &rows))
}

fn rows_row(results: &Results, bulk: Bulk, kind: TargetKind, base: TargetKind) -> Vec<String> {
    let workload = Workload::Rows(bulk);
    vec![
        format!("{}, {}", bulk.title(), kind.title()),
        number(results.median(workload, Relay, ROWS_SECONDS)),
        number(results.median(workload, base, ROWS_SECONDS)),
        signed(results.added(workload, kind, base, ROWS_SECONDS)),
        signed(results.added(workload, kind, base, ROWS_CPU)),
        number(results.ratio(workload, kind, base, ROWS_RATE)),
        number(results.ratio(workload, kind, Relay, ROWS_RATE)),
    ]
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::options::Cli;
    use crate::results::tests::{measured, measured_rows};

    use TargetKind::{CustosBuffered, CustosBufferedPolicy};

    fn plan() -> Plan {
        let only = "tpcb-like/prepared/1$|rows/copy/token";
        let cli = Cli::try_parse_from(["bench", "--only", only]).expect("arguments");
        cli.options.plan().expect("plan")
    }

    #[test]
    fn costs_are_told_by_the_statement_and_by_a_million_rows() {
        let plan = plan();
        let [cell, rows] = plan.workloads[..] else {
            panic!("{:?}", plan.workloads);
        };
        let mut results = Results::default();
        results.add(cell, CustosBuffered, 0, measured(1_000.0, 1_000.0));
        results.add(cell, CustosBufferedPolicy, 0, measured(900.0, 1_140.0));
        results.add(rows, Relay, 0, measured_rows(200.0, 0.5));
        results.add(rows, CustosBuffered, 0, measured_rows(180.0, 0.6));
        results.add(rows, CustosBufferedPolicy, 0, measured_rows(190.0, 0.8));
        let text = section(&plan, &results).expect("a section");
        let line = "| tpcb-like/prepared/1, Custos, buffered, policy | 0.90 | +20.0 | 0.00 | – |\n";
        assert!(text.contains(line), "{text}");
        let line = "| COPY, one column as tokens, Custos, buffered, policy | 0.50 | 0.60 | +0.20 | +0.10 | 0.75 | 0.62 |\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn without_a_pair_there_is_no_section() {
        let plan = plan();
        let mut results = Results::default();
        let cell = plan.workloads[0];
        results.add(cell, CustosBufferedPolicy, 0, measured(900.0, 1_140.0));
        assert_eq!(section(&plan, &results), None);
    }
}
