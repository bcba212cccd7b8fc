//! Text into words, by the rules on which all the shells agree. Where two of them differ, the text is refused.

use crate::Reason;

/// One character of a word, or a wildcard of a pattern's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unit {
    Literal(char),
    /// `*`: any run of characters without `/`.
    Star,
    /// `**`: any run of characters.
    DoubleStar,
}

impl Unit {
    pub(crate) fn is_wildcard(self) -> bool {
        !matches!(self, Self::Literal(_))
    }
}

/// A word, unquoted.
#[derive(Debug)]
pub(crate) struct Lexed {
    pub(crate) units: Vec<Unit>,
    /// The byte where it begins.
    pub(crate) at: usize,
    /// It is `...`, without quotes.
    pub(crate) is_ellipsis: bool,
}

/// Why the text is refused, and the byte where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) what: What,
    pub(crate) at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Text(Reason),
    /// Wildcards that touch each other, other than `**`.
    Stars,
}

pub(crate) struct Lexer<'text> {
    text: &'text str,
    at: usize,
    wildcards: bool,
}

impl<'text> Lexer<'text> {
    /// For a command: `*` is what the shell would expand, and is refused.
    pub(crate) fn command(text: &'text str) -> Self {
        Self {
            text,
            at: 0,
            wildcards: false,
        }
    }

    /// For a pattern: `*` and `**` outside quotes are wildcards.
    pub(crate) fn pattern(text: &'text str) -> Self {
        Self {
            text,
            at: 0,
            wildcards: true,
        }
    }

    /// The next word; `None` at the end.
    pub(crate) fn next_word(&mut self) -> Result<Option<Lexed>, Fault> {
        while self.peek().is_some_and(is_blank) {
            self.bump();
        }
        let start = self.at;
        let mut units = Vec::new();
        while let Some(next) = self.peek().filter(|next| !is_blank(*next)) {
            match next {
                '\'' | '"' => self.quoted(next, &mut units)?,
                '\\' => self.escaped(&mut units)?,
                '*' if self.wildcards => self.wildcard(&mut units)?,
                // By value, not by place: zsh takes `''=ls` for `=ls`.
                '%' if units.is_empty() => return Err(self.fault(Reason::Job)),
                '=' if units.is_empty() => return Err(self.fault(Reason::Equals)),
                plain if is_plain(plain) => {
                    units.push(Unit::Literal(plain));
                    self.bump();
                }
                other => return Err(self.fault(self.unquoted(other))),
            }
        }
        let source = self.text.get(start..self.at).unwrap_or_default();
        Ok((!source.is_empty()).then(|| Lexed {
            units,
            at: start,
            is_ellipsis: source == "...",
        }))
    }

    /// A part in quotes, from its opening quote to its closing one.
    fn quoted(&mut self, quote: char, units: &mut Vec<Unit>) -> Result<(), Fault> {
        let opened_at = self.at;
        self.bump();
        while let Some(next) = self.peek() {
            if next == quote {
                self.bump();
                // zsh's RC_QUOTES reads `''` inside single quotes as one quote.
                return match self.peek() {
                    Some(again) if again == quote => Err(self.fault(Reason::AdjacentQuotes)),
                    _ => Ok(()),
                };
            }
            if let Some(reason) = self.refused_in_quotes(quote, next) {
                return Err(self.fault(reason));
            }
            units.push(Unit::Literal(next));
            self.bump();
        }
        Err(Fault {
            what: What::Text(Reason::UnterminatedQuote),
            at: opened_at,
        })
    }

    fn refused_in_quotes(&self, quote: char, next: char) -> Option<Reason> {
        let after = self.peek_second();
        match next {
            // csh expands history inside both kinds of quotes.
            '!' => Some(Reason::History),
            // In single quotes sh protects nothing with it, but fish `\` and `'`, and csh with `backslash_quote` all of these.
            // In double quotes sh protects most of them with it, and csh nothing, so that `"\"` is a whole word there.
            '\\' if matches!(after, Some('\\' | '\'' | '"' | '$' | '`')) => {
                Some(Reason::QuotedBackslash)
            }
            '$' if quote == '"' => Some(self.dollar()),
            '`' if quote == '"' => Some(Reason::CommandSubstitution),
            _ => None,
        }
    }

    /// A backslash outside quotes: it makes the next sign a plain character.
    fn escaped(&mut self, units: &mut Vec<Unit>) -> Result<(), Fault> {
        let reason = match self.peek_second() {
            None => Reason::TrailingBackslash,
            Some(sign) if sign == ' ' || sign.is_ascii_punctuation() => {
                units.push(Unit::Literal(sign));
                self.bump();
                self.bump();
                return Ok(());
            }
            Some(_) => Reason::Escape,
        };
        Err(self.fault(reason))
    }

    fn wildcard(&mut self, units: &mut Vec<Unit>) -> Result<(), Fault> {
        let touches = units.last().is_some_and(|unit| unit.is_wildcard());
        let (wildcard, signs) = match self.peek_second() {
            Some('*') => (Unit::DoubleStar, 2),
            _ => (Unit::Star, 1),
        };
        if touches {
            return Err(Fault {
                what: What::Stars,
                at: self.at,
            });
        }
        units.push(wildcard);
        for _ in 0..signs {
            self.bump();
        }
        Ok(())
    }

    /// What an unquoted character that is not plain would do.
    fn unquoted(&self, sign: char) -> Reason {
        match sign {
            '$' => self.dollar(),
            '`' => Reason::CommandSubstitution,
            ';' => Reason::Semicolon,
            '&' => Reason::Ampersand,
            '|' => Reason::Pipe,
            '<' | '>' => Reason::Redirection,
            '(' | ')' => Reason::Parentheses,
            '{' | '}' => Reason::Braces,
            '*' | '?' | '[' | ']' => Reason::Glob,
            '~' => Reason::Tilde,
            '#' => Reason::Comment,
            '!' => Reason::History,
            '^' => Reason::Caret,
            _ => Reason::NotAscii,
        }
    }

    fn dollar(&self) -> Reason {
        match self.peek_second() {
            Some('(') => Reason::CommandSubstitution,
            _ => Reason::Variable,
        }
    }

    fn fault(&self, reason: Reason) -> Fault {
        Fault {
            what: What::Text(reason),
            at: self.at,
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn rest(&self) -> &'text str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

/// What separates words in every shell, whatever its locale.
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

/// Characters that stand for themselves without quotes. `%` and `=` do so inside a word, and not at its beginning.
pub(crate) fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(
            character,
            '_' | '-' | '.' | '/' | ',' | ':' | '+' | '@' | '%' | '='
        )
}

/// Characters that are taken nowhere, quoted or not.
pub(crate) fn forbidden(text: &[u8]) -> Result<(), Fault> {
    let found = text
        .iter()
        .position(|byte| !matches!(byte, b'\t' | b' '..=b'~'));
    let Some((at, byte)) = found.and_then(|at| Some((at, text.get(at)?))) else {
        return Ok(());
    };
    let reason = match byte {
        b'\n' => Reason::Newline,
        0x80.. => Reason::NotAscii,
        _ => Reason::ControlCharacter,
    };
    Err(Fault {
        what: What::Text(reason),
        at,
    })
}
