//! What is found, and what stands in its place.

use custos_masking::{Detector, Detectors, Flush, Mask, MaskedTerminal, Transform};

use super::world::{
    CANARIES, KEY, MODES, masked, of_chunks, of_letters, shown, stars, terminal, terminal_of,
};

/// What does not move the cursor.
const SILENT: [&str; 14] = [
    "\x1b[31m",
    "\x1b[38;2;255;0;128;1m",
    "\x1b[m\x1b[K",
    "\x1b[?25l",
    "\x1b[?2004h",
    "\x1b(B",
    "\x1b=",
    "\x1b7",
    "\x1b]0;a title\x07",
    "\x1b]8;;http://a/b\x1b\\",
    "\x1bP$q\"p\x1b\\",
    "\x1b[3\x18",
    "\0\x07\x7f",
    "\x0e\x0f",
];

#[test]
fn each_is_hidden_in_its_columns() {
    for canary in CANARIES {
        for (front, back) in [("", ""), ("a ", " b"), ("é漢: ", "\r\n字"), ("<", ">\r")] {
            let (text, hidden) = (
                format!("{front}{canary}{back}"),
                format!("{front}{}{back}", stars(canary)),
            );
            assert_eq!(shown(&text), hidden);
        }
    }
}

#[test]
fn nothing_between_characters_hides_them() {
    for canary in CANARIES {
        for silent in SILENT {
            for place in 1..canary.len() {
                let Some((front, back)) = canary.split_at_checked(place) else {
                    continue;
                };
                let text = format!("> {front}{silent}{back} <\n");
                let hidden = format!("> {}{silent}{} <\n", stars(front), stars(back));
                assert_eq!(shown(&text), hidden, "{text:?}");
            }
            let everywhere = |text: &str| of_letters(text, |letter| format!("{silent}{letter}"));
            let text = format!("> {}{silent} <\n", everywhere(canary));
            let hidden = format!("> {}{silent} <\n", everywhere(&stars(canary)));
            assert_eq!(shown(&text), hidden, "{text:?}");
        }
    }
}

#[test]
fn wherever_the_stream_is_cut_it_is_the_same() {
    for canary in CANARIES.into_iter().chain([KEY.join("\r\n").as_str()]) {
        let letters = of_letters(canary, |letter| format!("\x1b[1m{letter}\x1b[K"));
        for text in [format!("é {canary} 漢\r\n"), format!("é {letters}漢\r\n")] {
            let whole = masked(&text);
            for place in 0..=text.len() {
                let (front, back) = text.as_bytes().split_at(place);
                let out = of_chunks(terminal(Flush::Live), [front, back]);
                assert_eq!(out, whole, "{text:?} at {place}");
            }
            for flush in MODES {
                let single = of_chunks(terminal(flush), text.as_bytes().chunks(1));
                assert_eq!(single, whole, "{text:?}");
            }
        }
    }
}

/// What one detector would wait for must not be needed by another.
#[test]
fn each_detector_waits_for_itself() {
    let none = Detectors::new(&[]).unwrap();
    let pattern = none.with_pattern(r"EMP-\d{6}").unwrap();
    let alone = Detector::BUILT_IN.map(|detector| Detectors::new(&[detector]).unwrap());
    let mut found = 0;
    for detectors in alone.into_iter().chain([pattern]) {
        for canary in CANARIES.into_iter().chain(KEY) {
            let text = format!("a {canary} b\n");
            let terminal = || terminal_of(detectors.clone(), Flush::Strict);
            let whole = of_chunks(terminal(), [text.as_bytes()]);
            for place in 0..=text.len() {
                let (front, back) = text.as_bytes().split_at(place);
                assert_eq!(of_chunks(terminal(), [front, back]), whole, "{text:?}");
            }
            let single = of_chunks(terminal(), text.as_bytes().chunks(1));
            assert_eq!(single, whole, "{text:?}");
            found += usize::from(whole != text.as_bytes());
        }
    }
    assert_eq!(found, CANARIES.len() + 1);
}

