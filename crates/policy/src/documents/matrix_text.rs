//! The matrix as people read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::matrix::{Cell, Matrix, Sight};
use super::target::Target;
use super::verb::Verb;
use super::verdict::Ruling;
use super::who::Who;

impl Matrix {
    /// A table for each resource, in Markdown. What is in no table is denied.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        if self.cells.is_empty() {
            text.push_str("Nobody may do anything.\n");
        }
        let mut numbered = Notes::default();
        let targets: BTreeSet<&Target> = self.cells.iter().map(|cell| &cell.on).collect();
        for on in targets {
            if !text.is_empty() {
                text.push('\n');
            }
            // Writing to a string cannot fail.
            let _ = writeln!(text, "## {}\n", in_cell(&on.to_string()));
            self.verbs_on(&mut text, &mut numbered, on);
            self.labels_on(&mut text, &mut numbered, on);
        }
        numbered.write(&mut text);
        text
    }

    fn verbs_on(&self, text: &mut String, numbered: &mut Notes, on: &Target) {
        let cells: Vec<&Cell> = self.cells.iter().filter(|cell| cell.on == *on).collect();
        let verbs: BTreeSet<Verb> = cells.iter().map(|cell| cell.verb).collect();
        let people: BTreeSet<&Who> = cells.iter().map(|cell| &cell.who).collect();
        let header = verbs.iter().map(ToString::to_string);
        let rows = people.into_iter().map(|who| {
            let cell = |verb: &Verb| {
                let cell = cells
                    .iter()
                    .find(|cell| cell.who == *who && cell.verb == *verb);
                cell.map_or_else(
                    || "-".to_owned(),
                    |cell| {
                        let word = if cell.ruling == Ruling::Hold {
                            "ask"
                        } else {
                            "yes"
                        };
                        numbered.cell(word, &cell.notes)
                    },
                )
            };
            (in_cell(&who.to_string()), verbs.iter().map(cell).collect())
        });
        table(text, "who", header.collect(), rows.collect());
    }

    fn labels_on(&self, text: &mut String, numbered: &mut Notes, on: &Target) {
        let mut rows: BTreeMap<&Who, BTreeMap<&str, String>> = BTreeMap::new();
        for column in self.columns.iter().filter(|column| column.on == *on) {
            let cell = numbered.cell(sight_word(column.sight), &column.notes);
            rows.entry(&column.who)
                .or_default()
                .insert(&column.label, cell);
        }
        let labels: BTreeSet<&str> = rows.values().flat_map(BTreeMap::keys).copied().collect();
        if labels.is_empty() {
            return;
        }
        text.push('\n');
        let rows = rows.into_iter().map(|(who, sights)| {
            let cell = |label: &&str| {
                sights
                    .get(*label)
                    .cloned()
                    .unwrap_or_else(|| "-".to_owned())
            };
            (in_cell(&who.to_string()), labels.iter().map(cell).collect())
        });
        let header = labels.iter().map(|label| (*label).to_owned());
        table(text, "columns seen by", header.collect(), rows.collect());
    }
}

pub(super) fn sight_word(sight: Sight) -> &'static str {
    match sight {
        Sight::Clear => "clear",
        Sight::Masked => "masked",
        Sight::Refused => "refused",
    }
}

/// A bar would end the cell, a backslash take the next character's meaning.
fn in_cell(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('*', "\\*")
}

fn table(text: &mut String, corner: &str, header: Vec<String>, rows: Vec<(String, Vec<String>)>) {
    let mut lines = vec![
        std::iter::once(corner.to_owned())
            .chain(header)
            .collect::<Vec<_>>(),
    ];
    lines.extend(
        rows.into_iter()
            .map(|(name, cells)| std::iter::once(name).chain(cells).collect()),
    );
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (number, line) in lines.iter().enumerate() {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!(" {cell:<width$} |"));
        let _ = writeln!(text, "|{}", cells.collect::<String>());
        if number == 0 {
            let rules = widths
                .iter()
                .map(|width| format!("{}|", "-".repeat(width + 2)));
            let _ = writeln!(text, "|{}", rules.collect::<String>());
        }
    }
}

/// Notes of cells, each once, by number.
#[derive(Default)]
struct Notes {
    all: Vec<String>,
}

impl Notes {
    fn cell(&mut self, word: &str, notes: &[String]) -> String {
        if notes.is_empty() {
            return word.to_owned();
        }
        let note = notes.join("; ");
        let number = self
            .all
            .iter()
            .position(|known| *known == note)
            .unwrap_or_else(|| {
                self.all.push(note);
                self.all.len() - 1
            });
        format!("{word} ({})", number + 1)
    }

    fn write(&self, text: &mut String) {
        if !self.all.is_empty() {
            text.push_str("\n## Notes\n\n");
        }
        for (number, note) in self.all.iter().enumerate() {
            let _ = writeln!(text, "{}. {}", number + 1, in_cell(note));
        }
    }
}
