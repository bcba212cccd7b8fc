//! Queries: lists of values, conditions, groups, windows, set operations and WITH.

use custos_testkit::Dice;

use super::shop::{Kind, RELATIONS, TABLES};
use super::sources::{NAMES, from, names, under};
use super::values::{Expression, Scope, as_text, column, fill, open, text, value};

/// A query and what its columns are.
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) columns: Vec<(Kind, bool)>,
}

const AGGREGATES: &[(Kind, &str, Kind)] = &[
    (Kind::Text, "max(@)", Kind::Text),
    (Kind::Text, "min(@)", Kind::Text),
    (Kind::Text, "string_agg(@, ',')", Kind::Text),
    (Kind::Text, "string_agg(@, ~ order by ?)", Kind::Text),
    (Kind::Text, "string_agg(distinct @, ',')", Kind::Text),
    (Kind::Text, "array_agg(@)", Kind::Texts),
    (Kind::Text, "array_agg(@ order by ?)", Kind::Texts),
    (Kind::Text, "(array_agg(@))[1]", Kind::Text),
    (Kind::Text, "json_agg(@)", Kind::JsonText),
    (Kind::Text, "jsonb_agg(@)", Kind::Json),
    (Kind::Text, "jsonb_object_agg(?, @)", Kind::Json),
    (Kind::Text, "jsonb_object_agg(@, 1)", Kind::Json),
    (Kind::Text, "mode() within group (order by @)", Kind::Text),
    (
        Kind::Text,
        "max(@) filter (where ? is not null)",
        Kind::Text,
    ),
    (
        Kind::Text,
        "string_agg(@, '') filter (where true)",
        Kind::Text,
    ),
    (
        Kind::Text,
        "xmlagg(xmlelement(name e, @))::text",
        Kind::Text,
    ),
    (Kind::Text, "string_agg(@::bytea, ''::bytea)", Kind::Bytes),
    (Kind::Text, "count(@)", Kind::Number),
    (Kind::Number, "max(@)", Kind::Number),
    (Kind::Number, "min(@)", Kind::Number),
    (Kind::Number, "sum(@)", Kind::Number),
    (Kind::Number, "avg(@)", Kind::Number),
    (
        Kind::Number,
        "percentile_disc(0.5) within group (order by @)",
        Kind::Number,
    ),
    (Kind::Number, "json_agg(@)", Kind::JsonText),
    (Kind::Number, "array_agg(@)::text[]", Kind::Texts),
    (Kind::Date, "max(@)", Kind::Date),
    (Kind::Date, "jsonb_agg(@)", Kind::Json),
    (Kind::Uuid, "array_agg(@)::text[]", Kind::Texts),
    (Kind::Uuid, "jsonb_agg(@)", Kind::Json),
    (Kind::Bytes, "string_agg(@, ''::bytea)", Kind::Bytes),
    (Kind::Texts, "array_agg(@)::text", Kind::Text),
    (Kind::Texts, "json_agg(@)", Kind::JsonText),
    (Kind::Json, "jsonb_agg(@)", Kind::Json),
    (Kind::Json, "jsonb_object_agg('k', @)", Kind::Json),
    (Kind::JsonText, "json_agg(@)", Kind::JsonText),
    (Kind::Card, "array_agg(@)::text", Kind::Text),
    (Kind::Card, "json_agg(@)", Kind::JsonText),
    (Kind::Row, "json_agg(@)", Kind::JsonText),
    (Kind::Row, "jsonb_agg(@)", Kind::Json),
    (Kind::Row, "array_agg(@)::text", Kind::Text),
    (Kind::Row, "string_agg(@::text, ';')", Kind::Text),
];

