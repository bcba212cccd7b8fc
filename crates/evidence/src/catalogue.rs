//! The one table of record types: when each is written and what it holds. `docs/records.md` and
//! `docs/records.schema.json` are made from it.

mod markdown;
mod schema;
mod table;

use crate::record_type::{RecordOutcome, RecordType};

pub use markdown::markdown;
pub use schema::json_schema;
pub use table::{ENTRIES, entry};

/// A record type as documented.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The type.
    pub kind: RecordType,
    /// When it is written, in a sentence.
    pub when: &'static str,
    /// The outcomes that it can have.
    pub outcomes: &'static [RecordOutcome],
    /// Members that it always has, beside those of every record ([`COMMON`]).
    pub required: &'static [&'static str],
    /// Members that it may have.
    pub optional: &'static [&'static str],
    /// Members of `detail`.
    pub detail: &'static [DetailMember],
}

/// A member of `detail`.
#[derive(Clone, Copy, Debug)]
pub struct DetailMember {
    /// Its name.
    pub name: &'static str,
    /// What kind of value it has.
    pub kind: DetailKind,
    /// What it says.
    pub meaning: &'static str,
}

/// Kinds of values in `detail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetailKind {
    /// Text, cut at 1 KiB.
    Text,
    /// An integer.
    Integer,
    /// A truth value.
    Boolean,
}

impl DetailKind {
    /// The JSON Schema type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
        }
    }
}

/// Members of every record.
pub const COMMON: &[&str] = &["gw", "id", "outcome", "time", "type", "v"];

#[cfg(test)]
mod tests;
