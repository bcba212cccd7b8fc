//! Who an assertion is about (SAML core, sections 2.2.2 and 8.3).

use std::fmt;

use crate::document::Node;
use crate::element::{attribute, text};

/// What a name identifier is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameIdFormat {
    /// Said so, or nothing said.
    Unspecified,
    /// An e-mail address. It may be given to another person later.
    EmailAddress,
    /// Opaque, the same at every sign-in, never given to another person.
    Persistent,
    /// Another one at every sign-in: it identifies nobody, and a caller that keys on names must refuse it.
    Transient,
    /// Another one, by its identifier.
    Other(String),
}

impl NameIdFormat {
    /// Reads an identifier of section 8.3.
    pub fn from_uri(uri: &str) -> Self {
        match uri {
            "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified" => Self::Unspecified,
            "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress" => Self::EmailAddress,
            "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" => Self::Persistent,
            "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" => Self::Transient,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The identifier of section 8.3.
    pub fn uri(&self) -> &str {
        match self {
            Self::Unspecified => "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
            Self::EmailAddress => "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
            Self::Persistent => "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            Self::Transient => "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
            Self::Other(uri) => uri,
        }
    }
}

/// A name identifier. `Debug` does not show the name.
#[derive(Clone, PartialEq, Eq)]
pub struct NameId {
    /// Not empty, without space around it and without control characters, at most 1024 bytes.
    pub value: String,
    /// What it is.
    pub format: NameIdFormat,
    /// Where the name is unique (`NameQualifier`).
    pub name_qualifier: Option<String>,
    /// For whom the name was made (`SPNameQualifier`).
    pub sp_name_qualifier: Option<String>,
}

impl NameId {
    const BYTES_MAX: usize = 1024;

    /// `None`: a name that could be taken for another.
    pub(crate) fn read(node: Node<'_>) -> Option<Self> {
        let optional = |name| match attribute(node, name) {
            Some(value) => plain(value, Self::BYTES_MAX).map(|value| Some(value.to_owned())),
            None => Some(None),
        };
        Some(Self {
            value: plain(text(node)?, Self::BYTES_MAX)?.to_owned(),
            format: optional("Format")?.map_or(NameIdFormat::Unspecified, |uri| {
                NameIdFormat::from_uri(&uri)
            }),
            name_qualifier: optional("NameQualifier")?,
            sp_name_qualifier: optional("SPNameQualifier")?,
        })
    }
}

impl fmt::Debug for NameId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("NameId")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// Not empty, nothing invisible at its ends or in it.
pub(crate) fn plain(text: &str, bytes_max: usize) -> Option<&str> {
    let good = !text.is_empty()
        && text.len() <= bytes_max
        && text.trim() == text
        && !text.chars().any(char::is_control);
    good.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{NameIdFormat, plain};

    #[test]
    fn formats_have_one_spelling() {
        for format in [
            NameIdFormat::Unspecified,
            NameIdFormat::EmailAddress,
            NameIdFormat::Persistent,
            NameIdFormat::Transient,
            NameIdFormat::Other("urn:example".to_owned()),
        ] {
            assert_eq!(NameIdFormat::from_uri(format.uri()), format);
        }
    }

    #[test]
    fn names_that_could_be_taken_for_others() {
        for bad in [
            "",
            " ",
            "alice ",
            "\u{a0}alice",
            "ali\u{0}ce",
            "ali\nce",
            "alice\u{85}",
        ] {
            assert_eq!(plain(bad, 1024), None, "{bad:?}");
        }
        assert_eq!(plain("alice", 5), Some("alice"));
        assert_eq!(plain("alice", 4), None);
    }
}