const WINDOWS: &[&str] = &[
    "first_value(@) over (order by ?)",
    "last_value(@) over ()",
    "nth_value(@, 1) over (order by ? rows between unbounded preceding and unbounded following)",
    "lag(@, 0) over (order by ?)",
    "lead(@, 1, @) over (partition by ?)",
    "max(@) over (partition by ?)",
    "string_agg(@, ',') over (order by ?)",
    "(array_agg(@) over ())[1]",
    "first_value(?) over (order by @)",
];

/// A condition, mostly by what has no label.
pub(super) fn condition(dice: &mut Dice, scope: &Scope) -> String {
    if dice.percent(6) {
        // Refused, but for one label.
        let found = as_text(column(dice, scope));
        let test = dice.pick(&["@ > ''", "@ like '%'", "@ is not null", "@ in ('a', ~)"]);
        return fill(dice, scope, test, Kind::Text, &found).sql;
    }
    let number = open(dice, scope, &[Kind::Number]);
    let text = open(dice, scope, &[Kind::Text]);
    match (dice.below(9), number, text) {
        (0, Some(number), _) => format!("{number} < 3"),
        (1, Some(number), _) => format!("{number} in (select id from visits)"),
        (2, Some(number), _) => {
            format!("exists (select 1 from accounts x where x.person = {number})")
        }
        (3, Some(number), _) => format!("{number} = any (array(select id from people))"),
        (4, Some(number), _) => {
            format!("({number}, 1) in (select id, 1 from staff union select id, 1 from people)")
        }
        (5, _, Some(text)) => format!("{text} like '%1'"),
        (6, _, Some(text)) => format!("{text} <> 'nothing'"),
        (7, _, Some(text)) => format!("coalesce({text}, 'x') is not null"),
        (_, _, Some(text)) => format!("{text} is not null or true"),
        _ => "true".to_owned(),
    }
}

/// What a query or RETURNING gives.
pub(super) fn targets(dice: &mut Dice, scope: &Scope) -> (String, Vec<(Kind, bool)>) {
    let mut sql = Vec::new();
    let mut kinds = Vec::new();
    for _ in 0..=dice.below(3) {
        if dice.percent(10) {
            let source = dice.one(scope);
            // The row taken apart, by two of its names.
            sql.push(if dice.percent(25) {
                format!("({}).*", source.name)
            } else {
                format!("{}.*", source.name)
            });
            kinds.extend(
                source
                    .columns
                    .iter()
                    .map(|(_, kind, labelled)| (*kind, *labelled)),
            );
            continue;
        }
        let found = value(dice, scope, 3);
        sql.push(if dice.percent(30) {
            format!("{} as {}", found.sql, dice.pick(NAMES))
        } else {
            found.sql
        });
        kinds.push((found.kind, found.labelled));
    }
    (sql.join(", "), kinds)
}

/// Any query.
pub(super) fn query(dice: &mut Dice, depth: usize) -> Query {
    if depth == 0 {
        return select(dice, 0);
    }
    match dice.below(24) {
        0..=9 => select(dice, depth),
        10..=12 => groups(dice, depth),
        13 | 14 => windows(dice, depth),
        15 | 16 => set_operation(dice, depth),
        17..=19 => with(dice, depth),
        20 => recursive(dice, depth),
        21 => values(dice, depth),
        22 => nested(dice, depth),
        _ => whole(dice),
    }
}

fn select(dice: &mut Dice, depth: usize) -> Query {
    let (from, scope) = from(dice, depth);
    let (mut targets, columns) = targets(dice, &scope);
    let mut sql = String::new();
    if dice.percent(5) && columns.iter().all(|(_, labelled)| !labelled) {
        targets = format!("distinct {targets}");
    } else if dice.percent(4)
        && let Some(by) = open(dice, &scope, &[Kind::Number, Kind::Text])
    {
        targets = format!("distinct on ({by}) {targets}");
    }
    if dice.percent(30) {
        sql = format!(" where {}", condition(dice, &scope));
    }
    let by = open(dice, &scope, &[Kind::Number, Kind::Text, Kind::Date]);
    if let Some(by) = by.filter(|_| dice.percent(25) && !targets.starts_with("distinct")) {
        let order = dice.pick(&["", " desc", " nulls first"]);
        sql = format!("{sql} order by {by}{order}");
    } else if dice.percent(2) {
        sql += " order by 1";
    }
    sql += dice.pick(&[
        "",
        " limit 8",
        " limit 3",
        " fetch first 4 rows only",
        " offset 0",
    ]);
    if depth == 0 && dice.percent(2) {
        sql += dice.pick(&[" for share", " for update"]);
    }
    Query {
        sql: format!("select {targets} from {from}{sql}"),
        columns,
    }
}

