//! A line into pieces and words.

use std::iter::Peekable;
use std::str::Chars;

use super::{Line, Piece, UNKNOWN, WORDS_MAX, names_in};
use crate::runners::base_name;

/// Signs of a set that are looked at.
const SET_MAX: usize = 64;

pub(super) struct Reader<'text> {
    rest: Peekable<Chars<'text>>,
    /// The sign before.
    before: Option<char>,
    line: Line,
    piece: Piece,
    /// The word so far; `None` between words.
    word: Option<String>,
    /// The next word is where a redirection goes.
    is_redirected: bool,
    words: usize,
}

impl<'text> Reader<'text> {
    pub(super) fn new(text: &'text str, is_shown: bool) -> Self {
        let mut line = Line {
            is_shown,
            ..Line::default()
        };
        // Quick substitution: `^old^new`.
        line.is_recalled = text
            .trim_start()
            .strip_prefix('^')
            .is_some_and(|rest| rest.contains('^'));
        Self {
            rest: text.chars().peekable(),
            before: None,
            line,
            piece: Piece::default(),
            word: None,
            is_redirected: false,
            words: 0,
        }
    }

    pub(super) fn read(mut self) -> Line {
        while let Some(sign) = self.next() {
            self.sign(sign);
        }
        self.end_piece();
        self.line
    }

