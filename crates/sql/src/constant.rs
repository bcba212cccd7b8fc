//! Values of expressions of literals.

use std::cmp::Ordering;

use crate::pieces;
use crate::tree::Node;

/// A value that does not depend on any row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
}

/// The value of a literal, or of arithmetic on literals.
pub(crate) fn constant(node: &Node) -> Option<Constant> {
    match node.kind {
        "AConst" if node.flag("isnull") => Some(Constant::Null),
        "AConst" => {
            let text = pieces::literal(node)?;
            Some(match node.node("val")?.kind {
                "Integer" | "Float" => Constant::Number(text.parse().ok()?),
                "Boolean" => Constant::Bool(text == "true"),
                _ => Constant::Text(text),
            })
        }
        "TypeCast" => cast(node),
        "AExpr" => arithmetic(node),
        "CollateClause" => constant(node.node("arg")?),
        _ => None,
    }
}

fn cast(node: &Node) -> Option<Constant> {
    let inner = constant(node.node("arg")?)?;
    let name = node.node("type_name")?.names("names");
    match (name.last()?.as_str(), inner) {
        (_, Constant::Null) => Some(Constant::Null),
        ("bool", inner) => truth(&inner).map(Constant::Bool),
        ("int2" | "int4" | "int8" | "numeric" | "float4" | "float8", inner) => {
            number(&inner).map(Constant::Number)
        }
        ("text" | "varchar" | "bpchar", Constant::Text(text)) => Some(Constant::Text(text)),
        _ => None,
    }
}

fn arithmetic(node: &Node) -> Option<Constant> {
    let name = node.names("name");
    let right = constant(node.node("rexpr")?)?;
    let left = node.node("lexpr").map(constant);
    if left.is_none() && name.last()? == "-" {
        return number(&right).map(|right| Constant::Number(-right));
    }
    let left = left??;
    if name.last()? == "||" {
        return match (left, right) {
            (Constant::Text(left), Constant::Text(right)) => Some(Constant::Text(left + &right)),
            _ => None,
        };
    }
    let (left, right) = (number(&left)?, number(&right)?);
    match name.last()?.as_str() {
        "+" => Some(Constant::Number(left + right)),
        "-" => Some(Constant::Number(left - right)),
        "*" => Some(Constant::Number(left * right)),
        _ => None,
    }
}

fn number(value: &Constant) -> Option<f64> {
    match value {
        Constant::Number(number) => Some(*number),
        Constant::Text(text) => text.trim().parse().ok(),
        Constant::Bool(_) | Constant::Null => None,
    }
}

/// The value as a condition.
pub(crate) fn truth(value: &Constant) -> Option<bool> {
    match value {
        Constant::Bool(value) => Some(*value),
        Constant::Number(number) => Some(*number != 0.0),
        Constant::Text(text) => match text.trim().to_lowercase().as_str() {
            "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" | "1" => Some(true),
            "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0" => Some(false),
            _ => None,
        },
        Constant::Null => None,
    }
}

/// How two compare. A text beside a number is read as one, as PostgreSQL does with a literal.
pub(crate) fn order(left: &Constant, right: &Constant) -> Option<Ordering> {
    match (left, right) {
        (Constant::Text(left), Constant::Text(right)) if left == right => Some(Ordering::Equal),
        // The order of different texts is the collation's, but that they differ is sure enough for a condition.
        (Constant::Text(_), Constant::Text(_)) => None,
        (Constant::Bool(left), Constant::Bool(right)) => Some(left.cmp(right)),
        (Constant::Bool(left), right @ Constant::Text(_)) => {
            truth(right).map(|right| left.cmp(&right))
        }
        (left @ Constant::Text(_), Constant::Bool(right)) => {
            truth(left).map(|left| left.cmp(right))
        }
        _ => number(left)?.partial_cmp(&number(right)?),
    }
}

/// Whether two texts are known to differ.
pub(crate) fn differ(left: &Constant, right: &Constant) -> bool {
    matches!((left, right), (Constant::Text(left), Constant::Text(right)) if left != right)
}
