//! What is measured (workloads) and what it is measured through (targets).

use clap::ValueEnum;

/// A way to reach PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum TargetKind {
    Direct,
    Relay,
    Pgbouncer,
    CustosBuffered,
    CustosStrict,
}

impl TargetKind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Direct,
        Self::Relay,
        Self::Pgbouncer,
        Self::CustosBuffered,
        Self::CustosStrict,
    ];

    /// The name as in the tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relay => "TCP relay",
            Self::Pgbouncer => "PgBouncer",
            Self::CustosBuffered => "Custos, buffered",
            Self::CustosStrict => "Custos, strict",
        }
    }

    pub(crate) fn is_custos(self) -> bool {
        matches!(self, Self::CustosBuffered | Self::CustosStrict)
    }
}

/// pgbench's built-in scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Script {
    SelectOnly,
    TpcbLike,
}

impl Script {
    /// The name as pgbench's `--builtin` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SelectOnly => "select-only",
            Self::TpcbLike => "tpcb-like",
        }
    }

    /// Statements, and so round trips, in one transaction.
    pub(crate) fn statements(self) -> u32 {
        match self {
            Self::SelectOnly => 1,
            Self::TpcbLike => 7,
        }
    }
}

/// pgbench's `--protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum QueryMode {
    Prepared,
    Simple,
}

impl QueryMode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Simple => "simple",
        }
    }
}

/// One pgbench setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cell {
    pub(crate) script: Script,
    pub(crate) mode: QueryMode,
    pub(crate) clients: u32,
}

/// How the large table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bulk {
    Select,
    CopyOut,
}

impl Bulk {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Select => "`SELECT *`",
            Self::CopyOut => "`COPY … TO STDOUT`",
        }
    }

    pub(crate) fn statement(self) -> &'static str {
        match self {
            Self::Select => "SELECT * FROM bench_rows",
            Self::CopyOut => "COPY bench_rows TO STDOUT",
        }
    }
}

/// One row of measurements over all targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Workload {
    Pgbench(Cell),
    Rows(Bulk),
}

impl Workload {
    /// Everything: 16 pgbench cells and two ways to read the large table.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for script in [Script::SelectOnly, Script::TpcbLike] {
            for mode in [QueryMode::Prepared, QueryMode::Simple] {
                for clients in [1, 8, 32, 64] {
                    all.push(Self::Pgbench(Cell {
                        script,
                        mode,
                        clients,
                    }));
                }
            }
        }
        all.extend([Self::Rows(Bulk::Select), Self::Rows(Bulk::CopyOut)]);
        all
    }

    /// The few that show most: latency alone, throughput under load, and the large results.
    pub(crate) fn quick() -> Vec<Self> {
        let quick = [
            "select-only/prepared/1",
            "select-only/prepared/64",
            "tpcb-like/prepared/1",
            "tpcb-like/simple/64",
        ];
        let mut workloads = Self::all();
        workloads.retain(|workload| match workload {
            Self::Pgbench(_) => quick.contains(&workload.name().as_str()),
            Self::Rows(_) => true,
        });
        workloads
    }

    /// The name that `--only` matches.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Pgbench(cell) => format!(
                "{}/{}/{}",
                cell.script.name(),
                cell.mode.name(),
                cell.clients
            ),
            Self::Rows(Bulk::Select) => "rows/select".to_owned(),
            Self::Rows(Bulk::CopyOut) => "rows/copy".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_is_four_cells_and_the_large_results() {
        assert_eq!(Workload::quick().len(), 6);
    }
}
