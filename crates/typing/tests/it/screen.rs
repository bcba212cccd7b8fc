//! What the terminal shows of a line.

use custos_typing::Typing;

use crate::{echoed, shown, terminal};

/// What is shown behind a prompt, when a key was typed and this came back.
fn behind_prompt(output: &[u8]) -> Option<String> {
    let mut typing = terminal();
    typing.show(b"$ ");
    typing.keys(b"\x1b[A");
    typing.show(output);
    shown(&typing.line()).map(str::to_owned)
}

#[test]
fn the_row_is_followed() {
    for (output, line) in [
        (&b""[..], None),
        (b"rm x", Some("rm x")),
        (b"\x1b[31mrm\x1b[0m x", Some("rm x")),
        (b"ls\x08\x08\x1b[Krm x", Some("rm x")),
        (b"ls -l\r\x1b[2C\x1b[Krm x", Some("rm x")),
        (b"ls\r$ rm x", Some("rm x")),
        (b"x\x1b[D\x1b[4@rm y", Some("rm yx")),
        (b"rrm x\r\x1b[2C\x1b[P", Some("rm x")),
        (b"rm x\x1b[1;3Hpm", Some("pm x")),
        (b"rm\tx", Some("rm    x")),
        (b"\x1b]0;title\x07rm x", Some("rm x")),
        (b"a\x1b[3b", Some("aaaa")),
        // Over the end of a row: two of prompt, and 18 that fit.
        (b"rm 0123456789abcdefghi", Some("rm 0123456789abcdefghi")),
        (b"rm 0123456789abcde \rfghi", Some("rm 0123456789abcdefghi")),
        ("rm 漢字".as_bytes(), Some("rm 漢字")),
        (
            "rm 0123456789abcd漢字".as_bytes(),
            Some("rm 0123456789abcd漢字"),
        ),
        // Another prompt.
        (b"\r\x1b[K(search)`r': rm x", Some("(search)`r': rm x")),
        (b"\r\n$ rm x", Some("rm x")),
    ] {
        let found = behind_prompt(output);
        assert_eq!(
            found.as_deref(),
            line,
            "{:?}",
            String::from_utf8_lossy(output)
        );
    }
}

#[test]
fn it_scrolls() {
    let mut typing = terminal();
    typing.show(b"1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n$ ");
    typing.keys(b"\t");
    typing.show(b"rm 0123456789abcdefghijklmnopqrstuvwxyz0123456789");
    let all = "rm 0123456789abcdefghijklmnopqrstuvwxyz0123456789";
    assert_eq!(shown(&typing.line()), Some(all));
    typing.resize(20, 3);
    typing.resize(20, 1);
    typing.resize(0, 0);
    typing.show(b"\r\n$ ls");
    assert_eq!(shown(&typing.line()), Some("ls"));
}

#[test]
fn what_is_typed_is_shown_or_not() {
    let is_shown = |output: &[u8]| {
        let mut typing = terminal();
        typing.show(b"Password: ");
        typing.keys("s3cret ü word".as_bytes());
        typing.show(output);
        typing.line().typed.is_shown
    };
    assert!(is_shown("s3cret ü word".as_bytes()));
    assert!(!is_shown(b""));
    assert!(!is_shown(b"************"));
    assert!(!is_shown("s3cret ü wor".as_bytes()));
    // The prompt does not show it.
    let mut typing = terminal();
    typing.show(b"reboot password: ");
    typing.keys(b"reboot");
    let line = typing.line();
    assert!(!line.typed.is_shown);
    assert_eq!(shown(&line), None);
}

#[test]
fn the_row_of_the_line_before_is_not_this_one() {
    let mut typing = terminal();
    typing.show(b"$ ");
    echoed(&mut typing, "rm x");
    typing.enter(b'\r');
    typing.keys(b"ls");
    let line = typing.line();
    assert_eq!((line.typed.is_shown, shown(&line)), (false, None));
    typing.show(b"\r\n$ ls");
    let line = typing.line();
    assert_eq!((line.typed.is_shown, shown(&line)), (true, None));
}

#[test]
fn nothing_without_an_end_takes_memory() {
    let mut typing = Typing::new(u32::MAX, u32::MAX);
    let piece = vec![b'x'; 1 << 16];
    for beginning in [&b"\x1b]0;"[..], b"\x1bP", b"\x1b[", b"\x1b_", b""] {
        typing.show(beginning);
        for _ in 0..100 {
            typing.show(&piece);
        }
        typing.show(b"\x18\r\n$ ");
        typing.keys(b"\t");
        typing.show(b"rm x");
        assert_eq!(shown(&typing.line()), Some("rm x"), "{beginning:?}");
        typing.enter(b'\r');
    }
}
