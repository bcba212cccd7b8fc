//! Exclusive XML Canonicalization 1.0 without comments, of one element with all that is in it.
//!
//! Public so that it can be held against other implementations.

use roxmltree::NodeId;

use crate::XmlError;
use crate::document::{Document, Node};
use crate::names::SIGNATURE;
use crate::shape::METADATA;

/// The `InclusiveNamespaces PrefixList` (section 3): prefixes that are treated as Canonical XML treats them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PrefixList(Vec<String>);

impl PrefixList {
    const PREFIXES_MAX: usize = 32;

    /// Words separated by space; `#default` stands for the default namespace. `None` when there are too many.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let words = text
            .split([' ', '\t', '\r', '\n'])
            .filter(|word| !word.is_empty());
        let prefixes: Vec<String> = words
            .map(|word| if word == "#default" { "" } else { word })
            .map(ToOwned::to_owned)
            .take(Self::PREFIXES_MAX + 1)
            .collect();
        (prefixes.len() <= Self::PREFIXES_MAX).then_some(Self(prefixes))
    }
}

/// The canonical form of the element with this `ID`, or of the root, without its own `ds:Signature` when it is
/// enveloped (XML Signature, section 6.6.4). `prefix_list` is an `InclusiveNamespaces PrefixList`, mostly empty.
///
/// # Errors
/// A text that is not read here (the limits of metadata apply); [`XmlError::Malformed`] when there is no such element.
pub fn exclusive(
    xml: &str,
    id: Option<&str>,
    enveloped: bool,
    prefix_list: &str,
) -> Result<String, XmlError> {
    let prefixes = PrefixList::parse(prefix_list).ok_or(XmlError::TooComplex)?;
    let document = Document::parse(xml, &METADATA)?;
    let element = match id {
        None => document.root(),
        Some(id) => document
            .elements()
            .find(|element| element.attribute("ID") == Some(id))
            .ok_or(XmlError::Malformed)?,
    };
    let signature = element
        .children()
        .find(|child| enveloped && child.has_tag_name((SIGNATURE, "Signature")));
    canonicalize(
        &document,
        element,
        signature.map(|node| node.id()),
        &prefixes,
    )
}

/// The canonical form of an element of the document, without the element `omitted`.
///
/// # Errors
/// [`XmlError::TooLarge`]: a namespace is written wherever it is used anew, so that the output can be much longer
/// than the input.
pub(crate) fn canonicalize(
    document: &Document<'_>,
    element: Node<'_>,
    omitted: Option<NodeId>,
    inclusive: &PrefixList,
) -> Result<String, XmlError> {
    let mut canonicalizer = Canonicalizer {
        document,
        omitted,
        inclusive,
        rendered: Vec::new(),
        output: String::new(),
    };
    canonicalizer.element(element)?;
    Ok(canonicalizer.output)
}

struct Canonicalizer<'a> {
    document: &'a Document<'a>,
    omitted: Option<NodeId>,
    inclusive: &'a PrefixList,
    /// Namespaces written at the open elements: prefix, empty for the default, and name.
    rendered: Vec<(String, String)>,
    output: String,
}

impl Canonicalizer<'_> {
    /// Recursion ends at the greatest depth of a document.
    fn element(&mut self, node: Node<'_>) -> Result<(), XmlError> {
        let outside = self.rendered.len();
        let name = self.document.qualified_name(node.range().start + 1);
        self.output.push('<');
        self.output.push_str(name);
        self.namespaces(node, name)?;
        self.attributes(node)?;
        self.output.push('>');
        let omitted = self.omitted;
        for child in node.children().filter(|child| Some(child.id()) != omitted) {
            if child.is_element() {
                self.element(child)?;
            } else if let Some(text) = child.text().filter(|_| child.is_text()) {
                self.text(text)?;
            }
        }
        self.output.push_str("</");
        self.output.push_str(name);
        self.output.push('>');
        self.rendered.truncate(outside);
        self.check_length()
    }

    /// Section 3, steps 3 and 4: what is visibly used and not yet in force, and what the list names.
    fn namespaces(&mut self, node: Node<'_>, name: &str) -> Result<(), XmlError> {
        let attributes = node.attributes();
        let mut prefixes: Vec<&str> = attributes
            .map(|attribute| prefix(self.document.qualified_name(attribute.range().start)))
            .filter(|prefix| !prefix.is_empty())
            .chain([prefix(name)])
            .chain(self.inclusive.0.iter().map(String::as_str))
            .filter(|prefix| *prefix != "xml")
            .collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        for prefix in prefixes {
            let in_scope =
                node.lookup_namespace_uri(Some(prefix).filter(|prefix| !prefix.is_empty()));
            let uri = in_scope.unwrap_or_default();
            let mut in_force = self.rendered.iter().rev();
            let in_force = in_force
                .find(|(rendered, _)| rendered == prefix)
                .map_or("", |(_, uri)| uri);
            if in_force == uri {
                continue;
            }
            // Only the default can be undeclared; a listed prefix that is out of scope is not written.
            if uri.is_empty() && !prefix.is_empty() {
                continue;
            }
            self.output.push_str(if prefix.is_empty() {
                " xmlns"
            } else {
                " xmlns:"
            });
            self.output.push_str(prefix);
            self.value(uri)?;
            self.rendered.push((prefix.to_owned(), uri.to_owned()));
        }
        Ok(())
    }

    /// Canonical XML 1.0, section 2.2: by namespace name and then by local name.
    fn attributes(&mut self, node: Node<'_>) -> Result<(), XmlError> {
        let mut attributes: Vec<_> = node.attributes().collect();
        attributes
            .sort_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));
        for attribute in attributes {
            self.output.push(' ');
            let name = self.document.qualified_name(attribute.range().start);
            self.output.push_str(name);
            self.value(attribute.value())?;
        }
        Ok(())
    }

    /// Canonical XML 1.0, section 2.3, attribute nodes.
    fn value(&mut self, value: &str) -> Result<(), XmlError> {
        self.output.push_str("=\"");
        for character in value.chars() {
            match character {
                '&' => self.output.push_str("&amp;"),
                '<' => self.output.push_str("&lt;"),
                '"' => self.output.push_str("&quot;"),
                '\t' => self.output.push_str("&#x9;"),
                '\n' => self.output.push_str("&#xA;"),
                '\r' => self.output.push_str("&#xD;"),
                other => self.output.push(other),
            }
        }
        self.output.push('"');
        self.check_length()
    }

    /// Canonical XML 1.0, section 2.3, text nodes.
    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        for character in text.chars() {
            match character {
                '&' => self.output.push_str("&amp;"),
                '<' => self.output.push_str("&lt;"),
                '>' => self.output.push_str("&gt;"),
                '\r' => self.output.push_str("&#xD;"),
                other => self.output.push(other),
            }
        }
        self.check_length()
    }

    fn check_length(&self) -> Result<(), XmlError> {
        if self.output.len() > self.document.limits.canonical_bytes {
            return Err(XmlError::TooLarge);
        }
        Ok(())
    }
}

/// Empty for a name without one.
fn prefix(qualified_name: &str) -> &str {
    qualified_name
        .split_once(':')
        .map_or("", |(prefix, _)| prefix)
}

#[cfg(test)]
mod tests;
