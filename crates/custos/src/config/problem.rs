//! What is wrong with a configuration file: every problem at once, each with its place.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Debug)]
struct Problem {
    /// Byte range in the file.
    span: Range<usize>,
    /// What was found.
    found: String,
    /// What is allowed instead.
    allowed: String,
}

/// All that is wrong with one file, in the order of the file.
#[derive(Debug)]
pub(crate) struct Problems {
    file: PathBuf,
    source: String,
    list: Vec<Problem>,
}

impl Problems {
    /// No problem yet.
    pub(crate) fn new(file: &Path, source: &str) -> Self {
        Self {
            file: file.to_owned(),
            source: source.to_owned(),
            list: Vec::new(),
        }
    }

    /// Adds one. `found` says what stands there, `allowed` what may.
    pub(crate) fn push(
        &mut self,
        span: Range<usize>,
        found: impl Into<String>,
        allowed: impl Into<String>,
    ) {
        self.list.push(Problem {
            span,
            found: found.into(),
            allowed: allowed.into(),
        });
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// The file as it was named.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// `Ok` when nothing was pushed.
    pub(crate) fn into_result<T>(mut self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => {
                self.list.sort_by_key(|problem| problem.span.start);
                Err(self)
            }
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            let (line, column) = line_and_column(&self.source, problem.span.start);
            write!(
                out,
                "{}:{line}:{column}: {}",
                self.file.display(),
                problem.found
            )?;
            if !problem.allowed.is_empty() {
                write!(out, "\n    {}", problem.allowed)?;
            }
        }
        Ok(())
    }
}

/// Line and column, both from 1; the column counts characters.
fn line_and_column(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset.min(source.len())).unwrap_or(source);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// The candidate that is nearest to `text`, if it is near enough to be meant.
pub(crate) fn did_you_mean<'c>(
    text: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    candidates
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, left) in left.chars().enumerate() {
        let mut next = vec![index + 1];
        for ((right, above), diagonal) in right.iter().zip(row.iter().skip(1)).zip(&row) {
            let beside = next.last().copied().unwrap_or(0);
            let changed = diagonal + usize::from(left != *right);
            next.push(changed.min(above + 1).min(beside + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let names = ["listener", "limits", "access"];
        assert_eq!(did_you_mean("lisener", names.into_iter()), Some("listener"));
        assert_eq!(did_you_mean("acess", names.into_iter()), Some("access"));
        assert_eq!(did_you_mean("zzz", names.into_iter()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn places_count_from_one() {
        assert_eq!(line_and_column("ab\nüx", 0), (1, 1));
        assert_eq!(line_and_column("ab\nüx", 5), (2, 2));
        assert_eq!(line_and_column("ab", 99), (1, 3));
    }
}
