//! Recursive descent over a filter or a path, with a bound on its depth.

use super::{AttributePath, Expression, Literal, Operator};
use crate::MAX_FILTER_DEPTH;

type Parsed<T> = Result<T, &'static str>;

/// What is still to be read, and how many levels may still be opened.
pub(crate) struct Parser<'a> {
    rest: &'a str,
    levels: usize,
    in_brackets: bool,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            levels: MAX_FILTER_DEPTH,
            in_brackets: false,
        }
    }

    /// Nothing may follow.
    pub(crate) fn end(&mut self) -> Parsed<()> {
        self.spaces();
        if !self.rest.is_empty() {
            return Err("something stands behind its end");
        }
        Ok(())
    }

    /// `or` binds least, then `and`, then `not`.
    pub(crate) fn filter(&mut self) -> Parsed<Expression> {
        let first = self.conjunction()?;
        let mut all = vec![first];
        while self.joining("or") {
            all.push(self.conjunction()?);
        }
        Ok(single_or(all, Expression::Any))
    }

    fn conjunction(&mut self) -> Parsed<Expression> {
        let first = self.term()?;
        let mut all = vec![first];
        while self.joining("and") {
            all.push(self.term()?);
        }
        Ok(single_or(all, Expression::All))
    }

    fn term(&mut self) -> Parsed<Expression> {
        self.spaces();
        if self.rest.starts_with('(') {
            return self.enclosed('(', ')');
        }
        let word = self.word();
        // An attribute may have this name, too.
        if word.eq_ignore_ascii_case("not") && self.rest.trim_start_matches(' ').starts_with('(') {
            self.spaces();
            let inner = self.enclosed('(', ')')?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        let attribute = AttributePath::parse(word)?;
        if self.rest.starts_with('[') {
            let filter = self.brackets()?.ok_or("a bracket is missing")?;
            return Ok(Expression::Has {
                attribute,
                filter: Box::new(filter),
            });
        }
        self.comparison(attribute)
    }

    fn comparison(&mut self, attribute: AttributePath) -> Parsed<Expression> {
        self.gap()?;
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Expression::Present(attribute));
        }
        let operator = Operator::named(word).ok_or("an operator is unknown")?;
        self.gap()?;
        let value = self.literal()?;
        Ok(Expression::Compare {
            attribute,
            operator,
            value,
        })
    }

    /// The attribute at the start of a path.
    pub(crate) fn attribute(&mut self) -> Parsed<AttributePath> {
        AttributePath::parse(self.word())
    }

    /// `[filter]`, if it comes next. Brackets do not stand in brackets.
    pub(crate) fn brackets(&mut self) -> Parsed<Option<Expression>> {
        if !self.rest.starts_with('[') {
            return Ok(None);
        }
        if self.in_brackets {
            return Err("brackets stand in brackets");
        }
        self.in_brackets = true;
        let filter = self.enclosed('[', ']')?;
        self.in_brackets = false;
        Ok(Some(filter))
    }

    /// `.sub` after the brackets, if it comes next.
    pub(crate) fn sub_attribute(&mut self) -> Parsed<Option<String>> {
        let Some(rest) = self.rest.strip_prefix('.') else {
            return Ok(None);
        };
        self.rest = rest;
        match self.attribute()? {
            AttributePath {
                schema: None,
                name,
                sub: None,
            } => Ok(Some(name)),
            _ => Err("a sub-attribute has no parts"),
        }
    }

    fn enclosed(&mut self, open: char, close: char) -> Parsed<Expression> {
        self.rest = self
            .rest
            .strip_prefix(open)
            .ok_or("a parenthesis is missing")?;
        self.levels = self
            .levels
            .checked_sub(1)
            .ok_or("it is nested more than 8 deep")?;
        let inner = self.filter()?;
        self.levels += 1;
        self.spaces();
        self.rest = self
            .rest
            .strip_prefix(close)
            .ok_or("a parenthesis or bracket is not closed")?;
        Ok(inner)
    }

    /// Takes `word` if it comes next, between spaces.
    fn joining(&mut self, word: &str) -> bool {
        let before = self.rest;
        let joins = self.gap().is_ok()
            && self.word().eq_ignore_ascii_case(word)
            && self.rest.starts_with(' ');
        if !joins {
            self.rest = before;
        }
        joins
    }

    fn literal(&mut self) -> Parsed<Literal> {
        if self.rest.starts_with('"') {
            return self.text().map(Literal::Text);
        }
        let word = self.word();
        if word.eq_ignore_ascii_case("true") {
            return Ok(Literal::Boolean(true));
        }
        if word.eq_ignore_ascii_case("false") {
            return Ok(Literal::Boolean(false));
        }
        if word.eq_ignore_ascii_case("null") {
            return Ok(Literal::Null);
        }
        match serde_json::from_str::<serde_json::Number>(word) {
            Ok(_) => Ok(Literal::Number(word.to_owned())),
            Err(_) => Err("a value is neither a quoted text, a number, true, false nor null"),
        }
    }

    /// A JSON string.
    fn text(&mut self) -> Parsed<String> {
        let mut escaped = false;
        let mut characters = self.rest.char_indices().skip(1);
        let end = characters.find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let (at, _) = end.ok_or("a text is not closed")?;
        let (quoted, rest) = self.rest.split_at(at + 1);
        self.rest = rest;
        serde_json::from_str(quoted).map_err(|_| "a text is not a JSON string")
    }

    fn word(&mut self) -> &'a str {
        let of_word =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$' | ':' | '.' | '+');
        let end = self.rest.find(|c| !of_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn spaces(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn gap(&mut self) -> Parsed<()> {
        let before = self.rest.len();
        self.spaces();
        if self.rest.len() == before {
            return Err("a space is missing");
        }
        Ok(())
    }
}

fn single_or(mut all: Vec<Expression>, joined: fn(Vec<Expression>) -> Expression) -> Expression {
    match (all.pop(), all.is_empty()) {
        (Some(single), true) => single,
        (last, _) => {
            all.extend(last);
            joined(all)
        }
    }
}
