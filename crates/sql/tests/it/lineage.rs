//! Lineage of single queries, by hand.

use custos_sql::lineage::{Lineage, Origin, lineage};

use crate::fixture::Shop;

fn of(text: &str) -> Lineage {
    let found = lineage(text, &Shop::new()).expect(text);
    found.into_iter().next().expect("one statement")
}

fn shown(origin: &Origin) -> String {
    let Origin::Columns(columns) = origin else {
        return "?".to_owned();
    };
    let columns: Vec<String> = columns
        .iter()
        .map(|column| {
            format!(
                "{}.{}",
                column.relation.last().expect("a name"),
                column.column
            )
        })
        .collect();
    columns.join("+")
}

/// Origins of the outputs, by comma.
fn outputs(text: &str) -> String {
    match of(text).outputs {
        None => "unknown".to_owned(),
        Some(outputs) => outputs
            .iter()
            .map(|output| shown(&output.origin))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[test]
fn outputs_come_from_base_columns() {
    let all = "customers.id, customers.name, customers.ssn, customers.tags, customers.doc";
    let row = "customers.doc+customers.id+customers.name+customers.ssn+customers.tags";
    for (text, expected) in [
        ("select ssn from customers", "customers.ssn"),
        (
            "select c.ssn as harmless, name from customers as c",
            "customers.ssn, customers.name",
        ),
        (
            "select public.customers.ssn from public.customers",
            "customers.ssn",
        ),
        ("select * from customers", all),
        ("select c.* from customers c", all),
        ("table customers", all),
        ("select x.b from customers x (a, b)", "customers.name"),
        ("select lower(ssn) || 'x' from customers", "customers.ssn"),
        ("select ssn::varchar(3) from customers", "customers.ssn"),
        (
            "select case when name = 'a' then ssn end from customers",
            "customers.name+customers.ssn",
        ),
        (
            "select coalesce(ssn, name) from customers",
            "customers.name+customers.ssn",
        ),
        (
            "select max(ssn), count(*) from customers",
            "customers.ssn, ",
        ),
        (
            "select string_agg(name, ',' order by ssn) from customers",
            "customers.name+customers.ssn",
        ),
        (
            "select lag(ssn) over (order by id) from customers",
            "customers.id+customers.ssn",
        ),
        (
            "select (select ssn from customers limit 1)",
            "customers.ssn",
        ),
        ("select array(select ssn from customers)", "customers.ssn"),
        (
            "select exists (select 1 from customers where ssn like '1%')",
            "customers.ssn",
        ),
        (
            "select name in (select ssn from customers) from customers",
            "customers.name+customers.ssn",
        ),
        (
            "select v from (select ssn as v from customers) q",
            "customers.ssn",
        ),
        (
            "select q.a from (select ssn from customers) q (a)",
            "customers.ssn",
        ),
        (
            "with q as (select ssn from customers) select ssn from q",
            "customers.ssn",
        ),
        (
            "with q (a) as (select ssn from customers) select * from q",
            "customers.ssn",
        ),
        (
            "with customers as (select name as ssn from customers) select ssn from customers",
            "customers.name",
        ),
        (
            "with recursive r as (select id, ssn from customers union all select r.id, o.card from r join orders o on o.id = r.id) select ssn from r",
            "customers.ssn+orders.card",
        ),
        (
            "with recursive r (a, b) as (select id, ssn from customers union select 1, a::text from r) select * from r",
            "customers.id, customers.id+customers.ssn",
        ),
        (
            "select ssn from customers union select card from orders",
            "customers.ssn+orders.card",
        ),
        ("select 1 union select ssn from customers", "customers.ssn"),
        ("values (1, 'a')", ", "),
        (
            "values ((select ssn from customers limit 1))",
            "customers.ssn",
        ),
        ("select code from people", "customers.ssn"),
        ("select b, c from deep", "customers.ssn, orders.card"),
        (
            "select card, ssn from everything",
            "orders.card, customers.ssn",
        ),
        (
            "select o.note, c.ssn from customers c join orders o on o.customer_id = c.id",
            "orders.note, customers.ssn",
        ),
        (
            "select * from customers c join orders o using (id)",
            "customers.id+orders.id, customers.name, customers.ssn, customers.tags, customers.doc, orders.customer_id, orders.note, orders.card",
        ),
        (
            "select * from items natural join orders",
            "items.id+orders.id, items.order_id, items.label, orders.customer_id, orders.note, orders.card",
        ),
        (
            "select j.ssn from (customers c cross join orders o) as j (i, n, ssn)",
            "customers.ssn",
        ),
        ("select c from customers c", row),
        ("select (c).ssn from customers c", row),
        ("select row_to_json(c) from customers c", row),
        (
            "select row(ssn, name), array[ssn] from customers",
            "customers.name+customers.ssn, customers.ssn",
        ),
        (
            "select tags[1], doc->>'k', doc #>> '{a}' from customers",
            "customers.tags, customers.doc, customers.doc",
        ),
        (
            "select jsonb_build_object('s', ssn) from customers",
            "customers.ssn",
        ),
        (
            "select tag from customers, unnest(tags) as tag",
            "customers.tags",
        ),
        (
            "select t.v, t.n from customers, unnest(tags) with ordinality as t (v, n)",
            "customers.tags, customers.tags",
        ),
        (
            "select e.value from customers, jsonb_each_text(doc) e",
            "customers.doc",
        ),
        (
            "select x from customers, lateral (select ssn as x) q",
            "customers.ssn",
        ),
        (
            "select (select q.v from (select 1 as ssn) a, (select ssn as v) q) from customers",
            "customers.ssn",
        ),
        (
            "select (select t from items t) from (select ssn as t from customers) q",
            "customers.ssn",
        ),
        (
            "select x.a from customers, xmltable('/r' passing (ssn::xml) columns a text) x",
            "customers.ssn",
        ),
        (
            "select j.a from customers, json_table(doc, '$' columns (a text path '$.k', nested path '$.l' columns (b text))) j",
            "customers.doc",
        ),
        ("delete from customers returning ssn", "customers.ssn"),
        (
            "update customers set name = 'x' from orders where true returning *",
            "customers.id, customers.name, customers.ssn, customers.tags, customers.doc, orders.id, orders.customer_id, orders.note, orders.card",
        ),
        (
            "insert into customers as c (id) values (1) returning c.ssn, old.name",
            "customers.ssn, customers.name",
        ),
        (
            "with d as (delete from customers returning ssn) select * from d",
            "customers.ssn",
        ),
        (
            "copy (select ssn from customers) to stdout",
            "customers.ssn",
        ),
        (
            "copy customers (ssn, id) to stdout",
            "customers.ssn, customers.id",
        ),
        (
            "declare c cursor for select ssn from customers",
            "customers.ssn",
        ),
        (
            "prepare p as select ssn from customers where id = $1",
            "customers.ssn",
        ),
        ("select ctid, $1 from customers", ", "),
        ("create table x as select ssn from customers", ""),
        ("delete from customers", ""),
        ("show work_mem", ""),
    ] {
        assert_eq!(outputs(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_known_is_unknown() {
    for (text, expected) in [
        ("select a from nowhere", "?"),
        ("select * from nowhere", "unknown"),
        ("select ssn from customers, nowhere", "customers.ssn"),
        ("select other from customers, nowhere", "?"),
        ("select mine.f(1)", "?"),
        ("select secret(id) from customers", "?"),
        ("select name operator(mine.=) 'x' from customers", "?"),
        ("select name::mine.kind from customers", "?"),
        ("select c.missing from customers c", "?"),
        ("select * from secret(1)", "unknown"),
        ("select a from endless", "?"),
        ("select (f(1)).*", "unknown"),
        ("select * from unnest(array['a'])", "unknown"),
        ("select 1, 2 union select 1", "unknown"),
        ("execute p", "unknown"),
        ("fetch all from c", "unknown"),
        ("explain select ssn from customers", "customers.ssn"),
        (
            "explain update customers set name = note from orders where card = 'x'",
            "orders.card+orders.note",
        ),
        ("explain select mystery(ssn) from customers", "?"),
        (
            "with recursive r as (select 1 as a union all select a from r) search depth first by a set o select a from r",
            "?",
        ),
        (
            "select a.x from (customers c natural join nowhere) as a",
            "?",
        ),
    ] {
        assert_eq!(outputs(text), expected, "{text}");
    }
}

#[test]
fn what_decides_on_rows_is_told_apart() {
    for (text, expected) in [
        (
            "select 1 from customers where ssn like '1%'",
            "customers.ssn",
        ),
        ("select name from customers order by ssn", "customers.ssn"),
        ("select ssn from customers order by 1", "customers.ssn"),
        ("select ssn as s from customers order by s", "customers.ssn"),
        (
            "select count(*) from customers group by ssn having max(name) > 'a'",
            "customers.name+customers.ssn",
        ),
        ("select distinct ssn from customers", "customers.ssn"),
        (
            "select array_agg(distinct ssn), array_agg(name) from customers",
            "customers.ssn",
        ),
        (
            "select distinct on (ssn) name from customers",
            "customers.ssn",
        ),
        (
            "select 1 from customers c join orders o on o.card = c.ssn",
            "customers.ssn+orders.card",
        ),
        (
            "select 1 from items join orders using (id)",
            "items.id+orders.id",
        ),
        (
            "select 1 limit (select length(ssn) from customers limit 1)",
            "customers.ssn",
        ),
        (
            "update customers set name = 'x' where ssn = '1'",
            "customers.ssn",
        ),
        (
            "delete from customers where exists (select 1 from orders where card = ssn)",
            "customers.ssn+orders.card",
        ),
        ("select 1 from people where code = '1'", "customers.ssn"),
        ("select ssn from customers", ""),
        (
            "select row_number() over w from customers window w as (order by ssn)",
            "customers.ssn",
        ),
    ] {
        assert_eq!(shown(&of(text).used), expected, "{text}");
    }
}

#[test]
fn work_is_bounded() {
    let mut text = "select ssn from customers".to_owned();
    for _ in 0..4 {
        text =
            format!("with recursive a as ({text} union all select ssn from a) select ssn from a");
    }
    let _ = of(&text);
    let many = format!("select {} from customers c", vec!["c"; 50_000].join(","));
    assert!(
        of(&many)
            .outputs
            .is_some_and(|outputs| outputs.len() == 50_000)
    );
}

#[test]
fn what_is_written_elsewhere_is_told() {
    for (text, expected) in [
        ("select ssn into copy from customers", "customers.ssn"),
        (
            "create table copy as select lower(ssn), id from customers",
            "customers.id+customers.ssn",
        ),
        (
            "create materialized view copy as select code from people",
            "customers.ssn",
        ),
        (
            "insert into orders (note) select ssn from customers",
            "customers.ssn",
        ),
        (
            "insert into orders (note) values ((select max(ssn) from customers))",
            "customers.ssn",
        ),
        ("insert into orders (note) values ('x') returning card", ""),
        (
            "update customers set name = ssn where id = 1",
            "customers.ssn",
        ),
        ("update customers set ssn = lower(ssn), id = 2", ""),
        (
            "update orders o set note = c.ssn from customers c",
            "customers.ssn",
        ),
        (
            "update customers set (id, name) = (select 1, ssn)",
            "customers.ssn",
        ),
        (
            "with moved as (insert into orders (note) select ssn from customers returning 1) select 1",
            "customers.ssn",
        ),
        (
            "merge into orders o using customers c on o.id = c.id \
             when matched then update set note = c.ssn when not matched then insert (note) values (c.name)",
            "customers.name+customers.ssn",
        ),
        (
            "insert into customers (id, ssn) values (1, 'x') on conflict (id) do update set ssn = excluded.ssn",
            "",
        ),
        (
            "insert into customers (id, ssn) values (1, 'x') on conflict (id) do update set name = customers.ssn",
            "customers.ssn",
        ),
        ("insert into orders select * from nobody", "?"),
        ("delete from customers where ssn = 'x'", ""),
    ] {
        assert_eq!(shown(&of(text).stored), expected, "{text}");
    }
}

#[test]
fn conditions_of_a_view_are_not_the_clients() {
    let used = |text: &str| shown(&of(text).used);
    assert_eq!(used("select a from deep"), "");
    assert_eq!(used("select ssn from customers union all select 'x'"), "");
    assert_eq!(
        used("select ssn from customers union select 'x'"),
        "customers.ssn"
    );
    assert_eq!(
        used("select ssn from customers except all select 'x'"),
        "customers.ssn"
    );
    assert_eq!(used("select a from deep where b = 'x'"), "customers.ssn");
}
