//! Reading elements: one text node or none, children in the schema's order, nothing beside them.

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::document::Node;

/// Whether the element has this name in this namespace.
pub(crate) fn is(node: Node<'_>, namespace: &str, name: &str) -> bool {
    let tag = node.tag_name();
    tag.name() == name && tag.namespace() == Some(namespace)
}

/// The text of an element that holds nothing else; the empty text when it holds nothing. `None` when a child element
/// or a comment stands in it, so that no part of a text can be taken for the whole.
pub(crate) fn text(node: Node<'_>) -> Option<&str> {
    let mut children = node.children();
    match (children.next(), children.next()) {
        (None, _) => Some(""),
        (Some(only), None) if only.is_text() => only.text(),
        _ => None,
    }
}

/// An attribute without namespace.
pub(crate) fn attribute<'a>(node: Node<'a>, name: &str) -> Option<&'a str> {
    node.attributes()
        .find(|attribute| attribute.namespace().is_none() && attribute.name() == name)
        .map(|attribute| attribute.value())
}

/// The child elements, taken in the order in which the schema has them.
pub(crate) struct Children<'a>(Peekable<IntoIter<Node<'a>>>);

impl<'a> Children<'a> {
    /// `None` when text stands between the elements.
    pub(crate) fn of(node: Node<'a>) -> Option<Self> {
        let mut elements = Vec::new();
        for child in node.children() {
            if child.is_element() {
                elements.push(child);
            } else if child.is_text() && !is_space(child.text().unwrap_or_default()) {
                return None;
            }
        }
        Some(Self(elements.into_iter().peekable()))
    }

    /// The next child, when it has this name.
    pub(crate) fn take(&mut self, namespace: &str, name: &str) -> Option<Node<'a>> {
        self.0.next_if(|node| is(*node, namespace, name))
    }

    /// The next children for as long as they have this name.
    pub(crate) fn take_all(&mut self, namespace: &str, name: &str) -> Vec<Node<'a>> {
        std::iter::from_fn(|| self.take(namespace, name)).collect()
    }

    /// The children that are left.
    pub(crate) fn rest(self) -> impl Iterator<Item = Node<'a>> {
        self.0
    }

    /// Whether every child was taken.
    pub(crate) fn finished(mut self) -> bool {
        self.0.peek().is_none()
    }
}

/// The only child, when it has this name.
pub(crate) fn only_child<'a>(node: Node<'a>, namespace: &str, name: &str) -> Option<Node<'a>> {
    let mut children = Children::of(node)?;
    let only = children.take(namespace, name)?;
    children.finished().then_some(only)
}

/// XML 1.0, production 3.
pub(crate) fn is_space(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::{Children, is, only_child, text};
    use crate::document::Document;
    use crate::shape::METADATA;

    #[test]
    fn text_is_one_node() {
        let read = |xml: &str| {
            let document = Document::parse(xml, &METADATA).unwrap();
            text(document.root()).map(ToOwned::to_owned)
        };
        assert_eq!(read("<a>b</a>").as_deref(), Some("b"));
        assert_eq!(read("<a/>").as_deref(), Some(""));
        assert_eq!(read("<a>b<![CDATA[c]]>d</a>").as_deref(), Some("bcd"));
        assert_eq!(read("<a>b<!-- x -->c</a>"), None);
        assert_eq!(read("<a><!-- x -->c</a>"), None);
        assert_eq!(read("<a>b<c/></a>"), None);
    }

    #[test]
    fn children_in_order() {
        let document = Document::parse("<a xmlns='n'> <b/><b/> <c/></a>", &METADATA).unwrap();
        let mut children = Children::of(document.root()).unwrap();
        assert!(children.take("n", "c").is_none() && children.take("m", "b").is_none());
        assert_eq!(children.take_all("n", "b").len(), 2);
        assert!(is(children.take("n", "c").unwrap(), "n", "c"));
        assert!(children.finished());
        assert!(only_child(document.root(), "n", "b").is_none());
        let mixed = Document::parse("<a>x<b/></a>", &METADATA).unwrap();
        assert!(Children::of(mixed.root()).is_none());
    }
}
