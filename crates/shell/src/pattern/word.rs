//! One word of a pattern.

use std::fmt;

use crate::lexer::Unit;
use crate::quote::write_literal;
use crate::{MAX_WILDCARD_WORD, PatternError};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WordPattern {
    /// A word without wildcards.
    Fixed(String),
    /// `*` or `**` alone.
    One,
    /// A word with wildcards in it.
    Wild(Wild),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wild {
    /// As written.
    units: Vec<Unit>,
    /// As matched.
    steps: Vec<Step>,
}

/// What one step of matching takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// This character.
    Exactly(char),
    /// Any character but `/`.
    Name,
    /// Any number of characters but `/`.
    Names,
    /// Any number of characters.
    Path,
}

/// Why a word is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadWord {
    Dots,
    TooLong,
}

impl BadWord {
    pub(crate) fn at(self, column: usize) -> PatternError {
        match self {
            Self::Dots => PatternError::Dots { column },
            Self::TooLong => PatternError::WildcardTooLong { column },
        }
    }
}

impl WordPattern {
    pub(crate) fn new(units: Vec<Unit>) -> Result<Self, BadWord> {
        if !units.iter().any(|unit| unit.is_wildcard()) {
            return Ok(Self::Fixed(crate::command::literal(&units)));
        }
        if units.len() == 1 {
            return Ok(Self::One);
        }
        if units.len() > MAX_WILDCARD_WORD {
            return Err(BadWord::TooLong);
        }
        // A wildcard may match nothing, or a letter: what has dots either way can match no word.
        let with_letters = units.iter().map(|unit| match unit {
            Unit::Literal(character) => *character,
            Unit::Star | Unit::DoubleStar => 'x',
        });
        if has_dots(&with_letters.collect::<String>()) {
            return Err(BadWord::Dots);
        }
        let steps = steps(&units);
        Ok(Self::Wild(Wild { units, steps }))
    }

    pub(crate) fn matches(&self, word: &str) -> bool {
        match self {
            Self::Fixed(fixed) => fixed == word,
            Self::One => !word.is_empty() && !word.starts_with('-') && !has_dots(word),
            Self::Wild(wild) => wild.matches(word),
        }
    }

    /// The same for what asks people: options apart, a wildcard stands for any word, `..` in it or not.
    pub(crate) fn may_match(&self, word: &str) -> bool {
        match self {
            Self::Fixed(fixed) => fixed == word,
            Self::One => !word.is_empty() && !word.starts_with('-'),
            Self::Wild(wild) => {
                let begins_open = wild.units.first().is_some_and(|unit| unit.is_wildcard());
                !(begins_open && word.starts_with('-')) && run(&wild.steps, word)
            }
        }
    }

    /// The word, if it has no wildcard.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(fixed) => Some(fixed),
            Self::One | Self::Wild(_) => None,
        }
    }
}

impl Wild {
    fn matches(&self, word: &str) -> bool {
        let begins_open = self.units.first().is_some_and(|unit| unit.is_wildcard());
        if (begins_open && word.starts_with('-')) || has_dots(word) {
            return false;
        }
        run(&self.steps, word)
    }
}

/// Follows all the ways to match at once: for each step, whether some way has come to it.
fn run(steps: &[Step], word: &str) -> bool {
    let mut reached = vec![false; steps.len()];
    let mut done = enter(steps, &mut reached);
    for character in word.chars() {
        let mut comes = false;
        let mut alive = false;
        for (step, here) in steps.iter().zip(&mut reached) {
            let (was, wild) = (*here, step.is_repeated());
            let taken = was && step.takes(character);
            *here = comes || (taken && wild);
            alive |= *here;
            // On to the next step: by this character, or by ending the run here.
            comes = if wild { *here } else { taken };
        }
        done = comes;
        if !alive && !done {
            return false;
        }
    }
    done
}

/// Where matching begins: at the first step, and after those before it that may take nothing.
fn enter(steps: &[Step], reached: &mut [bool]) -> bool {
    let mut comes = true;
    for (step, here) in steps.iter().zip(reached) {
        *here = comes;
        comes = comes && step.is_repeated();
    }
    comes
}

impl Step {
    fn takes(self, character: char) -> bool {
        match self {
            Self::Exactly(wanted) => wanted == character,
            Self::Name | Self::Names => character != '/',
            Self::Path => true,
        }
    }

    fn is_repeated(self) -> bool {
        matches!(self, Self::Names | Self::Path)
    }
}

fn steps(units: &[Unit]) -> Vec<Step> {
    let mut steps = Vec::with_capacity(units.len() + 1);
    for (position, unit) in units.iter().enumerate() {
        let before = position.checked_sub(1).and_then(|at| units.get(at));
        let is_whole = is_edge(before) && is_edge(units.get(position + 1));
        let repeated = match unit {
            Unit::Literal(character) => {
                steps.push(Step::Exactly(*character));
                continue;
            }
            Unit::Star => Step::Names,
            Unit::DoubleStar => Step::Path,
        };
        if is_whole {
            steps.push(Step::Name);
        }
        steps.push(repeated);
    }
    steps
}

/// The end of the word or of a part of a path.
fn is_edge(unit: Option<&Unit>) -> bool {
    matches!(unit, None | Some(Unit::Literal('/')))
}

/// Whether a path in the word leaves where it seems to be: a `..` by itself, or a `.` between slashes.
///
/// A `..` counts unless it is part of a name, so that it is found behind `--file=` and `host:` too.
fn has_dots(word: &str) -> bool {
    let by_itself = word
        .split(|next| !is_of_name(next))
        .any(|part| part == "..");
    by_itself || word.split('/').skip(1).any(|part| part == ".")
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_')
}

impl fmt::Display for WordPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wild = match self {
            Self::Fixed(fixed) => return write_literal(out, fixed, true),
            Self::One => return out.write_str("*"),
            Self::Wild(wild) => wild,
        };
        let mut begins = true;
        for part in wild
            .units
            .chunk_by(|one, next| !one.is_wildcard() && !next.is_wildcard())
        {
            match part.first() {
                Some(Unit::Star) => out.write_str("*")?,
                Some(Unit::DoubleStar) => out.write_str("**")?,
                _ => write_literal(out, &crate::command::literal(part), begins)?,
            }
            begins = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::has_dots;

    #[test]
    fn dots_are_found_where_a_path_can_be() {
        for word in [
            "..",
            "../x",
            "/a/../b",
            "/a/..",
            "--file=..",
            "host:..",
            "a,..",
            "if=../x",
            "/a/./b",
            "/a/.",
            "/.",
        ] {
            assert!(has_dots(word), "{word}");
        }
        for word in [
            "",
            ".",
            "./x",
            "a..b",
            "..a",
            "a..",
            "...",
            "/a/...",
            "/a/..b",
            "/a/.b",
            "HEAD..v1.2",
            "x_..",
            "-.",
        ] {
            assert!(!has_dots(word), "{word}");
        }
    }
}
