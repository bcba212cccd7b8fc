//! Texts with the same template are the same to the parser and to the resolver of columns.

use custos_sql::{Script, SqlError, lineage, parse, template};

use crate::corpus::{bypass, ordinary};
use crate::fixture::Shop;

/// What a template may be of, besides the corpora.
const MORE: &[&str] = &[
    "select abalance from pgbench_accounts where aid = 1234",
    "update pgbench_accounts set abalance = abalance + -12 where aid = 5",
    "insert into pgbench_history (tid, bid, aid, delta) values (1, 2, 3, -4)",
    "insert into customers (id, name) values (1, 'a'), (2, 'b'), (1, 'a')",
    "delete from customers where id = 1 or id <> 1",
    "delete from customers where id + 1 = id + 1",
    "delete from customers where id + 1 = id + 2",
    "delete from customers where id in (1, 2) and not name in ('x')",
    "select name, id = 5 from customers p where p.id >= 7 and (name = 'it''s') order by 1 limit 3",
    "select case when id = 1 then name when id = 2 then 'two' else ssn end from customers",
    "select * from customers where name = current_user and id < 10 group by 1 having id > 3",
    "select * from (values (1, 'x'), (2, 'y')) v (a, b) where a = 1",
    "with gone as (delete from customers where id = 3 returning *) select * from gone where id = 4",
    "select ssn = '1' from customers where ssn > '078-05-1120' union select id = 1 from customers",
];

/// A text with this template, and other values.
fn filled(template: &str, salt: usize) -> String {
    let mut text = String::new();
    let mut signs = template.chars();
    while let Some(sign) = signs.next() {
        let mut value = || salt + usize::try_from(u32::from(signs.next().unwrap())).unwrap();
        match sign {
            '\u{1}' => text.push_str(&value().to_string()),
            '\u{2}' => text.extend(["'t", &value().to_string(), "'"]),
            sign => text.push(sign),
        }
    }
    text
}

/// Without places.
fn plain(mut script: Script) -> Script {
    for statement in &mut script.statements {
        statement.range = 0..0;
        for literal in &mut statement.literals {
            literal.range = 0..0;
        }
    }
    script
}

fn read(text: &str) -> (Result<Script, SqlError>, String) {
    let lineages = lineage::lineage(text, &Shop::new());
    (parse(text).map(plain), format!("{lineages:?}"))
}

#[test]
fn other_values_are_read_alike() {
    let corpora = bypass().into_iter().chain(ordinary());
    let all = corpora.map(|entry| entry.statement);
    let mut count = 0;
    for text in all.chain(MORE.iter().map(|text| (*text).to_owned())) {
        let Some(found) = template(&text) else {
            continue;
        };
        if found == text {
            continue;
        }
        count += 1;
        let expected = read(&text);
        for salt in [0, 1000, 40_000_000] {
            let other = filled(&found, salt);
            assert_eq!(template(&other).as_deref(), Some(&*found), "{text}");
            assert_eq!(read(&other), expected, "{text}: {other}");
        }
    }
    assert!(count > MORE.len() + 30, "{count}");
}
