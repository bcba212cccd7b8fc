//! Whether a line mentions what a pattern says.

use super::{Line, Piece, UNKNOWN, names_in};
use crate::Pattern;
use crate::runners::{Runs, base_name, runs, triggers};

/// Words of shells behind which a command stands.
const BEFORE_COMMANDS: &[&str] = &[
    "!",
    "-",
    "and",
    "begin",
    "builtin",
    "command",
    "coproc",
    "do",
    "elif",
    "else",
    "exec",
    "if",
    "nocorrect",
    "noglob",
    "not",
    "or",
    "then",
    "time",
    "until",
    "while",
];
/// Words of shells that take code, or keep it for later.
const TAKE_CODE: &[&str] = &["alias", "bind", "eval", "fc", "function", "hash", "trap"];

/// How a word of a shell or a program at the beginning of some words treats those that follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// They are its own.
    Command,
    /// One of them begins another command.
    Another,
    /// They may be code.
    Code,
}

impl Pattern {
    /// Whether a line may run what this matches, as far as that can be read from its text. For guard-rails that ask
    /// people: an alias, a variable set before, a script, a program under another name or an encoded text is not seen.
    ///
    /// Programs are known by the last part of their path, here and there. A command is looked for behind the operators of
    /// shells, their reserved words, assignments, and programs that run others (`sudo`, `env`, `nohup`, …). Options may
    /// stand between the other words, if the pattern has none. What a variable or a wildcard comes to may be anything. Where
    /// a piece is code for a shell or an interpreter, or cannot be read in one way, it mentions the command if the name of its
    /// program stands anywhere in the line; so does a line that recalls another one (`!!`), whatever the command is.
    pub fn is_mentioned_in(&self, line: &Line) -> bool {
        if self.is_anything() {
            return !line.is_blank();
        }
        line.is_recalled || line.pieces.iter().any(|piece| piece.mentions(self, line))
    }

    /// Whether its program's name stands anywhere.
    fn is_named_in(&self, line: &Line) -> bool {
        self.program()
            .is_none_or(|program| line.names.contains(program))
    }

    /// The name of its program without directories, if it is one name.
    fn program(&self) -> Option<&str> {
        self.first().and_then(|word| word.fixed()).map(base_name)
    }

    /// Whether these words are it, or may be. `more`: others may follow.
    fn may_be(&self, words: &[String], more: bool) -> bool {
        let Some((program, arguments)) = words.split_first() else {
            return false;
        };
        if !self.may_be_program(program) {
            return false;
        }
        let operands = arguments.iter().filter(|word| !word.starts_with('-'));
        self.may_have(arguments.iter(), more)
            || !self.has_options() && self.may_have(operands, more)
    }

    fn may_be_program(&self, word: &str) -> bool {
        // zsh puts the path of a program in the place of `=program`.
        let name = base_name(word.trim_start_matches('='));
        match (self.program(), self.first()) {
            (Some(program), _) => {
                name == program || could_be(name, program) || could_be(word, program)
            }
            (None, Some(first)) => first.may_match(word) || first.may_match(name),
            (None, None) => true,
        }
    }

    fn may_have<'w>(&self, mut words: impl Iterator<Item = &'w String>, more: bool) -> bool {
        for pattern in self.arguments() {
            match words.next() {
                None => return false,
                // It may be any number of words.
                Some(word) if word.contains(UNKNOWN) => return true,
                Some(word) if !pattern.may_match(word) => return false,
                Some(_) => {}
            }
        }
        self.takes_more() || more || words.next().is_none_or(|word| word.contains(UNKNOWN))
    }
}

impl Piece {
    /// Finds the words that may begin a command.
    pub(super) fn find_commands(&mut self, is_shown: bool) {
        let is_before =
            |word: &String| is_assignment(word) || BEFORE_COMMANDS.contains(&word.as_str());
        let Some(start) = self.words.iter().position(|word| !is_before(word)) else {
            // What is kept in a variable may be run from there.
            self.is_doubtful |= self.words.iter().any(|word| is_assignment(word));
            return;
        };
        // Behind one that runs another, each word may be the one; so may each behind a prompt.
        let mut runs_another = is_shown;
        for (at, first) in self.words.iter().enumerate().skip(start) {
            self.commands.push(at);
            let others = self.words.get(at + 1..).unwrap_or_default();
            let begins = begins(first, others);
            let is_unknown = first.chars().all(|sign| sign == UNKNOWN);
            self.is_doubtful |= begins == Begins::Code || is_unknown;
            runs_another |= begins == Begins::Another;
            if !runs_another {
                break;
            }
        }
    }

    fn mentions(&self, pattern: &Pattern, line: &Line) -> bool {
        let mut commands = self.commands.iter().filter_map(|at| self.words.get(*at..));
        commands.any(|words| pattern.may_be(words, line.is_shown))
            || self.is_doubtful && pattern.is_named_in(line)
    }
}

fn begins(first: &str, others: &[String]) -> Begins {
    let name = base_name(first.trim_start_matches('='));
    if TAKE_CODE.contains(&name) {
        return Begins::Code;
    }
    if BEFORE_COMMANDS.contains(&name) {
        return Begins::Another;
    }
    match runs(name) {
        None => Begins::Command,
        Some(Runs::Always(_)) => Begins::Code,
        Some(Runs::Operands(..)) => Begins::Another,
        Some(Runs::With(list, _)) => {
            let mut others = others.iter();
            let is_triggered = others.any(|word| triggers(list).any(|trigger| trigger.is(word)));
            if is_triggered {
                Begins::Code
            } else {
                Begins::Command
            }
        }
    }
}

/// `NAME=…`, `NAME+=…`, `NAME[…]=…`.
fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else {
        return false;
    };
    let name = name.strip_suffix('+').unwrap_or(name);
    let name = name.split(['[', UNKNOWN]).next().unwrap_or_default();
    let mut signs = name.chars();
    signs
        .next()
        .is_some_and(|sign| sign.is_ascii_alphabetic() || sign == '_')
        && signs.all(|sign| sign.is_ascii_alphanumeric() || sign == '_')
}

/// Whether a word of which only parts are known may be this name.
fn could_be(word: &str, name: &str) -> bool {
    if !word.contains(UNKNOWN) || word.chars().all(|sign| sign == UNKNOWN) {
        return false;
    }
    if names_in(word).any(|known| known == name) {
        return true;
    }
    let mut parts = word.split(UNKNOWN);
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}
