//! What the author of a rule may not have seen in her pattern.

use std::fmt;

use super::Pattern;
use super::word::WordPattern;
use crate::runners::{Runs, Trigger, base_name, runs, triggers};

/// A pattern allows more than it seems to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// It is `...`.
    Anything,
    /// The program is not fixed.
    AnyProgram {
        /// The pattern.
        pattern: String,
    },
    /// The program runs others, and what it is told to run is not fixed.
    RunsOthers {
        /// The pattern.
        pattern: String,
        /// How it does, as [`runs_others`](crate::runs_others) says.
        how: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => out.write_str(
                "a rule that allows `...` allows any command, and everything a shell can do",
            ),
            Self::AnyProgram { pattern } => {
                write!(
                    out,
                    "a rule that allows `{pattern}` allows every program whose name fits"
                )
            }
            Self::RunsOthers { pattern, how } => {
                write!(
                    out,
                    "a rule that allows `{pattern}` allows any command: {how}"
                )
            }
        }
    }
}

impl Pattern {
    /// What to tell the author of a rule with this pattern. At most one warning, the widest.
    ///
    /// It knows the programs of a table ([`runs_others`](crate::runs_others)) and no others: no warning is no promise.
    pub fn warnings(&self) -> Vec<Warning> {
        if self.is_anything() {
            return vec![Warning::Anything];
        }
        if self
            .words
            .first()
            .is_some_and(|program| program.fixed().is_none())
        {
            let pattern = self.to_string();
            return vec![Warning::AnyProgram { pattern }];
        }
        let how = runs_what_comes(&self.words, self.more);
        let warning = how.map(|how| Warning::RunsOthers {
            pattern: self.to_string(),
            how,
        });
        warning.into_iter().collect()
    }
}

/// How a command that these words allow may run something that they do not fix. `more` says that any words may follow.
fn runs_what_comes(words: &[WordPattern], more: bool) -> Option<&'static str> {
    let mut words = words;
    // From a runner to the command that it runs, as long as the pattern fixes it: `sudo -n` stops here, `sudo find` goes on.
    loop {
        let (program, rest) = words.split_first()?;
        let name = base_name(program.fixed()?);
        let is_open = more || rest.iter().any(|word| word.fixed().is_none());
        let runs = runs(name).filter(|_| is_open)?;
        let Runs::Operands(own, how) = runs else {
            return is_reachable(runs, rest, more);
        };
        let command = rest
            .iter()
            .position(|word| !is_setting(word))
            .unwrap_or(rest.len());
        words = rest.get(command + own..).unwrap_or_default();
        match words.first().map(WordPattern::fixed) {
            Some(Some(next)) if !next.starts_with('-') => {}
            _ => return Some(how),
        }
    }
}

/// `NAME=value`, which `env` and `sudo` take before the command.
fn is_setting(word: &WordPattern) -> bool {
    word.fixed().is_some_and(|word| word.contains('='))
}

fn is_reachable(runs: Runs, rest: &[WordPattern], more: bool) -> Option<&'static str> {
    match runs {
        Runs::Always(how) | Runs::Operands(_, how) => Some(how),
        Runs::With(list, how) => {
            let mut triggers = triggers(list);
            let brought = triggers.any(|trigger| rest.iter().any(|word| may_be(word, trigger)));
            (more || brought).then_some(how)
        }
    }
}

/// Whether the word is one of the arguments that make the program run others, or a wildcard for one.
fn may_be(word: &WordPattern, trigger: Trigger) -> bool {
    match word.fixed() {
        Some(fixed) => trigger.is(fixed),
        None => trigger
            .examples()
            .iter()
            .any(|example| word.matches(example)),
    }
}
