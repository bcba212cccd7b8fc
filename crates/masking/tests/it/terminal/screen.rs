//! A small model of a terminal, written from the standard and not from what it tests: it knows text of any width,
//! backspace, carriage return, line feed, and the sequences that the tests use. It does not wrap lines.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthChar;

#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// By row and column; of a wide character the second column is empty.
    cells: BTreeMap<(usize, usize), String>,
    row: usize,
    column: usize,
    last: Option<char>,
}

impl Screen {
    pub(crate) fn showing(stream: &[u8]) -> Self {
        let text = String::from_utf8(stream.to_vec()).unwrap();
        let mut screen = Self::default();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\u{1b}' => match letters.next() {
                    Some('[') => {
                        let mut parameters = String::new();
                        let last = loop {
                            match letters.next().unwrap() {
                                last @ '@'..='~' => break last,
                                other => parameters.push(other),
                            }
                        };
                        screen.control(&parameters, last);
                    }
                    Some(']') => while letters.next() != Some('\u{7}') {},
                    Some('(') => {
                        letters.next();
                    }
                    other => panic!("{other:?} is not of the model"),
                },
                '\u{8}' => screen.column = screen.column.saturating_sub(1),
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                _ if letter.is_control() => {}
                _ => screen.print(letter),
            }
        }
        screen
    }

    fn print(&mut self, letter: char) {
        let width = letter.width().unwrap_or(0);
        if width == 0 {
            // On the first column of what is before it.
            let is_second = |column| {
                let cell = self.cells.get(&(self.row, column));
                cell.is_some_and(String::is_empty)
            };
            let mut column = self.column.saturating_sub(1);
            column -= usize::from(column > 0 && is_second(column));
            self.cells
                .entry((self.row, column))
                .or_default()
                .push(letter);
            return;
        }
        for column in 0..width {
            let shown = if column == 0 {
                letter.to_string()
            } else {
                String::new()
            };
            self.cells.insert((self.row, self.column + column), shown);
        }
        self.column += width;
        self.last = Some(letter);
    }

    fn control(&mut self, parameters: &str, last: char) {
        let number = |place: usize| {
            let found = parameters.split(';').nth(place);
            found.and_then(|number| number.parse::<usize>().ok())
        };
        let count = number(0).unwrap_or(1).max(1);
        match last {
            'm' | 'h' | 'l' => {}
            'C' => self.column += count,
            'D' => self.column = self.column.saturating_sub(count),
            'H' => {
                self.row = count - 1;
                self.column = number(1).unwrap_or(1).max(1) - 1;
            }
            'K' => {
                let (row, column) = (self.row, self.column);
                self.cells
                    .retain(|cell, _| cell.0 != row || cell.1 < column);
            }
            'J' => self.cells.clear(),
            'b' => {
                for _ in 0..count {
                    self.print(self.last.unwrap());
                }
            }
            _ => panic!("{parameters}{last} is not of the model"),
        }
    }

    pub(crate) fn cursor(&self) -> (usize, usize) {
        (self.row, self.column)
    }

    pub(crate) fn cells(&self) -> &BTreeMap<(usize, usize), String> {
        &self.cells
    }

    /// What stands in the rows, with blanks where nothing was written.
    pub(crate) fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = Vec::new();
        let mut at = (0, 0);
        for (&(row, column), shown) in &self.cells {
            rows.resize(rows.len().max(row + 1), String::new());
            if at.0 != row {
                at = (row, 0);
            }
            while at.1 < column {
                rows[row].push(' ');
                at.1 += 1;
            }
            rows[row].push_str(shown);
            at.1 = column + 1;
        }
        rows
    }
}
