//! When something comes out: at once, after a flush, or not before it is decided.

use custos_masking::{Detector, Detectors, Flush, MaskedTerminal};

use super::world::{CANARIES, KEY, MODES, detectors, stars, terminal, terminal_of};

/// What comes out of a chunk, and of a flush after it.
fn step(terminal: &mut MaskedTerminal, chunk: &str) -> (String, String) {
    let (mut at_once, mut flushed) = (Vec::new(), Vec::new());
    terminal.push(chunk.as_bytes(), &mut at_once);
    let due = terminal.has_held_back();
    terminal.flush(&mut flushed);
    assert!(due || flushed.is_empty());
    assert!(!terminal.has_held_back());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(at_once), text(flushed))
}

fn strings(at_once: &str, flushed: &str) -> (String, String) {
    (at_once.to_owned(), flushed.to_owned())
}

#[test]
fn what_can_be_nothing_comes_at_once() {
    for flush in MODES {
        let mut terminal = terminal(flush);
        for text in [
            "total 12\r\n",
            "\x1b[?2004h[alice@web1 ~]$ ",
            "drwxr-xr-x 2 root root 4096 Nov 21 10:00 \x1b[01;34mbin\x1b[0m\r\n",
            "\x1b[1;1H\x1b[K~\x1b[2;1H\x1b[0m",
            "Password: ",
        ] {
            assert_eq!(step(&mut terminal, text), strings(text, ""));
        }
    }
}

#[test]
fn letters_that_begin_nothing_are_not_delayed() {
    let cards = Detectors::new(&[Detector::PaymentCard, Detector::SocialSecurity]).unwrap();
    let mut terminal = terminal_of(cards, Flush::Strict);
    for letter in ["l", "s", " ", "-", "l", "a", "é", "漢", "\r\n"] {
        assert_eq!(step(&mut terminal, letter), strings(letter, ""));
    }
    assert_eq!(step(&mut terminal, "echo 4"), strings("echo ", ""));
    assert_eq!(step(&mut terminal, "2"), strings("", ""));
    assert_eq!(step(&mut terminal, "!"), strings("42!", ""));
    assert_eq!(step(&mut terminal, "7"), strings("", ""));
    assert_eq!(step(&mut terminal, "\r\n"), strings("7\r\n", ""));
}

#[test]
fn words_and_numbers_come_with_a_flush() {
    let mut terminal = terminal(Flush::Live);
    for (chunk, at_once, flushed) in [
        ("l", "", "l"),
        ("s", "", "s"),
        (" ", " ", ""),
        ("4", "", "4"),
        ("200", "", "200"),
        ("\r\n", "\r\n", ""),
        ("see 10.1.", "see ", "10.1."),
        ("\x1b[3", "", "\x1b[3"),
        ("1mx", "1m", "x"),
        ("\u{e9}", "", "é"),
    ] {
        assert_eq!(
            step(&mut terminal, chunk),
            strings(at_once, flushed),
            "{chunk:?}"
        );
    }
}

/// The first part says what it is, so it waits for the second.
#[test]
fn half_of_a_secret_is_kept_back() {
    for (front, back) in [
        ("4111 1111 ", "1111 1111"),
        ("123-45-6", "789"),
        ("DE89370400440", "532013000"),
        ("alice@exam", "ple.com"),
        ("+1 (415) 55", "5-2671"),
        ("eyJhbGciOiJIUzI1", "NiJ9.eyJzdWIiOiIxMjM0"),
        ("AKIAIOS", "FODNN7EXAMPLE"),
        ("2001:0db8:85a3:0000:", "0000:8a2e:0370:7334"),
        ("EMP-12", "3456"),
    ] {
        let mut terminal = terminal(Flush::Live);
        let expected = strings("> ", "");
        assert_eq!(
            step(&mut terminal, &format!("> {front}")),
            expected,
            "{front}"
        );
        let rest = step(&mut terminal, &format!("{back}\n"));
        let hidden = format!("{}\n", stars(&format!("{front}{back}")));
        assert_eq!(rest, (hidden, String::new()), "{front}");
    }
}

