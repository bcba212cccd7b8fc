//! Any stream in any chunks, with flushes or without.

use custos_masking::{Detectors, Flush};
use proptest::prelude::*;

use super::screen::Screen;
use super::world::{
    CANARIES, KEY, MODES, detectors, masked, of_chunks, of_letters, terminal, terminal_of,
};
use crate::chunks::piece;

/// Parts of a stream that the model of a screen knows.
fn drawn() -> impl Strategy<Value = String> {
    let canary = prop::sample::select(CANARIES.to_vec());
    prop_oneof![
        4 => canary.clone().prop_map(str::to_owned),
        2 => canary.clone().prop_map(|text| {
            of_letters(text, |letter| format!("{letter}\x1b[{}m", u32::from(letter) % 8 + 30))
        }),
        1 => canary.clone().prop_map(|text| {
            of_letters(text, |letter| format!("{letter}\x08{letter}"))
        }),
        1 => (canary.clone(), 1_usize..40).prop_map(|(text, length)| text.chars().take(length).collect()),
        1 => (canary, 1_usize..6).prop_map(|(text, back)| format!("{text}{}", "\x08 \x08".repeat(back))),
        2 => "[ -~]{0,9}",
        1 => "[ éü漢字\u{301}]{0,5}",
        1 => Just(KEY.join("\r\n")),
        4 => prop::sample::select(vec![" ", "\r\n", ", ", ": ", "\r", "7", "a", "-"]).prop_map(str::to_owned),
        3 => prop::sample::select(vec![
            "\x1b[31m", "\x1b[0m\x1b[K", "\x1b[K", "\x1b[?25l", "\x1b(B", "\x1b]0;title\x07", "\0", "\x07",
            "\x08", "\x08\x08", "\x1b[C", "\x1b[2C", "\x1b[D", "\x1b[5;9H", "\x1b[H", "\x1b[2J",
        ])
        .prop_map(str::to_owned),
        1 => (1_usize..5).prop_map(|count| format!("1\x1b[{count}b")),
        1 => (1_usize..300).prop_map(|count| "lorem ".repeat(count)),
    ]
}

/// Parts of a stream that are nothing good.
fn wild() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        drawn().prop_map(String::into_bytes),
        drawn().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..6),
        prop::sample::select(vec![
            &b"\x1b"[..],
            b"\x1b[",
            b"\x1b]",
            b"\x1bP",
            b"\x9b",
            b"\x9d",
            b"\x9c",
            b"\x18",
            b"\x1a",
            b"\xe2\x82",
            b"\xc2\x9b",
            b"\x1b]52;c;",
            b"\x1b\\",
            b"\x1b[4111",
            b"\x0e",
            b"\x1b(0",
            b"\x0f",
            b"\x1bc",
            b"\x85",
            b"\x1b[999b",
            b"\x1b[99999999D",
            b"\x1b[1P",
            b"\x1b[4h",
            b"\xff",
            b"eyJ",
            b"-----BEGIN ",
            b"\t",
        ])
        .prop_map(<[u8]>::to_vec),
        // What is written into a line that is there.
        (1_usize..30, "[a-z0-9 @._]{0,9}", 0_usize..30).prop_map(|(back, text, forth)| {
            let forth = if forth > 0 {
                format!("\x1b[{forth}C")
            } else {
                String::new()
            };
            format!("{}{text}{forth}", "\x08".repeat(back)).into_bytes()
        }),
        "(al|ice|@ex|ample.com| |41|11|1111 |_|EMP-1|23456|DE8|AKIA){1,9}"
            .prop_map(String::into_bytes),
        (1_usize..700).prop_map(|count| b"eyJ1".repeat(count)),
        (1_usize..400).prop_map(|count| b"abcd".repeat(count)),
        (1_usize..9000).prop_map(|count| vec![0; count]),
        (1_usize..3000).prop_map(|count| b"\x1b[1m".repeat(count)),
        (1_usize..1500).prop_map(|count| [b"\x1b]0;", vec![b'x'; count * 4].as_slice()].concat()),
    ]
}

fn cut<'a>(stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut sizes = sizes.iter().cycle();
    let mut rest = stream;
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let (chunk, tail) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        chunks.push(chunk);
        rest = tail;
    }
    chunks
}

fn with_flushes(flush: Flush, chunks: &[&[u8]]) -> Vec<u8> {
    let mut terminal = terminal(flush);
    let mut out = Vec::new();
    for chunk in chunks {
        terminal.push(chunk, &mut out);
        terminal.flush(&mut out);
    }
    terminal.finish(&mut out);
    out
}

