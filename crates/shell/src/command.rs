//! A command string, read as the shells read it.

use std::fmt;

use crate::lexer::{Lexer, Unit, What, forbidden};
use crate::program::program_fault;
use crate::quote::write_literal;
use crate::runners::base_name;
use crate::{MAX_COMMAND_BYTES, MAX_WORDS, Reason};

/// One argument, unquoted, byte for byte as the program receives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Word(String);

impl Word {
    /// The argument: ASCII, without control characters but tabs. It may be empty.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind its last slash.
    pub(crate) fn base_name(&self) -> Self {
        Self(base_name(&self.0).to_owned())
    }
}

impl AsRef<str> for Word {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Quoted, so that it is this word again when it is read.
impl fmt::Display for Word {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_literal(out, &self.0, true)
    }
}

/// What a command string is. See the [crate](crate) for what is guaranteed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// One program and its arguments; the first word names the program. Never empty.
    Simple(Vec<Word>),
    /// Not certainly so.
    Complex(Reason),
}

impl Command {
    /// Reads the string of an `exec` request (RFC 4254, section 6.5). Takes anything; the work is linear in its length.
    pub fn parse(text: &[u8]) -> Self {
        match words(text) {
            Ok(words) => Self::Simple(words),
            Err(reason) => Self::Complex(reason),
        }
    }

    /// The words of a simple command.
    pub fn words(&self) -> Option<&[Word]> {
        match self {
            Self::Simple(words) => Some(words),
            Self::Complex(_) => None,
        }
    }
}

fn words(text: &[u8]) -> Result<Vec<Word>, Reason> {
    if text.len() > MAX_COMMAND_BYTES {
        return Err(Reason::TooLong);
    }
    forbidden(text).map_err(|fault| reason(fault.what))?;
    // It is ASCII.
    let text = std::str::from_utf8(text).map_err(|_| Reason::NotAscii)?;
    let mut lexer = Lexer::command(text);
    let mut words = Vec::new();
    while let Some(lexed) = lexer.next_word().map_err(|fault| reason(fault.what))? {
        if words.len() == MAX_WORDS {
            return Err(Reason::TooManyWords);
        }
        words.push(Word(literal(&lexed.units)));
    }
    let program = words.first().ok_or(Reason::Empty)?;
    match program_fault(program.as_str()) {
        Some(reason) => Err(reason),
        None => Ok(words),
    }
}

fn reason(what: What) -> Reason {
    match what {
        What::Text(reason) => reason,
        // Only patterns have wildcards.
        What::Stars => Reason::Glob,
    }
}

/// The characters of a word. A command's word has nothing else.
pub(crate) fn literal(units: &[Unit]) -> String {
    units
        .iter()
        .filter_map(|unit| match unit {
            Unit::Literal(character) => Some(*character),
            Unit::Star | Unit::DoubleStar => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Command;
    use crate::{MAX_COMMAND_BYTES, MAX_WORDS, Reason};

    fn words(text: &str) -> Vec<String> {
        match Command::parse(text.as_bytes()) {
            Command::Simple(words) => words.iter().map(|word| word.as_str().to_owned()).collect(),
            Command::Complex(reason) => panic!("{text}: {reason}"),
        }
    }

    #[test]
    fn words_are_taken_apart() {
        assert_eq!(words("uptime"), ["uptime"]);
        assert_eq!(words("  ls\t -l  /srv "), ["ls", "-l", "/srv"]);
        assert_eq!(
            words("dd if=/dev/null of=x"),
            ["dd", "if=/dev/null", "of=x"]
        );
        assert_eq!(words("echo '' \"\" ''x"), ["echo", "", "", "x"]);
        assert_eq!(words(r"echo a\ b 'c  d'e"), ["echo", "a b", "c  de"]);
        assert_eq!(
            words(r#"echo "it's" 'say "hi"'"#),
            ["echo", "it's", "say \"hi\""]
        );
        assert_eq!(words(r"echo 'it'\''s'"), ["echo", "it's"]);
        assert_eq!(
            words(r"echo \$HOME '$HOME' '`id`'"),
            ["echo", "$HOME", "$HOME", "`id`"]
        );
        assert_eq!(
            words(r#"grep '^a\.b$' "c\.d""#),
            ["grep", r"^a\.b$", r"c\.d"]
        );
        assert_eq!(words("date +%s"), ["date", "+%s"]);
        assert_eq!(words("echo ..."), ["echo", "..."]);
    }

    #[test]
    fn limits_are_exact() {
        let longest = "a".repeat(MAX_COMMAND_BYTES);
        assert!(Command::parse(longest.as_bytes()).words().is_some());
        let longer = format!("{longest}a");
        assert_eq!(
            Command::parse(longer.as_bytes()),
            Command::Complex(Reason::TooLong)
        );
        let most = "a ".repeat(MAX_WORDS);
        assert_eq!(words(&most).len(), MAX_WORDS);
        assert_eq!(
            Command::parse(format!("{most}a").as_bytes()),
            Command::Complex(Reason::TooManyWords)
        );
    }
}
