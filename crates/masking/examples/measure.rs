//! What detectors and masks cost, in nanoseconds for each byte: `cargo run --release -p custos-masking --example measure`.
//!
//! Rows are made by a fixed rule, values are searched one by one as they stand in results, and the best of several
//! rounds counts. `blocks` are the same bytes in pieces of 64 KiB.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::{cmac, hmac};
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
    functions();
}

/// What a token of a short value could be made with, and what of that is the cipher.
fn functions() {
    let values: Vec<Vec<u8>> = rows(|row| format!("value {row:06}"));
    let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
    let cmac_key = cmac::Key::new(cmac::AES_256, &[1; 32]).expect("it is a key");
    let cipher = UnboundCipherKey::new(&AES_256, &[1; 32]).expect("it is a key");
    let cipher = EncryptingKey::ecb(cipher).expect("it is a cipher");
    let each = |work: &dyn Fn(&[u8]) -> usize| {
        best(values.len(), || {
            let values = values.iter();
            values.map(|value| work(black_box(value))).sum()
        })
    };
    let with_hmac = each(&|value| hmac::sign(&hmac_key, value).as_ref().len());
    let with_cmac = each(&|value| {
        let code = cmac::sign(&cmac_key, value).expect("it is a message");
        code.as_ref().len()
    });
    let block = each(&|value| {
        let mut block = [0; 16];
        block[..value.len()].copy_from_slice(value);
        cipher.encrypt(&mut block).expect("it is a block");
        usize::from(block[0])
    });
    println!(
        "12 bytes: HMAC-SHA-256 {with_hmac:.0} ns, the library's AES-CMAC {with_cmac:.0} ns, a block of AES-256 {block:.0} ns"
    );
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
