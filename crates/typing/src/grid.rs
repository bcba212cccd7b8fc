//! What stands on the screen, and where the cursor is: as much of ECMA-48 and xterm as line editors use.

use unicode_width::UnicodeWidthChar as _;

const COLUMNS_MAX: usize = 1024;
const ROWS_MAX: usize = 256;
const TAB_COLUMNS: usize = 8;
/// Stands behind a character that takes two columns.
const SECOND_HALF: char = '\0';

/// Rows of characters.
#[derive(Debug)]
pub(crate) struct Grid {
    columns: usize,
    rows: Vec<Row>,
    row: usize,
    column: usize,
    /// The last column was written to: the next character begins another row.
    is_full: bool,
    saved: (usize, usize),
    /// First and last row that scroll.
    region: (usize, usize),
    last: char,
    /// Rows that were begun, ever.
    rows_begun: u64,
}

#[derive(Clone, Debug, Default)]
struct Row {
    cells: Vec<char>,
    /// It goes on in the next one.
    wraps: bool,
}

impl Grid {
    pub(crate) fn new(columns: u32, rows: u32) -> Self {
        let mut grid = Self {
            columns: 0,
            rows: Vec::new(),
            row: 0,
            column: 0,
            is_full: false,
            saved: (0, 0),
            region: (0, 0),
            last: ' ',
            rows_begun: 0,
        };
        grid.resize(columns, rows);
        grid
    }

    /// A terminal without a size has the usual one.
    pub(crate) fn resize(&mut self, columns: u32, rows: u32) {
        let within = |size: u32, usual: usize, max: usize| match usize::try_from(size) {
            Ok(0) => usual,
            Ok(size) => size.min(max),
            Err(_) => max,
        };
        self.columns = within(columns, 80, COLUMNS_MAX);
        let rows = within(rows, 24, ROWS_MAX);
        // What is above goes off the screen first.
        let above = (self.row + 1).saturating_sub(rows);
        self.rows.drain(..above);
        self.row -= above;
        self.rows.resize_with(rows, Row::default);
        self.column = self.column.min(self.columns - 1);
        self.is_full = false;
        self.region = (0, rows - 1);
        let (row, column) = self.saved;
        self.saved = (row.min(rows - 1), column.min(self.columns - 1));
    }

    pub(crate) fn rows_begun(&self) -> u64 {
        self.rows_begun
    }

    /// The text in the cursor's row, and in those that it is wrapped over.
    pub(crate) fn line(&self) -> String {
        let (first, last) = self.wrapped(self.row);
        self.text(first, last).trim_end().to_owned()
    }

    /// What of it stands before the cursor.
    pub(crate) fn before_cursor(&self) -> String {
        let (first, _) = self.wrapped(self.row);
        let mut text = match self.row.checked_sub(1).filter(|above| *above >= first) {
            Some(above) => self.text(first, above),
            None => String::new(),
        };
        let cells = self.rows.get(self.row).map_or(&[][..], |row| &row.cells);
        let columns = self.column + usize::from(self.is_full);
        let padding = std::iter::repeat(&' ');
        let cells = cells.iter().chain(padding).take(columns);
        text.extend(cells.filter(|cell| **cell != SECOND_HALF));
        text
    }

