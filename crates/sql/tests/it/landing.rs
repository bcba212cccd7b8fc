//! Where literals and parameters land, and the shapes that row-count rules look at.

use custos_sql::{Landing, Prepared, Statement, Use, parse};

fn one(text: &str) -> Statement {
    let script = parse(text).expect(text);
    assert_eq!(script.statements.len(), 1);
    script.statements.into_iter().next().expect("one")
}

fn shown(landings: &[Landing]) -> String {
    let shown: Vec<String> = landings
        .iter()
        .map(|landing| match landing.how {
            Use::Compared => format!("~{}", landing.column.join(".")),
            Use::Inserted => format!(
                "+{}.{}",
                landing.relation.join("."),
                landing.column.join(".")
            ),
            Use::InsertedAt(place) => format!("+{}.{place}", landing.relation.join(".")),
            Use::Assigned => format!(
                "={}.{}",
                landing.relation.join("."),
                landing.column.join(".")
            ),
        })
        .collect();
    shown.join(" ")
}

/// Each literal with where it lands.
fn literals(text: &str) -> Vec<(String, String)> {
    let statement = one(text);
    let literals = statement.literals.iter();
    literals
        .map(|literal| {
            (
                text[literal.range.clone()].to_owned(),
                shown(&literal.landings),
            )
        })
        .collect()
}

fn parameters(text: &str) -> Vec<(u32, String)> {
    let statement = one(text);
    let parameters = statement.parameters.iter();
    parameters
        .map(|parameter| (parameter.number, shown(&parameter.landings)))
        .collect()
}

