//! What the masks of terminals cost, in megabytes a second, beside those of text and beside a copy:
//! `cargo run --release -p custos-masking --example terminal_cost`.
//!
//! Streams are made by a fixed rule and come in chunks of 32 KiB, as SSH brings them at most, and the best of several
//! rounds counts. The last table is what a key stroke costs: a push of one byte and a flush.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use custos_masking::{Detector, Detectors, Flush, Mask, MaskedTerminal, MaskedText, Transform};

const CHUNK_BYTES: usize = 32 << 10;
/// Few, so that a round ends before another process gets the core.
const STREAM_BYTES: usize = 512 << 10;
const ROUNDS: usize = 100;

fn main() {
    let all = Detectors::new(&Detector::BUILT_IN).expect("the detectors are built in");
    let with_pattern = all
        .clone()
        .with_pattern(r"\bEMP-\d{6}\b")
        .expect("it is a pattern");
    let mask = |detectors: &Detectors| {
        let redact = Transform::redact("[gone]").expect("it is a text");
        Mask::detected(detectors.clone(), redact, usize::MAX)
    };
    let (all, with_pattern) = (mask(&all), mask(&with_pattern));
    println!("MB/s                   copy     text  terminal  with a pattern: text  terminal");
    for (name, stream) in streams() {
        println!(
            "{name:18} {:8.0} {:8.0} {:9.0} {:21.0} {:9.0}",
            rate(&stream, || copied(&stream)),
            rate(&stream, || as_text(&all, &stream)),
            rate(&stream, || as_terminal(&all, &stream)),
            rate(&stream, || as_text(&with_pattern, &stream)),
            rate(&stream, || as_terminal(&with_pattern, &stream)),
        );
    }
    for flush in [Flush::Live, Flush::Strict] {
        let nanoseconds = key_stroke(&with_pattern, flush);
        println!("a key stroke, {flush:?}: {nanoseconds} ns");
    }
}

fn streams() -> Vec<(&'static str, Vec<u8>)> {
    let lines = |make: &dyn Fn(usize) -> String| {
        let mut stream = Vec::with_capacity(STREAM_BYTES);
        for row in 0.. {
            stream.extend_from_slice(make(row).as_bytes());
            if stream.len() >= STREAM_BYTES {
                break;
            }
        }
        stream
    };
    let mut random = 1_u64;
    let noise = (0..STREAM_BYTES).map(|_| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 56) as u8
    });
    vec![
        (
            "plain text",
            lines(&|row| {
                format!(
                    "Customer {}, {} Long Street, Springfield\r\n",
                    word(row),
                    word(row * 7)
                )
            }),
        ),
        (
            "a directory",
            lines(&|row| {
                format!(
                    "-rw-r--r-- 1 root root {:7} Nov {:2} 10:{:02} {}.txt\r\n",
                    row * 31 % 1_000_000,
                    row % 28 + 1,
                    row % 60,
                    word(row)
                )
            }),
        ),
        (
            "coloured text",
            lines(&|row| {
                format!(
                    "\x1b[35m\x1b[K{}.rs\x1b[m\x1b[K:\x1b[32m\x1b[K{row}\x1b[m\x1b[K: let \x1b[01;31m\x1b[K{}\x1b[m\x1b[K = {};\r\n",
                    word(row),
                    word(row * 3),
                    word(row * 5)
                )
            }),
        ),
        (
            "a full screen",
            lines(&|row| {
                format!(
                    "\x1b[{};1H\x1b[K{} {} {}",
                    row % 50 + 1,
                    word(row),
                    word(row * 3),
                    word(row * 7)
                )
            }),
        ),
        (
            "other letters",
            lines(&|_| "Ελληνικά, русский, 漢字とかな, žluťoučký kůň\r\n".to_owned()),
        ),
        (
            "bold on paper",
            lines(&|row| {
                let letters = word(row).chars();
                let over = letters.flat_map(|letter| [letter, '\x08', letter]);
                over.chain([' ']).collect()
            }),
        ),
        (
            "with findings",
            lines(&|row| {
                format!(
                    "{} <{}@example.com>, card 4111 1111 1111 1111\r\n",
                    word(row),
                    word(row)
                )
            }),
        ),
        ("zero bytes", vec![0; STREAM_BYTES]),
        ("random bytes", noise.collect()),
    ]
}

fn word(row: usize) -> &'static str {
    const WORDS: [&str; 8] = [
        "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel",
    ];
    WORDS[row % WORDS.len()]
}

fn copied(stream: &[u8]) -> usize {
    let mut out = Vec::new();
    for chunk in stream.chunks(CHUNK_BYTES) {
        out.clear();
        out.extend_from_slice(black_box(chunk));
        black_box(&out);
    }
    out.len()
}

fn as_text(mask: &Mask, stream: &[u8]) -> usize {
    let mut masked = MaskedText::new(mask).expect("the mask has detectors");
    let (mut out, mut bytes) = (Vec::new(), 0);
    for chunk in stream.chunks(CHUNK_BYTES) {
        out.clear();
        masked.push(black_box(chunk), &mut out);
        bytes += out.len();
    }
    masked.finish(&mut out);
    bytes
}

fn as_terminal(mask: &Mask, stream: &[u8]) -> usize {
    let mut masked = MaskedTerminal::new(mask, Flush::Live).expect("the mask has detectors");
    let (mut out, mut bytes) = (Vec::new(), 0);
    for chunk in stream.chunks(CHUNK_BYTES) {
        out.clear();
        masked.push(black_box(chunk), &mut out);
        bytes += out.len();
    }
    masked.finish(&mut out);
    bytes
}

fn rate(stream: &[u8], work: impl FnMut() -> usize) -> f64 {
    stream.len() as f64 / best(work).as_secs_f64() / 1e6
}

fn key_stroke(mask: &Mask, flush: Flush) -> u128 {
    const STROKES: usize = 10_000;
    let best = best(|| {
        let mut masked = MaskedTerminal::new(mask, flush).expect("the mask has detectors");
        let mut out = Vec::new();
        for letter in b"ls -la /home/alice\r\n".iter().cycle().take(STROKES) {
            out.clear();
            masked.push(black_box(&[*letter]), &mut out);
            masked.flush(&mut out);
        }
        out.len()
    });
    best.as_nanos() / STROKES as u128
}

fn best(mut work: impl FnMut() -> usize) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    });
    rounds.min().unwrap_or_default()
}
