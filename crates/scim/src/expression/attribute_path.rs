//! Names of attributes: `userName`, `name.givenName`, `urn:ietf:params:scim:schemas:core:2.0:User:userName`.

use std::fmt;

/// A name of an attribute (RFC 7644 section 3.10), compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributePath {
    /// The schema before the name, if it is written.
    pub schema: Option<String>,
    /// The attribute.
    pub name: String,
    /// The sub-attribute after the dot, if there is one.
    pub sub: Option<String>,
}

impl AttributePath {
    pub(super) fn parse(word: &str) -> Result<Self, &'static str> {
        let (schema, rest) = match word.rsplit_once(':') {
            Some((schema, rest)) if is_urn(schema) => (Some(schema.to_owned()), rest),
            Some(_) => return Err("a schema is not a URN"),
            None => (None, word),
        };
        let (name, sub) = match rest.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (rest, None),
        };
        // `urn:…:2.0:User` alone names an extension as a whole, and `urn:…:2.0` is one of somebody else's making.
        if schema.is_none() && !(is_name(name) && sub.is_none_or(is_name)) {
            return Err("an attribute's name is malformed");
        }
        Ok(Self {
            schema,
            name: name.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }

    /// Whether this is an attribute of the core schema `urn` or one that names no schema.
    pub(crate) fn belongs_to(&self, urn: &str) -> bool {
        let schema = self.schema.as_deref();
        schema.is_none_or(|schema| schema.eq_ignore_ascii_case(urn))
    }

    /// Whether this is the schema `urn` itself, which as a path means the attributes in it.
    pub(crate) fn is_schema(&self, urn: &str) -> bool {
        self.schema.is_some() && self.to_string().eq_ignore_ascii_case(urn)
    }
}

fn is_urn(text: &str) -> bool {
    text.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}

/// ATTRNAME of RFC 7643 section 2.1, and `$ref`.
fn is_name(text: &str) -> bool {
    let text = text.strip_prefix('$').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

impl fmt::Display for AttributePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(out, "{schema}:")?;
        }
        out.write_str(&self.name)?;
        match &self.sub {
            Some(sub) => write!(out, ".{sub}"),
            None => Ok(()),
        }
    }
}
