//! The name that PostgreSQL gives to an output column (parse_target.c, FigureColname).

use crate::tree::Node;

/// `None` where it is not certain.
pub(super) fn of(target: &Node) -> Option<String> {
    let name = target.text("name");
    if !name.is_empty() {
        return Some(name.to_owned());
    }
    match target.node("val") {
        Some(value) => figured(value),
        None => None,
    }
}

fn figured(node: &Node) -> Option<String> {
    match node.kind {
        "ColumnRef" => node.list("fields").last().and_then(Node::string),
        "FuncCall" => node.names("funcname").pop(),
        "CollateClause" => figured(node.node("arg")?),
        "CoalesceExpr" => Some("coalesce".to_owned()),
        "AArrayExpr" => Some("array".to_owned()),
        "RowExpr" => Some("row".to_owned()),
        _ => None,
    }
}