#[test]
fn literals_land_in_columns() {
    for (text, expected) in [
        ("select * from t where ssn = '123'", vec![("'123'", "~ssn")]),
        (
            "select * from t where '123' = t.ssn",
            vec![("'123'", "~t.ssn")],
        ),
        (
            "select * from t where ssn like '1%' and id = 3",
            vec![("'1%'", "~ssn"), ("3", "~id")],
        ),
        (
            "select * from t where ssn in ('1', '2')",
            vec![("'1'", "~ssn"), ("'2'", "~ssn")],
        ),
        (
            "select * from t where ssn between 'a' and 'b'",
            vec![("'a'", "~ssn"), ("'b'", "~ssn")],
        ),
        (
            "select * from t where lower(ssn) = lower('X')",
            vec![("'X'", "~ssn")],
        ),
        (
            "select * from t where (ssn, id) = ('x', 1)",
            vec![("'x'", "~ssn ~id"), ("1", "~ssn ~id")],
        ),
        (
            "select case ssn when '1' then 'y' end from t",
            vec![("'1'", "~ssn"), ("'y'", "~ssn")],
        ),
        (
            "select * from t where ssn in (select 'x')",
            vec![("'x'", "~ssn")],
        ),
        ("select * from t where id = -5", vec![("5", "~id")]),
        (
            "insert into t (id, ssn) values (1, '123'), (2, E'4\\'5')",
            vec![
                ("1", "+t.id"),
                ("'123'", "+t.ssn"),
                ("2", "+t.id"),
                ("E'4\\'5'", "+t.ssn"),
            ],
        ),
        (
            "insert into t values (1, '123')",
            vec![("1", "+t.0"), ("'123'", "+t.1")],
        ),
        (
            "insert into t (id, ssn) select 1, '123'",
            vec![("1", "+t.id"), ("'123'", "+t.ssn")],
        ),
        ("insert into t select *, 'x' from u", vec![("'x'", "+t.*")]),
        (
            "insert into t (a) values (1) on conflict (a) do update set ssn = 'x'",
            vec![("1", "+t.a"), ("'x'", "=t.ssn")],
        ),
        (
            "update s.t set ssn = '123' where id = 3",
            vec![("'123'", "=s.t.ssn"), ("3", "~id")],
        ),
        (
            "update t set ssn = 'a' || name",
            vec![("'a'", "=t.ssn ~name")],
        ),
        (
            "update t set (a, b) = ('x', 'y')",
            vec![("'x'", "=t.a =t.b"), ("'y'", "=t.a =t.b")],
        ),
        (
            "merge into t using u on t.a = 'k' when matched then update set ssn = 'x' when not matched then insert (b) values ('y')",
            vec![("'k'", "~t.a"), ("'x'", "=t.ssn"), ("'y'", "+t.b")],
        ),
        ("select 'free'", vec![("'free'", "")]),
        ("create role r password 'secret'", vec![("'secret'", "")]),
        ("comment on table t is $x$note$x$", vec![("$x$note$x$", "")]),
        ("do $$ begin end $$", vec![("$$ begin end $$", "")]),
    ] {
        let found = literals(text);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(text, landing)| (text.as_str(), landing.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn parameters_land_in_columns() {
    for (text, expected) in [
        (
            "select * from t where ssn = $1 and name like $2",
            vec![(1, "~ssn"), (2, "~name")],
        ),
        (
            "insert into t (a, b) values ($2, $1)",
            vec![(1, "+t.b"), (2, "+t.a")],
        ),
        ("update t set a = $1 where b = $1", vec![(1, "=t.a ~b")]),
        ("select * from t where ssn = any($1)", vec![(1, "~ssn")]),
        ("select * from t limit $1", vec![(1, "")]),
        ("select $1::text", vec![(1, "")]),
    ] {
        let found = parameters(text);
        let found: Vec<(u32, &str)> = found
            .iter()
            .map(|(number, landing)| (*number, landing.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn literals_of_each_statement_are_its_own() {
    let text = "select 'a' where x = 'b'; select 'c'";
    let script = parse(text).expect("it parses");
    let of = |index: usize| -> Vec<&str> {
        script.statements[index]
            .literals
            .iter()
            .map(|literal| &text[literal.range.clone()])
            .collect()
    };
    assert_eq!((of(0), of(1)), (vec!["'a'", "'b'"], vec!["'c'"]));
    assert_eq!(shown(&script.statements[0].literals[1].landings), "~x");
}

#[test]
fn shapes_are_counted() {
    let shape = |text: &str| one(text).shape;
    assert_eq!(shape("insert into t values (1), (2), (3)").insert_rows, 3);
    assert!(shape("insert into t select * from u").insert_select);
    assert_eq!(
        shape("with a as (insert into t values (1), (2) returning 1) insert into u values (1)")
            .insert_rows,
        3
    );
    assert!(shape("copy t from stdin").copy_in);
    assert!(!shape("copy t from '/x'").copy_in && !shape("copy t to stdout").copy_in);
    assert!(shape("set search_path to x").changes_search_path);
    assert!(shape("select set_config('search_path', 'x', true)").changes_search_path);
    assert!(shape("create temp table t (a int)").makes_temporary);
    assert!(shape("select 1 into temporary t").makes_temporary);
    assert!(
        shape("explain delete from t").explain_only
            && !shape("explain analyze delete from t").explain_only
    );
    assert_eq!(
        shape("with d as (delete from t) update u set a = 1 where b = 1")
            .conditions
            .len(),
        2
    );
}

#[test]
fn prepared_statements_are_named() {
    assert_eq!(
        one("prepare \"P\" as select 1").prepared,
        Some(Prepared::Defines("P".into()))
    );
    assert_eq!(
        one("execute p(1)").prepared,
        Some(Prepared::Executes("p".into()))
    );
    assert_eq!(
        one("explain analyze execute p").prepared,
        Some(Prepared::Executes("p".into()))
    );
    assert_eq!(
        one("create table t as execute p").prepared,
        Some(Prepared::Executes("p".into()))
    );
    assert_eq!(
        one("deallocate p").prepared,
        Some(Prepared::Forgets(Some("p".into())))
    );
    assert_eq!(
        one("deallocate all").prepared,
        Some(Prepared::Forgets(None))
    );
    assert_eq!(one("discard all").prepared, Some(Prepared::Forgets(None)));
}

#[test]
fn calls_operators_and_types_are_listed() {
    let statement = one(
        "select s.f(1, x, 'a'::s.kind), lower('b') from t where a operator(s.=) b and c ~~ 'd'",
    );
    let calls: Vec<(String, Vec<bool>)> = statement
        .calls
        .iter()
        .map(|call| (call.name.join("."), call.literal_arguments.clone()))
        .collect();
    assert_eq!(
        calls,
        [
            ("s.f".to_owned(), vec![true, false, true]),
            ("lower".to_owned(), vec![true])
        ]
    );
    assert!(
        statement
            .operators
            .contains(&vec!["s".to_owned(), "=".to_owned()])
    );
    assert_eq!(statement.types, [["s", "kind"]]);
}
