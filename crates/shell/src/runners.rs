//! Programs that run other programs.

mod table;

use crate::Word;
use table::TABLE;

/// How a program runs others. The last text of each says so, for people.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Runs {
    /// What its arguments say, in one way or another: it is a shell, an interpreter, an editor, a remote shell.
    Always(&'static str),
    /// Its operands are a command, after so many of them that are not.
    Operands(usize, &'static str),
    /// Only with one of these arguments, which are separated by blanks.
    With(&'static str, &'static str),
}

/// An argument that makes a program run others.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trigger {
    /// `--name` or `--name=value`, and what getopt takes for it: the name's first letters.
    Long(&'static str),
    /// `-x`, also among other letters (`-cx`).
    Short(char),
    /// This word, and nothing else.
    Exactly(&'static str),
}

impl Trigger {
    pub(crate) fn of(text: &'static str) -> Self {
        let mut letters = text.chars();
        match (letters.next(), letters.next(), letters.next()) {
            (Some('-'), Some('-'), Some(_)) => Self::Long(text),
            (Some('-'), Some(letter), None) => Self::Short(letter),
            _ => Self::Exactly(text),
        }
    }

    pub(crate) fn is(self, word: &str) -> bool {
        match self {
            Self::Long(long) => {
                let name = word.split('=').next().unwrap_or_default();
                name.len() > 2 && name.starts_with("--") && long.starts_with(name)
            }
            Self::Short(letter) => word
                .strip_prefix('-')
                .is_some_and(|letters| !letters.starts_with('-') && letters.contains(letter)),
            Self::Exactly(exact) => word == exact,
        }
    }

    /// Words that are this trigger.
    pub(crate) fn examples(self) -> [String; 3] {
        match self {
            Self::Long(long) => [long.to_owned(), format!("{long}=x"), format!("{long}=/x")],
            Self::Short(letter) => [
                format!("-{letter}"),
                format!("-{letter}x"),
                format!("-{letter}/x"),
            ],
            Self::Exactly(exact) => [exact.to_owned(), String::new(), String::new()],
        }
    }
}

/// The triggers of a program.
pub(crate) fn triggers(list: &'static str) -> impl Iterator<Item = Trigger> {
    list.split_ascii_whitespace().map(Trigger::of)
}

/// How this program, with these arguments, runs others that the arguments name; `None` for programs that the table does
/// not know, or that do so only with other arguments. For warnings: the table cannot be complete.
///
/// The program is known by the last part of its path, without a version: `/usr/bin/python3.11` is `python`.
pub fn runs_others(argv: &[Word]) -> Option<&'static str> {
    let (program, arguments) = argv.split_first()?;
    let mut arguments = arguments.iter().map(Word::as_str);
    match runs(base_name(program.as_str()))? {
        Runs::Always(how) | Runs::Operands(_, how) => arguments.next().map(|_| how),
        Runs::With(list, how) => {
            let triggered = arguments.any(|word| triggers(list).any(|trigger| trigger.is(word)));
            triggered.then_some(how)
        }
    }
}

pub(crate) fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or_default()
}

/// What the table says of a program, by its name without directories.
pub(crate) fn runs(name: &str) -> Option<Runs> {
    let unversioned =
        name.trim_end_matches(|sign: char| sign.is_ascii_digit() || matches!(sign, '.' | '-'));
    find(name).or_else(|| find(unversioned))
}

fn find(name: &str) -> Option<Runs> {
    let entry = TABLE
        .iter()
        .find(|(names, _)| names.split_ascii_whitespace().any(|known| known == name));
    entry.map(|(_, runs)| *runs)
}
