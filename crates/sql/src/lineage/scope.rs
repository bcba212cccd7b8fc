//! What names mean at one place of a query.

use super::Output;
use super::origin::Origin;

/// Columns with names, as a relation or a subquery has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    pub(super) list: Vec<Output>,
    /// Set where there are further columns of unknown number and names: what they can hold.
    pub(super) rest: Option<Origin>,
}

/// Something in FROM that columns can be qualified with.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// One part for an alias, up to three for a relation without one.
    pub(super) name: Vec<String>,
    pub(super) columns: Columns,
}

/// One level of FROM.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) items: Vec<Item>,
    /// What `*` and unqualified names stand for: columns of USING are there once.
    pub(super) columns: Columns,
}

/// What is in every table besides its columns, and shows none of them.
const SYSTEM: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

impl Columns {
    pub(super) fn unknown() -> Self {
        Self {
            list: Vec::new(),
            rest: Some(Origin::Unknown),
        }
    }

    pub(super) fn of(outputs: Option<Vec<Output>>) -> Self {
        outputs.map_or_else(Self::unknown, |list| Self { list, rest: None })
    }

    /// All that is in a row.
    pub(super) fn whole(&self) -> Origin {
        let mut all = self.rest.clone().unwrap_or_default();
        self.list.iter().for_each(|column| all.add(&column.origin));
        all
    }

    /// The columns of this name. `None`: there is none.
    fn named(&self, name: &str) -> Option<Origin> {
        let mut found: Option<Origin> = None;
        for column in self
            .list
            .iter()
            .filter(|column| column.name.as_deref() == Some(name))
        {
            found.get_or_insert_default().add(&column.origin);
        }
        found
    }

    /// What a column can be that has none of the known names. `None`: there is no such column.
    fn unnamed(&self) -> Option<Origin> {
        let mut found = self.rest.clone();
        for column in self.list.iter().filter(|column| column.name.is_none()) {
            found.get_or_insert_default().add(&column.origin);
        }
        found
    }

    pub(super) fn may_have(&self, name: &str) -> bool {
        self.named(name).is_some() || self.unnamed().is_some()
    }

    pub(super) fn append(&mut self, other: Self) {
        if let Some(rest) = &other.rest {
            self.rest.get_or_insert_default().add(rest);
        }
        self.list.extend(other.list);
    }

    /// The aliases of `AS t (a, b)`, for as many columns as there are.
    pub(super) fn rename(&mut self, names: &[String]) {
        if names.is_empty() {
            return;
        }
        // Where the number of columns is not known, neither is which column a name is for.
        if let Some(rest) = &mut self.rest {
            self.list.iter().for_each(|column| rest.add(&column.origin));
            self.list.clear();
            return;
        }
        for (column, name) in self.list.iter_mut().zip(names) {
            column.name = Some(name.clone());
        }
    }
}

impl Item {
    /// Whether a qualifier means this.
    fn is(&self, qualifier: &[String]) -> bool {
        let (mine, theirs) = (self.name.len(), qualifier.len());
        mine >= theirs && self.name.iter().skip(mine - theirs).eq(qualifier)
    }
}

/// Looks a column up from the innermost scope outwards.
pub(super) fn lookup(scopes: &[Scope], path: &[String]) -> Origin {
    match path {
        [] => Origin::Unknown,
        [name] => unqualified(scopes, name),
        [qualifier @ .., name] => qualified(scopes, qualifier, name),
    }
}

/// A column wins over a whole row, wherever the two stand.
fn unqualified(scopes: &[Scope], name: &str) -> Origin {
    let mut perhaps: Option<Origin> = None;
    for scope in scopes.iter().rev() {
        if let Some(found) = scope.columns.named(name) {
            return perhaps.unwrap_or_default().with(&found);
        }
        if let Some(unnamed) = scope.columns.unnamed() {
            perhaps.get_or_insert_default().add(&unnamed);
        }
    }
    let mut items = scopes.iter().rev().flat_map(|scope| &scope.items);
    let row = items.find(|item| item.name.last().map(String::as_str) == Some(name));
    match (perhaps, row) {
        (Some(perhaps), Some(row)) => perhaps.with(&row.columns.whole()),
        (None, Some(row)) => row.columns.whole(),
        (Some(perhaps), None) => perhaps,
        (None, None) if SYSTEM.contains(&name) => Origin::default(),
        (None, None) => Origin::Unknown,
    }
}

/// Whether there is no such column, and the columns of all relations that could have it are known.
pub(super) fn is_missing(scopes: &[Scope], path: &[String]) -> bool {
    let Some((name, qualifier)) = path.split_last() else {
        return false;
    };
    let has = |columns: &Columns| columns.named(name).is_some() || columns.unnamed().is_some();
    let mut items = scopes.iter().flat_map(|scope| &scope.items);
    if SYSTEM.contains(&name.as_str()) {
        return false;
    }
    if qualifier.is_empty() {
        let is_row = items.any(|item| item.name.last() == Some(name));
        return !is_row && !scopes.iter().any(|scope| has(&scope.columns));
    }
    let mut meant = items.filter(|item| item.is(qualifier)).peekable();
    meant.peek().is_some() && meant.all(|item| !has(&item.columns))
}

fn qualified(scopes: &[Scope], qualifier: &[String], name: &str) -> Origin {
    let Some((scope, outer)) = scopes.split_last() else {
        return Origin::Unknown;
    };
    let mut matching = scope
        .items
        .iter()
        .filter(|item| item.is(qualifier))
        .peekable();
    if matching.peek().is_none() {
        return qualified(outer, qualifier, name);
    }
    let mut found = Origin::default();
    for item in matching {
        let column = item.columns.named(name).or_else(|| item.columns.unnamed());
        match column {
            Some(column) => found.add(&column),
            None if SYSTEM.contains(&name) => {}
            // A function of the row, written like a column.
            None => found = Origin::Unknown,
        }
    }
    found
}

/// The columns that `*` or `t.*` stands for.
pub(super) fn star<'a>(scopes: &'a [Scope], qualifier: &[String]) -> Option<&'a Columns> {
    if qualifier.is_empty() {
        return scopes.last().map(|scope| &scope.columns);
    }
    let levels = scopes.iter().rev();
    levels
        .flat_map(|scope| &scope.items)
        .find(|item| item.is(qualifier))
        .map(|item| &item.columns)
}
