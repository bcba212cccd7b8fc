//! What a program writes to its terminal, as far as it changes what stands in the cursor's row.

use vte::{Params, Parser, Perform};

use crate::grid::Grid;

/// Bytes that are taken at once.
const PIECE_BYTES: usize = 4 << 10;
/// Bytes of something that is not shown, such as a title, before its end is not waited for any more.
const UNSEEN_BYTES_MAX: usize = 64 << 10;
/// Modes of xterm: the other screen.
const OTHER_SCREEN: [u16; 3] = [47, 1047, 1049];
/// Brackets around pastes.
const BRACKETS: u16 = 2004;

/// A terminal without colours.
pub(crate) struct Screen {
    parser: Parser,
    /// Bytes since anything came of them.
    unseen: usize,
    state: State,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Screen").finish_non_exhaustive()
    }
}

struct State {
    grid: Grid,
    is_alternate: bool,
    has_brackets: bool,
    /// Something came of what was read.
    has_acted: bool,
}

impl Screen {
    pub(crate) fn new(columns: u32, rows: u32) -> Self {
        Self {
            parser: Parser::new(),
            unseen: 0,
            state: State {
                grid: Grid::new(columns, rows),
                is_alternate: false,
                has_brackets: false,
                has_acted: false,
            },
        }
    }

    pub(crate) fn resize(&mut self, columns: u32, rows: u32) {
        self.state.grid.resize(columns, rows);
    }

    pub(crate) fn show(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE_BYTES) {
            self.state.has_acted = false;
            self.parser.advance(&mut self.state, piece);
            self.unseen = if self.state.has_acted {
                0
            } else {
                self.unseen + piece.len()
            };
            if self.unseen > UNSEEN_BYTES_MAX {
                self.parser = Parser::new();
                self.unseen = 0;
            }
        }
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.state.grid
    }

    pub(crate) fn is_alternate(&self) -> bool {
        self.state.is_alternate
    }

    pub(crate) fn has_brackets(&self) -> bool {
        self.state.has_brackets
    }
}

impl State {
    /// The screen that lines are on, while it is there.
    fn grid(&mut self) -> Option<&mut Grid> {
        self.has_acted = true;
        (!self.is_alternate).then_some(&mut self.grid)
    }

    fn mode(&mut self, params: &Params, is_set: bool) {
        self.has_acted = true;
        for mode in params.iter().filter_map(|parts| parts.first().copied()) {
            if OTHER_SCREEN.contains(&mode) {
                self.is_alternate = is_set;
            }
            if mode == BRACKETS {
                self.has_brackets = is_set;
            }
        }
    }
}

impl Perform for State {
    fn print(&mut self, character: char) {
        if let Some(grid) = self.grid() {
            grid.print(character);
        }
    }

    fn execute(&mut self, byte: u8) {
        let Some(grid) = self.grid() else { return };
        match byte {
            0x08 => grid.left(1),
            b'\t' => grid.tab(),
            b'\n' | 0x0b | 0x0c => grid.line_feed(),
            b'\r' => grid.carriage_return(),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, marks: &[u8], _ignore: bool, action: char) {
        if marks == b"?" && matches!(action, 'h' | 'l') {
            return self.mode(params, action == 'h');
        }
        let Some(grid) = self.grid().filter(|_| marks.is_empty()) else {
            return;
        };
        let mut numbers = params
            .iter()
            .map(|parts| usize::from(parts.first().copied().unwrap_or(0)));
        let first = numbers.next().unwrap_or(0);
        let second = numbers.next().unwrap_or(0);
        let count = first.max(1);
        match action {
            'A' => grid.up(count),
            'B' | 'e' => grid.down(count),
            'C' | 'a' => grid.right(count),
            'D' => grid.left(count),
            'E' => {
                grid.down(count);
                grid.carriage_return();
            }
            'F' => {
                grid.up(count);
                grid.carriage_return();
            }
            'G' | '`' => grid.go_to_column(count - 1),
            'H' | 'f' => grid.go_to(count - 1, second.saturating_sub(1)),
            'd' => grid.go_to_row(count - 1),
            'J' => grid.erase_in_screen(first),
            'K' => grid.erase_in_row(first),
            'P' => grid.delete(count),
            '@' => grid.insert(count),
            'X' => grid.erase(count),
            'L' => grid.shift_rows(false, count),
            'M' => grid.shift_rows(true, count),
            'S' => grid.scroll_all(true, count),
            'T' => grid.scroll_all(false, count),
            'b' => grid.repeat(count),
            'r' => grid.set_region(first, second),
            's' => grid.save(),
            'u' => grid.restore(),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, marks: &[u8], _ignore: bool, byte: u8) {
        let Some(grid) = self.grid().filter(|_| marks.is_empty()) else {
            return;
        };
        match byte {
            b'7' => grid.save(),
            b'8' => grid.restore(),
            b'D' => grid.line_feed(),
            b'E' => {
                grid.line_feed();
                grid.carriage_return();
            }
            b'M' => grid.reverse_line_feed(),
            b'c' => grid.reset(),
            _ => {}
        }
    }
}
