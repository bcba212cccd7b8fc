//! From text to [`Script`].

use std::panic::catch_unwind;

use pg_query::protobuf::{RawStmt, ScanToken, Token};

use crate::error::SqlError;
use crate::prescan;
use crate::script::{Literal, Parameter, Script, Statement};
use crate::tree::Node;
use crate::tree_from::tree;
use crate::walk::{Facts, Walk};

/// The longest text that is analysed, in bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// The most tokens of a text that is analysed.
pub const TOKENS_MAX: usize = 250_000;

/// Analyses all statements of a text.
///
/// Needs less than 2 MiB of stack, whatever the text holds: the parser checks its own stack, and what it gives back is
/// refused when it is more than 100 levels deep.
///
/// # Errors
/// [`SqlError`]; the statement may do anything then.
pub fn parse(text: &str) -> Result<Script, SqlError> {
    parse_with_trees(text).map(|(script, _)| script)
}

/// The statements' trees, for [`crate::lineage`]. Large: some hundred times the text.
#[derive(Debug)]
pub struct Trees(pub(crate) Vec<Node>);

/// [`parse`], and the trees that were made for it.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_trees(text: &str) -> Result<(Script, Trees), SqlError> {
    let tokens = prescan::tokens(text)?;
    let mut trees = Vec::new();
    let mut statements = Vec::new();
    for raw in &raw(text)? {
        let node = node(raw);
        statements.push(statement(text, &tokens, raw, node.as_ref()));
        trees.extend(node);
    }
    Ok((Script { statements }, Trees(trees)))
}

/// A number that is the same for texts that differ in literals, spaces and comments only. For counting and grouping,
/// never for verdicts. Parses anew.
pub fn fingerprint(text: &str) -> Option<u64> {
    prescan::tokens(text).ok()?;
    let print = pg_query::fingerprint(text, 0, 0).ok()?;
    Some(print.value)
}

/// The statements as the parser gives them.
fn raw(text: &str) -> Result<Vec<RawStmt>, SqlError> {
    // The crate around the parser looks through the tree for a summary of its own that it takes some care with, but
    // not enough: a panic there must not reach the session.
    let parsed = catch_unwind(|| pg_query::parse(text, 0)).map_err(|_| SqlError::Parser)?;
    match parsed {
        Ok(parsed) => Ok(parsed.protobuf.stmts),
        Err(pg_query::Error::Decode(_)) => Err(SqlError::TooDeep),
        Err(pg_query::Error::Parse(message)) if is_too_deep(&message) => Err(SqlError::TooDeep),
        Err(_) => Err(SqlError::Syntax),
    }
}

fn is_too_deep(message: &str) -> bool {
    message.contains("stack depth limit") || message.contains("memory exhausted")
}

/// Where the comments of a text stand, in bytes. Empty for a text that cannot be scanned.
pub fn comments(text: &str) -> Vec<std::ops::Range<usize>> {
    let is_comment = |token: &&ScanToken| {
        token.token == Token::SqlComment as i32 || token.token == Token::CComment as i32
    };
    let tokens = prescan::tokens(text).unwrap_or_default();
    let places = tokens.iter().filter(is_comment).filter_map(|token| {
        let start = usize::try_from(token.start).ok()?;
        Some(start..usize::try_from(token.end).ok()?)
    });
    places.collect()
}

/// The trees alone.
pub(crate) fn trees(text: &str) -> Result<Trees, SqlError> {
    prescan::tokens(text)?;
    Ok(Trees(raw(text)?.iter().filter_map(node).collect()))
}

fn node(raw: &RawStmt) -> Option<Node> {
    tree(raw.stmt.as_ref()?.as_ref())
}

fn statement(text: &str, tokens: &[ScanToken], raw: &RawStmt, node: Option<&Node>) -> Statement {
    let range = range(text, raw);
    let mut walk = Walk::default();
    let kind = match node {
        Some(node) => {
            walk.visit(node);
            node.kind
        }
        None => "",
    };
    let mut facts = walk.into_facts();
    let literals = literals(tokens, &range, &mut facts);
    Statement {
        range,
        kind,
        effects: facts.effects.into_iter().collect(),
        calls: facts.calls,
        operators: facts.operators.into_iter().collect(),
        types: facts.types.into_iter().collect(),
        shape: facts.shape,
        literals,
        parameters: facts
            .parameters
            .into_iter()
            .map(|(number, landings)| Parameter { number, landings })
            .collect(),
        prepared: facts.prepared,
    }
}

fn range(text: &str, raw: &RawStmt) -> std::ops::Range<usize> {
    let start = usize::try_from(raw.stmt_location).unwrap_or(0);
    let length = usize::try_from(raw.stmt_len).unwrap_or(0);
    let end = if length == 0 {
        text.len()
    } else {
        start.saturating_add(length)
    };
    start..end.min(text.len())
}

/// Every literal token, so that none is missed, with what the walk found for those that are values of expressions.
fn literals(
    tokens: &[ScanToken],
    range: &std::ops::Range<usize>,
    facts: &mut Facts,
) -> Vec<Literal> {
    let first = tokens.partition_point(|token| prescan::place(token.start) < range.start);
    let inside = tokens
        .iter()
        .skip(first)
        .take_while(|token| prescan::place(token.start) < range.end);
    let mut minus = None;
    let mut found = Vec::new();
    for token in inside {
        let start = prescan::place(token.start);
        if prescan::is_literal(token) {
            // The grammar takes a minus sign before a number as part of it.
            let from = minus.filter(|place| facts.constants.contains_key(place));
            let landings = facts
                .constants
                .remove(&from.unwrap_or(start))
                .unwrap_or_default();
            found.push(Literal {
                range: start..prescan::place(token.end),
                landings,
            });
        }
        minus = prescan::is_minus(token).then_some(start);
    }
    found
}
