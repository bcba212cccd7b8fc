//! From which base columns the values of each output column can come.
//!
//! The answer errs to one side only: a column that a value comes from is in its [`Origin`], or the origin is unknown.
//! What a value is compared with on the way (CASE conditions, ORDER BY in an aggregate) counts as its origin too.
//! Conditions of the query itself (WHERE, joins, GROUP BY, ORDER BY, LIMIT) are in [`Lineage::used`]: they tell of a
//! column without showing it.

mod catalogue;
mod expression;
mod from;
mod names;
mod origin;
mod query;
mod resolve;
mod scope;
mod statement;

pub use catalogue::{Catalogue, Function, Relation};
pub use origin::{BaseColumn, Origin};

use self::resolve::Resolver;
use crate::error::SqlError;
use crate::parse::{Trees, trees};

/// What bounds the work: views and recursion multiply it.
mod lineage_limits {
    /// Nodes that are looked at.
    pub(super) const STEPS: u32 = 300_000;
    /// Levels of nodes, through all views.
    pub(super) const DEPTH: u32 = 120;
    /// Views in views.
    pub(super) const VIEWS: u32 = 16;
    /// Rounds until a recursive query has to be stable.
    pub(super) const ROUNDS: u32 = 32;
}

/// The lineage of one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// The columns of its result, in order; empty for a statement without result. `None`: not known, not even how
    /// many, so each must be taken for anything.
    pub outputs: Option<Vec<Output>>,
    /// Columns that decide which rows come, and in which order.
    pub used: Origin,
    /// Columns whose values are written to others: INSERT … SELECT, SET, CREATE TABLE AS. A column that is set to what
    /// depends on nothing but itself is none of them.
    pub stored: Origin,
    /// A column, as written, that none of the relations has of which all columns are known: the server will refuse it.
    pub missing: Option<Vec<String>>,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name, where it is known.
    pub name: Option<String>,
    /// Where its values can come from.
    pub origin: Origin,
}

/// The lineage of each statement of a text.
///
/// Depends on the text and on what the catalogue says; parses anew, so a caller keeps the answer.
///
/// # Errors
/// As [`crate::parse`].
pub fn lineage(text: &str, catalogue: &dyn Catalogue) -> Result<Vec<Lineage>, SqlError> {
    Ok(lineage_of(&trees(text)?, catalogue))
}

/// The same of trees that are there already.
pub fn lineage_of(trees: &Trees, catalogue: &dyn Catalogue) -> Vec<Lineage> {
    let resolved = trees.0.iter().map(|statement| {
        let mut resolver = Resolver::new(catalogue);
        let outputs = resolver.statement(statement);
        let (used, stored, missing) = resolver.into_parts();
        Lineage {
            outputs,
            used,
            stored,
            missing,
        }
    });
    resolved.collect()
}
