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
    CustosBufferedPolicy,
    CustosStrictPolicy,
}

impl TargetKind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Direct,
        Self::Relay,
        Self::Pgbouncer,
        Self::CustosBuffered,
        Self::CustosStrict,
        Self::CustosBufferedPolicy,
        Self::CustosStrictPolicy,
    ];

    /// The name as in the tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relay => "TCP relay",
            Self::Pgbouncer => "PgBouncer",
            Self::CustosBuffered => "Custos, buffered",
            Self::CustosStrict => "Custos, strict",
            Self::CustosBufferedPolicy => "Custos, buffered, policy",
            Self::CustosStrictPolicy => "Custos, strict, policy",
        }
    }

    pub(crate) fn is_custos(self) -> bool {
        self.durability().is_some()
    }

    /// The durability of Custos; `None` for all others.
    pub(crate) fn durability(self) -> Option<&'static str> {
        match self {
            Self::Direct | Self::Relay | Self::Pgbouncer => None,
            Self::CustosBuffered | Self::CustosBufferedPolicy => Some("buffered"),
            Self::CustosStrict | Self::CustosStrictPolicy => Some("strict"),
        }
    }

    /// Custos of the same durability, without policy documents; `None` for what has none anyway.
    pub(crate) fn without_documents(self) -> Option<Self> {
        match self {
            Self::CustosBufferedPolicy => Some(Self::CustosBuffered),
            Self::CustosStrictPolicy => Some(Self::CustosStrict),
            Self::Direct
            | Self::Relay
            | Self::Pgbouncer
            | Self::CustosBuffered
            | Self::CustosStrict => None,
        }
    }

    /// Policy documents are in force: statements are judged, labelled columns masked.
    pub(crate) fn is_under_documents(self) -> bool {
        self.without_documents().is_some()
    }
}

/// pgbench's built-in scripts, and one of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Script {
    SelectOnly,
    TpcbLike,
    /// Like select-only, of a column that is masked under documents.
    SelectMasked,
}

impl Script {
    pub(crate) const ALL: [Self; 3] = [Self::SelectOnly, Self::TpcbLike, Self::SelectMasked];

    /// The name as pgbench's `--builtin` has it, where it is one of those.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SelectOnly => "select-only",
            Self::TpcbLike => "tpcb-like",
            Self::SelectMasked => "select-masked",
        }
    }

    /// The script, where pgbench does not have it built in.
    pub(crate) fn text(self) -> Option<&'static str> {
        match self {
            Self::SelectOnly | Self::TpcbLike => None,
            Self::SelectMasked => Some(
                "\\set aid random(1, 100000 * :scale)\nSELECT filler FROM pgbench_accounts WHERE aid = :aid;\n",
            ),
        }
    }

    /// It only reads, so fast that a part of the latencies is enough.
    pub(crate) fn only_reads(self) -> bool {
        self != Self::TpcbLike
    }

    /// Statements, and so round trips, in one transaction.
    pub(crate) fn statements(self) -> u32 {
        match self {
            Self::SelectOnly | Self::SelectMasked => 1,
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

/// How a large table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Read {
    Select,
    CopyOut,
    CopyOutBinary,
}

/// What is masked under documents in one of six columns, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    Clear,
    Redacted,
    Partial,
    Token,
}

/// How many rows are read, and of which columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bulk {
    /// All of `bench_rows`, in which nothing is labelled.
    Whole(Read),
    /// Six columns of `bench_people`, in which some are.
    Six(Read, Column),
}

impl Read {
    fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::CopyOut => "copy",
            Self::CopyOutBinary => "copy-binary",
        }
    }
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Redacted => "redact",
            Self::Partial => "partial",
            Self::Token => "token",
        }
    }

    /// The sixth column: labelled but for one, with texts of alike length.
    fn sixth(self) -> &'static str {
        match self {
            Self::Clear => "remark",
            Self::Redacted => "phone",
            Self::Partial => "email",
            Self::Token => "token",
        }
    }
}

