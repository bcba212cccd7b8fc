//! FROM in all its forms: relations, queries, joins, LATERAL and functions.

use custos_testkit::Dice;

use super::queries::{Query, query};
use super::shop::{Kind, RELATIONS, Relation};
use super::values::{Scope, Source, fill, open, value};

/// Names that columns and queries are given: some of them mean something else in the schema.
pub(super) const NAMES: &[&str] = &[
    "a", "b", "c", "d", "id", "name", "ssn", "email", "city", "note", "iban", "harmless",
];

/// Names without repetition.
pub(super) fn names(dice: &mut Dice, count: usize) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(count);
    for at in 0..count {
        let name = dice.pick(NAMES).to_owned();
        let is_free = !names.contains(&name);
        names.push(if is_free && dice.percent(60) {
            name
        } else {
            format!("v{at}")
        });
    }
    names
}

/// What a query gives, under these names.
pub(super) fn under(name: &str, names: &[String], query: &Query) -> Source {
    let columns = names.iter().zip(&query.columns);
    let columns = columns.map(|(name, (kind, labelled))| (name.clone(), *kind, *labelled));
    Source {
        name: name.to_owned(),
        columns: columns.collect(),
    }
}

/// A table or view, under this name.
pub(super) fn of_relation(name: &str, relation: &Relation) -> Source {
    let columns = relation.columns.iter();
    Source {
        name: name.to_owned(),
        columns: columns
            .map(|(name, kind, labelled)| ((*name).to_owned(), *kind, *labelled))
            .collect(),
    }
}

/// Something in FROM, under this name.
fn item(dice: &mut Dice, name: &str, depth: usize) -> (String, Source) {
    if depth > 0 && dice.percent(35) {
        let query = query(dice, depth - 1);
        let names = names(dice, query.columns.len());
        let source = under(name, &names, &query);
        return (
            format!("({}) as {name} ({})", query.sql, names.join(", ")),
            source,
        );
    }
    let relation = dice.one(RELATIONS);
    let source = of_relation(name, relation);
    let sql = match dice.below(12) {
        0 => format!("public.{} {name}", relation.name),
        1 => format!("only {} as {name}", relation.name),
        // Columns under other names: as many as are given.
        2 | 3 => {
            let names = names(dice, relation.columns.len().min(6));
            let mut source = source;
            for (column, name) in source.columns.iter_mut().zip(&names) {
                column.0.clone_from(name);
            }
            // A name that stands there twice now cannot be used.
            let own: Vec<String> = source
                .columns
                .iter()
                .map(|column| column.0.clone())
                .collect();
            source
                .columns
                .retain(|(name, ..)| own.iter().filter(|other| *other == name).count() == 1);
            return (
                format!("{} {name} ({})", relation.name, names.join(", ")),
                source,
            );
        }
        _ => format!("{} {name}", relation.name),
    };
    (sql, source)
}

