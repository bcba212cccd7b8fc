//! What analysis costs: `cargo run --release -p custos-sql --example analysis_cost`. Medians of 25 rounds, in microseconds.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use custos_sql::{Cache, parse};

fn main() -> std::io::Result<()> {
    let rows = vec!["(1, 'some text', 3.5, now())"; 100].join(", ");
    let statements = [
        ("point select", "SELECT abalance FROM pgbench_accounts WHERE aid = 42".to_owned()),
        ("with parameter", "SELECT id, name, email, created FROM users WHERE id = $1 AND active LIMIT 1".to_owned()),
        ("insert", "INSERT INTO orders (customer_id, total, note) VALUES ($1, $2, 'x') RETURNING id".to_owned()),
        ("ORM join", "SELECT u.id, u.name, o.id, o.total, i.label FROM users u LEFT OUTER JOIN orders o ON o.user_id = u.id LEFT OUTER JOIN items i ON i.order_id = o.id WHERE u.email = $1 AND o.placed > now() - interval '7 days' AND i.label IN ('a', 'b', 'c') ORDER BY o.placed DESC, i.label LIMIT 20 OFFSET 40".to_owned()),
        ("CTE delete", "WITH old AS (SELECT id FROM orders WHERE placed < $1), gone AS (DELETE FROM items USING old WHERE items.order_id = old.id RETURNING items.id) DELETE FROM orders USING old WHERE orders.id = old.id".to_owned()),
        ("100-row insert", format!("INSERT INTO t (a, b, c, d) VALUES {rows}")),
    ];
    let mut out = std::io::stdout().lock();
    let cache = Cache::new(8 << 20);
    for (name, text) in &statements {
        let whole = median(20, || drop(black_box(parse(black_box(text)))));
        let cached = median(2000, || drop(black_box(cache.parse(black_box(text)))));
        writeln!(out, "{name:16} {whole:8.1} µs   cached {cached:6.3} µs")?;
    }
    Ok(())
}

fn median(times: u32, mut run: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..25)
        .map(|_| {
            let began = Instant::now();
            (0..times).for_each(|_| run());
            began.elapsed().as_secs_f64() * 1e6 / f64::from(times)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}
