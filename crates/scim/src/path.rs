//! Paths of patch operations (RFC 7644 section 3.5.2): `active`, `name.givenName`, `emails[type eq "work"].value`.

use std::fmt;

use crate::expression::Parser;
use crate::{AttributePath, Expression, MAX_FILTER_BYTES, ScimError};

/// What a patch operation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchPath {
    /// The attribute.
    pub attribute: AttributePath,
    /// Which of its values.
    pub filter: Option<Expression>,
    /// The sub-attribute of these values.
    pub sub: Option<String>,
}

impl PatchPath {
    /// Reads a path of at most [`MAX_FILTER_BYTES`].
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        if text.len() > MAX_FILTER_BYTES {
            return Err(ScimError::Path("it is longer than 1,024 bytes"));
        }
        Self::read(text).map_err(ScimError::Path)
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        let mut parser = Parser::new(text);
        let attribute = parser.attribute()?;
        let filter = parser.brackets()?;
        if filter.is_some() && attribute.schema.is_none() && attribute.sub.is_some() {
            return Err("brackets follow a sub-attribute");
        }
        let sub = match filter {
            Some(_) => parser.sub_attribute()?,
            None => None,
        };
        parser.end()?;
        Ok(Self {
            attribute,
            filter,
            sub,
        })
    }

    /// The sub-attribute, wherever it stands.
    pub(crate) fn sub(&self) -> Option<&str> {
        self.sub.as_deref().or(self.attribute.sub.as_deref())
    }

    /// The path of a whole attribute, or an error: it has no parts.
    pub(crate) fn whole(&self) -> Result<(), ScimError> {
        match (&self.filter, self.sub()) {
            (None, None) => Ok(()),
            _ => Err(ScimError::Path("the attribute has no parts")),
        }
    }
}

impl fmt::Display for PatchPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.attribute)?;
        if let Some(filter) = &self.filter {
            write!(out, "[{filter}]")?;
        }
        match &self.sub {
            Some(sub) => write!(out, ".{sub}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PatchPath;

    #[test]
    fn reads_what_providers_write() {
        for text in [
            "active",
            "name.givenName",
            "members",
            r#"members[value eq "2819c223"]"#,
            r#"emails[type eq "work"].value"#,
            r#"emails[type eq "work" and primary eq true]"#,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "members[value eq \"a\"].$ref",
        ] {
            assert_eq!(PatchPath::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [
            "",
            " ",
            "a b",
            "a.b.c",
            "a.",
            ".a",
            "a[",
            "a[]",
            "a[b]",
            "a[b eq]",
            r#"a[b eq "c""#,
            r#"a[b eq "c"]x"#,
            r#"a[b eq "c"]."#,
            r#"a[b eq "c"].d.e"#,
            r#"a.b[c eq "d"]"#,
            r#"a[b eq "c"][d eq "e"]"#,
            "/active",
            "emails/0",
            "a eq \"b\"",
            "1",
            "äctive",
        ] {
            assert!(PatchPath::parse(text).is_err(), "{text:?}");
        }
        assert!(PatchPath::parse(&"a".repeat(1024)).is_ok());
        assert!(PatchPath::parse(&"a".repeat(1025)).is_err());
    }
}