/// An aggregate of a value.
fn aggregate(dice: &mut Dice, scope: &Scope) -> Expression {
    loop {
        let found = value(dice, scope, 2);
        let fitting: Vec<_> = AGGREGATES
            .iter()
            .filter(|(kind, ..)| *kind == found.kind)
            .collect();
        if let Some((_, template, kind)) = (!fitting.is_empty()).then(|| *dice.one(&fitting)) {
            return fill(dice, scope, template, *kind, &found);
        }
    }
}

fn groups(dice: &mut Dice, depth: usize) -> Query {
    let (from, scope) = from(dice, depth);
    let mut sql = Vec::new();
    let mut columns = Vec::new();
    let mut tail = String::new();
    let by = open(dice, &scope, &[Kind::Number, Kind::Text]);
    if let Some(by) = by.filter(|_| dice.percent(60)) {
        let how = dice.pick(&[
            "B",
            "rollup (B)",
            "grouping sets ((B), ())",
            "cube (B)",
            "B having count(*) > 0",
        ]);
        tail = format!(" group by {}", how.replace('B', &by));
        sql.push(format!("({by})::text"));
        columns.push((Kind::Text, false));
    }
    for _ in 0..=dice.below(2) {
        let found = aggregate(dice, &scope);
        sql.push(found.sql);
        columns.push((found.kind, found.labelled));
    }
    Query {
        sql: format!("select {} from {from}{tail}", sql.join(", ")),
        columns,
    }
}

fn windows(dice: &mut Dice, depth: usize) -> Query {
    let (from, scope) = from(dice, depth);
    let found = text(dice, &scope, 1);
    let template = dice.pick(WINDOWS);
    let found = fill(dice, &scope, template, Kind::Text, &found);
    let (targets, mut columns) = targets(dice, &scope);
    columns.push((Kind::Text, found.labelled));
    Query {
        sql: format!("select {targets}, {} from {from} limit 6", found.sql),
        columns,
    }
}

/// A query with one column, a text.
fn one(dice: &mut Dice, depth: usize) -> (String, bool) {
    let query = query(dice, depth);
    let names: Vec<String> = (0..query.columns.len())
        .map(|at| format!("o{at}"))
        .collect();
    let at = dice.below(names.len());
    (
        format!(
            "select {}::text from ({}) o ({})",
            names[at],
            query.sql,
            names.join(", ")
        ),
        query.columns[at].1,
    )
}

fn set_operation(dice: &mut Dice, depth: usize) -> Query {
    let ((left, one_of_left), (right, one_of_right)) = (one(dice, depth - 1), one(dice, depth - 1));
    let labelled = one_of_left || one_of_right;
    let mut operator = dice.pick(&[
        "union all",
        "union all",
        "union",
        "except",
        "except all",
        "intersect",
    ]);
    if labelled && !dice.percent(10) {
        operator = "union all";
    }
    Query {
        sql: format!("({left}) {operator} ({right})"),
        columns: vec![(Kind::Text, labelled)],
    }
}

