//! Where the cursor goes, and what that makes of the text.

use custos_masking::Flush;

use super::world::{KEY, of_chunks, of_letters, shown, stars, terminal};

const CARD: &str = "4111 1111 1111 1111";
/// A secret of Azure without the three characters before its marker.
const AZURE: &str = "8Q~defghijklmnopqrstuvwxyz0123456789ab";

/// As `nroff` does it: blanks are what they are.
fn with_each_letter(text: &str, make: impl Fn(char) -> String) -> String {
    of_letters(text, |letter| match letter {
        ' ' => letter.to_string(),
        _ => make(letter),
    })
}

fn bold(text: &str) -> String {
    with_each_letter(text, |letter| format!("{letter}\x08{letter}"))
}

fn underlined(text: &str) -> String {
    with_each_letter(text, |letter| format!("_\x08{letter}"))
}

fn both(text: &str) -> String {
    with_each_letter(text, |letter| format!("_\x08{letter}\x08{letter}"))
}

#[test]
fn what_is_written_over_is_hidden_too() {
    for print in [bold, underlined, both] {
        let hidden = print(CARD).replace(|letter: char| letter != '\x08', "*");
        assert_eq!(shown(print(CARD)), hidden);
        assert_eq!(
            shown(print("some words_and 7 more")),
            print("some words_and 7 more")
        );
    }
}

/// A token is hidden while it comes: what is written over its last character must not show it.
#[test]
fn bold_tokens_are_hidden_to_their_end() {
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N";
    let text = format!("a {} b", bold(token));
    let hidden = format!("a {} b", bold(&stars(token)));
    assert_eq!(shown(&text), hidden);
}

#[test]
fn corrections_of_typing_are_followed() {
    for back in ["\x08 \x08", "\x08\x1b[K", "\x1b[D\x1b[K", "\x1b[D\x1b[0J"] {
        let text = format!("$ 4111 1119{back}1 1111 1111\r\n");
        assert_eq!(shown(&text), format!("$ ********9{back}***********\r\n"));
    }
}

/// A number that stood there as a whole is hidden, also if it was erased then.
#[test]
fn what_was_erased_was_seen() {
    for back in ["\x08 \x08", "\x08\x1b[K"] {
        let text = format!("{CARD}{}hello\r\n", back.repeat(3));
        let hidden = format!("{}{}hello\r\n", stars(CARD), back.repeat(3));
        assert_eq!(shown(&text), hidden, "{back:?}");
    }
}

/// What comes where something hidden stood is something else.
#[test]
fn what_is_typed_after_that_is_shown() {
    let text = format!("{CARD}{}hello\r\n", "\x08 \x08".repeat(CARD.len()));
    let hidden = format!("{}{}hello\r\n", stars(CARD), "\x08 \x08".repeat(CARD.len()));
    assert_eq!(shown(&text), hidden);
}

/// A token ends where something else was written into it.
#[test]
fn what_is_written_into_a_token_ends_it() {
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N";
    let text = format!("{token}\x08\x08 z ok");
    assert_eq!(shown(text), format!("{}\x08\x08 z ok", stars(token)));
    let text = format!("{token}\x08\x08xyz ok");
    assert_eq!(shown(text), format!("{}\x08\x08*** ok", stars(token)));
}

#[test]
fn all_that_was_written_in_the_line_is_hidden() {
    let back = "\x08".repeat(22);
    let hidden = bold(CARD).replace(|letter: char| letter != '\x08', "*");
    let text = format!("x  {}{back}x\x1b[21C\n", bold(CARD));
    assert_eq!(shown(text), format!("x  {hidden}{back}x\x1b[21C\n"));
}

/// What was hidden and is written again is hidden again; what is written instead is not.
#[test]
fn what_was_decided_is_followed() {
    let mail = "alice@example.com";
    for (then, seen) in [
        ("\x08\x08m\n", "\x08\x08*\n"),
        ("\x08\x08X\x08X\n", "\x08\x08X\x08X\n"),
        ("\x08\x08X\x08\x08o\n", "\x08\x08X\x08\x08*\n"),
    ] {
        let text = format!("{mail} {then}");
        assert_eq!(shown(&text), format!("{} {seen}", stars(mail)), "{then:?}");
    }
}

