//! The walk's state, and its limits.

use super::catalogue::{Catalogue, Relation};
use super::origin::{BaseColumn, Origin};
use super::scope::{Columns, Scope};
use super::{Output, lineage_limits};
use crate::parse::trees;

pub(super) struct Resolver<'a> {
    pub(super) catalogue: &'a dyn Catalogue,
    /// Outermost first.
    pub(super) scopes: Vec<Scope>,
    /// How many of them are outside of the FROM list that is being resolved.
    pub(super) outside: usize,
    /// Names of WITH, innermost last.
    pub(super) ctes: Vec<(String, Columns)>,
    pub(super) used: Origin,
    pub(super) stored: Origin,
    pub(super) missing: Option<Vec<String>>,
    steps: u32,
    depth: u32,
    views: u32,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(catalogue: &'a dyn Catalogue) -> Self {
        Self {
            catalogue,
            scopes: Vec::new(),
            outside: 0,
            ctes: Vec::new(),
            used: Origin::default(),
            stored: Origin::default(),
            missing: None,
            steps: 0,
            depth: 0,
            views: 0,
        }
    }

    pub(super) fn into_parts(self) -> (Origin, Origin, Option<Vec<String>>) {
        (self.used, self.stored, self.missing)
    }

    /// Counts work, which views and recursion multiply. `None`: there was enough, and the answer is unknown.
    pub(super) fn step<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.steps += 1;
        if self.steps > lineage_limits::STEPS || self.depth >= lineage_limits::DEPTH {
            return None;
        }
        self.depth += 1;
        let value = inner(self);
        self.depth -= 1;
        Some(value)
    }

    /// Counts what a set of columns costs to copy.
    pub(super) fn charge(&mut self, columns: usize) -> bool {
        self.steps = self
            .steps
            .saturating_add(u32::try_from(columns).unwrap_or(u32::MAX));
        self.steps <= lineage_limits::STEPS
    }

    /// The columns of a relation by name; a view's by its query.
    pub(super) fn relation(&mut self, name: &[String]) -> Columns {
        let Some(relation) = self.catalogue.relation(name) else {
            return Columns::unknown();
        };
        match &relation.definition {
            None => base(&relation),
            Some(definition) => self.view(&relation, definition),
        }
    }

    fn view(&mut self, relation: &Relation, definition: &str) -> Columns {
        if self.views >= lineage_limits::VIEWS {
            return Columns::unknown();
        }
        let Ok(statements) = trees(definition) else {
            return Columns::unknown();
        };
        let [query] = statements.0.as_slice() else {
            return Columns::unknown();
        };
        let scopes = std::mem::take(&mut self.scopes);
        let ctes = std::mem::take(&mut self.ctes);
        let outside = std::mem::take(&mut self.outside);
        // Which rows a view has is its owner's doing: nobody learns by asking for it in another way.
        let used = self.used.clone();
        self.views += 1;
        let outputs = self.query(query);
        self.views -= 1;
        self.used = used;
        self.outside = outside;
        self.scopes = scopes;
        self.ctes = ctes;
        match outputs {
            Some(outputs) if outputs.len() == relation.columns.len() => {
                let named = outputs.into_iter().zip(&relation.columns);
                let list = named
                    .map(|(output, name)| Output {
                        name: Some(name.clone()),
                        origin: output.origin,
                    })
                    .collect();
                Columns { list, rest: None }
            }
            _ => unknown(&relation.columns),
        }
    }
}

fn base(relation: &Relation) -> Columns {
    let list = relation.columns.iter().map(|column| {
        let base = BaseColumn {
            relation: relation.name.clone(),
            column: column.clone(),
        };
        Output {
            name: Some(column.clone()),
            origin: Origin::Columns([base].into()),
        }
    });
    Columns {
        list: list.collect(),
        rest: None,
    }
}

/// The names are known, and what they hold is not.
fn unknown(names: &[String]) -> Columns {
    let list = names.iter().map(|name| Output {
        name: Some(name.clone()),
        origin: Origin::Unknown,
    });
    Columns {
        list: list.collect(),
        rest: None,
    }
}
