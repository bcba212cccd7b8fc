//! What a program wrote on its terminal, for the terminal of whoever looks at it: what moves the cursor, colours and erases
//! goes on, and whatever else a terminal could be told does not. A recording must not make it answer, copy, ring, open or
//! keep anything.

use vte::{Params, Parser, Perform};

/// Largest number in a sequence that goes on: none is needed beyond a screen, and some repeat that often.
const NUMBER_MAX: u16 = 9999;
/// Control functions that go on (ECMA-48 section 8.3): cursor, erasing, scrolling, colours, tabs.
const FUNCTIONS: &str = "@ABCDEFGHIJKLMPSTXZ`abdefgmrsu";
/// Modes of xterm that go on: origin, wrap, blinking cursor, its visibility, the other screen.
const MODES: [u16; 7] = [6, 7, 12, 25, 47, 1047, 1049];
/// Modes of the other screen.
const OTHER_SCREEN: [u16; 3] = [47, 1047, 1049];

/// A stream of output that is made harmless.
#[derive(Default)]
pub(super) struct Screen {
    parser: Parser,
    kept: Kept,
}

impl Screen {
    /// What of the text goes on.
    pub(super) fn show(&mut self, text: &str) -> String {
        self.parser.advance(&mut self.kept, text.as_bytes());
        std::mem::take(&mut self.kept.out)
    }

    /// Leaves the terminal as it was found, but for what is on it.
    pub(super) fn leave(&mut self) -> String {
        let mut out = String::new();
        if std::mem::take(&mut self.kept.is_on_other) {
            out.push_str("\u{1b}[?1049l");
        }
        // Colours, characters, margins, wrapping, insertion, the cursor.
        out.push_str("\u{1b}[0m\u{1b}(B\u{f}\u{1b}[r\u{1b}[?6l\u{1b}[?7h\u{1b}[4l\u{1b}[?25h\u{1b}[999;1H\r\n");
        out
    }
}

/// What goes on.
#[derive(Default)]
struct Kept {
    out: String,
    is_on_other: bool,
}

impl Kept {
    fn function(&mut self, mark: &str, numbers: &[String], action: char) {
        self.out.push_str("\u{1b}[");
        self.out.push_str(mark);
        self.out.push_str(&numbers.join(";"));
        self.out.push(action);
    }
}

/// Numbers with their parts, as they were written; `None`: one is too large.
fn numbers(params: &Params) -> Option<Vec<String>> {
    let written = params.iter().map(|parts| {
        let fits = parts.iter().all(|number| *number <= NUMBER_MAX);
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        fits.then(|| parts.join(":"))
    });
    written.collect()
}