/// What was decided to be nothing stays so, whatever is written before it, since it may have been passed on. The rest is
/// hidden.
#[test]
fn what_was_shown_is_not_hidden_later() {
    for (text, hidden) in [
        (
            format!("x4111 1111 1111 111{} \x1b[18C1\n", "\x08".repeat(19)),
            format!("x4111 1111 1111 111{} \x1b[18C1\n", "\x08".repeat(19)),
        ),
        (
            format!("al ce@example.co{}i\x1b[13Cm\n", "\x08".repeat(14)),
            format!("al *************{}i\x1b[13C*\n", "\x08".repeat(14)),
        ),
        (
            format!("al ce{}i\x1b[2C@example.com\n", "\x08".repeat(3)),
            format!("al **{}i\x1b[2C************\n", "\x08".repeat(3)),
        ),
        (
            format!("_ab \x08c{AZURE}\x1b[H"),
            format!("_ab \x08c{}\x1b[H", stars(AZURE)),
        ),
    ] {
        assert_eq!(shown(&text), hidden);
        for place in 0..=text.len() {
            let (front, back) = text.as_bytes().split_at(place);
            let out = of_chunks(terminal(Flush::Strict), [front, back]);
            assert_eq!(String::from_utf8(out).unwrap(), hidden, "{place}");
        }
    }
}

/// Places of the line come again: what was erased there does not.
#[test]
fn what_was_erased_is_of_no_finding() {
    let text = format!("9\x089\x08\x1b[K{CARD}\n");
    assert_eq!(shown(text), format!("9\x089\x08\x1b[K{}\n", stars(CARD)));
}

#[test]
fn the_cursor_may_go_back_and_forth_in_the_line() {
    let text = "4111 1111 1111 111\x1b[3D\x1b[3C1\r\n";
    assert_eq!(shown(text), "******************\x1b[3D\x1b[3C*\r\n");
    let text = "mail alice@example.con\x08m now\r\n";
    assert_eq!(shown(text), "mail *****************\x08* now\r\n");
}

#[test]
fn cells_that_are_passed_over_are_blanks() {
    let text = "4111\x1b[C1111\x1b[1C1111\x1b[0C1111\r\n";
    assert_eq!(shown(text), "****\x1b[C****\x1b[1C****\x1b[0C****\r\n");
    let far = "4111\x1b[9C1111\x1b[9C1111\x1b[9C1111\r\n";
    assert_eq!(shown(far), far);
}

#[test]
fn repeated_characters_are_characters() {
    assert_eq!(
        shown("41\x1b[2b 1\x1b[3b 1\x1b[3b 1\x1b[3b\n"),
        "**\x1b[2b**\x1b[3b**\x1b[3b**\x1b[3b\n"
            .replace("\x1b[2b", "**")
            .replace("\x1b[3b", "***")
    );
    let other = "=\x1b[70b\r\n-\x1b[9b";
    assert_eq!(shown(other), other);
    // The sequence would repeat the star.
    assert_eq!(shown("EMP-123456 =\x1b[3b"), "********** =\x1b[3b");
    assert_eq!(shown("ababx\x1b[2b\x1b[1b\n"), "*****xx\x1b[1b\n");
}

#[test]
fn elsewhere_is_another_text() {
    for elsewhere in [
        "\x1b[5;1H",
        "\x1b[A",
        "\x1b[3G",
        "\x1b[1K",
        "\x1b[2K",
        "\x1b8",
        "\x1bM",
        "\x1b[u",
        "\x1b[2J",
        "\x1b[?1049h",
        "\x1b[r",
        "\x1b[5d",
    ] {
        let text = format!("4111 1111 {elsewhere}1111 1111\r\n");
        assert_eq!(shown(&text), text);
        let text = format!("7{elsewhere}{CARD}{elsewhere}7");
        let hidden = format!("7{elsewhere}{}{elsewhere}7", stars(CARD));
        assert_eq!(shown(&text), hidden, "{elsewhere:?}");
    }
}

/// Programs that draw the screen line by line show key files like that.
#[test]
fn a_key_file_goes_on_elsewhere_until_its_end() {
    let drawn: Vec<String> = KEY
        .iter()
        .map(|line| format!("\x1b[5;1H{line}\x1b[K"))
        .collect();
    let hidden: Vec<String> = KEY
        .iter()
        .map(|line| format!("\x1b[5;1H{}\x1b[K", stars(line)))
        .collect();
    let text = format!("{}\x1b[9;1Htext", drawn.concat());
    assert_eq!(shown(&text), format!("{}\x1b[9;1Htext", hidden.concat()));
}

#[test]
fn a_key_file_without_end_ends_with_the_screen() {
    for clear in ["\x1b[H\x1b[2J", "\x1bc", "\x1b[?1049l"] {
        let text = format!("{}\r\n{}\r\n\x1b[3;1H$ ls{clear}$ ls", KEY[0], KEY[1]);
        let hidden = format!(
            "{}\r\n{}\r\n\x1b[3;1H****{clear}$ ls",
            stars(KEY[0]),
            stars(KEY[1])
        );
        assert_eq!(shown(&text), hidden);
    }
}
