//! Statements with a result that are not queries themselves.

use super::Output;
use super::from::join;
use super::origin::Origin;
use super::query::Outputs;
use super::resolve::Resolver;
use super::scope::{Columns, Item, Scope};
use crate::kinds::{Class, class};
use crate::pieces;
use crate::tree::Node;

/// SELECT INTO: the clause stands in the first SELECT of a set operation.
fn has_into(node: &Node) -> bool {
    node.has("into_clause") || node.node("larg").is_some_and(has_into)
}

impl Resolver<'_> {
    /// The result of a whole statement.
    pub(super) fn statement(&mut self, node: &Node) -> Outputs {
        if class(node.kind) == Some(Class::Query) {
            let outputs = self.query(node);
            return if has_into(node) {
                self.store(outputs);
                Some(Vec::new())
            } else {
                outputs
            };
        }
        match node.kind {
            "PrepareStmt" | "DeclareCursorStmt" => {
                // What EXECUTE and FETCH of this name will give.
                node.node("query").and_then(|query| self.statement(query))
            }
            "CreateTableAsStmt" => {
                let outputs = node.node("query").and_then(|query| self.statement(query));
                self.store(outputs);
                Some(Vec::new())
            }
            "ViewStmt" => {
                // Which rows it has is decided here, once and for all.
                node.node("query").and_then(|query| self.statement(query));
                Some(Vec::new())
            }
            "CopyStmt" => self.copy(node),
            "ExplainStmt" => {
                // A plan shows literals, and figures that depend on what is in the columns that are looked at.
                let outputs = node.node("query").and_then(|query| self.statement(query));
                let shown = outputs.map_or(Origin::Unknown, |outputs| {
                    let mut all = self.used.clone().with(&self.stored);
                    for output in &outputs {
                        all.add(&output.origin);
                    }
                    all
                });
                Some(vec![Output {
                    name: Some("QUERY PLAN".to_owned()),
                    origin: shown,
                }])
            }
            "VariableShowStmt" => {
                let name = node.text("name");
                (name != "all").then(|| {
                    vec![Output {
                        name: Some(name.to_owned()),
                        origin: Origin::default(),
                    }]
                })
            }
            "ExecuteStmt" | "FetchStmt" | "CallStmt" | "InlineCodeBlock" => None,
            _ => Some(Vec::new()),
        }
    }

    fn copy(&mut self, node: &Node) -> Outputs {
        if node.flag("is_from") {
            return Some(Vec::new());
        }
        if let Some(query) = node.node("query") {
            return self.query(query);
        }
        let relation = node.node("relation")?;
        let columns = self.relation(&pieces::relation(relation));
        if columns.rest.is_some() {
            return None;
        }
        let names = node.names("attlist");
        if names.is_empty() {
            return Some(columns.list);
        }
        let chosen = names.into_iter().map(|name| {
            let found = columns
                .list
                .iter()
                .find(|column| column.name.as_ref() == Some(&name));
            let origin = found.map_or(Origin::Unknown, |column| column.origin.clone());
            Output {
                name: Some(name),
                origin,
            }
        });
        Some(chosen.collect())
    }

    /// RETURNING of INSERT, UPDATE, DELETE and MERGE. The target comes first in `*`, but last in that of MERGE.
    pub(super) fn modification(&mut self, node: &Node) -> Outputs {
        let relation = node.node("relation")?;
        let target = self.target(relation);
        let sources = ["from_clause", "using_clause", "source_relation"];
        let others = self.sources(sources.iter().flat_map(|field| node.list(field)));
        let mut scope = if node.kind == "MergeStmt" {
            others.clone()
        } else {
            target.clone()
        };
        join(
            &mut scope,
            if node.kind == "MergeStmt" {
                target.clone()
            } else {
                others
            },
        );
        Self::rows_before_and_after(node, &target, &mut scope);
        self.scopes.push(scope);
        for field in ["where_clause", "join_condition"] {
            self.uses(node, field);
        }
        for clause in node.list("merge_when_clauses") {
            self.uses(clause, "condition");
            self.assignments(&target, clause);
            for value in clause.list("values") {
                let origin = self.expression(value);
                self.stored.add(&origin);
            }
        }
        if let Some(conflict) = node.node("on_conflict_clause") {
            self.conflict(&target, conflict);
        }
        if let Some(source) = node.node("select_stmt") {
            let scopes = std::mem::take(&mut self.scopes);
            let outputs = self.query(source);
            self.scopes = scopes;
            self.store(outputs);
        }
        if node.kind == "UpdateStmt" {
            self.assignments(&target, node);
        }
        let outputs = match node.node("returning_clause") {
            Some(clause) => self.targets(clause.list("exprs")),
            None => Some(Vec::new()),
        };
        self.scopes.pop();
        outputs
    }

    fn conflict(&mut self, target: &Scope, conflict: &Node) {
        let excluded = Item {
            name: vec!["excluded".to_owned()],
            columns: target.columns.clone(),
        };
        if let Some(scope) = self.scopes.last_mut() {
            scope.items.push(excluded);
        }
        self.uses(conflict, "where_clause");
        self.assignments(target, conflict);
        if let Some(infer) = conflict.node("infer") {
            self.uses(infer, "where_clause");
        }
    }

    /// What the values come from is kept where nobody can tell it later.
    fn store(&mut self, outputs: Outputs) {
        match outputs {
            Some(outputs) => outputs
                .iter()
                .for_each(|output| self.stored.add(&output.origin)),
            None => self.stored = Origin::Unknown,
        }
    }

    /// `SET column = value`.
    fn assignments(&mut self, target: &Scope, node: &Node) {
        for assignment in node.list("target_list") {
            let origin = assignment
                .node("val")
                .map_or_else(Origin::default, |value| self.expression(value));
            for part in assignment.list("indirection") {
                let origin = self.expression(part);
                self.stored.add(&origin);
            }
            let own = target
                .columns
                .list
                .iter()
                .find(|column| column.name.as_deref() == Some(assignment.text("name")));
            let origin = match own.map(|own| &own.origin) {
                Some(Origin::Columns(own)) if own.len() == 1 => {
                    own.iter().fold(origin, Origin::without)
                }
                _ => origin,
            };
            self.stored.add(&origin);
        }
    }

    /// A name of WITH is never a target.
    fn target(&mut self, relation: &Node) -> Scope {
        let ctes = std::mem::take(&mut self.ctes);
        let scope = self.range_var(relation);
        self.ctes = ctes;
        scope
    }

    /// `old` and `new` of RETURNING, also under other names.
    fn rows_before_and_after(node: &Node, target: &Scope, scope: &mut Scope) {
        let columns: &Columns = &target.columns;
        let options = node
            .node("returning_clause")
            .into_iter()
            .flat_map(|clause| clause.list("options"));
        let named = options.map(|option| option.text("value").to_owned());
        let taken = |name: &String| {
            target
                .items
                .iter()
                .any(|item| item.name.last() == Some(name))
        };
        let names: Vec<String> = named
            .chain(["old".to_owned(), "new".to_owned()])
            .filter(|name| !taken(name))
            .collect();
        for name in names {
            scope.items.push(Item {
                name: vec![name],
                columns: columns.clone(),
            });
        }
    }
}