#[test]
fn a_key_file_is_hidden_line_by_line() {
    for end in ["\n", "\r\n", "\x1b[0m\r\n", "\x1b[K\r\n"] {
        let text = format!("$ cat key{end}{}{end}$ ", KEY.join(end));
        let lines: Vec<String> = KEY.iter().map(|line| stars(line)).collect();
        let hidden = format!("$ cat key{end}{}{end}$ ", lines.join(end));
        assert_eq!(shown(&text), hidden);
    }
}

#[test]
fn colours_in_a_finding_stay_where_they_are() {
    let text = "a \x1b[32m4111 \x1b[1m1111\x1b[0m 1111\x1b]0;t\x07 1111\x1b[m b";
    let hidden = "a \x1b[32m*****\x1b[1m****\x1b[0m*****\x1b]0;t\x07*****\x1b[m b";
    assert_eq!(shown(text), hidden);
}

/// What `grep --color` makes of a line.
#[test]
fn what_grep_prints_is_searched() {
    let text = "\x1b[35m\x1b[Kf\x1b[m\x1b[K\x1b[36m\x1b[K:\x1b[m\x1b[Kmail \x1b[01;31m\x1b[Kalice\x1b[m\x1b[K@example.com ok";
    let out = shown(text);
    assert!(out.contains("*****\x1b[m\x1b[K************ ok"), "{out}");
}

#[test]
fn wide_characters_are_two_stars_and_combining_ones_none() {
    let detectors = Detectors::new(&[])
        .and_then(|detectors| detectors.with_pattern("名.{1,9}末"))
        .unwrap();
    let text = "a 名漢e\u{301}末 b";
    let out = of_chunks(terminal_of(detectors, Flush::Live), [text.as_bytes()]);
    assert_eq!(String::from_utf8(out).unwrap(), "a ******* b");
}

/// A pattern may match a part of a character: that hides all of it.
#[test]
fn half_a_character_is_not_shown() {
    for (pattern, hidden) in [(r"(?-u)x\xc3", "a**b x漢"), (r"(?-u)\xa9b", "ax** x漢")] {
        let detectors = Detectors::new(&[])
            .and_then(|detectors| detectors.with_pattern(pattern))
            .unwrap();
        let text = "axéb x漢".as_bytes();
        for place in 0..=text.len() {
            let (front, back) = text.split_at(place);
            let terminal = terminal_of(detectors.clone(), Flush::Live);
            let out = of_chunks(terminal, [front, back]);
            assert_eq!(String::from_utf8(out).unwrap(), hidden, "{place}");
        }
    }
}

/// In the set of line drawing `x` is a vertical line, and no letter that belongs to the number.
#[test]
fn lines_around_a_number_are_no_letters() {
    for (on, off) in [("\x1b(0", "\x1b(B"), ("\x1b)0\x0e", "\x0f")] {
        let text = format!("{on}x{off}4111 1111 1111 1111{on}x{off}");
        let hidden = format!("{on}x{off}*******************{on}x{off}");
        assert_eq!(shown(text), hidden);
    }
    assert_eq!(shown("x4111 1111 1111 1111x"), "x4111 1111 1111 1111x");
    let reset = "\x1b(0x\x1bcx4111 1111 1111 1111";
    assert_eq!(shown(reset), reset);
}

#[test]
fn the_transform_is_not_asked() {
    let detectors = Detectors::new(&[Detector::PaymentCard]).unwrap();
    let redact = Transform::redact("[a longer text than the number]").unwrap();
    let mask = Mask::detected(detectors, redact, 10);
    let terminal = MaskedTerminal::new(&mask, Flush::Live).unwrap();
    assert_eq!(of_chunks(terminal, [&b"4111111111111111"[..]]), [b'*'; 16]);
    let whole = Mask::whole(Transform::null(), 10);
    assert!(MaskedTerminal::new(&whole, Flush::Live).is_none());
}

#[test]
fn a_terminal_can_be_used_again() {
    let mut terminal = terminal(Flush::Strict);
    for _ in 0..2 {
        let mut out = Vec::new();
        terminal.push(b"\x1b(0 -----BEGIN PRIVATE KEY-----\n \x1b[", &mut out);
        terminal.finish(&mut out);
        terminal.push(b"x", &mut out);
        terminal.finish(&mut out);
        assert_eq!(out.last(), Some(&b'x'));
    }
}
