//! Policy documents: who may do what to which resource, under which conditions and with which obligations.
//!
//! Documents are YAML without free-form conditions. They are compiled to Cedar, which decides and names the rules that
//! decided; what follows from those rules (masks, approvals, limits) is typed data here, keyed by the rule's id.
//!
//! What no rule allows is denied, what one forbids is denied whatever others allow. Several allowing rules unite their
//! masks and obligations; their approvals are alternatives. A column with a label is seen masked, or clear by whom a
//! rule unmasks it for, or the operation is denied.
//!
//! **Invariant**: a principal that proved nothing is denied whatever the documents say.
//! **Invariant**: an error while evaluating denies.

mod approve;
mod cedar;
mod commands;
mod condition;
mod diff;
mod explain;
mod held;
mod hours;
mod label;
mod matrix;
mod matrix_text;
mod network;
mod obligation;
mod pause;
mod problem;
mod question;
mod reachable;
mod reader;
mod rule;
mod set;
mod simulate;
mod slice;
mod target;
mod units;
mod verb;
mod verdict;
mod who;
mod yaml;

pub use approve::{Approve, BreakGlass, Escalate, Meanwhile, Per};
pub use commands::Commands;
pub use custos_shell::{Command, Line};

pub use condition::{Conditions, Then};
pub use diff::diff;
pub use hours::{Hours, utc_ns};
pub use label::{Detect, Label, Transform};
pub use matrix::{Cell, Column, Matrix, Sight};
pub use network::Network;
pub use obligation::{Durability, Limit, Record, Require};
pub use pause::Pause;
pub use problem::Problem;
pub use question::{Environment, InsertedRows, Question, Shape, Touched};
pub use rule::{Obligations, Rule, RuleEffect};
pub use set::{DOCUMENTS_MAX, Document, LABELS_MAX, PolicySet, RULES_MAX};
pub use simulate::{Counts, Recorded, simulate};
pub use slice::{ACTORS_MAX, Slice};
pub use target::{Resource, Target};
pub use units::Rate;
pub use verb::{Kind, Verb};
pub use verdict::{Alternatives, Ruling, Verdict};
pub use who::Who;
pub use yaml::DOCUMENT_BYTES_MAX;
