//! What the caller knows of the database.

/// The database, as the session sees it: names are resolved by its `search_path`.
pub trait Catalogue {
    /// A table, view or the like by its name as written, 1 to 3 parts. `None`: not known, so its columns are unknown.
    fn relation(&self, name: &[String]) -> Option<Relation>;

    /// A function whose value depends on its arguments alone, by its name as written. `None` for all others, such as
    /// those that read tables: what they give is unknown. All functions of the name have to be such.
    fn function(&self, name: &[String]) -> Option<Function>;

    /// Whether a function of this name may do more than give a value: then its arguments may be found again elsewhere.
    fn has_effects(&self, _name: &[String]) -> bool {
        false
    }

    /// Whether a function of this name may give several rows: then its arguments decide how many.
    fn returns_set(&self, _name: &[String]) -> bool {
        false
    }

    /// Whether the server has a function of its users' by a name that is syntax in a newer grammar
    /// ([`crate::NEWER_SYNTAX`]).
    fn shadows_syntax(&self) -> bool {
        false
    }

    /// Whether an operator is one of PostgreSQL's own, whose value depends on its operands alone.
    fn operator(&self, name: &[String]) -> bool {
        match name {
            [_] => true,
            [schema, _] => schema == "pg_catalog",
            _ => false,
        }
    }

    /// Whether values are turned into this type without anything but the value itself.
    fn plain_type(&self, name: &[String]) -> bool {
        match name {
            [_] => true,
            [schema, _] => schema == "pg_catalog",
            _ => false,
        }
    }
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its name, the same however it is written; what [`super::BaseColumn`] says.
    pub name: Vec<String>,
    /// Its columns, in order, without those that were dropped.
    pub columns: Vec<String>,
    /// The query of a view, with names that [`Catalogue::relation`] resolves.
    pub definition: Option<String>,
}

/// A function whose value depends on its arguments alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Function {
    /// One value for each row.
    Value,
    /// Rows with these columns.
    Rows(Vec<String>),
    /// Rows whose columns depend on its arguments, such as `unnest`.
    Open,
}
