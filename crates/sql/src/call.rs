//! Function calls.

use crate::effect::{Object, ObjectKind, Role, Verb};
use crate::functions::{self, Known};
use crate::landing;
use crate::pieces;
use crate::script::Call;
use crate::settings;
use crate::tree::Node;
use crate::walk::Walk;

pub(crate) fn visit(walk: &mut Walk, node: &Node) {
    let name = node.names("funcname");
    let last = name.last();
    let known = last.and_then(|name| functions::known(name));
    if let Some(known) = known {
        effect(walk, node, &name, known);
    }
    walk.facts.calls.push(Call {
        literal_arguments: node.list("args").map(is_literal).collect(),
        known: last.and_then(|name| functions::known_function(name)),
        name,
    });
    walk.landing(landing::compared(node), |walk| {
        walk.children_without(node, &["funcname"]);
    });
}

fn effect(walk: &mut Walk, node: &Node, name: &[String], known: Known) {
    let function = || Object::new(ObjectKind::Function, name.to_vec(), Role::Target);
    let first = node.list("args").next();
    match known {
        Known::Does(verb) => walk.effect(verb, function()),
        Known::ToSequence(verb) => {
            let object = first.and_then(named_relation).unwrap_or_else(function);
            walk.effect(verb, object);
        }
        Known::Sets => {
            let setting = first.and_then(pieces::literal);
            let value = node.list("args").nth(1).and_then(pieces::literal);
            match setting {
                Some(setting) => settings::effect(walk, &setting, value.as_deref()),
                None => walk.effect(Verb::SetGuarded, function()),
            }
        }
    }
}

/// A relation that is named by a literal, as in `nextval('shop.order_id')`.
fn named_relation(argument: &Node) -> Option<Object> {
    let literal = if argument.kind == "TypeCast" {
        argument.node("arg")?
    } else {
        argument
    };
    let text = pieces::literal(literal)?;
    // Names in quotes are left as they are: a caller does not find them and takes them for unknown.
    let name = text.split('.').map(str::to_lowercase).collect();
    Some(Object::new(ObjectKind::Relation, name, Role::Target))
}

fn is_literal(argument: &Node) -> bool {
    match argument.kind {
        "AConst" => true,
        "TypeCast" | "NamedArgExpr" => argument.node("arg").is_some_and(is_literal),
        _ => false,
    }
}
