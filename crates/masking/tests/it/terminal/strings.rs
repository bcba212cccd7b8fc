//! Control strings: titles, links, clipboards.

use super::world::{CANARIES, shown, stars};

#[test]
fn strings_are_searched_each_by_itself() {
    for (begin, end) in [
        ("\x1b]0;", "\x07"),
        ("\x1b]2;x ", "\x1b\\"),
        ("\x1b]8;;http://host/?q=", "\x1b\\"),
        ("\x1bP+q ", "\x1b\\"),
        ("\x1b_G ", "\x1b\\"),
        ("\x1b^", "\x1b\\"),
        ("\x1bX", "\x1b\\"),
        ("\x1b]0;", "\x18"),
    ] {
        for canary in CANARIES {
            if begin.contains("host") && canary.contains('@') {
                continue;
            }
            let text = format!("a{begin}{canary}{end}b");
            let hidden = format!("a{begin}{}{end}b", stars(canary));
            assert_eq!(shown(&text), hidden, "{text:?}");
        }
    }
}

#[test]
fn text_around_a_string_is_one_text() {
    let text = "4111 1111 \x1b]0;4111 1111 1111 1111\x07 1111 1111\n".replace("\x07 1", "\x071");
    let hidden = "**********\x1b]0;*******************\x07*********\n";
    assert_eq!(shown(text), hidden);
}

/// The first half may not be in a title and the second behind it.
#[test]
fn controls_in_a_string_hide_nothing() {
    assert_eq!(
        shown("\x1b]0;4111\x001111\x7f11111111\x07"),
        "\x1b]0;****\x00****\x7f********\x07"
    );
}

#[test]
fn clipboards_are_left_out() {
    for clipboard in [
        "\x1b]52;c;NDExMSAxMTExIDExMTEgMTExMQ==\x07",
        "\x1b]52;c;NDExMSAxMTExIDExMTEgMTExMQ==\x1b\\",
        "\x1b]052;;NDExMQ==\x07",
        "\x1b]5522;type=write;NDExMQ==\x1b\\",
        "\x1b]1337;Copy=:NDExMQ==\x07",
        "\x1b]52;c;NDEx\x18",
    ] {
        assert_eq!(shown(format!("a{clipboard}b")), "ab", "{clipboard:?}");
    }
    // Another sequence ends it, and one that the stream cuts off is not shown either.
    assert_eq!(shown("a\x1b]52;c;NDEx\x1b[31mb"), "a\x1b[31mb");
    assert_eq!(shown("a\x1b]52;c;NDEx"), "a");
    // As tmux passes it on: what the outer terminal reads is left out.
    let wrapped = "a\x1bPtmux;\x1b\x1b]52;c;NDExMQ==\x07\x1b\\b";
    assert_eq!(shown(wrapped), "a\x1bPtmux;\x1b\x1b\\b");
}

#[test]
fn a_long_clipboard_is_left_out_to_its_end() {
    let text = format!(
        "a\x1b]52;c;{}\x1b\\b 4111 1111 1111 1111",
        "QUJD".repeat(50_000)
    );
    assert_eq!(shown(text), format!("ab {}", stars("4111 1111 1111 1111")));
}

#[test]
fn long_strings_are_searched_to_their_end() {
    for (begin, end) in [
        ("\x1b]0;", "\x07"),
        ("\x1bPq", "\x1b\\"),
        ("\x1b]0;", "\x1ax"),
    ] {
        let filler = "lorem ipsum 漢 ".repeat(1_000);
        let text = format!(
            "7{begin}{filler}{} {filler}{}{end}7\n",
            CANARIES[0], CANARIES[7]
        );
        let hidden = format!(
            "7{begin}{filler}{} {filler}{}{end}7\n",
            stars(CANARIES[0]),
            stars(CANARIES[7])
        );
        assert!(shown(text) == hidden);
    }
}

#[test]
fn what_is_hidden_in_parameters_is_hidden() {
    assert_eq!(shown("\x1b[4111111111111111m"), "\x1b[****************m");
    assert_eq!(
        shown("\x1b[31;4111111111111111"),
        "\x1b[31;****************"
    );
    assert_eq!(
        shown("\x1b[4111 1111 1111 1111m"),
        "\x1b[*******************m"
    );
    let usual = "\x1b[38;2;255;255;255;48;2;255;255;255m\x1b[10;20;30;40t";
    assert_eq!(shown(usual), usual);
}
