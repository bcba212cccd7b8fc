//! A line at the moment at which it would be entered.

use custos_shell::Line;
use unicode_width::UnicodeWidthChar as _;

use crate::keys::{Key, Keys};
use crate::screen::Screen;

/// Bytes of lines before that go on in this one.
const CONTINUED_BYTES_MAX: usize = 16 << 10;

/// Somebody at a terminal.
#[derive(Debug)]
pub struct Typing {
    keys: Keys,
    screen: Screen,
    /// What stood before the cursor when the line began, as far as that is known.
    prompt: Option<String>,
    /// Lines before that end inside quotes, or in a backslash.
    continued: String,
    /// What is in the cursor's row is still the line before.
    is_stale: bool,
    /// The program was told to drop the line before, which it may not have done.
    is_interrupted: bool,
}

/// What a line may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entered {
    /// What was typed.
    pub typed: Text,
    /// What the terminal shows, where that is something else.
    pub shown: Option<Text>,
    /// Only keys were typed whose effect is known.
    pub is_certain: bool,
    /// It is longer than [`MAX_LINE_BYTES`](crate::MAX_LINE_BYTES): nothing else of it is known.
    pub is_too_long: bool,
}

/// A text that the line may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// For people.
    pub text: String,
    /// The terminal shows it. If not, it may be a password.
    pub is_shown: bool,
    /// In which ways it may be read.
    pub lines: Vec<Line>,
}

impl Typing {
    /// At the start of a program, on a terminal of so many columns and rows.
    pub fn new(columns: u32, rows: u32) -> Self {
        Self {
            keys: Keys::default(),
            screen: Screen::new(columns, rows),
            prompt: None,
            continued: String::new(),
            is_stale: false,
            is_interrupted: false,
        }
    }

    /// The terminal has another size.
    pub fn resize(&mut self, columns: u32, rows: u32) {
        self.screen.resize(columns, rows);
    }

    /// The program writes to its terminal.
    pub fn show(&mut self, bytes: &[u8]) {
        let before = self.screen.grid().rows_begun();
        self.screen.show(bytes);
        if self.screen.grid().rows_begun() != before {
            self.keys.row_begins();
            self.is_stale = false;
        }
        if self.screen.is_alternate() {
            self.forget();
            self.is_interrupted = false;
        }
    }

    /// Takes keys up to the first that would enter a line; how many. If these are not all, [`line`](Self::line) is what would
    /// be entered, and the next key is to go on by [`enter`](Self::enter), or not to go on.
    pub fn keys(&mut self, keys: &[u8]) -> usize {
        if self.screen.is_alternate() {
            return keys.len();
        }
        for (at, byte) in keys.iter().enumerate() {
            let had_any = self.keys.has_any();
            if self.keys.key(*byte, self.screen.has_brackets()) == Key::Enters {
                return at;
            }
            if self.keys.has_any() && !had_any {
                let before = self.screen.grid().before_cursor();
                let is_unknown = self.is_stale || self.is_interrupted || before.trim().is_empty();
                self.prompt = (!is_unknown).then_some(before);
            }
        }
        keys.len()
    }

    /// The line as it would be entered.
    pub fn line(&self) -> Entered {
        if !self.keys.has_any() && !self.is_interrupted {
            return Entered {
                is_certain: true,
                ..Entered::default()
            };
        }
        let is_certain = !self.keys.is_doubtful() && !self.is_interrupted;
        let typed = self.typed();
        let shown = self.shown().filter(|_| !(is_certain && typed.is_shown));
        Entered {
            typed,
            shown,
            is_certain,
            is_too_long: self.keys.is_too_long(),
        }
    }

    /// The key that enters the line goes on.
    pub fn enter(&mut self, key: u8) {
        let typed = self.typed();
        let text = format!("{}{}", self.continued, typed.text);
        self.continued.clear();
        // What is not shown may be a password, which stays with nobody.
        if typed.is_shown && text.len() <= CONTINUED_BYTES_MAX {
            let goes_on = Line::typed(&text).is_unfinished();
            if goes_on && !self.keys.is_doubtful() {
                self.continued = text + "\n";
            }
        }
        self.is_interrupted = false;
        self.keys.entered(key);
        if !self.keys.has_any() {
            self.prompt = None;
            self.is_stale = true;
        }
    }

    /// The program was told to drop the line. If it did not, the line is still shown, and is not forgotten.
    pub fn drop_line(&mut self) {
        self.forget();
        self.is_interrupted = true;
    }

    fn forget(&mut self) {
        self.keys.clear();
        self.prompt = None;
        self.continued.clear();
    }

    fn typed(&self) -> Text {
        let text = self.keys.text();
        let mut lines = vec![Line::typed(text)];
        lines.extend(self.keys.of_row().map(Line::typed));
        if !self.continued.is_empty() {
            lines.push(Line::typed(&format!("{}{text}", self.continued)));
        }
        Text {
            text: text.to_owned(),
            is_shown: self.is_shown(text),
            lines,
        }
    }

    /// What stands behind the prompt, or in all of the row where nobody knows where that ends.
    fn shown(&self) -> Option<Text> {
        if self.is_stale {
            return None;
        }
        let row = self.screen.grid().line();
        let behind = self.behind_prompt(&row);
        let (text, line) = match behind {
            Some(behind) => (behind.trim(), Line::typed(behind)),
            None => (row.trim(), Line::shown(&row)),
        };
        (!text.is_empty()).then(|| Text {
            text: text.to_owned(),
            is_shown: true,
            lines: vec![line],
        })
    }

    fn behind_prompt<'r>(&self, row: &'r str) -> Option<&'r str> {
        let prompt = self.prompt.as_deref()?;
        row.strip_prefix(prompt)
            .or_else(|| (row == prompt.trim_end()).then_some(""))
    }

    /// Whether the terminal shows a text; of several lines, each.
    fn is_shown(&self, text: &str) -> bool {
        if self.is_stale {
            return false;
        }
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let lines: Vec<String> = lines.map(squeezed).collect();
        let Some(last) = lines.last() else {
            return true;
        };
        if text.contains('\n') {
            let shown: String = self
                .screen
                .grid()
                .lines()
                .map(|it| squeezed(&it) + "\n")
                .collect();
            return lines.iter().all(|line| shown.contains(line));
        }
        let row = self.screen.grid().line();
        let behind = self.behind_prompt(&row).unwrap_or(&row);
        squeezed(behind).contains(last)
    }
}

/// Without what takes no column, and without blanks: terminals and programs put some where lines are wrapped.
fn squeezed(text: &str) -> String {
    let takes_room = |sign: &char| sign.width().is_some_and(|width| width > 0);
    text.chars()
        .filter(|sign| !sign.is_whitespace())
        .filter(takes_room)
        .collect()
}
