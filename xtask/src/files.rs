//! Lengths of files, and words that do not belong into the repository.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::tracked;

/// Lines of a Rust file at most. Aim for 100 to 250.
const LINES_MAX: usize = 700;
/// Paths of somebody's machine. In two parts, so that this file does not contain them.
const FORBIDDEN: &[&str] = &[
    concat!("/", "work/"),
    concat!("/", "root/"),
    concat!("/home/", "user"),
];

pub(crate) fn check_lengths(root: &Path) -> Result<()> {
    let mut problems = Vec::new();
    for path in tracked(root)? {
        let is_test = path
            .components()
            .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        if is_test || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let lines = std::fs::read_to_string(&path)
            .with_context(|| path.display().to_string())?
            .lines()
            .count();
        if lines > LINES_MAX {
            problems.push(format!(
                "{} has {lines} lines, more than {LINES_MAX}",
                path.display()
            ));
        }
    }
    fail_with(&problems)
}

pub(crate) fn check_words(root: &Path) -> Result<()> {
    let mut problems = Vec::new();
    for path in tracked(root)? {
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        // Lock files of package managers may hold checksums that look like anything.
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = FORBIDDEN.iter().find(|word| line.contains(**word)) {
                problems.push(format!("{}:{} has `{word}`", path.display(), number + 1));
            }
        }
    }
    fail_with(&problems)
}

fn fail_with(problems: &[String]) -> Result<()> {
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(())
}
