//! Statements other than those on rows.

use pg_query::protobuf::{AlterTableType, ObjectType, VariableSetKind};

use crate::effect::{Object, ObjectKind, Role, Verb};
use crate::pieces;
use crate::query;
use crate::script::{CopyForm, Prepared};
use crate::settings;
use crate::tree::Node;
use crate::walk::Walk;

/// One effect on what a field holds. Whatever else the statement has is visited: expressions, other relations.
pub(crate) fn plain(walk: &mut Walk, node: &Node, verb: Verb, kind: ObjectKind, field: &str) {
    let names = pieces::names(node, field);
    let (names, field) = if names.is_empty() {
        (pieces::names(node, "relation"), "relation")
    } else {
        (names, field)
    };
    if names.is_empty() {
        walk.effect(verb, Object::new(kind, Vec::new(), Role::Target));
        walk.children(node);
        return;
    }
    for name in names {
        walk.effect(verb, Object::new(kind, name, Role::Target));
    }
    walk.children_without(node, &[field]);
}

pub(crate) fn special(walk: &mut Walk, node: &Node) {
    match node.kind {
        "AlterTableStmt" => alter_table(walk, node),
        "AlterRoleSetStmt" => {
            one(
                walk,
                Verb::Administer,
                ObjectKind::Role,
                node.node("role").map(pieces::name),
            );
        }
        "AlterDatabaseSetStmt" => {
            one(
                walk,
                Verb::Administer,
                ObjectKind::Database,
                Some(text(node, "dbname")),
            );
        }
        "CallStmt" => {
            let name = node.node("funccall").map(pieces::name);
            one(walk, Verb::Execute, ObjectKind::Function, name);
            walk.children(node);
        }
        "CopyStmt" => copy(walk, node),
        "CreateFunctionStmt" => create_function(walk, node),
        "CreateStmt" => create_table(walk, node),
        "CreateTableAsStmt" => {
            match node.node("into") {
                Some(into) => query::created(walk, into),
                None => one(walk, Verb::Define, ObjectKind::Relation, None),
            }
            walk.field(node, "query");
        }
        "CommentStmt" => {
            let name = node.node("object").map(pieces::name);
            one(walk, Verb::Define, object_kind(node.int("objtype")), name);
        }
        "CreateTrigStmt" => create_trigger(walk, node),
        "DeallocateStmt" => {
            let name = Some(node.text("name").to_owned()).filter(|name| !name.is_empty());
            one(
                walk,
                Verb::Prepare,
                ObjectKind::Prepared,
                Some(name.iter().cloned().collect()),
            );
            walk.facts.prepared = Some(Prepared::Forgets(name));
        }
        "DeclareCursorStmt" => {
            one(
                walk,
                Verb::Cursor,
                ObjectKind::Cursor,
                Some(text(node, "portalname")),
            );
            walk.field(node, "query");
        }
        "DiscardStmt" => {
            one(walk, Verb::Set, ObjectKind::Session, None);
            walk.facts.prepared = Some(Prepared::Forgets(None));
        }
        "DoStmt" => one(walk, Verb::Escape, ObjectKind::Session, None),
        "DropStmt" => drop_objects(walk, node),
        "ExecuteStmt" => {
            one(
                walk,
                Verb::Execute,
                ObjectKind::Prepared,
                Some(text(node, "name")),
            );
            walk.facts.prepared = Some(Prepared::Executes(node.text("name").to_owned()));
            walk.field(node, "params");
        }
        "ExplainStmt" => explain(walk, node),
        "ClosePortalStmt" | "FetchStmt" => one(
            walk,
            Verb::Cursor,
            ObjectKind::Cursor,
            Some(text(node, "portalname")),
        ),
        "LockStmt" => {
            // ACCESS SHARE keeps nobody but DDL out (`AccessShareLock` is 1).
            walk.facts.shape.locks_others |= node.int("mode") > 1;
            each_relation(walk, node, Verb::Lock);
        }
        "PrepareStmt" => {
            one(
                walk,
                Verb::Prepare,
                ObjectKind::Prepared,
                Some(text(node, "name")),
            );
            walk.field(node, "query");
            walk.facts.prepared = Some(Prepared::Defines(node.text("name").to_owned()));
        }
        "RefreshMatViewStmt" => {
            one(
                walk,
                Verb::Maintain,
                ObjectKind::Relation,
                node.node("relation").map(pieces::relation),
            );
        }
        "RenameStmt" => rename(walk, node),
        "RuleStmt" => {
            one(
                walk,
                Verb::Administer,
                ObjectKind::Relation,
                node.node("relation").map(pieces::relation),
            );
            walk.children_without(node, &["relation"]);
        }
        "TransactionStmt" => one(walk, Verb::Transaction, ObjectKind::Session, None),
        "TruncateStmt" => each_relation(walk, node, Verb::Truncate),
        "VacuumStmt" => vacuum(walk, node),
        "VariableSetStmt" => set(walk, node),
        "ViewStmt" => {
            if let Some(view) = node.node("view") {
                walk.facts.shape.makes_temporary |= pieces::is_temporary(view);
            }
            one(
                walk,
                Verb::Define,
                ObjectKind::Relation,
                node.node("view").map(pieces::relation),
            );
            walk.children_without(node, &["view"]);
        }
        _ => one(walk, Verb::Unknown, ObjectKind::Session, None),
    }
}

