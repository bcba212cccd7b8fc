//! The catalogue at one time.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use custos_session::masking::PgType;

use crate::target::Answers;

/// Levels of types in types.
const TYPE_DEPTH: u32 = 8;
/// Extensions whose functions do nothing but compute, and read no tables.
const COMPUTING: &[&str] = &[
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "ltree",
    "pg_trgm",
    "pgcrypto",
    "seg",
    "unaccent",
    "uuid-ossp",
];
/// Relations of the catalogue whose rows hold values of tables, or texts of statements.
const TELLING: &[&str] = &[
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_stats",
    "pg_stats_ext",
    "pg_stats_ext_exprs",
    "pg_stat_activity",
    "pg_largeobject",
    "pg_stat_statements",
];

/// Whether rows of a relation of this name, of PostgreSQL or a usual extension, hold values of others.
pub(crate) fn is_telling(name: &str) -> bool {
    TELLING.contains(&name)
}

/// A relation.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Number, name and type of each, in order.
    pub(crate) columns: Vec<(i16, String, u32)>,
    /// Comments that may give labels, by the number of the column; of number 0 that of the relation.
    pub(crate) comments: Vec<(i16, String)>,
    /// The query of a view.
    pub(crate) definition: Option<String>,
    /// Relations that it shares rows with by inheritance, itself left out.
    pub(crate) family: Vec<u32>,
}

/// All functions of one name in one schema.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) schema: String,
    /// One of them may change something.
    pub(crate) volatile: bool,
    /// It computes from its arguments: PostgreSQL's own, or of a known extension.
    pub(crate) computes: bool,
    /// One of them gives several rows.
    pub(crate) several: bool,
    /// The names of the columns that it gives, if they are known.
    pub(crate) columns: Option<Vec<String>>,
    /// Its columns depend on its arguments.
    pub(crate) open: bool,
}

#[derive(Debug)]
struct Kind {
    name: String,
    /// `pg_type.typtype`.
    form: u8,
    base: u32,
    element: u32,
    relation: u32,
    plain: bool,
}

/// What the catalogue said.
#[derive(Debug)]
pub(crate) struct Snapshot {
    tables: HashMap<u32, Arc<Table>>,
    by_name: HashMap<String, HashMap<String, u32>>,
    functions: HashMap<String, Vec<Function>>,
    /// Names of operators that do more than PostgreSQL's own.
    operators: HashSet<String>,
    types: HashMap<u32, Kind>,
    /// Names of types whose values are made by PostgreSQL alone.
    plain_types: HashSet<String>,
    /// Names that several types have, one of which is not plain.
    odd_types: HashSet<String>,
    /// Users have functions by names that are syntax in a newer grammar.
    shadows_syntax: bool,
    /// What was worked out of it: labels of columns by policy and relation, and views that call functions of users.
    labels: Mutex<HashMap<u32, Vec<(String, Labels)>>>,
    odd_views: Mutex<HashMap<u32, bool>>,
}

/// The labels of each column of a relation, in order.
pub(crate) type Labels = Arc<[BTreeSet<String>]>;

/// Labels of a relation are kept under so many policies.
const POLICIES_KEPT: usize = 4;
/// Labels of so many relations are kept.
const LABELS_KEPT: usize = 4096;

impl Snapshot {
    /// Whether users have functions by names that are syntax in a newer grammar.
    pub(crate) fn shadows_syntax(&self) -> bool {
        self.shadows_syntax
    }

    /// Labels of a relation's columns under a policy, worked out once.
    pub(crate) fn labels(
        &self,
        policy: &str,
        oid: u32,
        work: impl FnOnce() -> Vec<BTreeSet<String>>,
    ) -> Labels {
        let known = |all: &HashMap<u32, Vec<(String, Labels)>>| {
            let mut of_relation = all.get(&oid)?.iter();
            let found = of_relation.find(|(digest, _)| digest == policy)?;
            Some(Arc::clone(&found.1))
        };
        if let Some(known) = known(&lock(&self.labels)) {
            return known;
        }
        // Outside the lock: working it out asks for others.
        let found: Labels = work().into();
        let mut all = lock(&self.labels);
        if all.len() >= LABELS_KEPT {
            all.clear();
        }
        let of_relation = all.entry(oid).or_default();
        // Policies come and go; the sessions that are under an older one are soon under the new one.
        of_relation.truncate(POLICIES_KEPT - 1);
        of_relation.insert(0, (policy.to_owned(), Arc::clone(&found)));
        found
    }

