//! The walk over a statement's tree. Whatever it has no rule for is looked into all the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::effect::{Effect, Object, ObjectKind, Role, Verb};
use crate::kinds::{Class, class, newer_syntax};
use crate::landing::{self, add_landing};
use crate::pieces;
use crate::script::{Call, Landing, Prepared, Shape};
use crate::tree::Node;
use crate::{call, query, utility};

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) effects: BTreeSet<Effect>,
    pub(crate) calls: Vec<Call>,
    pub(crate) operators: BTreeSet<Vec<String>>,
    pub(crate) types: BTreeSet<Vec<String>>,
    pub(crate) shape: Shape,
    /// By where they begin.
    pub(crate) constants: BTreeMap<usize, Vec<Landing>>,
    pub(crate) parameters: BTreeMap<u32, Vec<Landing>>,
    pub(crate) prepared: Option<Prepared>,
}

/// Names that are visible at one place, innermost last.
#[derive(Debug, Default)]
pub(crate) struct Names {
    order: Vec<String>,
    counts: HashMap<String, usize>,
}

impl Names {
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn push(&mut self, name: String) {
        *self.counts.entry(name.clone()).or_default() += 1;
        self.order.push(name);
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        for name in self.order.drain(length.min(self.order.len())..) {
            if let Some(count) = self.counts.get_mut(&name) {
                *count = count.saturating_sub(1);
            }
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.counts.get(name).is_some_and(|count| *count > 0)
    }
}

/// A walk: what was found, and where it stands.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) facts: Facts,
    /// Names of WITH that are visible here.
    pub(crate) ctes: Names,
    /// Where a value at this place goes.
    pub(crate) landings: Vec<Landing>,
}

impl Walk {
    pub(crate) fn visit(&mut self, node: &Node) {
        match class(node.kind) {
            Some(Class::Part) => {
                self.newer_syntax(node);
                self.part(node);
            }
            Some(Class::Query) => query::visit(self, node),
            Some(Class::Plain(verb, kind, field)) => utility::plain(self, node, verb, kind, field),
            Some(Class::Special) => utility::special(self, node),
            Some(Class::Planner) | None => {
                self.effect(
                    Verb::Unknown,
                    Object::new(ObjectKind::Session, Vec::new(), Role::Target),
                );
                self.children(node);
            }
        }
    }

    /// A server that does not have the syntax takes it for a call.
    fn newer_syntax(&mut self, node: &Node) {
        for name in newer_syntax(node.kind) {
            self.facts.calls.push(Call {
                name: vec![(*name).to_owned()],
                literal_arguments: Vec::new(),
                known: None,
            });
        }
    }

    pub(crate) fn children(&mut self, node: &Node) {
        self.children_without(node, &[]);
    }

    pub(crate) fn children_without(&mut self, node: &Node, left_out: &[&str]) {
        for (name, value) in &node.fields {
            if !left_out.contains(name) {
                for child in value.nodes() {
                    self.visit(child);
                }
            }
        }
    }

    /// Visits what is in a field, if it is there.
    pub(crate) fn field(&mut self, node: &Node, name: &str) {
        for child in node.list(name) {
            self.visit(child);
        }
    }

    /// Visits with further places where values at this point go.
    pub(crate) fn landing(&mut self, landings: Vec<Landing>, visit: impl FnOnce(&mut Self)) {
        let before = self.landings.clone();
        for landing in landings {
            add_landing(&mut self.landings, landing);
        }
        visit(self);
        self.landings = before;
    }

    pub(crate) fn effect(&mut self, verb: Verb, object: Object) {
        self.facts.effects.insert(Effect { verb, object });
    }

    pub(crate) fn read(&mut self, range_var: &Node) {
        let name = pieces::relation(range_var);
        if let [only] = name.as_slice()
            && self.ctes.contains(only)
        {
            return;
        }
        self.effect(
            Verb::Read,
            Object::new(ObjectKind::Relation, name, Role::Source),
        );
    }

    /// A statement always does something: a SELECT without relations reads nothing that has a name.
    pub(crate) fn into_facts(mut self) -> Facts {
        if self.facts.effects.is_empty() {
            self.effect(
                Verb::Read,
                Object::new(ObjectKind::Session, Vec::new(), Role::Source),
            );
        }
        self.facts
    }

    fn part(&mut self, node: &Node) {
        match node.kind {
            "RangeVar" => self.read(node),
            "FuncCall" => call::visit(self, node),
            "AConst" => self.constant(node),
            "ParamRef" => self.parameter(node),
            "AExpr" => {
                self.operator(node, "name");
                self.compared(node);
            }
            "SubLink" => {
                self.operator(node, "oper_name");
                self.compared(node);
            }
            "CaseExpr" | "MinMaxExpr" | "RowCompareExpr" | "JsonFuncExpr" | "XmlExpr" => {
                self.compared(node);
            }
            "SortBy" => {
                self.operator(node, "use_op");
                self.children_without(node, &["use_op"]);
            }
            "TypeName" => {
                let name = node.names("names");
                if !name.is_empty() {
                    self.facts.types.insert(name);
                }
                self.children(node);
            }
            // Its relations are aliases.
            "LockingClause" => {
                self.effect(
                    Verb::Lock,
                    Object::new(ObjectKind::Session, Vec::new(), Role::Source),
                );
            }
            _ => self.children(node),
        }
    }

    /// What stands in one expression with columns meets them.
    fn compared(&mut self, node: &Node) {
        self.landing(landing::compared(node), |walk| walk.children(node));
    }

    fn operator(&mut self, node: &Node, field: &str) {
        let name = node.names(field);
        if !name.is_empty() {
            self.facts.operators.insert(name);
        }
    }

    fn constant(&mut self, node: &Node) {
        if let Some(place) = node.location() {
            let known = self.facts.constants.entry(place).or_default();
            for landing in &self.landings {
                add_landing(known, landing.clone());
            }
        }
    }

    fn parameter(&mut self, node: &Node) {
        let number = u32::try_from(node.int("number")).unwrap_or(0);
        let known = self.facts.parameters.entry(number).or_default();
        for landing in &self.landings {
            add_landing(known, landing.clone());
        }
    }
}
