//! What detectors and masks cost, in nanoseconds for each byte: `cargo run --release -p custos-masking --example measure`.
//!
//! Rows are made by a fixed rule, values are searched one by one as they stand in results, and the best of several
//! rounds counts. `blocks` are the same bytes in pieces of 64 KiB.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use custos_masking::{Detector, Detectors, Format, Mask, PgType, ScopeKey, Transform};

/// Few, so that a round ends before another process gets the core.
const ROWS: usize = 5_000;
const ROUNDS: usize = 200;

fn main() {
    let all = Detectors::new(&Detector::BUILT_IN).expect("the detectors are built in");
    let with_pattern = all
        .clone()
        .with_pattern(r"\bEMP-\d{6}\b")
        .expect("it is a pattern");
    let names: Vec<Vec<u8>> = rows(|row| {
        format!(
            "Customer {}, {} Long Street, Springfield",
            word(row),
            word(row * 7)
        )
    });
    let mixed: Vec<Vec<u8>> = rows(|row| {
        format!(
            "order {} placed 2024-01-{:02} 12:{:02}:07 by {} for {}.50",
            100_000 + row,
            row % 28 + 1,
            row % 60,
            word(row),
            row % 500
        )
    });
    let numbers: Vec<Vec<u8>> = rows(|row| (1_000_000 + row * 31).to_string());
    let documents: Vec<Vec<u8>> = rows(|row| {
        format!(
            "{{\"id\": {row}, \"name\": \"{}\", \"tags\": [\"{}\", \"new\"], \"price\": {}.25}}",
            word(row),
            word(row * 3),
            row % 900
        )
    });
    let hits: Vec<Vec<u8>> = rows(|row| {
        format!(
            "{} <{}@example.com>, card 4111 1111 1111 1111",
            word(row),
            word(row)
        )
    });
    for (name, values) in [
        ("words", &names),
        ("mixed", &mixed),
        ("numbers", &numbers),
        ("documents", &documents),
        ("hits", &hits),
    ] {
        let bytes: usize = values.iter().map(Vec::len).sum();
        let blocks: Vec<Vec<u8>> = values
            .concat()
            .chunks(64 << 10)
            .map(<[u8]>::to_vec)
            .collect();
        let find = |detectors: &Detectors, texts: &[Vec<u8>]| {
            best(bytes, || {
                texts
                    .iter()
                    .map(|text| detectors.find(black_box(text)).len())
                    .sum()
            })
        };
        println!(
            "{name:10} {:5.1} bytes a value: all detectors {:6.2} ns/byte, in blocks {:6.2}, with a pattern {:6.2}",
            bytes as f64 / values.len() as f64,
            find(&all, values),
            find(&all, &blocks),
            find(&with_pattern, values),
        );
    }
    let key = ScopeKey::derive(&[1; 32], "measure").expect("it is a key");
    let token = Transform::token(&key, "tok_").expect("it is a prefix");
    let detected = Mask::detected(all, token.clone(), 1 << 20);
    for (name, mask, kind, values) in [
        ("text, detectors", detected.clone(), PgType::Text, &mixed),
        (
            "jsonb, detectors",
            detected.clone(),
            PgType::Jsonb,
            &documents,
        ),
        ("text with hits, detectors", detected, PgType::Text, &hits),
        (
            "text, token of all",
            Mask::whole(token, 1 << 20),
            PgType::Text,
            &names,
        ),
        (
            "number, format-preserving",
            Mask::whole(
                Transform::format_preserving(&key, custos_masking::Alphabet::Digits),
                1 << 20,
            ),
            PgType::Numeric,
            &numbers,
        ),
    ] {
        let bytes: usize = values.iter().map(Vec::len).sum();
        let each = bytes as f64 / values.len() as f64;
        let cost = best(bytes, || {
            values
                .iter()
                .map(|value| {
                    usize::from(
                        mask.apply(&kind, Format::Text, black_box(value))
                            == custos_masking::Masked::Null,
                    )
                })
                .sum()
        });
        println!(
            "mask {name:26} {cost:7.2} ns/byte, {:8.0} ns a value",
            cost * each
        );
    }
}

fn rows(make: impl Fn(usize) -> String) -> Vec<Vec<u8>> {
    (0..ROWS).map(|row| make(row).into_bytes()).collect()
}

fn word(row: usize) -> &'static str {
    const WORDS: [&str; 8] = [
        "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel",
    ];
    WORDS[row % WORDS.len()]
}

fn best(bytes: usize, mut work: impl FnMut() -> usize) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(work());
        least = least.min(start.elapsed().as_nanos() as f64 / bytes as f64);
    }
    least
}
