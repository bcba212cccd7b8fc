//! Filter expressions (RFC 7644 section 3.4.2.2): the whole grammar, as a tree. What of it can be used is judged in
//! `filter`.

use std::fmt;

use crate::{MAX_FILTER_BYTES, ScimError};

mod attribute_path;
mod parser;

pub use attribute_path::AttributePath;
pub(crate) use parser::Parser;

/// A filter as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// `attribute pr`
    Present(AttributePath),
    /// `attribute eq "value"`
    Compare {
        /// What is compared.
        attribute: AttributePath,
        /// How.
        operator: Operator,
        /// With what.
        value: Literal,
    },
    /// `attribute[filter]`: a value of a multi-valued attribute fits all of the filter.
    Has {
        /// The attribute with several values.
        attribute: AttributePath,
        /// What one value has to fit.
        filter: Box<Expression>,
    },
    /// `not (filter)`
    Not(Box<Expression>),
    /// Two or more, joined by `and`.
    All(Vec<Expression>),
    /// Two or more, joined by `or`.
    Any(Vec<Expression>),
}

/// Comparison operators (RFC 7644 section 3.4.2.2, table 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// What an attribute is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A JSON string.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A JSON number, as it is written.
    Number(String),
    /// `null`
    Null,
}

impl Expression {
    /// Reads a filter of at most [`MAX_FILTER_BYTES`], nested at most [`crate::MAX_FILTER_DEPTH`] deep.
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        if text.len() > MAX_FILTER_BYTES {
            return Err(ScimError::Filter("it is longer than 1,024 bytes"));
        }
        let mut parser = Parser::new(text);
        let read = parser.filter().and_then(|filter| {
            parser.end()?;
            Ok(filter)
        });
        read.map_err(ScimError::Filter)
    }
}

impl Operator {
    const NAMES: [(&'static str, Self); 9] = [
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("co", Self::Contains),
        ("sw", Self::StartsWith),
        ("ew", Self::EndsWith),
        ("gt", Self::Greater),
        ("ge", Self::GreaterOrEqual),
        ("lt", Self::Less),
        ("le", Self::LessOrEqual),
    ];

    /// Operators are case insensitive.
    fn named(word: &str) -> Option<Self> {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(name, _)| name.eq_ignore_ascii_case(word))
            .map(|(_, operator)| operator)
    }

    fn name(self) -> &'static str {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(_, operator)| *operator == self)
            .map_or("eq", |(name, _)| name)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(attribute) => write!(out, "{attribute} pr"),
            Self::Compare {
                attribute,
                operator,
                value,
            } => write!(out, "{attribute} {} {value}", operator.name()),
            Self::Has { attribute, filter } => write!(out, "{attribute}[{filter}]"),
            Self::Not(filter) => write!(out, "not({filter})"),
            Self::All(filters) => joined(filters, " and ", out),
            Self::Any(filters) => joined(filters, " or ", out),
        }
    }
}

fn joined(filters: &[Expression], word: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (n, filter) in filters.iter().enumerate() {
        if n > 0 {
            out.write_str(word)?;
        }
        match filter {
            Expression::All(_) | Expression::Any(_) => write!(out, "({filter})")?,
            _ => write!(out, "{filter}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Literal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(out, "{}", serde_json::Value::from(text.as_str())),
            Self::Boolean(value) => write!(out, "{value}"),
            Self::Number(number) => out.write_str(number),
            Self::Null => out.write_str("null"),
        }
    }
}

#[cfg(test)]
mod tests;
