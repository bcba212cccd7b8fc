//! Streams that are made to break something.

use custos_masking::Flush;

use super::world::{CANARIES, MODES, masked, shown, stars, terminal};

/// Bytes that may be kept back, whatever comes.
const MOST_HELD: usize = 300 << 10;

/// Pushes a unit again and again, and sees that it comes out again in bounded memory.
fn endless(front: &[u8], unit: &[u8], times: usize) -> Vec<u8> {
    let mut terminal = terminal(Flush::Strict);
    let (mut out, mut came) = (Vec::new(), front.len());
    terminal.push(front, &mut out);
    for _ in 0..times {
        terminal.push(unit, &mut out);
        came += unit.len();
        assert!(came <= out.len() + MOST_HELD, "{came} {}", out.len());
    }
    terminal.finish(&mut out);
    out
}

#[test]
fn strings_without_end_are_passed_on() {
    let unit = [b"lorem ipsum \r\n\x01\xff".as_slice(), "漢字".as_bytes()].concat();
    for front in [
        &b"4111 1111 \x1b]0;"[..],
        b"4111 1111 \x1bP",
        b"4111 1111 \x1b_",
        b"4111 \x9d",
        b"4111 \x90q",
    ] {
        let (units, times) = (unit.repeat(20), 2_000);
        let out = endless(front, &units, times);
        assert!(out == [front, &units.repeat(times)].concat());
    }
}

#[test]
fn sequences_without_end_are_passed_on() {
    for (front, unit) in [
        (&b"4111 1111 \x1b["[..], &b"1;"[..]),
        (b"4111 1111 \x1b[", b"999999999999999999999"),
        (b"4111 1111 \x1b", b"###"),
        (b"4111 1111 \x1b", b"\x1b\x1b"),
        (b"4111 1111 ", b"\x1b[1m"),
        (b"4111 1111 ", b"\0\0\0\0"),
        (b"4111 111", b"1\x08"),
        (b"4111 111", b"1\x08 \x08"),
        (b"eyJ", b"\x08J"),
        (b"4111 1111 ", b"\x1b]0;t\x07"),
        (b"4111 1111 ", b"\x1b[C"),
        (b"", b"\x1b[255b1"),
    ] {
        let (units, times) = (unit.repeat(25), 8_000);
        let out = endless(front, &units, times);
        assert!(out == [front, &units.repeat(times)].concat(), "{unit:?}");
    }
}

#[test]
fn sequences_that_are_cut_short_do_nothing() {
    for cut in [
        "\x1b[3\x18",
        "\x1b[3\x1a",
        "\x1b[3\x1b[1m",
        "\x1b\x1b\x1b[m",
        "\x1b]0;t\x1b[m",
        "\x1bP1\x18",
        "\x1b\x18",
    ] {
        let text = format!("4111 1111 {cut}1111 1111\n");
        assert_eq!(
            shown(&text),
            format!("**********{cut}*********\n"),
            "{cut:?}"
        );
    }
}

/// Controls act in the middle of a sequence.
#[test]
fn controls_in_sequences_act() {
    assert_eq!(
        shown("4111 1119\x1b[3\x081m1 1111 1111\n"),
        "*********\x1b[3\x081m***********\n"
    );
    assert_eq!(
        shown("x\x1b[3\n1m4111 1111 1111 1111\n"),
        "x\x1b[3\n1m*******************\n"
    );
    assert_eq!(
        shown("4111 1111 \x1b[1\r\nm1111 1111\n"),
        "4111 1111 \x1b[1\r\nm1111 1111\n"
    );
}

#[test]
fn controls_in_one_byte_are_no_parts_of_characters() {
    let around = |control: &[u8]| [b"4111 1111 ", control, b"1111 1111\n"].concat();
    let hidden = |control: &[u8]| [b"**********", control, b"*********\n"].concat();
    for control in [
        &b"\x9b31m"[..],
        b"\x9d0;t\x07",
        b"\x9d0;t\x9c",
        b"\x90q\x9c",
        b"\x8e",
        b"\x9c",
    ] {
        assert_eq!(masked(around(control)), hidden(control), "{control:?}");
    }
    // Those bytes in characters are characters, so they stand between the digits.
    for character in ["雛", "›", "\u{9b}31m"] {
        let text = around(character.as_bytes());
        assert_eq!(masked(&text), text, "{character}");
    }
    // What a terminal shows that knows no such controls is hidden too.
    assert_eq!(masked(b"\x9b4111111111111111m"), b"\x9b****************m");
    assert_eq!(masked(b"\x9d4111111111111111"), b"\x9d****************");
}

#[test]
fn each_sequence_may_be_the_last() {
    for flush in MODES {
        for text in [
            "a\x1b",
            "a\x1b[",
            "a\x1b[31",
            "a\x1b]0;t",
            "a\x1bP",
            "a\x1b(",
            "a\x1b]0;t\x1b",
        ] {
            for cut in 0..=text.len() {
                let (mut terminal, mut out) = (terminal(flush), Vec::new());
                terminal.push(&text.as_bytes()[..cut], &mut out);
                terminal.flush(&mut out);
                terminal.push(&text.as_bytes()[cut..], &mut out);
                terminal.finish(&mut out);
                assert_eq!(out, text.as_bytes());
            }
        }
    }
    assert_eq!(masked(b"a\xe2\x82"), b"a\xe2\x82");
    assert_eq!(
        shown(format!("\x1b]0;{}", CANARIES[0])),
        format!("\x1b]0;{}", stars(CANARIES[0]))
    );
}

/// Forty times the bytes must not cost two hundred times the time.
#[test]
fn work_grows_with_the_length() {
    for unit in [
        "4111 ",
        "a@",
        "eyJ",
        "eyJhbGciOiJI.eyJzdWIi.",
        "1\x08",
        "_\x081",
        "1\x08 \x08",
        "\x1b[m",
        "\x1b[H",
        "\x1b]0;4111 \x07",
        "\x1b[9b1",
        "\x1b",
        "AKIA",
        "abcd",
        "\x08",
        "4\x1b[31m1",
        "\x1b[K\x08a",
        "a@b.cd ",
        "-----BEGIN PRIVATE KEY-----\x1b[H",
    ] {
        let cost = |count: usize| {
            let text = unit.repeat(count);
            nanoseconds(|| masked(&text).len())
        };
        let (short, long) = (cost(1_000), cost(40_000));
        assert!(
            long < short * 200 + 200_000_000,
            "{unit:?}: {short} ns, then {long} ns"
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "the test measures time")]
fn nanoseconds(work: impl Fn() -> usize) -> u128 {
    let runs = (0..3).map(|_| {
        let start = std::time::Instant::now();
        std::hint::black_box(work());
        start.elapsed().as_nanos()
    });
    runs.min().unwrap()
}
