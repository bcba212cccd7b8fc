//! What a PostgreSQL statement does, by PostgreSQL's own grammar.
//!
//! [`parse`] turns a statement text into a [`Script`]: for each statement its [`Effect`]s, the functions that it
//! calls, the shape that row-count rules look at, and where its literals and parameters land. [`Cache`] keeps scripts
//! by their text. [`lineage::lineage`] resolves output columns to the base columns that their values can come from.
//!
//! # Rules
//! - No I/O, no clock, no randomness. A [`Script`] depends on nothing but the text, so it is free of any verdict.
//! - What is not understood is [`Verb::Unknown`]. A node that the grammar has and the table in `kinds.rs` does not is that.
//! - Everything has a limit: the text, its tokens, its nesting, the size of its tree. A [`SqlError`] never holds text.
//! - The grammar is PostgreSQL 18's with `standard_conforming_strings` on and UTF-8. A caller must not let a session
//!   turn that off (both are [`Verb::SetGuarded`] here).

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod cache;
mod call;
mod condition;
mod constant;
mod effect;
mod error;
mod functions;
mod kinds;
mod landing;
pub mod lineage;
mod parse;
mod pieces;
mod prescan;
mod query;
mod script;
mod settings;
mod template;
mod tree;
mod tree_from;
mod utility;
mod walk;

pub use cache::Cache;
pub use effect::{Effect, Object, ObjectKind, Role, Verb};
pub use error::SqlError;
pub use functions::known_function;
pub use kinds::NEWER_SYNTAX;
pub use parse::{
    TEXT_BYTES_MAX, TOKENS_MAX, Trees, comments, fingerprint, parse, parse_with_trees,
};
pub use script::{
    Call, Condition, CopyForm, Landing, Literal, Parameter, Prepared, Script, Shape, Statement,
    Truth, Use,
};
pub use settings::{
    TimeLimit, identifiers, is_read_as_utf8, milliseconds, search_path, setting_verb,
    startup_settings, statement_timeout,
};
pub use template::template;