/// Characters that change the order of others.
fn reorders(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Perform for Kept {
    fn print(&mut self, character: char) {
        self.out.push(if reorders(character) {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        });
    }

    fn execute(&mut self, byte: u8) {
        if matches!(byte, 0x08..=0x0f) {
            self.out.push(char::from(byte));
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], is_cut: bool, action: char) {
        let Some(written) = numbers(params).filter(|_| !is_cut) else {
            return;
        };
        let first = |number: u16| params.iter().all(|parts| parts.first() == Some(&number));
        match (intermediates, action) {
            // What is above the screen is of whoever looks on.
            ([], 'J') if params.iter().any(|parts| parts.contains(&3)) => {}
            ([], 'h' | 'l') if first(4) => self.function("", &written, action),
            ([], action) if FUNCTIONS.contains(action) => self.function("", &written, action),
            (b"?", 'J' | 'K') => self.function("", &written, action),
            (b"?", 'h' | 'l') => {
                for mode in params.iter().filter_map(|parts| parts.first()) {
                    if !MODES.contains(mode) {
                        continue;
                    }
                    if OTHER_SCREEN.contains(mode) {
                        self.is_on_other = action == 'h';
                    }
                    self.function("?", &[mode.to_string()], action);
                }
            }
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], is_cut: bool, byte: u8) {
        if is_cut {
            return;
        }
        match (intermediates, byte) {
            ([], b'7' | b'8' | b'D' | b'E' | b'H' | b'M') | (b"(" | b")", b'0' | b'A' | b'B') => {
                self.out.push('\u{1b}');
                self.out
                    .extend(intermediates.iter().map(|it| char::from(*it)));
                self.out.push(char::from(byte));
            }
            // A reset, but for what it does beyond the screen.
            ([], b'c') => self.out.push_str("\u{1b}[0m\u{1b}[r\u{1b}[2J\u{1b}[H"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Screen;

    fn shown(text: &str) -> String {
        Screen::default().show(text)
    }

    #[test]
    fn what_draws_goes_on() {
        for text in [
            "plain äöü 漢 text\r\n",
            "\u{1b}[1;31mred\u{1b}[0m",
            "\u{1b}[38:2:1:2:3mx",
            "\u{1b}[2J\u{1b}[3;5H\u{1b}[0K\u{1b}[1A",
            "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?25h\u{1b}[?1049l",
            "\u{1b}(0lqk\u{1b}(B",
            "\u{1b}7\u{1b}8\u{1b}M\u{1b}[2;10r",
            "a\u{8}b\tc",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    /// Each is an attack on terminals that is known by name.
    #[test]
    fn what_else_a_terminal_can_be_told_does_not() {
        for text in [
            "\u{1b}]0;title\u{7}",
            "\u{1b}]2;title\u{1b}\\",
            "\u{1b}]52;c;ZXZpbA==\u{7}",
            "\u{1b}]8;;http://evil/\u{7}",
            "\u{1b}]1337;File=:AAAA\u{7}",
            "\u{1b}]777;notify;a;b\u{7}",
            "\u{1b}P$q\"p\u{1b}\\",
            "\u{1b}P+q544e\u{1b}\\",
            "\u{1b}_Ga=T;AAAA\u{1b}\\",
            "\u{1b}^pm\u{1b}\\",
            "\u{1b}Xsos\u{1b}\\",
            "\u{1b}[6n",
            "\u{1b}[?6n",
            "\u{1b}[c",
            "\u{1b}[>c",
            "\u{1b}[>q",
            "\u{1b}[21t",
            "\u{1b}[8;1;1t",
            "\u{1b}[5i",
            "\u{1b}[?5i",
            "\u{1b}[3J",
            "\u{1b}[?1000h",
            "\u{1b}[?1006h",
            "\u{1b}[?2004h",
            "\u{1b}[?1h",
            "\u{1b}[20h",
            "\u{1b}[!p",
            "\u{1b}[2 q",
            "\u{1b}[>4;2m",
            "\u{1b}[?1;2u",
            "\u{1b}[65535b",
            "\u{1b}=",
            "\u{1b}>",
            "\u{1b}Z",
            "\u{1b}#8",
            "\u{1b}%@",
            "\u{5}",
            "\u{7}",
            "\u{85}",
        ] {
            let left = shown(&format!("a{text}b"));
            assert_eq!(left, "ab", "{text:?}");
        }
        assert_eq!(shown("a\u{202e}b"), "a\u{fffd}b");
        // Controls of one character leave harmless letters.
        assert_eq!(shown("a\u{9b}6nb\u{9d}0;x\u{9c}"), "a6nb0;x");
    }

    #[test]
    fn a_sequence_may_come_in_pieces() {
        let mut screen = Screen::default();
        let pieces = ["a\u{1b}", "]52;c;", "ZXZpbA==", "\u{7}b\u{1b}[", "1", "mc"];
        let shown: String = pieces.iter().map(|piece| screen.show(piece)).collect();
        assert_eq!(shown, "ab\u{1b}[1mc");
    }

    #[test]
    fn the_terminal_is_left_as_it_was() {
        let mut screen = Screen::default();
        for entered in ["\u{1b}[?47h", "\u{1b}[?1047h", "\u{1b}[?1049h"] {
            screen.show(entered);
            assert!(screen.leave().starts_with("\u{1b}[?1049l"), "{entered:?}");
        }
        assert!(screen.leave().starts_with("\u{1b}[0m"));
    }
}