fn one(walk: &mut Walk, verb: Verb, kind: ObjectKind, name: Option<Vec<String>>) {
    walk.effect(
        verb,
        Object::new(kind, name.unwrap_or_default(), Role::Target),
    );
}

fn text(node: &Node, field: &str) -> Vec<String> {
    Some(node.text(field).to_owned())
        .filter(|text| !text.is_empty())
        .into_iter()
        .collect()
}

fn each_relation(walk: &mut Walk, node: &Node, verb: Verb) {
    let names = pieces::names(node, "relations");
    if names.is_empty() {
        one(walk, verb, ObjectKind::Relation, None);
    }
    for name in names {
        walk.effect(verb, Object::new(ObjectKind::Relation, name, Role::Target));
    }
}

fn create_table(walk: &mut Walk, node: &Node) {
    if let Some(relation) = node.node("relation") {
        walk.facts.shape.makes_temporary |= pieces::is_temporary(relation);
    }
    one(
        walk,
        Verb::Define,
        ObjectKind::Relation,
        node.node("relation").map(pieces::relation),
    );
    // A partition or child changes what its parent shows.
    for parent in node.list("inh_relations") {
        one(
            walk,
            Verb::Define,
            ObjectKind::Relation,
            Some(pieces::name(parent)),
        );
    }
    walk.children_without(node, &["relation", "inh_relations"]);
}

fn create_trigger(walk: &mut Walk, node: &Node) {
    // Whoever makes a trigger has code run by others, with their rights.
    one(
        walk,
        Verb::Administer,
        ObjectKind::Relation,
        node.node("relation").map(pieces::relation),
    );
    one(
        walk,
        Verb::Execute,
        ObjectKind::Function,
        Some(node.names("funcname")),
    );
    walk.children_without(node, &["relation", "funcname", "transition_rels"]);
}

/// Languages whose code cannot leave the database.
const TRUSTED: &[&str] = &["sql", "plpgsql", "plperl", "pltcl", "plv8"];

fn create_function(walk: &mut Walk, node: &Node) {
    let name = node.names("funcname");
    one(walk, Verb::Define, ObjectKind::Function, Some(name.clone()));
    for option in pieces::option(node, "options", "language") {
        let language = option
            .node("arg")
            .and_then(Node::string)
            .unwrap_or_default();
        if !TRUSTED.contains(&language.to_lowercase().as_str()) {
            one(walk, Verb::Escape, ObjectKind::Function, Some(name.clone()));
        }
    }
    if pieces::option(node, "options", "security").any(pieces::is_on) {
        one(walk, Verb::Administer, ObjectKind::Function, Some(name));
    }
    walk.children(node);
}

