//! SELECT, INSERT, UPDATE, DELETE, MERGE.

use crate::condition;
use crate::effect::{Effect, Object, ObjectKind, Role, Verb};
use crate::pieces;
use crate::script::{Condition, Landing, Truth, Use};
use crate::tree::Node;
use crate::walk::Walk;

const ON_CONFLICT_UPDATE: i64 = pg_query::protobuf::OnConflictAction::OnconflictUpdate as i64;
const UPDATE: i64 = pg_query::protobuf::CmdType::CmdUpdate as i64;
const INSERT: i64 = pg_query::protobuf::CmdType::CmdInsert as i64;
const DELETE: i64 = pg_query::protobuf::CmdType::CmdDelete as i64;
const NOTHING: i64 = pg_query::protobuf::CmdType::CmdNothing as i64;

pub(crate) fn visit(walk: &mut Walk, node: &Node) {
    let visible = walk.ctes.len();
    if let Some(with) = node.node("with_clause") {
        with_clause(walk, with);
    }
    match node.kind {
        "InsertStmt" => insert(walk, node),
        "UpdateStmt" => update(walk, node),
        "DeleteStmt" => delete(walk, node),
        "MergeStmt" => merge(walk, node),
        _ => select(walk, node, None),
    }
    walk.ctes.truncate(visible);
}

/// Without RECURSIVE a name is visible to what follows it only: in `WITH t AS (SELECT * FROM t)` the inner `t` is a
/// table.
fn with_clause(walk: &mut Walk, with: &Node) {
    let names = || with.list("ctes").map(|cte| cte.text("ctename").to_owned());
    if with.flag("recursive") {
        names().for_each(|name| walk.ctes.push(name));
        for cte in with.list("ctes") {
            walk.children(cte);
        }
    } else {
        for (cte, name) in with.list("ctes").zip(names()) {
            walk.children(cte);
            walk.ctes.push(name);
        }
    }
}

/// Where the output columns of a query go.
struct Into<'a> {
    relation: &'a [String],
    columns: &'a [String],
}

impl Into<'_> {
    fn landing(&self, position: Option<usize>) -> Landing {
        let named = position.and_then(|position| self.columns.get(position));
        let (how, column) = match (named, position) {
            (Some(column), _) => (Use::Inserted, vec![column.clone()]),
            (None, Some(position)) => (Use::InsertedAt(position), Vec::new()),
            (None, None) => (Use::Inserted, vec!["*".to_owned()]),
        };
        Landing {
            how,
            relation: self.relation.to_vec(),
            column,
        }
    }
}

fn select(walk: &mut Walk, node: &Node, into: Option<&Into<'_>>) {
    if let Some(into) = node.node("into_clause") {
        created(walk, into);
    }
    for side in ["larg", "rarg"] {
        if let Some(side) = node.node(side) {
            inner_select(walk, side, into);
        }
    }
    for row in node.list("values_lists") {
        output(walk, row.list("items"), into);
    }
    output(walk, node.list("target_list"), into);
    let done = [
        "with_clause",
        "into_clause",
        "larg",
        "rarg",
        "values_lists",
        "target_list",
    ];
    walk.children_without(node, &done);
}

/// A SELECT inside of another, or as the source of rows, with its own WITH.
fn inner_select(walk: &mut Walk, node: &Node, into: Option<&Into<'_>>) {
    let visible = walk.ctes.len();
    if let Some(with) = node.node("with_clause") {
        with_clause(walk, with);
    }
    select(walk, node, into);
    walk.ctes.truncate(visible);
}

fn output<'a>(walk: &mut Walk, columns: impl Iterator<Item = &'a Node>, into: Option<&Into<'_>>) {
    let mut position = Some(0_usize);
    for column in columns {
        match into {
            Some(into) => {
                if is_star(column) {
                    position = None;
                }
                let landing = into.landing(position);
                walk.landing(vec![landing], |walk| walk.visit(column));
            }
            None => walk.visit(column),
        }
        position = position.map(|position| position + 1);
    }
}

/// Whether it stands for several columns.
fn is_star(column: &Node) -> bool {
    let last = column.node("val").and_then(|value| match value.kind {
        "ColumnRef" => value.list("fields").last(),
        "AIndirection" => value.list("indirection").last(),
        _ => None,
    });
    last.is_some_and(|part| part.kind == "AStar")
}

/// The relation of SELECT INTO and CREATE TABLE AS.
pub(crate) fn created(walk: &mut Walk, into: &Node) {
    if let Some(relation) = into.node("rel") {
        walk.facts.shape.makes_temporary |= pieces::is_temporary(relation);
        target(walk, Verb::Define, relation, Vec::new());
    }
    walk.children_without(into, &["rel", "view_query"]);
}

/// An effect on the relation that a statement writes to; never a name of WITH.
pub(crate) fn target(walk: &mut Walk, verb: Verb, relation: &Node, columns: Vec<String>) {
    let object = Object {
        kind: ObjectKind::Relation,
        name: pieces::relation(relation),
        role: Role::Target,
        columns,
    };
    walk.facts.effects.insert(Effect { verb, object });
}