    fn next(&mut self) -> Option<char> {
        self.rest.next()
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn sign(&mut self, sign: char) {
        let before = self.before.replace(sign);
        match sign {
            ' ' | '\t' => self.end_word(),
            '\n' | '\r' | ';' | '|' | '(' | ')' | '`' => self.end_piece(),
            '&' => match self.peek() {
                Some('>') => self.end_word(),
                _ => self.end_piece(),
            },
            '{' | '}' => self.brace(),
            ',' if self.piece.is_doubtful => self.end_word(),
            '<' | '>' => self.redirection(),
            '\'' => self.single_quoted(),
            '"' => self.double_quoted(),
            '\\' => self.escaped(),
            '$' => self.dollar(),
            '*' | '?' => self.push(UNKNOWN),
            '[' => self.bracket(),
            '!' => {
                self.history(before, false);
                self.push('!');
            }
            sign if sign.is_control() => {}
            sign => self.push(sign),
        }
    }

    fn push(&mut self, sign: char) {
        self.word.get_or_insert_default().push(sign);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        self.words += 1;
        self.line.names.extend(names_in(&word).map(str::to_owned));
        self.line.names.insert(base_name(&word).to_owned());
        let is_too_much = self.words > WORDS_MAX;
        self.piece.is_doubtful |= is_too_much;
        // What follows on a screen may be the prompt's own sign.
        let is_target = std::mem::take(&mut self.is_redirected) && !self.line.is_shown;
        if !is_target && !is_too_much {
            self.piece.words.push(word);
        }
    }

    fn end_piece(&mut self) {
        self.end_word();
        self.is_redirected = false;
        let mut piece = std::mem::take(&mut self.piece);
        piece.find_commands(self.line.is_shown);
        if !piece.words.is_empty() || piece.is_doubtful {
            self.line.pieces.push(piece);
        }
    }

    /// A group, or words that are written together.
    fn brace(&mut self) {
        let stands_alone = self.word.is_none() && self.peek().is_none_or(char::is_whitespace);
        self.piece.is_doubtful |= !stands_alone;
        self.end_word();
    }

    fn redirection(&mut self) {
        // The number of what is redirected.
        if let Some(word) = &self.word
            && word.chars().all(|sign| sign.is_ascii_digit())
        {
            self.word = None;
        }
        self.end_word();
        while let Some('<' | '>' | '&' | '|' | '-') = self.peek() {
            self.next();
        }
        // `<(…)` is a command.
        self.is_redirected = self.peek() != Some('(');
    }

    fn single_quoted(&mut self) {
        self.word.get_or_insert_default();
        loop {
            match self.next() {
                Some('\'') => return,
                Some(sign) => self.push(sign),
                None => return self.unfinished(),
            }
        }
    }

    fn double_quoted(&mut self) {
        self.word.get_or_insert_default();
        loop {
            let Some(sign) = self.next() else {
                return self.unfinished();
            };
            let before = self.before.replace(sign);
            match sign {
                '"' => return,
                '\\' => match self.next() {
                    Some(sign @ ('"' | '\\' | '$' | '`')) => self.push(sign),
                    Some('\n') => {}
                    Some(sign) => {
                        self.push('\\');
                        self.push(sign);
                    }
                    None => return self.unfinished(),
                },
                '`' => {
                    self.piece.is_doubtful = true;
                    self.push(UNKNOWN);
                }
                '$' => {
                    self.piece.is_doubtful |= self.peek() == Some('(');
                    self.dollar();
                }
                '!' => {
                    self.history(before, true);
                    self.push('!');
                }
                sign => self.push(sign),
            }
        }
    }

    fn unfinished(&mut self) {
        self.line.is_unfinished = true;
        self.piece.is_doubtful = true;
    }

    fn escaped(&mut self) {
        match self.next() {
            None => self.line.is_unfinished = true,
            Some('\n') => {}
            Some(sign) => self.push(sign),
        }
    }

    /// What a variable holds is not known. What stands in `$(…)` is read as a piece of its own.
    fn dollar(&mut self) {
        match self.peek() {
            Some('(') => self.push(UNKNOWN),
            Some('{') => {
                while self.next().is_some_and(|sign| sign != '}') {}
                self.push(UNKNOWN);
            }
            Some('\'') => self.c_quoted(),
            // In another language, perhaps.
            Some('"') => {}
            Some(sign) if sign.is_alphanumeric() || sign == '_' => {
                while self
                    .peek()
                    .is_some_and(|sign| sign.is_alphanumeric() || sign == '_')
                {
                    self.next();
                }
                self.push(UNKNOWN);
            }
            Some('@' | '*' | '#' | '?' | '$' | '!' | '-') => {
                self.next();
                self.push(UNKNOWN);
            }
            _ => self.push('$'),
        }
    }

    /// `$'…'`: signs behind a backslash stand for others.
    fn c_quoted(&mut self) {
        self.next();
        self.word.get_or_insert_default();
        loop {
            match self.next() {
                Some('\'') => return,
                Some('\\') => {
                    self.next();
                    self.push(UNKNOWN);
                }
                Some(sign) => self.push(sign),
                None => return self.unfinished(),
            }
        }
    }

    /// A set of signs, or a word by which shells test something.
    fn bracket(&mut self) {
        let begins = self.word.is_none();
        match self.peek() {
            None | Some('[') if begins => self.push('['),
            Some(sign) if sign.is_whitespace() => self.push('['),
            _ => {
                let mut ahead = self.rest.clone();
                // The first may be `]` itself.
                ahead.next();
                let is_inside =
                    |sign: &char| !sign.is_whitespace() && !"'\"`;|&()<>".contains(*sign);
                let mut inside = ahead.take(SET_MAX).take_while(is_inside);
                let ends = inside.position(|sign| sign == ']');
                for _ in 0..ends.map_or(0, |at| at + 2) {
                    self.next();
                }
                self.push(UNKNOWN);
            }
        }
    }

    /// Whether `!` puts something of an earlier line in its place.
    fn history(&mut self, before: Option<char>, is_quoted: bool) {
        let is_plain = match self.peek() {
            None | Some('=' | '(') => true,
            Some('"') if is_quoted => true,
            Some(next) => next.is_whitespace(),
        };
        let is_inside = matches!(before, Some('$' | '{' | '[' | '\\'));
        self.line.is_recalled |= !is_plain && !is_inside;
    }
}
