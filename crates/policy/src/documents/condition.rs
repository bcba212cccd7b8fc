//! Conditions on the shape of a statement.

use serde::Serialize;

use super::question::Shape;
use super::reader::Reader;
use super::verb::Verb;
use super::yaml::{Node, Value};

/// Verbs whose statements can be without WHERE.
pub(super) const WITHOUT_WHERE: &[&str] = &["sql.update", "sql.delete"];
/// Verbs whose statements insert rows.
pub(super) const BULK_INSERT: &[&str] = &["sql.insert"];

/// What happens to a statement of that shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The rule does not allow it.
    Deny,
    /// The rule's `approve` is asked for; without such a shape it is not.
    Approve,
}

/// Shapes that a rule treats differently. In a rule that forbids, they are what it forbids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Conditions {
    /// UPDATE or DELETE of all rows.
    pub without_where: Option<Then>,
    /// INSERT or COPY of more than so many rows. A number that is not known counts as more.
    pub bulk_insert_over: Option<(u64, Then)>,
}

impl Conditions {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the statement has a shape for which this is said.
    pub(super) fn say(&self, then: Then, shape: &Shape) -> bool {
        let bulk = |rows: u64| shape.inserted_rows.exceed(rows);
        (shape.without_where && self.without_where == Some(then))
            || self
                .bulk_insert_over
                .is_some_and(|(rows, says)| says == then && bulk(rows))
    }

    pub(super) fn mention(&self, then: Then) -> bool {
        self.without_where == Some(then)
            || self.bulk_insert_over.is_some_and(|(_, says)| says == then)
    }

    /// The same, without what a verb's statements cannot look like.
    pub(super) fn about(self, verb: Verb) -> Self {
        let word = verb.as_str();
        Self {
            without_where: self.without_where.filter(|_| WITHOUT_WHERE.contains(&word)),
            bulk_insert_over: self
                .bulk_insert_over
                .filter(|_| BULK_INSERT.contains(&word)),
        }
    }

    /// The shapes in words.
    pub(super) fn shapes(&self, then: Then) -> Vec<String> {
        let mut words = Vec::new();
        if self.without_where == Some(then) {
            words.push("without WHERE".to_owned());
        }
        if let Some((rows, says)) = self.bulk_insert_over
            && says == then
        {
            words.push(format!("inserting more than {rows} rows"));
        }
        words
    }
}

const WORDS: [(&str, Then); 2] = [("deny", Then::Deny), ("approve", Then::Approve)];

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Conditions> {
    let known = ["without_where", "bulk_insert_over"];
    let fields = reader.fields(node, "`conditions`", &known)?;
    let mut conditions = Conditions::default();
    if let Some(node) = fields.get("without_where") {
        conditions.without_where = Some(reader.word(node, "`without_where`", &WORDS)?);
    }
    if let Some(node) = fields.get("bulk_insert_over") {
        conditions.bulk_insert_over = Some(bulk_insert(reader, node)?);
    }
    if conditions.is_empty() {
        reader.say(node.at, "`conditions` says nothing");
    }
    Some(conditions)
}

/// A number, beyond which the rule does not allow; or `{rows, then}`.
fn bulk_insert(reader: &mut Reader<'_>, node: &Node) -> Option<(u64, Then)> {
    const WHAT: &str = "`bulk_insert_over`";
    // Cedar's numbers are signed, and the largest stands for rows that nobody counted.
    let max = i64::MAX as u64 - 1;
    if let Value::Text(..) = node.value {
        return Some((reader.number(node, WHAT, 0, max)?, Then::Deny));
    }
    let fields = reader.fields(node, WHAT, &["rows", "then"])?;
    let rows = reader.needed(&fields, "rows", WHAT)?;
    let then = reader.needed(&fields, "then", WHAT)?;
    Some((
        reader.number(rows, "`rows`", 0, max)?,
        reader.word(then, "`then`", &WORDS)?,
    ))
}
