//! Standard output: tables for people, tab-separated lines for pipes, JSON for programs.

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;

/// How a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Aligned, with a header.
    Table,
    /// One line a row, columns separated by tabs, no header.
    Tabs,
}

impl Style {
    /// A table on a terminal, tabs elsewhere.
    pub(crate) fn of_stdout() -> Self {
        if io::stdout().is_terminal() {
            Self::Table
        } else {
            Self::Tabs
        }
    }
}

/// Prints rows under their header.
pub(crate) fn rows(
    out: &mut dyn Write,
    style: Style,
    header: &[&str],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let shown: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| visible(cell)).collect())
        .collect();
    if style == Style::Tabs {
        for row in &shown {
            writeln!(out, "{}", row.join("\t"))?;
        }
        return Ok(());
    }
    let header: Vec<String> = header.iter().map(|name| name.to_uppercase()).collect();
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(column, name)| {
            let cells = shown.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| width(cell))
                .max()
                .unwrap_or(0)
                .max(width(name))
        })
        .collect();
    for row in std::iter::once(&header).chain(&shown) {
        writeln!(out, "{}", aligned(row, &widths, "  "))?;
    }
    Ok(())
}

/// Cells padded to their columns, without trailing blanks.
pub(crate) fn aligned(cells: &[String], widths: &[usize], separator: &str) -> String {
    let mut line = String::new();
    for (column, cell) in cells.iter().enumerate() {
        if column > 0 {
            line.push_str(separator);
        }
        line.push_str(cell);
        if column + 1 < cells.len() {
            let wanted = widths.get(column).copied().unwrap_or(0);
            line.extend(std::iter::repeat_n(' ', wanted.saturating_sub(width(cell))));
        }
    }
    line
}

/// Width on a terminal, near enough: one place for each character.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

/// A time in RFC 3339 UTC, without what is less than a second.
pub(crate) fn seconds(utc: &str) -> String {
    match utc.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => utc.to_owned(),
    }
}

/// The text with control characters made visible: what somebody typed into a session must not
/// drive the terminal of whoever reads about it.
pub(crate) fn visible(text: &str) -> String {
    escaped(text, |_| false)
}

/// As `visible`, but line feeds and tabs stay.
pub(crate) fn visible_lines(text: &str) -> String {
    escaped(text, |character| matches!(character, '\n' | '\t'))
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if !keep(character) && (character.is_control() || is_formatting(character)) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that turn the direction of text round or hide: a statement must look like what it is.
fn is_formatting(character: char) -> bool {
    matches!(character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Prints a value as indented JSON.
pub(crate) fn json(out: &mut dyn Write, value: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)
        .map_err(|error| anyhow::Error::new(io::Error::from(error)))?;
    writeln!(out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(style: Style) -> String {
        let mut out = Vec::new();
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        rows(
            &mut out,
            style,
            &["id", "name"],
            &[row("1", "älice"), row("22222", "b\tob")],
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tables_are_aligned_and_tabs_are_bare() {
        assert_eq!(
            shown(Style::Table),
            "ID     NAME\n1      älice\n22222  b\\tob\n"
        );
        assert_eq!(shown(Style::Tabs), "1\tälice\n22222\tb\\tob\n");
    }

    #[test]
    fn nothing_drives_the_terminal() {
        assert_eq!(
            visible("a\u{1b}[2Jb\n\u{202e}c"),
            "a\\u{1b}[2Jb\\n\\u{202e}c"
        );
        assert_eq!(visible_lines("a\n\tb\r"), "a\n\tb\\r");
    }
}