fn with(dice: &mut Dice, depth: usize) -> Query {
    let inner = query(dice, depth - 1);
    // Also under the name of a table, which it then stands for.
    let name = if dice.percent(30) {
        dice.one(RELATIONS).name
    } else {
        "w"
    };
    let names = names(dice, inner.columns.len());
    let scope = [under(name, &names, &inner)];
    let (targets, columns) = targets(dice, &scope);
    let how = dice.pick(&["", "materialized ", "not materialized "]);
    let tail = if dice.percent(30) {
        format!(" where {}", condition(dice, &scope))
    } else {
        String::new()
    };
    Query {
        sql: format!(
            "with {name} ({}) as {how}({}) select {targets} from {name}{tail}",
            names.join(", "),
            inner.sql
        ),
        columns,
    }
}

fn recursive(dice: &mut Dice, depth: usize) -> Query {
    let (first, one_of_first) = one(dice, depth - 1);
    let (second, one_of_second) = one(dice, 0);
    let search = dice.pick(&[
        "",
        " search depth first by v set o",
        " cycle v set c using p",
    ]);
    // Without a condition only the limit ends it.
    let sql = if dice.percent(30) {
        format!(
            "with recursive r (n, v) as (select 1, f.v from ({first}) f (v) union all select r.n + 1, g.w from r, \
             lateral ({second} limit 2) g (w) where r.n < 3){search} select v from r limit 12"
        )
    } else {
        format!(
            "with recursive r (v) as (select f.v from ({first}) f (v) union all select coalesce(g.w, r.v) from r, \
             lateral ({second} limit 2) g (w)) select v from r limit 12"
        )
    };
    Query {
        sql,
        columns: vec![(Kind::Text, one_of_first || one_of_second)],
    }
}

fn values(dice: &mut Dice, depth: usize) -> Query {
    let (first, one_of_first) = one(dice, depth - 1);
    let (second, one_of_second) = one(dice, 0);
    Query {
        sql: format!("values (({first} limit 1), 'x'), ('y', ({second} limit 1))"),
        columns: vec![(Kind::Text, one_of_first), (Kind::Text, one_of_second)],
    }
}

/// Subqueries where a value stands.
fn nested(dice: &mut Dice, depth: usize) -> Query {
    let (inner, labelled) = one(dice, depth - 1);
    let shape = dice.pick(&[
        "select (Q limit 1)",
        "select array(Q)::text",
        "select array_to_string(array(Q), ',')",
        "select exists (Q)::text",
        "select coalesce((Q limit 1), 'none') from people",
        "select (Q offset 1 limit 1) || name from people",
        "select jsonb_agg(x)::text from (Q) x (v)",
        "select x::text from (Q) x (v)",
        "select x from (select array_agg(v) from (Q) z (v)) y (a), unnest(a) x",
        "select (select v from (Q) y (v) limit 1) from generate_series(1, 2)",
        "select max(v) from (Q) y (v)",
        "table people limit 0",
    ]);
    if !shape.contains('Q') {
        return whole(dice);
    }
    Query {
        sql: shape.replace('Q', &inner),
        columns: vec![(Kind::Text, labelled)],
    }
}

/// All columns there are.
fn whole(dice: &mut Dice) -> Query {
    let relation = if dice.percent(60) {
        dice.one(&RELATIONS[..TABLES])
    } else {
        dice.one(RELATIONS)
    };
    let columns: Vec<(Kind, bool)> = relation
        .columns
        .iter()
        .map(|(_, kind, labelled)| (*kind, *labelled))
        .collect();
    let name = relation.name;
    match dice.below(6) {
        0 => Query {
            sql: format!("table {name}"),
            columns,
        },
        1 => Query {
            sql: format!("select x.* from {name} x where x.id < 4"),
            columns,
        },
        2 => Query {
            sql: format!("select (x).* from {name} x"),
            columns,
        },
        3 => Query {
            sql: format!("select x from {name} x"),
            columns: vec![(Kind::Row, true)],
        },
        4 => Query {
            sql: format!("select * from (select * from {name}) x"),
            columns,
        },
        _ => Query {
            sql: format!("select * from {name}"),
            columns,
        },
    }
}
