//! What was typed.

use custos_typing::{MAX_LINE_BYTES, Typing};

use crate::{echoed, shown, terminal};

/// The line that these keys make, and whether it is certain.
fn typed(keys: &[u8]) -> (String, bool) {
    let mut typing = terminal();
    assert_eq!(typing.keys(keys), keys.len(), "{keys:?}");
    let line = typing.line();
    (line.typed.text, line.is_certain)
}

#[test]
fn plain_editing_is_followed() {
    for (keys, line) in [
        (&b"rm x"[..], "rm x"),
        (b"rn\x7fm x", "rm x"),
        (b"rn\x08m x", "rm x"),
        (b"\x7f\x7frm", "rm"),
        (b"ls -l\x15rm", "rm"),
        (b"rm one two\x17x", "rm one x"),
        (b"rm one  \x17x", "rm x"),
        (b"one\x17\x17rm", "rm"),
        (b"rm x\x03ls", "ls"),
        (b"rm x\x0c y", "rm x y"),
        ("grüße\u{7f}x".as_bytes(), "grüßx"),
        ("漢字\u{7f}x".as_bytes(), "漢x"),
    ] {
        assert_eq!(typed(keys), (line.to_owned(), true), "{keys:?}");
    }
}

#[test]
fn what_only_the_program_knows_is_in_doubt() {
    for keys in [
        &b"\x1b[A"[..],
        b"\x1bOA",
        b"\x1b.",
        b"\x1b\x7f",
        b"\x1b[1;5D",
        b"\x1b[200~rm",
        b"dang\t",
        b"\x12rm",
        b"rm\x01",
        b"rm\x19",
        b"rm\x16",
        b"rm\x1a",
        b"rm\xff",
        b"rm\xc3x",
        b"rm --all\x17",
    ] {
        assert!(!typed(keys).1, "{keys:?}");
    }
    // Until the line is gone.
    assert_eq!(typed(b"\x1b[Ax\x03ls"), ("ls".to_owned(), true));
}

#[test]
fn it_ends_where_a_key_enters_it() {
    for (keys, at) in [
        (&b"rm x\rls"[..], Some(4)),
        (b"rm x\nls", Some(4)),
        (b"rm x\x0f", Some(4)),
        (b"rm x\x04", Some(4)),
        (b"\x1b[A\r", Some(3)),
        (b"\x1b\r", Some(1)),
        (b"\x1b[\r", Some(2)),
        (b"\x04", None),
        (b"rm x\x03\x04", None),
    ] {
        let mut typing = terminal();
        assert_eq!(typing.keys(keys), at.unwrap_or(keys.len()), "{keys:?}");
        typing.enter(b'\r');
        assert_eq!(typing.line().typed.text, "");
    }
    // It may have done something else than to enter it.
    let mut typing = terminal();
    typing.keys(b"rm");
    typing.enter(0x04);
    typing.keys(b" x");
    let line = typing.line();
    assert_eq!((line.typed.text.as_str(), line.is_certain), ("rm x", false));
}

#[test]
fn a_paste_in_brackets_is_one_line() {
    let mut typing = terminal();
    typing.show(b"\x1b[?2004h$ ");
    let keys = b"\x1b[200~one\r\ttwo\x1b[201~ three\r";
    assert_eq!(typing.keys(keys), keys.len() - 1);
    typing.show(b"one\r\n        two three");
    let line = typing.line();
    assert_eq!(line.typed.text, "one\n\ttwo three");
    assert!(line.is_certain && line.typed.is_shown);
    // Without the program's wish there are no brackets.
    let mut typing = terminal();
    typing.show(b"\x1b[?2004h\x1b[?2004l$ ");
    assert_eq!(typing.keys(b"\x1b[200~one\rtwo"), 9);
}

#[test]
fn a_line_without_an_end_takes_no_memory() {
    let mut typing = terminal();
    let piece = [b'a'; 1 << 14];
    for _ in 0..MAX_LINE_BYTES / piece.len() {
        typing.keys(&piece);
    }
    assert!(!typing.line().is_too_long);
    for _ in 0..64 {
        typing.keys(&piece);
        let line = typing.line();
        assert!(line.is_too_long && line.typed.text.len() <= MAX_LINE_BYTES);
    }
    typing.enter(b'\r');
    assert!(!typing.line().is_too_long);
}

#[test]
fn a_line_goes_on_in_the_next_where_it_says_so() {
    let mut typing = terminal();
    typing.show(b"$ ");
    echoed(&mut typing, "r\\");
    typing.enter(b'\r');
    typing.show(b"\r\n> ");
    echoed(&mut typing, "m x");
    let lines = typing.line().typed.lines;
    let pattern = custos_shell::Pattern::parse("rm x").unwrap();
    assert!(lines.iter().any(|line| pattern.is_mentioned_in(line)));
    // Of what was not shown nothing is kept.
    let mut typing = terminal();
    typing.show(b"$ ");
    typing.keys(b"r\\");
    typing.enter(b'\r');
    typing.show(b"\r\n> ");
    echoed(&mut typing, "m x");
    let lines = typing.line().typed.lines;
    assert!(!lines.iter().any(|line| pattern.is_mentioned_in(line)));
}

#[test]
fn on_the_alternate_screen_there_are_no_lines() {
    let mut typing = terminal();
    typing.show(b"$ ");
    typing.keys(b"vi\r");
    typing.enter(b'\r');
    typing.show(b"\r\n\x1b[?1049h\x1b[2J");
    assert_eq!(typing.keys(b"irm x\r\x1b:q\r"), 10);
    typing.show(b"\x1b[?1049l$ ");
    echoed(&mut typing, "ls");
    let line = typing.line();
    assert_eq!((line.typed.text.as_str(), shown(&line)), ("ls", None));
    assert!(line.is_certain);
}

#[test]
fn a_line_that_was_dropped_is_not_forgotten() {
    // By a program that ignores Ctrl-C.
    let mut typing = terminal();
    typing.show(b"$ ");
    echoed(&mut typing, "rm x");
    typing.drop_line();
    let line = typing.line();
    assert_eq!((shown(&line), line.is_certain), (Some("$ rm x"), false));
    // By one that does not.
    typing.show(b"^C\r\n$ ");
    echoed(&mut typing, "ls");
    assert_eq!(shown(&typing.line()), Some("$ ls"));
    typing.enter(b'\r');
    typing.show(b"\r\n$ ");
    echoed(&mut typing, "ls");
    assert!(typing.line().is_certain);
}

#[test]
fn keys_that_a_program_took_are_not_in_the_way() {
    // `more` took the first one.
    let mut typing = Typing::new(40, 5);
    typing.show(b"--More--");
    typing.keys(b"q");
    typing.show(b"\r\n$ ");
    echoed(&mut typing, "rm x");
    let pattern = custos_shell::Pattern::parse("rm x").unwrap();
    let lines = typing.line().typed.lines;
    assert!(lines.iter().any(|line| pattern.is_mentioned_in(line)));
}