/// What the whole stream shows that is not hidden, must be what it was; and what it hid must be stars.
fn same_but_for_stars(stream: &[u8], out: &[u8]) -> Result<(), TestCaseError> {
    let (before, after) = (Screen::showing(stream), Screen::showing(out));
    prop_assert_eq!(before.cursor(), after.cursor());
    for (cell, shown) in before.cells() {
        let now = after.cells().get(cell).map(String::as_str);
        // Combining characters are hidden by nothing, on whatever they stand.
        let has_combining = shown.contains('\u{301}');
        prop_assert!(
            now == Some(shown) || now.is_some_and(|now| now.starts_with('*')) || has_combining,
            "{:?} {} {:?}",
            cell,
            shown,
            now
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Text without sequences is masked as the detectors say that see it as a whole.
    #[test]
    fn plain_text_is_hidden_where_detectors_find_something(
        pieces in prop::collection::vec(piece(), 0..14),
        sizes in prop::collection::vec(1_usize..900, 1..8),
    ) {
        let text = pieces.concat().into_bytes();
        let mut hidden = text.clone();
        for finding in detectors().find(&text) {
            let range = finding.range.start as usize..finding.range.end as usize;
            let printed = hidden[range].iter_mut().filter(|byte| !byte.is_ascii_control());
            printed.for_each(|byte| *byte = b'*');
        }
        prop_assert_eq!(&masked(&text), &hidden);
        prop_assert_eq!(&with_flushes(Flush::Strict, &cut(&text, &sizes)), &hidden);
        if text.len() < 3_000 {
            prop_assert_eq!(&of_chunks(terminal(Flush::Live), text.chunks(1)), &hidden);
        }
    }

    #[test]
    fn any_chunking_gives_what_the_whole_gives(
        pieces in prop::collection::vec(wild(), 0..14),
        sizes in prop::collection::vec(1_usize..700, 1..8),
    ) {
        let stream = pieces.concat();
        let whole = masked(&stream);
        for flush in MODES {
            let chunks = cut(&stream, &sizes);
            prop_assert_eq!(&of_chunks(terminal(flush), chunks.iter().copied()), &whole);
        }
        if stream.len() < 3_000 {
            prop_assert_eq!(&of_chunks(terminal(Flush::Live), stream.chunks(1)), &whole);
        }
        // Strict flushes change nothing at all.
        prop_assert_eq!(&with_flushes(Flush::Strict, &cut(&stream, &sizes)), &whole);
    }

    #[test]
    fn the_cursor_stays_where_it_was_and_no_canary_is_shown(
        pieces in prop::collection::vec(drawn(), 0..14),
        sizes in prop::collection::vec(1_usize..40, 1..8),
    ) {
        let stream = pieces.concat().into_bytes();
        let out = masked(&stream);
        same_but_for_stars(&stream, &out)?;
        same_but_for_stars(&stream, &with_flushes(Flush::Live, &cut(&stream, &sizes)))?;
    }

    #[test]
    fn no_canary_is_shown_whole(
        parts in prop::collection::vec(
            (prop::sample::select(CANARIES.to_vec()), prop::sample::select(vec!["\r\n", "; ", "\x1b[5;5H", "\x1b[m, "])),
            1..9,
        ),
        colours in prop::collection::vec(0_usize..4, 1..9),
        sizes in prop::collection::vec(1_usize..40, 1..8),
    ) {
        let mut colours = colours.iter().cycle();
        let mut stream = String::new();
        for (canary, separator) in &parts {
            for letter in canary.chars() {
                stream.push_str(["", "", "\x1b[32m", "\x1b]0;t\x07"][*colours.next().unwrap()]);
                stream.push(letter);
            }
            stream.push_str(separator);
        }
        let chunks = cut(stream.as_bytes(), &sizes);
        for out in [masked(&stream), with_flushes(Flush::Strict, &chunks), of_chunks(terminal(Flush::Live), chunks)] {
            let rows = Screen::showing(&out).rows().join("\n");
            for (canary, _) in &parts {
                prop_assert!(!rows.contains(canary), "{}", rows);
                // Nothing is left of it but its separators.
                let digits = rows.chars().filter(char::is_ascii_alphanumeric).count();
                prop_assert_eq!(digits, 0, "{}", rows);
            }
        }
    }

    #[test]
    fn what_holds_nothing_comes_through_byte_by_byte(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(0x1b), Just(b'['), Just(b']'), Just(b';'), Just(b'1'), Just(8), Just(b'b')],
            0..600,
        ),
        sizes in prop::collection::vec(1_usize..90, 1..8),
    ) {
        prop_assume!(!bytes.windows(2).any(|pair| pair == b"52"));
        let detectors = Detectors::new(&[]).and_then(|none| none.with_pattern("zq7canaryq")).unwrap();
        for flush in MODES {
            let mut terminal = terminal_of(detectors.clone(), flush);
            let mut out = Vec::new();
            for chunk in cut(&bytes, &sizes) {
                terminal.push(chunk, &mut out);
                if chunk.len() % 2 == 0 {
                    terminal.flush(&mut out);
                }
            }
            terminal.finish(&mut out);
            prop_assert_eq!(&out, &bytes);
        }
    }
}
