//! Names as one session writes them.

use std::collections::HashSet;

use custos_sql::{Verb, lineage};

use super::snapshot::{Snapshot, Table};

/// A snapshot under all search paths that the session may have now. A name means something only where it means the
/// same under each of them.
#[derive(Clone, Debug)]
pub(crate) struct Names<'s> {
    pub(crate) snapshot: &'s Snapshot,
    pub(crate) paths: &'s [Vec<String>],
    /// Names that mean something else in this session.
    pub(crate) shadows: &'s HashSet<String>,
    /// Names of relations that may not be what the snapshot says.
    pub(crate) changed: Option<&'s HashSet<String>>,
}

impl<'s> Names<'s> {
    /// The relation that is meant.
    pub(crate) fn table(&self, name: &[String]) -> Option<(u32, &'s Table)> {
        let (schema, name) = match name {
            [name] => (None, name),
            [schema, name] | [_, schema, name] => (Some(schema), name),
            _ => return None,
        };
        if self.changed.is_some_and(|changed| changed.contains(name)) {
            return None;
        }
        if let Some(schema) = schema {
            let (oid, table) = self.snapshot.named(schema, name)?;
            return Some((oid, table));
        }
        if self.shadows.contains(name) {
            return None;
        }
        let mut found = None;
        for path in self.paths {
            let hit = path
                .iter()
                .find_map(|schema| self.snapshot.named(schema, name));
            // Under a path that has no such relation the target refuses.
            let Some(hit) = hit else { continue };
            if found.is_some_and(|(oid, _)| oid != hit.0) {
                return None;
            }
            found = Some(hit);
        }
        found.map(|(oid, table)| (oid, table.as_ref()))
    }
}

impl Names<'_> {
    /// Whether the name may mean several things in this session.
    pub(crate) fn is_ambiguous(&self, name: &[String]) -> bool {
        let [name] = name else {
            return false;
        };
        let found = |path: &Vec<String>| {
            path.iter()
                .any(|schema| self.snapshot.named(schema, name).is_some())
        };
        self.paths.is_empty()
            || self.shadows.contains(name)
            || self.changed.is_some_and(|changed| changed.contains(name))
            || self.paths.iter().any(found)
    }
}

impl lineage::Catalogue for Names<'_> {
    fn relation(&self, name: &[String]) -> Option<lineage::Relation> {
        let (_, table) = self.table(name)?;
        let columns = table.columns.iter().map(|(_, name, _)| name.clone());
        Some(lineage::Relation {
            name: vec![table.schema.clone(), table.name.clone()],
            columns: columns.collect(),
            definition: table.definition.clone(),
        })
    }

    fn function(&self, name: &[String]) -> Option<lineage::Function> {
        let all = functions(self.snapshot, name);
        let [first, others @ ..] = all.as_slice() else {
            return None;
        };
        if tells_of_tables(name.last()?) || !all.iter().all(|it| it.computes) {
            return None;
        }
        let open = all.iter().any(|it| it.open)
            || others.iter().any(|other| other.columns != first.columns);
        Some(match (&first.columns, open) {
            (_, true) => lineage::Function::Open,
            (Some(columns), false) => lineage::Function::Rows(columns.clone()),
            _ => lineage::Function::Value,
        })
    }

    fn has_effects(&self, name: &[String]) -> bool {
        let known = name
            .last()
            .is_some_and(|name| custos_sql::known_function(name).is_some());
        known || functions(self.snapshot, name).iter().any(|it| it.volatile)
    }

    fn returns_set(&self, name: &[String]) -> bool {
        functions(self.snapshot, name).iter().any(|it| it.several)
    }

    fn shadows_syntax(&self) -> bool {
        self.snapshot.shadows_syntax()
    }

    fn operator(&self, name: &[String]) -> bool {
        match name {
            [name] => !self.snapshot.has_odd_operator(name),
            [schema, _] => schema == "pg_catalog",
            _ => false,
        }
    }

    fn plain_type(&self, name: &[String]) -> bool {
        match name {
            [schema, _] if schema == "pg_catalog" => true,
            [name] | [_, name] => self.snapshot.is_plain_type(name),
            _ => false,
        }
    }
}

/// Whether a function of PostgreSQL gives out more than its arguments and the state of the session.
fn tells_of_tables(name: &str) -> bool {
    !matches!(
        custos_sql::known_function(name),
        None | Some(Verb::Set | Verb::SetGuarded | Verb::Update | Verb::Lock | Verb::Notify)
    ) && name != "currval"
}

/// All functions that a name can mean: whatever the search path, so those of any schema where none is written.
pub(crate) fn functions<'s>(
    snapshot: &'s Snapshot,
    name: &[String],
) -> Vec<&'s super::snapshot::Function> {
    let (schema, name) = match name {
        [name] => (None, name),
        [schema, name] | [_, schema, name] => (Some(schema), name),
        _ => return Vec::new(),
    };
    let all = snapshot.functions(name).iter();
    all.filter(|function| schema.is_none_or(|schema| function.schema == *schema))
        .collect()
}
