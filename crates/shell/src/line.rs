//! Lines that somebody enters into a shell, read leniently: which commands one of them mentions.

mod mention;
mod reader;

use std::collections::BTreeSet;

use reader::Reader;

/// Stands in a word for what only the shell knows: the value of a variable, what a wildcard or another command comes to.
const UNKNOWN: char = '\0';
/// Words of one line that are looked at one by one.
const WORDS_MAX: usize = crate::MAX_WORDS;

/// A line as somebody enters it into a shell.
///
/// Where [`Command`](crate::Command) reads a text so that nothing in it can mean anything else, this reads it so that little
/// of what it may mean is missed: for a guard-rail, and not for a control. It is split wherever any shell may begin a
/// command. See [`Pattern::is_mentioned_in`](crate::Pattern::is_mentioned_in).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pieces: Vec<Piece>,
    /// Whatever stands in it that may name a program.
    names: BTreeSet<String>,
    /// The shell puts an earlier line, or parts of one, in its place.
    is_recalled: bool,
    /// It goes on in the next line.
    is_unfinished: bool,
    /// Any word may begin the command: a prompt may stand before it, and other things behind.
    is_shown: bool,
}

/// Words between two places at which a command may begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Piece {
    /// Without their quotes.
    words: Vec<String>,
    /// Those at which a command may begin.
    commands: Vec<usize>,
    /// Something in it is read in more than one way, or runs by itself.
    is_doubtful: bool,
}

impl Line {
    /// A line as it was typed. The work is linear in its length.
    pub fn typed(text: &str) -> Self {
        Reader::new(text, false).read()
    }

    /// A line as a terminal shows it, where nobody knows what of it is a prompt.
    pub fn shown(text: &str) -> Self {
        Reader::new(text, true).read()
    }

    /// Whether it ends inside quotes, or in a backslash: the next line goes on where it ends.
    pub fn is_unfinished(&self) -> bool {
        self.is_unfinished
    }

    /// Whether nothing stands in it.
    pub fn is_blank(&self) -> bool {
        self.pieces.is_empty() && !self.is_recalled
    }
}

/// What stands in a word that may name a program.
fn names_in(word: &str) -> impl Iterator<Item = &str> {
    let is_part = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.' | '+');
    let parts = word.split(move |sign| !is_part(sign));
    parts.filter(|name| !name.is_empty())
}