fn copy(walk: &mut Walk, node: &Node) {
    let is_from = node.flag("is_from");
    walk.facts.shape.copies_relation = node.node("relation").is_some();
    if let Some(relation) = node.node("relation") {
        let (verb, role) = if is_from {
            (Verb::Insert, Role::Target)
        } else {
            (Verb::Read, Role::Source)
        };
        let object = Object {
            kind: ObjectKind::Relation,
            name: pieces::relation(relation),
            role,
            columns: node.names("attlist"),
        };
        walk.effect(verb, object);
    }
    let name = text(node, "filename");
    if node.flag("is_program") || !name.is_empty() {
        one(walk, Verb::Escape, ObjectKind::File, Some(name));
    } else if is_from {
        walk.facts.shape.copy_in = true;
    } else {
        walk.facts.shape.copy_out = Some(copy_form(node));
    }
    walk.field(node, "query");
    walk.field(node, "where_clause");
}

fn copy_form(node: &Node) -> CopyForm {
    let mut form = CopyForm::Text;
    for option in node.list("options") {
        let value = option.node("arg").map(|arg| arg.text("sval").to_owned());
        form = match (option.text("defname"), value.as_deref()) {
            ("format", Some("text")) => CopyForm::Text,
            ("format", Some("binary")) => CopyForm::Binary,
            ("encoding", Some(encoding)) if encoding.eq_ignore_ascii_case("utf8") => form,
            _ => return CopyForm::Other,
        };
    }
    form
}

/// What an `ObjectType` of the grammar is.
fn object_kind(number: i64) -> ObjectKind {
    match ObjectType::try_from(i32::try_from(number).unwrap_or(0)) {
        Ok(
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectForeignTable
            | ObjectType::ObjectSequence,
        ) => ObjectKind::Relation,
        Ok(
            ObjectType::ObjectFunction
            | ObjectType::ObjectProcedure
            | ObjectType::ObjectRoutine
            | ObjectType::ObjectAggregate,
        ) => ObjectKind::Function,
        Ok(ObjectType::ObjectSchema) => ObjectKind::Schema,
        Ok(ObjectType::ObjectColumn) => ObjectKind::Column,
        _ => ObjectKind::Other,
    }
}

fn drop_objects(walk: &mut Walk, node: &Node) {
    let kind = object_kind(node.int("remove_type"));
    let mut some = false;
    for object in node.list("objects") {
        some = true;
        one(walk, Verb::Destroy, kind, Some(pieces::name(object)));
    }
    if !some {
        one(walk, Verb::Destroy, kind, None);
    }
    // What guards rows, or brings in code and servers.
    let guards = [
        ObjectType::ObjectPolicy,
        ObjectType::ObjectRule,
        ObjectType::ObjectTrigger,
        ObjectType::ObjectEventTrigger,
        ObjectType::ObjectExtension,
        ObjectType::ObjectFdw,
        ObjectType::ObjectForeignServer,
        ObjectType::ObjectPublication,
        ObjectType::ObjectLanguage,
        ObjectType::ObjectCast,
        ObjectType::ObjectOperator,
        ObjectType::ObjectAccessMethod,
    ];
    if guards
        .iter()
        .any(|guard| i64::from(*guard as i32) == node.int("remove_type"))
    {
        one(walk, Verb::Administer, kind, None);
    }
}

fn explain(walk: &mut Walk, node: &Node) {
    if pieces::option(node, "options", "analyze").any(pieces::is_on) {
        walk.field(node, "query");
        return;
    }
    // Nothing is executed; the plan tells of what it names.
    let mut inner = Walk::default();
    inner.field(node, "query");
    let inner = inner.facts;
    for effect in inner.effects {
        let kind = effect.object.kind;
        if kind == ObjectKind::Relation {
            let object = Object::new(kind, effect.object.name, Role::Source);
            walk.effect(Verb::Read, object);
        } else if effect.verb != Verb::Lock {
            // Functions of constants are run by the planner.
            walk.effect(effect.verb, effect.object);
        }
    }
    walk.facts.calls.extend(inner.calls);
    walk.facts.operators.extend(inner.operators);
    walk.facts.types.extend(inner.types);
    walk.facts.constants.extend(inner.constants);
    walk.facts.parameters.extend(inner.parameters);
    walk.facts.shape.explain_only = true;
}