/// A FROM clause, and what it brings.
pub(super) fn from(dice: &mut Dice, depth: usize) -> (String, Vec<Source>) {
    let number = dice.below(100);
    let (first, source) = item(dice, &format!("t{number}"), depth);
    let mut scope = vec![source];
    let name = format!("u{number}");
    let sql = match dice.below(16) {
        0 | 1 => {
            let (second, source) = item(dice, &name, depth);
            let kind = dice.pick(&["join", "left join", "right join", "full join"]);
            let left = open(dice, &scope, &[Kind::Number]);
            let right = open(dice, std::slice::from_ref(&source), &[Kind::Number]);
            scope.push(source);
            match (left, right) {
                (Some(left), Some(right)) => {
                    format!("{first} {kind} {second} on {left} = {right}")
                }
                _ => format!("{first} cross join {second}"),
            }
        }
        2 => {
            let (left, right) = (dice.one(RELATIONS), dice.one(RELATIONS));
            let kind = dice.pick(&["join", "left join", "full join"]);
            scope = vec![of_relation("l", left), of_relation("r", right)];
            format!("{} l {kind} {} r using (id)", left.name, right.name)
        }
        3 => {
            // Of these only `id`, `name` and `city` are common, `number` in two.
            let pairs = [
                ("people", "accounts"),
                ("people", "contacts"),
                ("visits", "ledger"),
                ("accounts", "totals"),
                ("accounts", "ledger"),
            ];
            let (left, right) = *dice.one(&pairs);
            let kind = dice.pick(&["natural join", "natural left join", "natural full join"]);
            scope = [left, right]
                .into_iter()
                .filter_map(|name| RELATIONS.iter().find(|relation| relation.name == name))
                .map(|relation| of_relation(relation.name, relation))
                .collect();
            format!("{left} {kind} {right}")
        }
        4 => {
            let (second, source) = item(dice, &name, depth);
            scope.push(source);
            format!("{first}, {second}")
        }
        5 | 6 => {
            let found = value(dice, &scope, 2);
            let new = dice.pick(NAMES);
            let rows = match dice.below(3) {
                0 => format!("(select {} as {new}) {name}", found.sql),
                1 => format!("(values ({})) {name} ({new})", found.sql),
                _ => format!(
                    "(select {} as {new} union all select null) {name}",
                    found.sql
                ),
            };
            scope.push(Source {
                name,
                columns: vec![(new.to_owned(), found.kind, found.labelled)],
            });
            let join = dice.pick(&[", lateral", "cross join lateral", "left join lateral"]);
            let on = if join.starts_with("left") {
                " on true"
            } else {
                ""
            };
            format!("{first} {join} {rows}{on}")
        }
        7 => match set_of_rows(dice, &scope, &name) {
            Some((rows, source)) => {
                scope.push(source);
                format!("{first}, {rows}")
            }
            None => first,
        },
        8 if depth > 0 => {
            let (second, more) = from(dice, depth - 1);
            // Inside of a join with a name of its own nothing else can be named.
            let inner = more.len();
            scope.extend(more);
            if scope.iter().any(|source| {
                scope
                    .iter()
                    .filter(|other| other.name == source.name)
                    .count()
                    > 1
            }) {
                scope.truncate(scope.len() - inner);
                return (first, scope);
            }
            format!("{first} cross join ({second})")
        }
        _ => first,
    };
    (sql, scope)
}

/// Functions in FROM.
fn set_of_rows(dice: &mut Dice, scope: &Scope, name: &str) -> Option<(String, Source)> {
    let found = value(dice, scope, 1);
    let (rows, kind) = match found.kind {
        Kind::Texts => (
            dice.pick(&[
                "unnest(@) N (w)",
                "unnest(@) with ordinality N (w, o)",
                "rows from (unnest(@), generate_series(1, 2)) N (w, o)",
            ]),
            Kind::Text,
        ),
        Kind::Json => (
            dice.pick(&[
                "jsonb_each_text(@) N (o, w)",
                "jsonb_to_record(@) as N (w text, k text)",
                "jsonb_object_keys(@) N (w)",
                "jsonb_path_query(@, '$.k') N (w)",
            ]),
            Kind::Text,
        ),
        Kind::JsonText => (
            dice.pick(&[
                "json_each_text(@) N (o, w)",
                "json_to_record(@) as N (k text, w text)",
            ]),
            Kind::Text,
        ),
        Kind::Text => (
            dice.pick(&[
                "regexp_split_to_table(@, 'a') N (w)",
                "string_to_table(@, 'a') N (w)",
                "concat(@, 'x') N (w)",
                "regexp_matches(@, '.+') N (w)",
            ]),
            Kind::Text,
        ),
        _ => return None,
    };
    let rows = rows.replace('N', name);
    let filled = fill(dice, scope, &rows, kind, &found);
    let source = Source {
        name: name.to_owned(),
        columns: vec![("w".to_owned(), kind, filled.labelled)],
    };
    Some((filled.sql, source))
}
