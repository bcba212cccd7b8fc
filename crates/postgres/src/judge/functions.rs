//! What functions, operators and types can do that the grammar does not tell.

use custos_sql::{NEWER_SYNTAX, ObjectKind, Statement};

use crate::catalogue::{Names, functions};

/// Views in views that are followed.
const VIEWS_MAX: u32 = 16;

/// Words that stand for integers with a sequence, in definitions of tables.
const SERIAL: &[&str] = &[
    "serial",
    "serial2",
    "serial4",
    "serial8",
    "smallserial",
    "bigserial",
];

/// The verbs that the statement's calls come to, each with why it is not understood, if so.
pub(super) fn judge(
    statement: &Statement,
    names: Option<&Names<'_>>,
) -> Vec<(&'static str, Option<String>)> {
    let mut found = Vec::new();
    // What is known by name stands among the statement's effects.
    for call in statement.calls.iter().filter(|call| call.known.is_none()) {
        found.extend(call_of(&call.name, names));
    }
    for operator in &statement.operators {
        if is_odd(operator, names, |names, name| {
            names.snapshot.has_odd_operator(name)
        }) {
            let doubt = format!(
                "what the operator {} does cannot be told",
                operator.join(".")
            );
            found.push(("sql.unknown", Some(doubt)));
        }
    }
    for kind in &statement.types {
        if is_odd(kind, names, |names, name| {
            !SERIAL.contains(&name) && !names.snapshot.is_plain_type(name)
        }) {
            let doubt = format!("what a cast to {} does cannot be told", kind.join("."));
            found.push(("sql.unknown", Some(doubt)));
        }
    }
    found
}

fn call_of(name: &[String], names: Option<&Names<'_>>) -> Option<(&'static str, Option<String>)> {
    let shown = name.join(".");
    let unknown = |why: &str| Some(("sql.unknown", Some(format!("{shown}() {why}"))));
    let Some(names) = names else {
        if let [schema, _] = name
            && schema == "pg_catalog"
        {
            return None;
        }
        return unknown("cannot be looked up in the target's catalogue");
    };
    let all = functions(names.snapshot, name);
    let is_syntax = name.len() == 1 && name.iter().all(|it| NEWER_SYNTAX.contains(&it.as_str()));
    if all.is_empty() && is_syntax {
        return None;
    }
    if all.is_empty() {
        return unknown("is not in the target's catalogue");
    }
    if all.iter().all(|function| function.computes) {
        return None;
    }
    // Also where it is declared to change nothing: the server checks that of its own statements, and of none that
    // other functions run.
    unknown("is none of PostgreSQL's own: what it does cannot be told")
}

/// Whether a view, or one that it reads, calls a function, operator or type of users.
pub(super) fn is_odd_view(names: &Names<'_>, oid: u32, depth: u32) -> bool {
    let Some(definition) = names
        .snapshot
        .table(oid)
        .and_then(|table| table.definition.as_deref())
    else {
        return false;
    };
    names.snapshot.is_odd_view(oid, || {
        let Ok(script) = custos_sql::parse(definition) else {
            return true;
        };
        script.statements.iter().any(|statement| {
            let reads = statement.effects.iter().map(|effect| &effect.object);
            let mut relations = reads.filter(|object| object.kind == ObjectKind::Relation);
            !judge(statement, Some(names)).is_empty()
                || relations.any(|relation| match names.table(&relation.name) {
                    Some((inner, _)) => depth >= VIEWS_MAX || is_odd_view(names, inner, depth + 1),
                    None => false,
                })
        })
    })
}

fn is_odd(
    name: &[String],
    names: Option<&Names<'_>>,
    odd: impl Fn(&Names<'_>, &str) -> bool,
) -> bool {
    match (name, names) {
        ([schema, _], _) if schema == "pg_catalog" => false,
        (_, None) => true,
        (_, Some(names)) => name.last().is_none_or(|name| odd(names, name)),
    }
}
