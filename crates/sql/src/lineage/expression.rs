//! The origin of a value.

use pg_query::protobuf::SubLinkType;

use super::origin::Origin;
use super::resolve::Resolver;
use super::scope::{is_missing, lookup, star};
use crate::kinds::{Class, class, newer_syntax};
use crate::tree::{Node, Value};

const EXISTS: i64 = SubLinkType::ExistsSublink as i64;

/// Operators that put values together and say nothing about them.
const JOINS_VALUES: &[&str] = &["||", "->", "->>", "#>", "#>>"];

impl Resolver<'_> {
    /// The union of all that an expression mentions: whatever node it is, nothing inside is left out.
    pub(super) fn expression(&mut self, node: &Node) -> Origin {
        self.step(|walk| walk.expression_inner(node))
            .unwrap_or(Origin::Unknown)
    }

    fn expression_inner(&mut self, node: &Node) -> Origin {
        match node.kind {
            "ColumnRef" => self.column(node),
            "SubLink" => self.sublink(node),
            "FuncCall" => {
                let name = node.names("funcname");
                let parts = self.parts(node);
                if self.catalogue.has_effects(&name) {
                    self.stored.add(&parts);
                }
                // Since version 16 DISTINCT sorts what all aggregates of the query get.
                if self.catalogue.returns_set(&name) || node.flag("agg_distinct") {
                    self.used.add(&parts);
                }
                for field in ["agg_order", "over"] {
                    self.uses(node, field);
                }
                if self.catalogue.function(&name).is_none() {
                    return Origin::Unknown;
                }
                parts
            }
            "AExpr" => {
                let name = node.names("name");
                let own = self.catalogue.operator(&name);
                let parts = self.parts(node);
                if !name
                    .last()
                    .is_some_and(|name| JOINS_VALUES.contains(&name.as_str()))
                {
                    self.used.add(&parts);
                }
                if own { parts } else { Origin::Unknown }
            }
            "CaseExpr" => {
                self.uses(node, "arg");
                for when in node.list("args") {
                    self.uses(when, "expr");
                }
                self.parts(node)
            }
            kind if !newer_syntax(kind).is_empty() && self.catalogue.shadows_syntax() => {
                self.parts(node);
                Origin::Unknown
            }
            "TypeCast" => {
                let name = node
                    .node("type_name")
                    .map(|name| name.names("names"))
                    .unwrap_or_default();
                let plain = self.catalogue.plain_type(&name);
                let parts = self.parts(node);
                if plain { parts } else { Origin::Unknown }
            }
            "SelectStmt" => self.subquery(node),
            _ if class(node.kind) == Some(Class::Part) => self.parts(node),
            _ => Origin::Unknown,
        }
    }

    fn parts(&mut self, node: &Node) -> Origin {
        let mut origin = Origin::default();
        for part in node
            .fields
            .iter()
            .flat_map(|(_, value)| Value::nodes(value))
        {
            let part = self.expression(part);
            origin.absorb(part);
        }
        origin
    }

    fn column(&mut self, node: &Node) -> Origin {
        let origin = self.column_inner(node);
        if self.charge(origin.len()) {
            origin
        } else {
            Origin::Unknown
        }
    }

    fn column_inner(&mut self, node: &Node) -> Origin {
        let is_star = node
            .list("fields")
            .last()
            .is_some_and(|part| part.kind == "AStar");
        let path = node.names("fields");
        if is_star {
            return star(&self.scopes, &path).map_or(Origin::Unknown, super::scope::Columns::whole);
        }
        if is_missing(&self.scopes, &path) {
            self.missing.get_or_insert(path.clone());
        }
        lookup(&self.scopes, &path)
    }

    /// A value of a subquery; for EXISTS, IN and the like also what the subquery looks at.
    fn sublink(&mut self, node: &Node) -> Origin {
        let mut origin = Origin::default();
        if let Some(test) = node.node("testexpr") {
            let test = self.expression(test);
            self.used.add(&test);
            origin.add(&test);
        }
        let operator = node.names("oper_name");
        if !operator.is_empty() && !self.catalogue.operator(&operator) {
            origin = Origin::Unknown;
        }
        let Some(query) = node.node("subselect") else {
            return Origin::Unknown;
        };
        let outside = std::mem::take(&mut self.used);
        let value = self.subquery(query);
        let inside = std::mem::replace(&mut self.used, outside);
        self.used.add(&inside);
        origin.add(&value);
        if node.int("sub_link_type") == EXISTS || node.has("testexpr") {
            origin.add(&inside);
        }
        origin
    }

    fn subquery(&mut self, query: &Node) -> Origin {
        let Some(outputs) = self.query(query) else {
            return Origin::Unknown;
        };
        let mut origin = Origin::default();
        for output in &outputs {
            origin.add(&output.origin);
        }
        origin
    }

    /// Notes what decides on rows.
    pub(super) fn uses(&mut self, node: &Node, field: &str) {
        for part in node.list(field) {
            let origin = self.expression(part);
            self.used.add(&origin);
        }
    }
}
