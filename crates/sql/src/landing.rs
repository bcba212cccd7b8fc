//! Where values go.

use crate::script::{Landing, Use};
use crate::tree::{Node, Value};

/// More of them than this are told as "any column".
const LANDINGS_MAX: usize = 12;

/// Adds one, once. Beyond the limit one that says "any" takes the place of all that follow.
pub(crate) fn add_landing(landings: &mut Vec<Landing>, landing: Landing) {
    if landings.contains(&landing) {
        return;
    }
    if landings.len() < LANDINGS_MAX {
        landings.push(landing);
    } else if let Some(last) = landings.last_mut() {
        *last = Landing {
            how: Use::Compared,
            relation: Vec::new(),
            column: vec!["*".to_owned()],
        };
    }
}

/// The columns of an expression, as places that its values meet.
pub(crate) fn compared(node: &Node) -> Vec<Landing> {
    let mut landings = Vec::new();
    for column in columns(node) {
        add_landing(
            &mut landings,
            Landing {
                how: Use::Compared,
                relation: Vec::new(),
                column,
            },
        );
    }
    landings
}

/// Column references in an expression, those of its subqueries left out.
pub(crate) fn columns(node: &Node) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect(node: &Node, found: &mut Vec<Vec<String>>) {
    if found.len() > LANDINGS_MAX {
        return;
    }
    match node.kind {
        "ColumnRef" => {
            let column = column(node);
            if !found.contains(&column) {
                found.push(column);
            }
        }
        "SelectStmt" => {}
        _ => {
            for child in node
                .fields
                .iter()
                .flat_map(|(_, value)| Value::nodes(value))
            {
                collect(child, found);
            }
        }
    }
}

/// A column as written; `*` for all.
pub(crate) fn column(node: &Node) -> Vec<String> {
    node.list("fields")
        .map(|part| part.string().unwrap_or_else(|| "*".to_owned()))
        .collect()
}