/// What is complete is hidden, though it could go on.
#[test]
fn a_secret_at_a_prompt_comes_hidden_with_a_flush() {
    for canary in CANARIES {
        let mut terminal = terminal(Flush::Live);
        let (at_once, flushed) = step(&mut terminal, &format!("a {canary}"));
        assert_eq!(
            format!("{at_once}{flushed}"),
            format!("a {}", stars(canary))
        );
    }
}

/// Somebody types faster than the flush comes, or slower: it is never kept back for good.
#[test]
fn what_was_begun_to_be_shown_is_not_kept_back() {
    let mut terminal = terminal(Flush::Live);
    for letter in "ssh alice@web1".chars() {
        let (at_once, flushed) = step(&mut terminal, &letter.to_string());
        assert_eq!(format!("{at_once}{flushed}"), letter.to_string());
    }
}

/// A flush may cut a character, which is whole all the same.
#[test]
fn characters_stay_whole() {
    let text = "4111\u{a0}1111\u{a0}1111\u{a0}1111 漢 alice@exämple.se\n";
    let mut terminal = terminal(Flush::Live);
    let mut out = Vec::new();
    for byte in text.as_bytes() {
        terminal.push(&[*byte], &mut out);
        terminal.flush(&mut out);
    }
    let out = String::from_utf8(out).unwrap();
    assert_eq!(out.chars().count(), text.chars().count());
}

#[test]
fn strict_waits_for_what_decides() {
    let mut terminal = terminal(Flush::Strict);
    for chunk in ["alice", "@", "example", ".com"] {
        assert_eq!(step(&mut terminal, chunk), strings("", ""));
    }
    assert_eq!(
        step(&mut terminal, " "),
        strings(&format!("{} ", stars("alice@example.com")), "")
    );
    let mut out = Vec::new();
    terminal.push(b"4111 1111", &mut out);
    terminal.finish(&mut out);
    assert_eq!(out, b"4111 1111");
}

#[test]
fn a_key_file_is_hidden_while_it_comes() {
    for flush in MODES {
        let mut terminal = terminal(flush);
        for line in &KEY[..3] {
            let (at_once, flushed) = step(&mut terminal, &format!("{line}\r\n"));
            assert_eq!(
                format!("{at_once}{flushed}"),
                format!("{}\r\n", stars(line))
            );
        }
        let last = format!("{}\r\n", KEY[3]);
        assert_eq!(
            step(&mut terminal, &last),
            strings(&format!("{}\r\n", stars(KEY[3])), "")
        );
        assert_eq!(step(&mut terminal, "$ "), strings("$ ", ""));
    }
}

/// A token of any length is hidden while it comes.
#[test]
fn a_token_without_end_is_not_kept() {
    for flush in MODES {
        let mut terminal = terminal(flush);
        let mut out = Vec::new();
        terminal.push(b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIi", &mut out);
        for _ in 0..10_000 {
            terminal.push(b"abcdefgh", &mut out);
        }
        assert_eq!(out.len(), 29 + 80_000);
        assert!(out.iter().all(|byte| *byte == b'*'));
    }
}

/// Nothing that a clipboard holds is shown, however long its end is waited for.
#[test]
fn clipboards_are_kept_back_by_flushes() {
    let mut terminal = terminal(Flush::Live);
    assert_eq!(step(&mut terminal, "a \x1b]52;c;QUJ"), strings("a ", ""));
    assert_eq!(step(&mut terminal, "DREVG"), strings("", ""));
    assert_eq!(step(&mut terminal, "\x07b "), strings("b ", ""));
    // Its beginning was shown before it was known to be one. What is left does nothing.
    assert_eq!(step(&mut terminal, "\x1b]5"), strings("", "\x1b]5"));
    assert_eq!(step(&mut terminal, "2;c;QUJD\x07 "), strings("\x07 ", ""));
}

#[test]
fn nothing_is_due_when_nothing_is_held() {
    for flush in MODES {
        let mut terminal = terminal_of(detectors(), flush);
        assert!(!terminal.has_held_back());
        let mut out = Vec::new();
        terminal.push(b"7", &mut out);
        assert_eq!(terminal.has_held_back(), flush == Flush::Live);
        terminal.finish(&mut out);
        assert!(!terminal.has_held_back());
    }
}