const DROPS: &[AlterTableType] = &[
    AlterTableType::AtDropColumn,
    AlterTableType::AtDropConstraint,
];
/// Changes of who may see which rows, of owners, and of what runs besides a statement.
const GUARDS: &[AlterTableType] = &[
    AlterTableType::AtChangeOwner,
    AlterTableType::AtEnableTrig,
    AlterTableType::AtEnableAlwaysTrig,
    AlterTableType::AtEnableReplicaTrig,
    AlterTableType::AtDisableTrig,
    AlterTableType::AtEnableTrigAll,
    AlterTableType::AtDisableTrigAll,
    AlterTableType::AtEnableTrigUser,
    AlterTableType::AtDisableTrigUser,
    AlterTableType::AtEnableRule,
    AlterTableType::AtEnableAlwaysRule,
    AlterTableType::AtEnableReplicaRule,
    AlterTableType::AtDisableRule,
    AlterTableType::AtEnableRowSecurity,
    AlterTableType::AtDisableRowSecurity,
    AlterTableType::AtForceRowSecurity,
    AlterTableType::AtNoForceRowSecurity,
    AlterTableType::AtReplicaIdentity,
];

fn alter_table(walk: &mut Walk, node: &Node) {
    let name = node.node("relation").map(pieces::relation);
    one(walk, Verb::Define, ObjectKind::Relation, name.clone());
    for command in node.list("cmds") {
        let subtype = i32::try_from(command.int("subtype")).unwrap_or(0);
        if DROPS.iter().any(|drop| *drop as i32 == subtype) {
            let mut column = name.clone().unwrap_or_default();
            column.push(command.text("name").to_owned());
            one(walk, Verb::Destroy, ObjectKind::Column, Some(column));
        }
        if GUARDS.iter().any(|guard| *guard as i32 == subtype) {
            one(walk, Verb::Administer, ObjectKind::Relation, name.clone());
        }
    }
    walk.children_without(node, &["relation"]);
}

fn rename(walk: &mut Walk, node: &Node) {
    let mut name = match node.node("relation") {
        Some(relation) => pieces::relation(relation),
        None => pieces::names(node, "object")
            .into_iter()
            .next()
            .unwrap_or_default(),
    };
    let kind = if !node.has("relation") {
        ObjectKind::Other
    } else if node.text("subname").is_empty() {
        ObjectKind::Relation
    } else {
        name.push(node.text("subname").to_owned());
        ObjectKind::Column
    };
    if name.is_empty() {
        name = text(node, "subname");
    }
    let ruled = [
        ObjectType::ObjectRole,
        ObjectType::ObjectDatabase,
        ObjectType::ObjectTablespace,
    ];
    let is_ruled = ruled
        .iter()
        .any(|ruled| i64::from(*ruled as i32) == node.int("rename_type"));
    one(
        walk,
        if is_ruled {
            Verb::Administer
        } else {
            Verb::Define
        },
        kind,
        Some(name),
    );
}

fn vacuum(walk: &mut Walk, node: &Node) {
    let is_full = pieces::option(node, "options", "full").any(pieces::is_on);
    let verb = if is_full {
        Verb::Administer
    } else {
        Verb::Maintain
    };
    let names: Vec<Vec<String>> = node
        .list("rels")
        .filter_map(|relation| relation.node("relation"))
        .map(pieces::relation)
        .collect();
    if names.is_empty() {
        one(walk, verb, ObjectKind::Database, None);
    }
    for name in names {
        one(walk, verb, ObjectKind::Relation, Some(name));
    }
}

fn set(walk: &mut Walk, node: &Node) {
    let kind = VariableSetKind::try_from(i32::try_from(node.int("kind")).unwrap_or(0));
    match kind {
        // SET TRANSACTION and SET SESSION CHARACTERISTICS.
        Ok(VariableSetKind::VarSetMulti) => one(walk, Verb::Transaction, ObjectKind::Session, None),
        Ok(VariableSetKind::VarResetAll) => {
            walk.facts.shape.changes_search_path = true;
            one(walk, Verb::Set, ObjectKind::Setting, None);
        }
        _ => {
            let mut values = node.list("args").filter_map(pieces::literal);
            let value = values.next();
            settings::effect(walk, node.text("name"), value.as_deref());
        }
    }
    walk.field(node, "args");
}
