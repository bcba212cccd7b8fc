//! Names of things, wherever the grammar puts them.

use crate::tree::{Node, Value};

/// Catalog, schema and name of a `RangeVar`, as far as written.
pub(crate) fn relation(node: &Node) -> Vec<String> {
    ["catalogname", "schemaname", "relname"]
        .iter()
        .map(|field| node.text(field))
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a `RangeVar` is written as temporary.
pub(crate) fn is_temporary(node: &Node) -> bool {
    node.text("relpersistence") == "t" || node.text("schemaname") == "pg_temp"
}

/// The names in a field: a text is one, a list of texts is one with several parts, other lists are several.
pub(crate) fn names(node: &Node, field: &str) -> Vec<Vec<String>> {
    let Some((_, value)) = node.fields.iter().find(|(name, _)| *name == field) else {
        return Vec::new();
    };
    let found = match value {
        Value::Text(text) => vec![vec![text.clone()]],
        Value::Node(node) => vec![name(node)],
        Value::List(list) => {
            let parts: Vec<String> = value.nodes().filter_map(Node::string).collect();
            if parts.len() == list.len() {
                vec![parts]
            } else {
                value.nodes().map(name).collect()
            }
        }
        Value::Absent | Value::Bool(_) | Value::Int(_) => Vec::new(),
    };
    found.into_iter().filter(|name| !name.is_empty()).collect()
}

/// The name of one thing.
pub(crate) fn name(node: &Node) -> Vec<String> {
    match node.kind {
        "RangeVar" => relation(node),
        "String" => vec![node.text("sval").to_owned()],
        "List" => node.list("items").flat_map(name).collect(),
        "ObjectWithArgs" => node.names("objname"),
        "TypeName" => node.names("names"),
        "RoleSpec" => vec![node.text("rolename").to_owned()],
        "FuncCall" => node.names("funcname"),
        "AccessPriv" => vec![node.text("priv_name").to_owned()],
        _ => Vec::new(),
    }
}

/// An option (`DefElem`) by its name.
pub(crate) fn option<'a>(
    node: &'a Node,
    field: &str,
    name: &'a str,
) -> impl Iterator<Item = &'a Node> {
    node.list(field)
        .filter(move |option| option.kind == "DefElem" && option.text("defname") == name)
        .collect::<Vec<_>>()
        .into_iter()
}

/// Whether an option is on: it is when it has no value.
pub(crate) fn is_on(option: &Node) -> bool {
    let Some(value) = option.node("arg") else {
        return true;
    };
    let text = match value.kind {
        "Integer" => return value.int("ival") != 0,
        "Boolean" => return value.flag("boolval"),
        "AConst" => literal(value).unwrap_or_default(),
        _ => value.text("sval").to_owned(),
    };
    !matches!(
        text.to_ascii_lowercase().as_str(),
        "off" | "false" | "no" | "0"
    )
}

/// The text of a literal, quotes and escapes resolved. `None` for NULL and for what is not a literal.
pub(crate) fn literal(node: &Node) -> Option<String> {
    if node.kind != "AConst" {
        return None;
    }
    let value = node.node("val")?;
    match value.kind {
        "Integer" => Some(value.int("ival").to_string()),
        "Float" => Some(value.text("fval").to_owned()),
        "Boolean" => Some(value.flag("boolval").to_string()),
        "String" => Some(value.text("sval").to_owned()),
        "BitString" => Some(value.text("bsval").to_owned()),
        _ => None,
    }
}