impl Bulk {
    /// All that are measured.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Whole(Read::Select), Self::Whole(Read::CopyOut)];
        for read in [Read::Select, Read::CopyOut] {
            all.extend(
                [
                    Column::Clear,
                    Column::Redacted,
                    Column::Partial,
                    Column::Token,
                ]
                .map(|column| Self::Six(read, column)),
            );
        }
        all.extend([Column::Clear, Column::Token].map(|it| Self::Six(Read::CopyOutBinary, it)));
        all
    }

    /// Something in the result is masked under documents.
    pub(crate) fn is_masked(self) -> bool {
        matches!(
            self,
            Self::Six(_, Column::Redacted | Column::Partial | Column::Token)
        )
    }

    pub(crate) fn title(self) -> String {
        let column = match self {
            Self::Whole(Read::Select) => return "`SELECT *`".to_owned(),
            Self::Whole(_) => return "`COPY … TO STDOUT`".to_owned(),
            Self::Six(_, Column::Clear) => "nothing masked",
            Self::Six(_, Column::Redacted) => "one column redacted",
            Self::Six(_, Column::Partial) => "one column partial",
            Self::Six(_, Column::Token) => "one column as tokens",
        };
        let read = match self {
            Self::Whole(read) | Self::Six(read, _) => read,
        };
        let read = match read {
            Read::Select => "SELECT",
            Read::CopyOut => "COPY",
            Read::CopyOutBinary => "binary COPY",
        };
        format!("{read}, {column}")
    }

    pub(crate) fn statement(self) -> String {
        match self {
            Self::Whole(Read::Select) => "SELECT * FROM bench_rows".to_owned(),
            Self::Whole(_) => "COPY bench_rows TO STDOUT".to_owned(),
            Self::Six(read, column) => {
                let columns = format!("id, name, city, since, balance, {}", column.sixth());
                match read {
                    Read::Select => format!("SELECT {columns} FROM bench_people"),
                    Read::CopyOut => format!("COPY bench_people ({columns}) TO STDOUT"),
                    Read::CopyOutBinary => {
                        format!("COPY bench_people ({columns}) TO STDOUT (FORMAT binary)")
                    }
                }
            }
        }
    }

    /// Messages with data that are no row: binary COPY ends with one.
    pub(crate) fn other_messages(self) -> u64 {
        u64::from(matches!(self, Self::Six(Read::CopyOutBinary, _)))
    }
}

/// One row of measurements over all targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Workload {
    Pgbench(Cell),
    Rows(Bulk),
}

impl Workload {
    /// Everything: 16 pgbench cells, four more with a masked column, and the ways to read the large tables.
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
        for mode in [QueryMode::Prepared, QueryMode::Simple] {
            all.extend([1, 64].map(|clients| {
                Self::Pgbench(Cell {
                    script: Script::SelectMasked,
                    mode,
                    clients,
                })
            }));
        }
        all.extend(Bulk::all().into_iter().map(Self::Rows));
        all
    }

    /// The few that show most: latency alone, throughput under load, and the large results.
    pub(crate) fn quick() -> Vec<Self> {
        let quick = [
            "select-only/prepared/1",
            "select-only/prepared/64",
            "tpcb-like/prepared/1",
            "tpcb-like/simple/64",
            "select-masked/prepared/1",
            "select-masked/simple/64",
            "rows/select",
            "rows/copy",
            "rows/select/partial",
            "rows/copy/token",
        ];
        let mut workloads = Self::all();
        workloads.retain(|workload| quick.contains(&workload.name().as_str()));
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
            Self::Rows(Bulk::Whole(read)) => format!("rows/{}", read.name()),
            Self::Rows(Bulk::Six(read, column)) => {
                format!("rows/{}/{}", read.name(), column.name())
            }
        }
    }

    /// Whether it is measured through targets of this kind: what is there to show the cost of masks needs only those
    /// that the cost is compared with.
    pub(crate) fn is_through(self, kind: TargetKind) -> bool {
        match self {
            Self::Pgbench(cell) if cell.script == Script::SelectMasked => {
                kind == TargetKind::Pgbouncer || kind.is_custos()
            }
            Self::Rows(Bulk::Six(..)) => matches!(
                kind,
                TargetKind::Relay
                    | TargetKind::CustosBuffered
                    | TargetKind::CustosBufferedPolicy
                    | TargetKind::CustosStrictPolicy
            ),
            Self::Pgbench(_) | Self::Rows(Bulk::Whole(_)) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_is_six_cells_and_four_large_results() {
        assert_eq!(Workload::quick().len(), 10);
    }

    #[test]
    fn each_workload_has_a_name_of_its_own() {
        let mut names: Vec<String> = Workload::all().into_iter().map(Workload::name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn what_is_masked_is_measured_beside_what_it_is_compared_with() {
        let through = |name: &str| -> Vec<TargetKind> {
            let all = Workload::all();
            let workload = all.iter().find(|workload| workload.name() == name);
            let workload = workload.expect(name);
            let kinds = TargetKind::ALL.into_iter();
            kinds.filter(|kind| workload.is_through(*kind)).collect()
        };
        assert_eq!(through("tpcb-like/simple/8").len(), 7);
        assert_eq!(
            through("rows/copy/token"),
            [
                TargetKind::Relay,
                TargetKind::CustosBuffered,
                TargetKind::CustosBufferedPolicy,
                TargetKind::CustosStrictPolicy
            ]
        );
        assert_eq!(through("select-masked/prepared/64").len(), 5);
    }
}