    /// All lines on the screen.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (_, last) = (next < self.rows.len()).then(|| self.wrapped(next))?;
            let text = self.text(next, last);
            next = last + 1;
            Some(text)
        })
    }

    /// The first and last row of the line that goes over this one.
    fn wrapped(&self, row: usize) -> (usize, usize) {
        let wraps = |row: usize| self.rows.get(row).is_some_and(|row| row.wraps);
        let (mut first, mut last) = (row, row);
        while first > 0 && wraps(first - 1) {
            first -= 1;
        }
        while last + 1 < self.rows.len() && wraps(last) {
            last += 1;
        }
        (first, last)
    }

    fn text(&self, first: usize, last: usize) -> String {
        let mut text = String::new();
        for row in self.rows.get(first..=last).unwrap_or_default() {
            let padding = std::iter::repeat(&' ');
            let columns = if row.wraps {
                self.columns
            } else {
                row.cells.len()
            };
            let cells = row.cells.iter().chain(padding).take(columns);
            text.extend(cells.filter(|cell| **cell != SECOND_HALF));
        }
        text
    }

    pub(crate) fn print(&mut self, character: char) {
        let width = character.width().unwrap_or(0).min(self.columns);
        if width == 0 {
            return;
        }
        if self.is_full || self.column + width > self.columns {
            if !self.is_full {
                // A character of two columns leaves the last one free.
                self.put(SECOND_HALF);
            }
            if let Some(row) = self.rows.get_mut(self.row) {
                row.wraps = true;
            }
            self.line_feed();
            self.column = 0;
        }
        self.last = character;
        self.put(character);
        for _ in 1..width {
            self.put(SECOND_HALF);
        }
    }

    pub(crate) fn repeat(&mut self, count: usize) {
        for _ in 0..count.min(self.columns) {
            self.print(self.last);
        }
    }

    fn put(&mut self, cell: char) {
        let column = self.column;
        if let Some(row) = self.rows.get_mut(self.row) {
            if row.cells.len() <= column {
                row.cells.resize(column + 1, ' ');
            }
            if let Some(place) = row.cells.get_mut(column) {
                *place = cell;
            }
        }
        self.is_full = column + 1 >= self.columns;
        self.column = (column + 1).min(self.columns - 1);
    }

    pub(crate) fn carriage_return(&mut self) {
        self.column = 0;
        self.is_full = false;
    }

    pub(crate) fn line_feed(&mut self) {
        self.is_full = false;
        self.rows_begun += 1;
        if self.row == self.region.1 {
            self.scroll(self.region.0, true, 1);
        } else if self.row + 1 < self.rows.len() {
            self.row += 1;
        }
    }

    pub(crate) fn reverse_line_feed(&mut self) {
        self.is_full = false;
        if self.row == self.region.0 {
            self.scroll(self.region.0, false, 1);
        } else {
            self.row = self.row.saturating_sub(1);
        }
    }

    pub(crate) fn tab(&mut self) {
        let next = (self.column / TAB_COLUMNS + 1) * TAB_COLUMNS;
        self.column = next.min(self.columns - 1);
    }

    /// Moves rows from this one to the end of what scrolls.
    pub(crate) fn scroll(&mut self, first: usize, is_up: bool, count: usize) {
        let last = self.region.1;
        let Some(rows) = self.rows.get_mut(first..=last) else {
            return;
        };
        let count = count.min(rows.len());
        if is_up {
            rows.rotate_left(count);
            let kept = rows.len() - count;
            rows.iter_mut().skip(kept).for_each(Row::clear);
        } else {
            rows.rotate_right(count);
            rows.iter_mut().take(count).for_each(Row::clear);
        }
    }

    /// The same from the cursor's row on.
    pub(crate) fn shift_rows(&mut self, is_up: bool, count: usize) {
        if (self.region.0..=self.region.1).contains(&self.row) {
            self.scroll(self.row, is_up, count);
        }
    }

    pub(crate) fn scroll_all(&mut self, is_up: bool, count: usize) {
        self.scroll(self.region.0, is_up, count);
    }

    pub(crate) fn set_region(&mut self, first: usize, last: usize) {
        let end = self.rows.len() - 1;
        let last = if last == 0 { end } else { (last - 1).min(end) };
        let first = first.saturating_sub(1);
        if first < last {
            self.region = (first, last);
            self.go_to(0, 0);
        }
    }

    /// Counted from 0.
    pub(crate) fn go_to(&mut self, row: usize, column: usize) {
        self.row = row.min(self.rows.len() - 1);
        self.go_to_column(column);
    }

    pub(crate) fn go_to_row(&mut self, row: usize) {
        self.go_to(row, self.column);
    }

    pub(crate) fn go_to_column(&mut self, column: usize) {
        self.column = column.min(self.columns - 1);
        self.is_full = false;
    }

    pub(crate) fn up(&mut self, count: usize) {
        self.go_to(self.row.saturating_sub(count), self.column);
    }

    pub(crate) fn down(&mut self, count: usize) {
        self.go_to(self.row.saturating_add(count), self.column);
    }

    pub(crate) fn left(&mut self, count: usize) {
        self.go_to_column(self.column.saturating_sub(count));
    }

    pub(crate) fn right(&mut self, count: usize) {
        self.go_to_column(self.column.saturating_add(count));
    }

    pub(crate) fn save(&mut self) {
        self.saved = (self.row, self.column);
    }

    pub(crate) fn restore(&mut self) {
        let (row, column) = self.saved;
        self.go_to(row, column);
    }

    /// Of the row: what is right of the cursor, what is left of it, or all.
    pub(crate) fn erase_in_row(&mut self, what: usize) {
        let column = self.column;
        let Some(row) = self.rows.get_mut(self.row) else {
            return;
        };
        match what {
            0 => {
                row.cells.truncate(column);
                row.wraps = false;
            }
            1 => row
                .cells
                .iter_mut()
                .take(column + 1)
                .for_each(|cell| *cell = ' '),
            2 => row.clear(),
            _ => {}
        }
    }

    /// Of the screen: what is behind the cursor, what is before it, or all.
    pub(crate) fn erase_in_screen(&mut self, what: usize) {
        let row = self.row;
        match what {
            0 => {
                self.erase_in_row(0);
                self.rows.iter_mut().skip(row + 1).for_each(Row::clear);
            }
            1 => {
                self.erase_in_row(1);
                self.rows.iter_mut().take(row).for_each(Row::clear);
            }
            2 => self.rows.iter_mut().for_each(Row::clear),
            _ => {}
        }
    }

    pub(crate) fn delete(&mut self, count: usize) {
        let column = self.column;
        if let Some(row) = self.rows.get_mut(self.row) {
            let end = row.cells.len();
            row.cells
                .drain(column.min(end)..column.saturating_add(count).min(end));
        }
    }

    pub(crate) fn insert(&mut self, count: usize) {
        let (column, columns) = (self.column, self.columns);
        if let Some(row) = self.rows.get_mut(self.row)
            && column < row.cells.len()
        {
            let blanks = std::iter::repeat_n(' ', count.min(columns));
            row.cells.splice(column..column, blanks);
            row.cells.truncate(columns);
        }
    }

    pub(crate) fn erase(&mut self, count: usize) {
        let column = self.column;
        if let Some(row) = self.rows.get_mut(self.row) {
            let cells = row.cells.iter_mut().skip(column).take(count);
            cells.for_each(|cell| *cell = ' ');
        }
    }

    pub(crate) fn reset(&mut self) {
        self.rows.iter_mut().for_each(Row::clear);
        self.region = (0, self.rows.len() - 1);
        self.saved = (0, 0);
        self.go_to(0, 0);
    }
}

impl Row {
    fn clear(&mut self) {
        self.cells.clear();
        self.wraps = false;
    }
}
