//! What is known of a statement text.

use std::ops::Range;

use crate::effect::{Effect, Verb};

/// All statements of one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// In order. Empty for a text without statements.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    /// The grammar's name for it, such as `SelectStmt`.
    pub kind: &'static str,
    /// What it does: sorted, each once. Never empty.
    pub effects: Vec<Effect>,
    /// The functions that it calls by name, in the order of the text.
    pub calls: Vec<Call>,
    /// The operators that it uses, as written, sorted. They are functions too.
    pub operators: Vec<Vec<String>>,
    /// The types that it names, sorted: a cast can call a function.
    pub types: Vec<Vec<String>>,
    /// What row-count rules look at.
    pub shape: Shape,
    /// Its literals, in the order of the text.
    pub literals: Vec<Literal>,
    /// Its parameters, by number.
    pub parameters: Vec<Parameter>,
    /// What it does with prepared statements.
    pub prepared: Option<Prepared>,
}

impl Statement {
    /// Whether it does this to anything.
    pub fn does(&self, verb: Verb) -> bool {
        self.effects.iter().any(|effect| effect.verb == verb)
    }
}

/// A function call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Schema and name, as far as written.
    pub name: Vec<String>,
    /// For each argument whether it is a literal.
    pub literal_arguments: Vec<bool>,
    /// What a function of this name does, when it is one of PostgreSQL's own that does more than compute, and the
    /// effect is in the list. `None`: look it up in the catalogue.
    pub known: Option<Verb>,
}

/// PREPARE, EXECUTE and DEALLOCATE. The name space is the protocol's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// The effects of the statement include those of what is prepared, which happen at each EXECUTE.
    Defines(String),
    /// The effects are those of the PREPARE of this name.
    Executes(String),
    /// `None`: all.
    Forgets(Option<String>),
}

/// What row-count rules look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Rows that are written out in VALUES of all its INSERTs.
    pub insert_rows: u64,
    /// An INSERT whose rows come from a query.
    pub insert_select: bool,
    /// COPY FROM STDIN: rows come from the client.
    pub copy_in: bool,
    /// COPY TO STDOUT: rows go to the client, in this form.
    pub copy_out: Option<CopyForm>,
    /// What COPY names is a relation, and no query.
    pub copies_relation: bool,
    /// LOCK in a mode that others wait for.
    pub locks_others: bool,
    /// Each UPDATE and DELETE.
    pub conditions: Vec<Condition>,
    /// It changes `search_path`, so that later names mean something else.
    pub changes_search_path: bool,
    /// It makes something temporary, which hides what has the same name.
    pub makes_temporary: bool,
    /// EXPLAIN without ANALYZE: nothing is executed, effects are reads.
    pub explain_only: bool,
}

/// How COPY writes rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyForm {
    /// Text with the usual delimiter and NULL.
    Text,
    /// Binary.
    Binary,
    /// CSV, or text with options of its own.
    Other,
}

/// The WHERE of one UPDATE or DELETE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// [`Verb::Update`] or [`Verb::Delete`].
    pub verb: Verb,
    /// The relation, as written.
    pub relation: Vec<String>,
    /// What is known of it.
    pub truth: Truth,
}

/// What is known of a condition before it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// There is none: all rows.
    Missing,
    /// Always true: all rows.
    Always,
    /// True for each row where the columns that it names are not NULL.
    TautologyIfNotNull,
    /// It names no column, so it is all rows or none.
    NoColumn,
    /// Never true.
    Never,
    /// It depends on the row, or nothing is known.
    Depends,
}

/// A literal in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// Where it stands in the text, in bytes, with its quotes.
    pub range: Range<usize>,
    /// Where its value goes. Empty: not known, so do not take it for harmless.
    pub landings: Vec<Landing>,
}

/// A parameter of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// 1 for `$1`.
    pub number: u32,
    /// Where its value goes. Empty: not known, so do not take it for harmless.
    pub landings: Vec<Landing>,
}

/// What a value meets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Landing {
    /// How.
    pub how: Use,
    /// The relation that is written to; empty for a comparison.
    pub relation: Vec<String>,
    /// The column as written, with its qualifiers. Empty for [`Use::InsertedAt`].
    pub column: Vec<String>,
}

/// How a value meets a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Stands in one expression with it: compared, or an argument of the same function.
    Compared,
    /// Inserted into it.
    Inserted,
    /// Inserted into the column at this place, counted from 0: the statement names none.
    InsertedAt(usize),
    /// Assigned to it.
    Assigned,
}
