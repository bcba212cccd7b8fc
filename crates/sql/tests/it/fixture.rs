//! A small shop: its schema as a catalogue and as statements.

use std::collections::BTreeMap;

use custos_sql::lineage::{BaseColumn, Catalogue, Function, Relation};

/// What makes the schema. Each column holds texts with its own mark, so that a value tells where it is from.
pub(crate) const SCHEMA: &[&str] = &[
    "create table customers (id int, name text, ssn text, tags text[], doc jsonb)",
    "create table orders (id int, customer_id int, note text, card text)",
    "create table items (id int, order_id int, label text)",
    "create view people as select id, name as label, ssn as code from customers",
    "create view deep (a, b, c) as select p.label, p.code, o.card from people p join orders o on o.customer_id = p.id",
    "create view everything as select c.*, o.note, o.card from customers c left join orders o on o.customer_id = c.id",
];

/// Rows: three each, and they join.
pub(crate) const ROWS: &[&str] = &[
    "insert into customers select n, '@customers.name@' || n, '@customers.ssn@' || n, array['@customers.tags@' || n, '@customers.tags@x'], \
     jsonb_build_object('k', '@customers.doc@' || n) from generate_series(1, 3) n",
    "insert into orders select n, n, '@orders.note@' || n, '@orders.card@' || n from generate_series(1, 3) n",
    "insert into items select n, n, '@items.label@' || n from generate_series(1, 3) n",
];

/// All columns whose values are marked.
pub(crate) const MARKED: &[(&str, &str)] = &[
    ("customers", "name"),
    ("customers", "ssn"),
    ("customers", "tags"),
    ("customers", "doc"),
    ("orders", "note"),
    ("orders", "card"),
    ("items", "label"),
];

pub(crate) struct Shop {
    relations: BTreeMap<&'static str, Relation>,
}

pub(crate) fn base(relation: &str, column: &str) -> BaseColumn {
    BaseColumn {
        relation: vec!["public".to_owned(), relation.to_owned()],
        column: column.to_owned(),
    }
}

impl Shop {
    pub(crate) fn new() -> Self {
        let mut relations = BTreeMap::new();
        for (name, columns, definition) in [
            ("customers", "id name ssn tags doc", None),
            ("orders", "id customer_id note card", None),
            ("items", "id order_id label", None),
            (
                "people",
                "id label code",
                Some("select id, name as label, ssn as code from customers"),
            ),
            (
                "deep",
                "a b c",
                Some(
                    "select p.label, p.code, o.card from people p join orders o on o.customer_id = p.id",
                ),
            ),
            (
                "everything",
                "id name ssn tags doc note card",
                Some(
                    "select c.*, o.note, o.card from customers c left join orders o on o.customer_id = c.id",
                ),
            ),
            ("endless", "a", Some("select a from endless")),
        ] {
            let relation = Relation {
                name: vec!["public".to_owned(), name.to_owned()],
                columns: columns.split(' ').map(str::to_owned).collect(),
                definition: definition.map(str::to_owned),
            };
            relations.insert(name, relation);
        }
        Self { relations }
    }
}

impl Catalogue for Shop {
    fn relation(&self, name: &[String]) -> Option<Relation> {
        let name = match name {
            [name] => name,
            [schema, name] if schema == "public" => name,
            _ => return None,
        };
        self.relations.get(name.as_str()).cloned()
    }

    fn function(&self, name: &[String]) -> Option<Function> {
        let rows = |names: &str| {
            Some(Function::Rows(
                names.split(' ').map(str::to_owned).collect(),
            ))
        };
        match name.last()?.as_str() {
            "lower" | "upper" | "length" | "count" | "min" | "max" | "string_agg" | "array_agg"
            | "jsonb_agg" | "json_agg" | "concat" | "left" | "md5" | "row_to_json" | "to_jsonb"
            | "jsonb_build_object" | "json_build_array" | "array_to_string" | "row_number"
            | "lag" | "first_value" | "substring" | "now" | "format" | "coalesce" | "repeat"
            | "generate_series" | "jsonb_object_agg" | "rank" | "replace" => Some(Function::Value),
            "jsonb_each_text" => rows("key value"),
            "unnest" => Some(Function::Open),
            _ => None,
        }
    }
}
