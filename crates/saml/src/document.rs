//! A parsed document that keeps within the limits.

use std::collections::BTreeSet;

use roxmltree::ParsingOptions;

use crate::XmlError;
use crate::shape::{self, Limits};

pub(crate) type Node<'a> = roxmltree::Node<'a, 'a>;

/// The only place where XML is parsed.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    tree: roxmltree::Document<'a>,
    pub(crate) limits: Limits,
}

impl<'a> Document<'a> {
    pub(crate) fn parse(text: &'a str, limits: &Limits) -> Result<Self, XmlError> {
        let body = shape::check(text, limits)?;
        let options = ParsingOptions {
            // Elements are counted already; text and comments stand beside them.
            nodes_limit: u32::try_from(limits.elements * 4).unwrap_or(u32::MAX),
            ..ParsingOptions::default()
        };
        let tree =
            roxmltree::Document::parse_with_options(body, options).map_err(
                |error| match error {
                    roxmltree::Error::DtdDetected => XmlError::Dtd,
                    roxmltree::Error::NodesLimitReached
                    | roxmltree::Error::AttributesLimitReached
                    | roxmltree::Error::NamespacesLimitReached => XmlError::TooComplex,
                    _ => XmlError::Malformed,
                },
            )?;
        let document = Self {
            tree,
            limits: *limits,
        };
        document.check_namespaces()?;
        document.check_ids()?;
        Ok(document)
    }

    pub(crate) fn parse_bytes(bytes: &'a [u8], limits: &Limits) -> Result<Self, XmlError> {
        if bytes.len() > limits.bytes {
            return Err(XmlError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| XmlError::NotUtf8)?;
        Self::parse(text, limits)
    }

    pub(crate) fn root(&self) -> Node<'_> {
        self.tree.root_element()
    }

    pub(crate) fn elements(&self) -> impl Iterator<Item = Node<'_>> {
        self.tree.descendants().filter(Node::is_element)
    }

    /// The name as it is written, with its prefix, of the element or attribute that begins at this position.
    pub(crate) fn qualified_name(&self, position: usize) -> &str {
        let from = self.tree.input_text().get(position..).unwrap_or_default();
        let end = from.find([' ', '\t', '\r', '\n', '/', '>', '=']);
        from.get(..end.unwrap_or(from.len())).unwrap_or_default()
    }

    /// Namespaces in XML 1.0: section 3 reserves `xmlns`, section 5 lets only the default be undeclared, and XML 1.0
    /// section 3.1 forbids declaring it twice. The parser checks none of these.
    fn check_namespaces(&self) -> Result<(), XmlError> {
        for element in self.elements() {
            let mut has_default = false;
            for namespace in element.namespaces() {
                let ambiguous = match namespace.name() {
                    None => std::mem::replace(&mut has_default, true),
                    Some(prefix) => prefix == "xmlns" || namespace.uri().is_empty(),
                };
                if ambiguous {
                    return Err(XmlError::Namespace);
                }
            }
        }
        Ok(())
    }

    /// All that any implementation may take for an ID counts: `ID` of SAML, `Id` of XML Signature, `xml:id`.
    fn check_ids(&self) -> Result<(), XmlError> {
        let mut seen = BTreeSet::new();
        let mut attributes = self.elements().flat_map(|element| element.attributes());
        let unique = attributes.all(|attribute| {
            !attribute.name().eq_ignore_ascii_case("id") || seen.insert(attribute.value())
        });
        if unique {
            Ok(())
        } else {
            Err(XmlError::DuplicateId)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Document;
    use crate::XmlError;
    use crate::shape::MESSAGE;

    #[test]
    fn ambiguous_namespaces_are_refused() {
        for text in [
            "<a xmlns='x' xmlns='y'/>",
            "<a xmlns:p=''/>",
            "<a xmlns:p='x'><b xmlns:p=''/></a>",
            "<a xmlns:xmlns='x'/>",
        ] {
            let parsed = Document::parse(text, &MESSAGE).map(|_| ());
            assert_eq!(parsed, Err(XmlError::Namespace), "{text}");
        }
        assert!(Document::parse("<a xmlns='x'><b xmlns=''/></a>", &MESSAGE).is_ok());
    }

    #[test]
    fn every_spelling_of_an_id_counts() {
        for text in [
            "<a ID='x'><b Id='x'/></a>",
            "<a id='x'><b xml:id='x'/></a>",
            "<a ID='x' Id='x'/>",
        ] {
            let parsed = Document::parse(text, &MESSAGE).map(|_| ());
            assert_eq!(parsed, Err(XmlError::DuplicateId), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_xml() {
        for text in [
            "",
            "a",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&b;</a>",
            "<a>\u{1}</a>",
            "<a b='<'/>",
            "<p:a/>",
            "<a b='1' b='2'/>",
        ] {
            let parsed = Document::parse(text, &MESSAGE).map(|_| ());
            assert_eq!(parsed, Err(XmlError::Malformed), "{text}");
        }
        assert_eq!(
            Document::parse_bytes(b"<a>\xff</a>", &MESSAGE).map(|_| ()),
            Err(XmlError::NotUtf8)
        );
    }
}
