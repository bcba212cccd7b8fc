//! Rows of a response, aligned. The first rows decide the widths, so that a response of any length
//! is shown in bounded memory.

use std::io::{self, Write};

use crate::output::{aligned, width};

/// So many rows are gathered before their widths are settled.
const ROWS_GATHERED: usize = 100;
/// A cell wider than this does not widen its column.
const COLUMN_WIDTH_MAX: usize = 60;

/// The response that is being shown.
#[derive(Debug, Default)]
pub(super) struct Table {
    header: Vec<String>,
    gathered: Vec<Vec<String>>,
    /// Set once the header is printed.
    widths: Option<Vec<usize>>,
}

impl Table {
    /// A response with these columns.
    pub(super) fn new(header: Vec<String>) -> Self {
        Self {
            header,
            gathered: Vec::new(),
            widths: None,
        }
    }

    /// One more row.
    pub(super) fn row(
        &mut self,
        cells: Vec<String>,
        margin: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if let Some(widths) = &self.widths {
            return writeln!(out, "{margin}{}", aligned(&cells, widths, " | "));
        }
        self.gathered.push(cells);
        if self.gathered.len() >= ROWS_GATHERED {
            self.settle(margin, out)
        } else {
            Ok(())
        }
    }

    /// Prints what was gathered.
    pub(super) fn settle(&mut self, margin: &str, out: &mut dyn Write) -> io::Result<()> {
        if self.widths.is_some() {
            return Ok(());
        }
        let widths = self.widths();
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        writeln!(out, "{margin}{}", aligned(&self.header, &widths, " | "))?;
        writeln!(out, "{margin}{}", rule.join("-+-"))?;
        for row in self.gathered.drain(..) {
            writeln!(out, "{margin}{}", aligned(&row, &widths, " | "))?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    fn widths(&self) -> Vec<usize> {
        self.header
            .iter()
            .enumerate()
            .map(|(column, name)| {
                let cells = self.gathered.iter().filter_map(|row| row.get(column));
                let widest = cells.map(|cell| width(cell)).max().unwrap_or(0);
                widest.min(COLUMN_WIDTH_MAX).max(width(name))
            })
            .collect()
    }
}
