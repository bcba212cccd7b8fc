//! SELECT, VALUES, set operations, WITH.

use pg_query::protobuf::SetOperation;

use super::origin::Origin;
use super::resolve::Resolver;
use super::scope::{Columns, Scope, star};
use super::{Output, lineage_limits, names};
use crate::tree::Node;

const NONE: i64 = SetOperation::SetopNone as i64;
const UNION: i64 = SetOperation::SetopUnion as i64;

/// Columns, or `None` where not even their number is known.
pub(super) type Outputs = Option<Vec<Output>>;

impl Resolver<'_> {
    /// The columns of any statement that can stand in WITH.
    pub(super) fn query(&mut self, node: &Node) -> Outputs {
        self.step(|walk| {
            let visible = walk.ctes.len();
            if let Some(with) = node.node("with_clause") {
                walk.with_clause(with);
            }
            let outputs = match node.kind {
                "SelectStmt" => walk.select(node),
                _ => walk.modification(node),
            };
            walk.ctes.truncate(visible);
            outputs
        })
        .flatten()
    }

    fn with_clause(&mut self, with: &Node) {
        if !with.flag("recursive") {
            for cte in with.list("ctes") {
                let columns = self.cte(cte);
                self.ctes.push((cte.text("ctename").to_owned(), columns));
            }
            return;
        }
        // Each may use all others; until one is resolved it is unknown.
        let first = self.ctes.len();
        for cte in with.list("ctes") {
            self.ctes
                .push((cte.text("ctename").to_owned(), Columns::unknown()));
        }
        for (index, cte) in with.list("ctes").enumerate() {
            self.recursive(cte, first + index);
        }
    }

    fn cte(&mut self, cte: &Node) -> Columns {
        let outputs = cte.node("ctequery").and_then(|query| self.query(query));
        Self::cte_columns(cte, outputs)
    }

    fn cte_columns(cte: &Node, outputs: Outputs) -> Columns {
        // SEARCH and CYCLE add columns.
        if cte.has("search_clause") || cte.has("cycle_clause") {
            return Columns::unknown();
        }
        let mut columns = Columns::of(outputs);
        columns.rename(&cte.names("aliascolnames"));
        columns
    }

    /// From the part that does not use it to a fixed point.
    fn recursive(&mut self, cte: &Node, place: usize) {
        let first = cte.node("ctequery").and_then(|query| query.node("larg"));
        if let Some(first) = first {
            let visible = self.ctes.len();
            if let Some(with) = cte
                .node("ctequery")
                .and_then(|query| query.node("with_clause"))
            {
                self.with_clause(with);
            }
            let outputs = self.query(first);
            self.ctes.truncate(visible);
            let columns = Self::cte_columns(cte, outputs);
            self.set_cte(place, columns);
        }
        for _ in 0..lineage_limits::ROUNDS {
            let columns = self.cte(cte);
            let stable = self
                .ctes
                .get(place)
                .is_some_and(|(_, known)| known.list == columns.list && known.rest == columns.rest);
            self.set_cte(place, columns);
            if stable {
                return;
            }
        }
        self.set_cte(place, Columns::unknown());
    }

    fn set_cte(&mut self, place: usize, columns: Columns) {
        if let Some((_, known)) = self.ctes.get_mut(place) {
            *known = columns;
        }
    }

    fn select(&mut self, node: &Node) -> Outputs {
        if node.list("values_lists").next().is_some() {
            return self.values(node);
        }
        if node.int("op") != NONE && node.has("larg") {
            return self.set_operation(node);
        }
        let scope = self.sources(node.list("from_clause"));
        self.scopes.push(scope);
        let outputs = self.targets(node.list("target_list"));
        for field in [
            "where_clause",
            "having_clause",
            "window_clause",
            "limit_count",
            "limit_offset",
        ] {
            self.uses(node, field);
        }
        for field in ["group_clause", "distinct_clause", "sort_clause"] {
            self.uses_outputs(node, field, outputs.as_deref());
        }
        if node.list("distinct_clause").next().is_none() && node.has("distinct_clause") {
            outputs
                .iter()
                .flatten()
                .for_each(|output| self.used.add(&output.origin));
        }
        self.scopes.pop();
        outputs
    }

    /// `None` where a `*` stands for columns that are not known.
    pub(super) fn targets<'n>(&mut self, list: impl Iterator<Item = &'n Node>) -> Outputs {
        let mut outputs = Some(Vec::new());
        for target in list {
            match star_of(target) {
                Some(Star::Columns(path)) => {
                    let columns = star(&self.scopes, &path)
                        .filter(|columns| columns.rest.is_none())
                        .cloned();
                    let columns = columns.filter(|columns| self.charge(columns.list.len()));
                    match (columns, &mut outputs) {
                        (Some(columns), Some(outputs)) => outputs.extend(columns.list),
                        _ => outputs = None,
                    }
                }
                // `(f(x)).*`: as many columns as the type has.
                Some(Star::Value) => outputs = None,
                None => {
                    let origin = target
                        .node("val")
                        .map_or(Origin::Unknown, |value| self.expression(value));
                    if let Some(outputs) = &mut outputs {
                        outputs.push(Output {
                            name: names::of(target),
                            origin,
                        });
                    }
                }
            }
        }
        outputs
    }

    /// ORDER BY and GROUP BY take names and numbers of output columns too.
    fn uses_outputs(&mut self, node: &Node, field: &str, outputs: Option<&[Output]>) {
        for part in node.list(field) {
            let expression = if part.kind == "SortBy" {
                part.node("node")
            } else {
                Some(part)
            };
            let Some(expression) = expression else {
                continue;
            };
            if let Some(named) = outputs.and_then(|outputs| output_of(expression, outputs)) {
                self.used.add(&named);
                // In GROUP BY the name of an input column wins, elsewhere that of an output column.
                if field != "group_clause" || !self.is_input(expression) {
                    continue;
                }
            }
            let own = self.expression(expression);
            self.used.add(&own);
        }
    }

    /// Whether it can be a column of this FROM.
    fn is_input(&self, expression: &Node) -> bool {
        let path = expression.names("fields");
        let scope = self.scopes.last();
        path.last()
            .is_some_and(|name| scope.is_some_and(|scope| scope.columns.may_have(name)))
    }

    fn values(&mut self, node: &Node) -> Outputs {
        let mut columns: Vec<Origin> = Vec::new();
        for (index, row) in node.list("values_lists").enumerate() {
            let origins: Vec<Origin> = row
                .list("items")
                .map(|value| self.expression(value))
                .collect();
            if index == 0 {
                columns = origins;
            } else if columns.len() == origins.len() {
                columns
                    .iter_mut()
                    .zip(&origins)
                    .for_each(|(column, origin)| column.add(origin));
            } else {
                return None;
            }
        }
        let named = columns
            .into_iter()
            .enumerate()
            .map(|(index, origin)| Output {
                name: Some(format!("column{}", index + 1)),
                origin,
            });
        Some(named.collect())
    }

    fn set_operation(&mut self, node: &Node) -> Outputs {
        let left = node.node("larg").and_then(|side| self.query(side));
        let right = node.node("rarg").and_then(|side| self.query(side));
        for field in ["limit_count", "limit_offset"] {
            self.uses(node, field);
        }
        let (mut left, right) = (left?, right?);
        if left.len() != right.len() {
            return None;
        }
        left.iter_mut()
            .zip(&right)
            .for_each(|(left, right)| left.origin.add(&right.origin));
        // Rows are compared with each other, but for UNION ALL.
        if node.int("op") != UNION || !node.flag("all") {
            for output in &left {
                self.used.add(&output.origin);
            }
        }
        self.scopes.push(Scope::default());
        self.uses_outputs(node, "sort_clause", Some(&left));
        self.scopes.pop();
        Some(left)
    }
}

enum Star {
    Columns(Vec<String>),
    Value,
}

fn star_of(target: &Node) -> Option<Star> {
    let value = target.node("val")?;
    match value.kind {
        "ColumnRef" if value.list("fields").last()?.kind == "AStar" => {
            Some(Star::Columns(value.names("fields")))
        }
        "AIndirection" if value.list("indirection").last()?.kind == "AStar" => Some(Star::Value),
        _ => None,
    }
}

fn output_of(expression: &Node, outputs: &[Output]) -> Option<Origin> {
    match expression.kind {
        "ColumnRef" => {
            let path = expression.names("fields");
            let [name] = path.as_slice() else { return None };
            let found = outputs
                .iter()
                .find(|output| output.name.as_ref() == Some(name))?;
            Some(found.origin.clone())
        }
        "AConst" => {
            let number: usize = crate::pieces::literal(expression)?.parse().ok()?;
            outputs
                .get(number.checked_sub(1)?)
                .map(|output| output.origin.clone())
        }
        _ => None,
    }
}
