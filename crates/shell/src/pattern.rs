//! What a policy rule says about commands.

mod warning;
mod word;

use std::fmt;

use crate::command::literal;
use crate::lexer::{Fault, Lexed, Lexer, What, forbidden};
use crate::program::program_fault;
use crate::{Command, MAX_PATTERN_BYTES, PatternError, Word, runs_others};

pub use warning::Warning;
pub(crate) use word::WordPattern;

/// A pattern that commands match or not.
///
/// Words are separated by blanks and quoted as in a command. Outside quotes there are wildcards:
///
/// | written | matches |
/// |---|---|
/// | `*` inside a word | any run of characters without `/` |
/// | `**` inside a word | any run of characters |
/// | `*` or `**` as a whole word | one word |
/// | `...` as the last word | any number of further words of any content, none included |
/// | `...` as the only word | everything, and complex commands too |
///
/// A `*` or `**`, alone or in a word, never matches
/// - a `-` at the beginning of an argument, so that `systemctl status *` does not let options in; `-*` does, and `...`;
/// - an argument with a `..` in it that stands by itself (`/srv/app/../../etc`, `--file=..`), or a directory `.` after
///   a `/`, so that `/srv/app/**` stays below `/srv/app`;
/// - nothing, where it is all there is between two slashes or of a word: `/srv/app/*` does not match `/srv/app/`.
///
/// Everything else matches itself only: there is no case folding, no `?`, no `[`, no regular expression. `id` does not
/// match `/usr/bin/id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    words: Vec<WordPattern>,
    /// It ends in `...`.
    more: bool,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If it is empty, longer than [`MAX_PATTERN_BYTES`], has something unquoted in it that would make a command
    /// complex, or could match no command.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong);
        }
        forbidden(text.as_bytes()).map_err(from_fault)?;
        let mut pattern = Self {
            words: Vec::new(),
            more: false,
        };
        let mut lexer = Lexer::pattern(text);
        let mut ellipsis_at = 0;
        while let Some(lexed) = lexer.next_word().map_err(from_fault)? {
            if pattern.more {
                let column = column(ellipsis_at);
                return Err(PatternError::EllipsisNotLast { column });
            }
            if lexed.is_ellipsis {
                pattern.more = true;
                ellipsis_at = lexed.at;
            } else {
                let is_program = pattern.words.is_empty();
                pattern.words.push(word_of(lexed, is_program)?);
            }
        }
        if pattern.words.is_empty() && !pattern.more {
            return Err(PatternError::Empty);
        }
        Ok(pattern)
    }

    /// The pattern `...`, which matches every command, simple or complex.
    pub fn anything() -> Self {
        Self {
            words: Vec::new(),
            more: true,
        }
    }

    /// Whether it is `...`.
    pub fn is_anything(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether a command matches. The work is at most the command's length times that of the pattern's longest word.
    pub fn matches(&self, command: &Command) -> bool {
        if self.is_anything() {
            return true;
        }
        command.words().is_some_and(|words| self.fits(words))
    }

    /// Whether a command may run something that matches, for rules that deny: it matches, it is the program of that name in
    /// some directory, it is complex, or it is one of those that run what their arguments say ([`runs_others`]).
    ///
    /// A program under another name, as a copy or a link or a function has it, is not seen.
    pub fn may_run(&self, command: &Command) -> bool {
        let Some(words) = command.words() else {
            return true;
        };
        let named = words.first().map(Word::base_name);
        let elsewhere = named.zip(words.get(1..));
        self.matches(command)
            || elsewhere.is_some_and(|(name, rest)| self.fits_program(&name, rest))
            || runs_others(words).is_some()
    }

    /// The word that names the program; `None` for `...`.
    pub(crate) fn first(&self) -> Option<&WordPattern> {
        self.words.first()
    }

    /// The words behind it.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &WordPattern> {
        self.words.iter().skip(1)
    }

    /// Whether any further words may follow.
    pub(crate) fn takes_more(&self) -> bool {
        self.more
    }

    /// Whether it names options.
    pub(crate) fn has_options(&self) -> bool {
        let mut words = self.arguments();
        words.any(|word| word.to_string().starts_with('-'))
    }

    fn fits_program(&self, program: &Word, arguments: &[Word]) -> bool {
        let mut words = Vec::with_capacity(arguments.len() + 1);
        words.push(program.clone());
        words.extend_from_slice(arguments);
        self.fits(&words)
    }

    fn fits(&self, words: &[Word]) -> bool {
        let enough = if self.more {
            words.len() >= self.words.len()
        } else {
            words.len() == self.words.len()
        };
        let mut pairs = self.words.iter().zip(words);
        enough && pairs.all(|(pattern, word)| pattern.matches(word.as_str()))
    }
}

/// The canonical text: one space between words and no more quotes than are needed.
impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, word) in self.words.iter().enumerate() {
            if position > 0 {
                out.write_str(" ")?;
            }
            word.fmt(out)?;
        }
        match (self.more, self.words.is_empty()) {
            (true, true) => out.write_str("..."),
            (true, false) => out.write_str(" ..."),
            (false, _) => Ok(()),
        }
    }
}

fn word_of(lexed: Lexed, is_program: bool) -> Result<WordPattern, PatternError> {
    let column = column(lexed.at);
    let is_fixed = !lexed.units.iter().any(|unit| unit.is_wildcard());
    if is_program
        && is_fixed
        && let Some(reason) = program_fault(&literal(&lexed.units))
    {
        return Err(PatternError::NeverRuns { column, reason });
    }
    WordPattern::new(lexed.units).map_err(|bad| bad.at(column))
}

fn from_fault(fault: Fault) -> PatternError {
    let column = column(fault.at);
    match fault.what {
        What::Text(reason) => PatternError::Text { column, reason },
        What::Stars => PatternError::Stars { column },
    }
}

/// What is before it is ASCII, or that would be the fault.
fn column(at: usize) -> usize {
    at + 1
}
