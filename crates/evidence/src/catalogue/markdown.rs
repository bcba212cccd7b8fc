//! `docs/records.md`.

use std::fmt::Write;

use super::{COMMON, DetailKind, ENTRIES, Entry};

/// The catalogue as a page of Markdown.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Record types\n\n\
         Generated from `crates/evidence/src/catalogue/table.rs` by `cargo xtask generate`; do not edit.\n\
         The members themselves are explained in [evidence-format.md](evidence-format.md), section 3.\n\
         `detail` may hold further members; none is nested.\n\n",
    );
    let _ = writeln!(page, "Every record has {}.\n", list(COMMON));
    page.push_str("| type | written when |\n|---|---|\n");
    for entry in ENTRIES {
        let name = entry.kind.as_str();
        let anchor: String = name.chars().filter(|letter| *letter != '.').collect();
        let _ = writeln!(page, "| [`{name}`](#{anchor}) | {} |", entry.when);
    }
    for entry in ENTRIES {
        push_entry(&mut page, entry);
    }
    page
}

fn push_entry(page: &mut String, entry: &Entry) {
    let outcomes: Vec<_> = entry
        .outcomes
        .iter()
        .map(|outcome| outcome.as_str())
        .collect();
    let _ = write!(page, "\n## {}\n\n{}\n\n", entry.kind.as_str(), entry.when);
    let _ = writeln!(page, "- `outcome`: {}", list(&outcomes));
    if !entry.required.is_empty() {
        let _ = writeln!(page, "- always: {}", list(entry.required));
    }
    if !entry.optional.is_empty() {
        let _ = writeln!(page, "- sometimes: {}", list(entry.optional));
    }
    if entry.detail.is_empty() {
        return;
    }
    page.push_str("\n| `detail` | kind | meaning |\n|---|---|---|\n");
    for member in entry.detail {
        let kind = match member.kind {
            DetailKind::Text => "text",
            DetailKind::Integer => "integer",
            DetailKind::Boolean => "true or false",
        };
        let _ = writeln!(page, "| `{}` | {kind} | {} |", member.name, member.meaning);
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
