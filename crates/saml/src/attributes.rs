//! `saml:AttributeStatement` (SAML core, section 2.7.3).

use std::fmt;

use crate::Rejection;
use crate::document::Node;
use crate::element::{Children, attribute, text};
use crate::name_id::plain;
use crate::names::ASSERTION;

const NAMES_MAX: usize = 128;
const VALUES_MAX: usize = 4096;
const NAME_BYTES_MAX: usize = 1024;
const VALUE_BYTES_MAX: usize = 8 << 10;

/// What is said of a person under one name. `Debug` shows the name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Mostly a URI, or a short word. At most 1024 bytes.
    pub name: String,
    /// Each at most 8 KiB. Elements of the same name are one attribute here.
    pub values: Vec<String>,
}

impl fmt::Debug for Attribute {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Attribute")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// At most 128 names and 4096 values. A value that is more than text is refused.
pub(crate) fn read(statements: &[Node<'_>]) -> Result<Vec<Attribute>, Rejection> {
    let mut attributes: Vec<Attribute> = Vec::new();
    let mut values_left = VALUES_MAX;
    for statement in statements {
        let mut children = Children::of(*statement).ok_or(Rejection::Attribute)?;
        for node in children.take_all(ASSERTION, "Attribute") {
            let name = attribute(node, "Name").and_then(|name| plain(name, NAME_BYTES_MAX));
            let name = name.ok_or(Rejection::Attribute)?;
            let values = read_values(node)?;
            values_left = values_left
                .checked_sub(values.len())
                .ok_or(Rejection::Attribute)?;
            match attributes.iter_mut().find(|known| known.name == name) {
                Some(known) => known.values.extend(values),
                None => attributes.push(Attribute {
                    name: name.to_owned(),
                    values,
                }),
            }
            if attributes.len() > NAMES_MAX {
                return Err(Rejection::Attribute);
            }
        }
        if !children.finished() {
            return Err(Rejection::Attribute);
        }
    }
    Ok(attributes)
}

fn read_values(node: Node<'_>) -> Result<Vec<String>, Rejection> {
    let mut children = Children::of(node).ok_or(Rejection::Attribute)?;
    let nodes = children.take_all(ASSERTION, "AttributeValue");
    if !children.finished() {
        return Err(Rejection::Attribute);
    }
    let values = nodes.into_iter().map(|value| {
        text(value)
            .filter(|text| text.len() <= VALUE_BYTES_MAX)
            .map(ToOwned::to_owned)
            .ok_or(Rejection::Attribute)
    });
    values.collect()
}