    /// Whether a view calls functions of users, worked out once.
    pub(crate) fn is_odd_view(&self, oid: u32, work: impl FnOnce() -> bool) -> bool {
        if let Some(known) = lock(&self.odd_views).get(&oid) {
            return *known;
        }
        let found = work();
        lock(&self.odd_views).insert(oid, found);
        found
    }

    /// A relation by its OID.
    pub(crate) fn table(&self, oid: u32) -> Option<&Arc<Table>> {
        self.tables.get(&oid)
    }

    /// A relation by schema and name. None where the rows of the catalogue itself would tell values.
    pub(crate) fn named(&self, schema: &str, name: &str) -> Option<(u32, &Arc<Table>)> {
        let oid = *self.by_name.get(schema)?.get(name)?;
        Some((oid, self.tables.get(&oid)?))
    }

    /// All functions of a name, in any schema.
    pub(crate) fn functions(&self, name: &str) -> &[Function] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether an operator of this name is none of PostgreSQL's own, and of no extension that only computes.
    pub(crate) fn has_odd_operator(&self, name: &str) -> bool {
        self.operators.contains(name)
    }

    /// Whether casting to a type of this name can call nothing but PostgreSQL's own functions.
    pub(crate) fn is_plain_type(&self, name: &str) -> bool {
        self.plain_types.contains(name) && !self.odd_types.contains(name)
    }

    /// How values of a type are masked.
    pub(crate) fn kind(&self, oid: u32) -> PgType {
        self.kind_at(oid, 0)
    }

