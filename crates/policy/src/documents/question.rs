//! What policy is asked.

use std::collections::BTreeSet;
use std::net::IpAddr;

use custos_shell::{Command, Line};

use super::verb::Verb;

/// How somebody is here, which stays as it is for a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// How the sign-in was, by the provider's word.
    pub acr: Option<String>,
    /// Methods of the sign-in (RFC 8176).
    pub amr: BTreeSet<String>,
    /// Whether they said why.
    pub reason_given: bool,
    /// Where the client connects from. Unknown fits no network.
    pub address: Option<IpAddr>,
}

/// One operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// All that it does. An operation that does nothing known is `sql.unknown` or its like; none at all is denied.
    pub verbs: BTreeSet<Verb>,
    /// What it touches, for people to read; decides nothing.
    pub objects: Vec<String>,
    /// Labels of the columns that it touches.
    pub touched: Touched,
    /// Its shape.
    pub shape: Shape,
    /// The command that it is; `None` where it is none. Rules about commands do not allow what has none.
    pub command: Option<Command>,
    /// What the line may be that somebody enters into what runs already; none where it is no such line. Rules ask about lines
    /// that they name, and about no others.
    pub lines: Vec<Line>,
    /// Now, UTC nanoseconds.
    pub utc_ns: u64,
}

/// Labels of columns that an operation touches. One that the documents do not define is denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Touched {
    /// Their values reach the client, by whatever expression.
    pub visible: BTreeSet<String>,
    /// Their values are compared, sorted or joined by.
    pub compared: BTreeSet<String>,
    /// Their values are written where no mask follows them: another column, a new table.
    pub stored: BTreeSet<String>,
    /// Where values come from is in doubt: every label counts as visible.
    pub in_doubt: bool,
}

/// What the text of a statement tells about how much it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// UPDATE or DELETE without WHERE, or with one that always holds.
    pub without_where: bool,
    /// Rows that it inserts.
    pub inserted_rows: InsertedRows,
}

/// How many rows a statement inserts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InsertedRows {
    /// It inserts none.
    #[default]
    None,
    /// The text tells.
    Known(u64),
    /// The text does not tell, as with INSERT … SELECT: more than any number.
    Unknown,
}

impl InsertedRows {
    pub(super) fn exceed(self, rows: u64) -> bool {
        match self {
            Self::None => false,
            Self::Known(inserted) => inserted > rows,
            Self::Unknown => true,
        }
    }

    /// As one of Cedar's numbers; the largest stands for those that nobody counted.
    pub(super) fn as_long(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Known(rows) => i64::try_from(rows).unwrap_or(i64::MAX),
            Self::Unknown => i64::MAX,
        }
    }
}