fn insert(walk: &mut Walk, node: &Node) {
    let columns: Vec<String> = node
        .list("cols")
        .map(|column| column.text("name").to_owned())
        .collect();
    let relation = node
        .node("relation")
        .map(pieces::relation)
        .unwrap_or_default();
    if let Some(relation) = node.node("relation") {
        target(walk, Verb::Insert, relation, columns.clone());
    }
    for column in node.list("cols") {
        walk.field(column, "indirection");
    }
    if let Some(source) = node.node("select_stmt") {
        count_rows(walk, source);
        let into = Into {
            relation: &relation,
            columns: &columns,
        };
        inner_select(walk, source, Some(&into));
    }
    if let Some(conflict) = node.node("on_conflict_clause") {
        if conflict.int("action") == ON_CONFLICT_UPDATE
            && let Some(relation) = node.node("relation")
        {
            target(
                walk,
                Verb::Update,
                relation,
                assigned(conflict, "target_list"),
            );
        }
        assignments(walk, conflict, &relation);
        walk.children_without(conflict, &["target_list"]);
    }
    returning(walk, node);
}

fn count_rows(walk: &mut Walk, source: &Node) {
    let rows = source.list("values_lists").count();
    if rows == 0 {
        walk.facts.shape.insert_select = true;
    } else {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        walk.facts.shape.insert_rows = walk.facts.shape.insert_rows.saturating_add(rows);
    }
}

fn update(walk: &mut Walk, node: &Node) {
    let relation = node
        .node("relation")
        .map(pieces::relation)
        .unwrap_or_default();
    if let Some(relation) = node.node("relation") {
        target(walk, Verb::Update, relation, assigned(node, "target_list"));
    }
    condition_of(walk, Verb::Update, &relation, node);
    assignments(walk, node, &relation);
    walk.field(node, "from_clause");
    walk.field(node, "where_clause");
    returning(walk, node);
}

fn delete(walk: &mut Walk, node: &Node) {
    let relation = node
        .node("relation")
        .map(pieces::relation)
        .unwrap_or_default();
    if let Some(relation) = node.node("relation") {
        target(walk, Verb::Delete, relation, Vec::new());
    }
    condition_of(walk, Verb::Delete, &relation, node);
    walk.field(node, "using_clause");
    walk.field(node, "where_clause");
    returning(walk, node);
}

fn condition_of(walk: &mut Walk, verb: Verb, relation: &[String], node: &Node) {
    let truth = node
        .node("where_clause")
        .map_or(Truth::Missing, condition::truth);
    let relation = relation.to_vec();
    walk.facts.shape.conditions.push(Condition {
        verb,
        relation,
        truth,
    });
}

fn merge(walk: &mut Walk, node: &Node) {
    let relation = node
        .node("relation")
        .map(pieces::relation)
        .unwrap_or_default();
    for clause in node.list("merge_when_clauses") {
        let verb = match clause.int("command_type") {
            INSERT => Some(Verb::Insert),
            UPDATE => Some(Verb::Update),
            DELETE => Some(Verb::Delete),
            NOTHING => None,
            _ => Some(Verb::Unknown),
        };
        if let (Some(verb), Some(relation)) = (verb, node.node("relation")) {
            target(walk, verb, relation, assigned(clause, "target_list"));
        }
        if clause.int("command_type") == INSERT {
            let columns = assigned(clause, "target_list");
            let into = Into {
                relation: &relation,
                columns: &columns,
            };
            output(walk, clause.list("values"), Some(&into));
        } else {
            assignments(walk, clause, &relation);
        }
        walk.field(clause, "condition");
    }
    if let Some(relation) = node.node("relation") {
        read_target(walk, relation);
    }
    walk.field(node, "source_relation");
    walk.field(node, "join_condition");
    returning(walk, node);
}

/// The columns that are assigned to.
fn assigned(node: &Node, field: &str) -> Vec<String> {
    node.list(field)
        .map(|column| column.text("name").to_owned())
        .collect()
}

fn assignments(walk: &mut Walk, node: &Node, relation: &[String]) {
    for assignment in node.list("target_list") {
        let landing = Landing {
            how: Use::Assigned,
            relation: relation.to_vec(),
            column: vec![assignment.text("name").to_owned()],
        };
        walk.landing(vec![landing], |walk| walk.children(assignment));
    }
}

/// RETURNING reads what was written.
fn returning(walk: &mut Walk, node: &Node) {
    let Some(clause) = node.node("returning_clause") else {
        return;
    };
    if let Some(relation) = node.node("relation") {
        read_target(walk, relation);
    }
    walk.children(clause);
}

fn read_target(walk: &mut Walk, relation: &Node) {
    let name = pieces::relation(relation);
    walk.effect(
        Verb::Read,
        Object::new(ObjectKind::Relation, name, Role::Source),
    );
}