    fn kind_at(&self, oid: u32, depth: u32) -> PgType {
        let built_in = PgType::from_oid(oid);
        if built_in != PgType::Opaque || depth > TYPE_DEPTH {
            return built_in;
        }
        let Some(kind) = self.types.get(&oid) else {
            return PgType::Opaque;
        };
        let next = |oid| self.kind_at(oid, depth + 1);
        match (kind.form, kind.name.as_str()) {
            (b'd', _) => next(kind.base),
            (b'e', _) => PgType::Enum,
            (b'c', _) => match self.tables.get(&kind.relation) {
                Some(table) => {
                    PgType::Composite(table.columns.iter().map(|column| next(column.2)).collect())
                }
                None => PgType::Opaque,
            },
            (b'b', "citext") => PgType::Text,
            (b'b', "hstore") => PgType::Hstore,
            (b'b', _) if kind.element != 0 => match next(kind.element) {
                PgType::Opaque => PgType::Opaque,
                element => PgType::Array(Box::new(element)),
            },
            _ => PgType::Opaque,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows as they are read.
#[derive(Default)]
pub(super) struct Builder {
    tables: HashMap<u32, Table>,
    parents: Vec<(u32, u32)>,
    functions: HashMap<String, Vec<Function>>,
    operators: HashSet<String>,
    types: HashMap<u32, Kind>,
}

impl Builder {
    pub(super) fn relation(&mut self, rows: &Answers, row: usize) -> Option<()> {
        let table = Table {
            schema: rows.text(row, 1)?.to_owned(),
            name: rows.text(row, 2)?.to_owned(),
            columns: Vec::new(),
            comments: Vec::new(),
            definition: rows
                .text(row, 4)
                .map(|text| text.trim_end_matches(';').to_owned()),
            family: Vec::new(),
        };
        self.tables.insert(rows.number(row, 0)?, table);
        Some(())
    }

    pub(super) fn column(&mut self, rows: &Answers, row: usize) -> Option<()> {
        let number = rows.text(row, 1)?.parse().ok()?;
        let column = (number, rows.text(row, 2)?.to_owned(), rows.number(row, 3)?);
        if let Some(table) = self.tables.get_mut(&rows.number(row, 0)?) {
            table.columns.push(column);
        }
        Some(())
    }

    pub(super) fn comment(&mut self, rows: &Answers, row: usize) -> Option<()> {
        let number = rows.text(row, 1)?.parse().ok()?;
        let comment = (number, rows.text(row, 2)?.to_owned());
        if let Some(table) = self.tables.get_mut(&rows.number(row, 0)?) {
            table.comments.push(comment);
        }
        Some(())
    }

    pub(super) fn inheritance(&mut self, rows: &Answers, row: usize) -> Option<()> {
        self.parents
            .push((rows.number(row, 0)?, rows.number(row, 1)?));
        Some(())
    }

    pub(super) fn function(&mut self, rows: &Answers, row: usize) -> Option<()> {
        let schema = rows.text(row, 0)?.to_owned();
        let extends = rows.text(row, 8)? == "t"
            && rows.text(row, 4).is_some_and(|it| COMPUTING.contains(&it));
        let columns = rows.text(row, 5).filter(|it| !it.is_empty());
        let function = Function {
            volatile: rows.text(row, 2)? == "t",
            computes: rows.text(row, 3)? == "t" || extends,
            several: rows.text(row, 7)? == "t",
            columns: columns.map(|text| text.split('\u{1}').map(str::to_owned).collect()),
            open: rows.text(row, 6)? == "t",
            schema,
        };
        let name = rows.text(row, 1)?.to_owned();
        self.functions.entry(name).or_default().push(function);
        Some(())
    }

    pub(super) fn operator(&mut self, rows: &Answers, row: usize) -> Option<()> {
        if !rows.text(row, 1).is_some_and(|it| COMPUTING.contains(&it)) {
            self.operators.insert(rows.text(row, 0)?.to_owned());
        }
        Some(())
    }

    pub(super) fn kind(&mut self, rows: &Answers, row: usize) -> Option<()> {
        let form = *rows.text(row, 3)?.as_bytes().first()?;
        let known = rows.text(row, 1)? == "pg_catalog"
            || rows.text(row, 7).is_some_and(|it| COMPUTING.contains(&it))
            || matches!(form, b'e' | b'd' | b'c');
        let kind = Kind {
            name: rows.text(row, 2)?.to_owned(),
            form,
            base: rows.number(row, 4)?,
            element: rows.number(row, 5)?,
            relation: rows.number(row, 6)?,
            plain: known && rows.text(row, 8)? == "f",
        };
        self.types.insert(rows.number(row, 0)?, kind);
        Some(())
    }

    pub(super) fn build(mut self) -> Snapshot {
        for (oid, family) in families(&self.parents) {
            if let Some(table) = self.tables.get_mut(&oid) {
                table.family = family;
            }
        }
        let mut by_name: HashMap<String, HashMap<String, u32>> = HashMap::new();
        for (oid, table) in &self.tables {
            let own = table.schema == "pg_catalog" || table.name == "pg_stat_statements";
            if !(own && is_telling(&table.name)) {
                by_name
                    .entry(table.schema.clone())
                    .or_default()
                    .insert(table.name.clone(), *oid);
            }
        }
        let names = |plain: bool| {
            let kinds = self.types.values().filter(move |kind| kind.plain == plain);
            kinds.map(|kind| kind.name.clone()).collect()
        };
        let (plain_types, odd_types) = (names(true), names(false));
        let shadows_syntax = custos_sql::NEWER_SYNTAX.iter().any(|name| {
            let functions = self.functions.get(*name);
            functions.is_some_and(|all| all.iter().any(|function| !function.computes))
        });
        let tables = self.tables.into_iter();
        Snapshot {
            shadows_syntax,
            labels: Mutex::default(),
            odd_views: Mutex::default(),
            tables: tables.map(|(oid, table)| (oid, Arc::new(table))).collect(),
            by_name,
            functions: self.functions,
            operators: self.operators,
            types: self.types,
            plain_types,
            odd_types,
        }
    }
}

/// For each relation all that it is joined to by inheritance, in any number of steps.
fn families(parents: &[(u32, u32)]) -> HashMap<u32, Vec<u32>> {
    let mut neighbours: HashMap<u32, Vec<u32>> = HashMap::new();
    for (child, parent) in parents {
        neighbours.entry(*child).or_default().push(*parent);
        neighbours.entry(*parent).or_default().push(*child);
    }
    let mut found: HashMap<u32, Vec<u32>> = HashMap::new();
    for start in neighbours.keys() {
        if found.contains_key(start) {
            continue;
        }
        let mut all = BTreeSet::from([*start]);
        let mut waiting = vec![*start];
        while let Some(next) = waiting.pop() {
            for other in neighbours.get(&next).into_iter().flatten() {
                if all.insert(*other) {
                    waiting.push(*other);
                }
            }
        }
        for one in &all {
            let others = all.iter().filter(|other| *other != one).copied().collect();
            found.insert(*one, others);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::families;

    #[test]
    fn families_are_whole() {
        let found = families(&[(2, 1), (3, 1), (4, 3), (9, 8)]);
        assert_eq!(found[&1], [2, 3, 4]);
        assert_eq!(found[&4], [1, 2, 3]);
        assert_eq!(found[&9], [8]);
    }
}
