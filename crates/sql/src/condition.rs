//! What is known of a WHERE before it runs. Nothing here has to be complete: the row count that a statement reports
//! is the last word. It says what an honest mistake or a lazy trick looks like.

use std::cmp::Ordering;

use pg_query::protobuf::{AExprKind, BoolExprType, BoolTestType, NullTestType};

use crate::constant::{self, Constant, constant};
use crate::landing;
use crate::script::Truth;
use crate::tree::{Node, Value};

pub(crate) fn truth(node: &Node) -> Truth {
    match fold(node) {
        Fold::True => Truth::Always,
        Fold::TrueIfNotNull => Truth::TautologyIfNotNull,
        Fold::False | Fold::Null => Truth::Never,
        Fold::Open if names_no_row(node) => Truth::NoColumn,
        Fold::Open => Truth::Depends,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fold {
    True,
    TrueIfNotNull,
    False,
    Null,
    Open,
}

impl Fold {
    fn of(value: Option<bool>) -> Self {
        match value {
            Some(true) => Self::True,
            Some(false) => Self::False,
            None => Self::Open,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Null => Self::Null,
            Self::TrueIfNotNull | Self::Open => Self::Open,
        }
    }
}

/// Neither a column nor a subquery: the same for all rows.
fn names_no_row(node: &Node) -> bool {
    landing::columns(node).is_empty()
        && !contains(node, "SubLink")
        && !contains(node, "CurrentOfExpr")
}

fn contains(node: &Node, kind: &str) -> bool {
    node.kind == kind
        || node
            .fields
            .iter()
            .flat_map(|(_, value)| Value::nodes(value))
            .any(|child| contains(child, kind))
}

fn fold(node: &Node) -> Fold {
    if let Some(value) = constant(node) {
        if value == Constant::Null {
            return Fold::Null;
        }
        return Fold::of(constant::truth(&value));
    }
    match node.kind {
        "BoolExpr" => boolean(node),
        "AExpr" => comparison(node),
        "NullTest" => null_test(node),
        "BooleanTest" => boolean_test(node),
        "CoalesceExpr" => match node.list("args").next().map(fold) {
            Some(fold @ (Fold::True | Fold::False)) => fold,
            _ => Fold::Open,
        },
        "TypeCast" => node.node("arg").map_or(Fold::Open, fold),
        _ => Fold::Open,
    }
}

fn boolean(node: &Node) -> Fold {
    let kind = BoolExprType::try_from(i32::try_from(node.int("boolop")).unwrap_or(0));
    let folds: Vec<Fold> = node.list("args").map(fold).collect();
    match kind {
        Ok(BoolExprType::NotExpr) => folds.first().map_or(Fold::Open, |fold| fold.not()),
        Ok(BoolExprType::AndExpr) => all(&folds),
        Ok(BoolExprType::OrExpr) if has_opposites(node) => Fold::True,
        Ok(BoolExprType::OrExpr) => any(&folds),
        _ => Fold::Open,
    }
}

fn all(folds: &[Fold]) -> Fold {
    if folds.contains(&Fold::False) {
        Fold::False
    } else if folds.contains(&Fold::Null) {
        Fold::Null
    } else if folds.iter().all(|fold| *fold == Fold::True) {
        Fold::True
    } else if folds
        .iter()
        .all(|fold| matches!(fold, Fold::True | Fold::TrueIfNotNull))
    {
        Fold::TrueIfNotNull
    } else {
        Fold::Open
    }
}

fn any(folds: &[Fold]) -> Fold {
    if folds.contains(&Fold::True) {
        Fold::True
    } else if folds.contains(&Fold::TrueIfNotNull) {
        Fold::TrueIfNotNull
    } else if folds
        .iter()
        .all(|fold| matches!(fold, Fold::False | Fold::Null))
    {
        Fold::False
    } else {
        Fold::Open
    }
}

/// `x IS NULL OR x IS NOT NULL`, `p OR NOT p` where p cannot be NULL.
fn has_opposites(node: &Node) -> bool {
    let tests: Vec<&Node> = node
        .list("args")
        .filter(|test| test.kind == "NullTest")
        .take(32)
        .collect();
    tests.iter().enumerate().any(|(index, left)| {
        tests.iter().skip(index + 1).any(|right| {
            left.int("nulltesttype") != right.int("nulltesttype") && same_field(left, right, "arg")
        })
    })
}

fn same_field(left: &Node, right: &Node, field: &str) -> bool {
    match (left.node(field), right.node(field)) {
        (Some(left), Some(right)) => left.same(right),
        _ => false,
    }
}

fn comparison(node: &Node) -> Fold {
    let name = node.names("name");
    let operator = name.last().map_or("", String::as_str);
    let kind = AExprKind::try_from(i32::try_from(node.int("kind")).unwrap_or(0));
    let (Some(left), Some(right)) = (node.node("lexpr"), node.node("rexpr")) else {
        return Fold::Open;
    };
    match kind {
        Ok(AExprKind::AexprOp)
            if left.same(right) && !is_volatile(left) && constant(left).is_none() =>
        {
            if matches!(operator, "=" | "<=" | ">=") {
                Fold::TrueIfNotNull
            } else {
                Fold::Open
            }
        }
        Ok(AExprKind::AexprOp) => compare(operator, left, right),
        Ok(AExprKind::AexprNotDistinct) if left.same(right) && !is_volatile(left) => Fold::True,
        Ok(AExprKind::AexprIn) if operator == "=" => within(left, right),
        Ok(AExprKind::AexprLike | AExprKind::AexprIlike)
            if is_any_pattern(right) && !operator.starts_with('!') =>
        {
            if constant(left).is_some() {
                Fold::True
            } else {
                Fold::TrueIfNotNull
            }
        }
        Ok(AExprKind::AexprBetween) => between(left, right),
        _ => Fold::Open,
    }
}

fn compare(operator: &str, left: &Node, right: &Node) -> Fold {
    let (Some(left), Some(right)) = (constant(left), constant(right)) else {
        return Fold::Open;
    };
    if left == Constant::Null || right == Constant::Null {
        return Fold::Null;
    }
    if constant::differ(&left, &right) {
        return match operator {
            "=" => Fold::False,
            "<>" | "!=" => Fold::True,
            _ => Fold::Open,
        };
    }
    let order = constant::order(&left, &right);
    Fold::of(order.and_then(|order| match operator {
        "=" => Some(order == Ordering::Equal),
        "<>" | "!=" => Some(order != Ordering::Equal),
        "<" => Some(order == Ordering::Less),
        ">" => Some(order == Ordering::Greater),
        "<=" => Some(order != Ordering::Greater),
        ">=" => Some(order != Ordering::Less),
        _ => None,
    }))
}

/// `x IN (…, x, …)`.
fn within(left: &Node, right: &Node) -> Fold {
    let items = right.list("items");
    if constant(left).is_none() {
        let mut items = items;
        let found = !is_volatile(left) && items.any(|item| item.same(left));
        return if found {
            Fold::TrueIfNotNull
        } else {
            Fold::Open
        };
    }
    let folds: Vec<Fold> = items.map(|item| compare("=", left, item)).collect();
    any(&folds)
}

fn between(left: &Node, right: &Node) -> Fold {
    let mut bounds = right.list("items");
    let (Some(low), Some(high)) = (bounds.next(), bounds.next()) else {
        return Fold::Open;
    };
    if constant(left).is_none() && left.same(low) && left.same(high) && !is_volatile(left) {
        return Fold::TrueIfNotNull;
    }
    all(&[compare(">=", left, low), compare("<=", left, high)])
}

/// `'%'`, which any text is like.
fn is_any_pattern(node: &Node) -> bool {
    matches!(constant(node), Some(Constant::Text(text)) if !text.is_empty() && text.chars().all(|c| c == '%'))
}

fn null_test(node: &Node) -> Fold {
    let Some(value) = node.node("arg").and_then(constant) else {
        return Fold::Open;
    };
    let is_null = value == Constant::Null;
    let asks_null = node.int("nulltesttype") == i64::from(NullTestType::IsNull as i32);
    Fold::of(Some(is_null == asks_null))
}

fn boolean_test(node: &Node) -> Fold {
    let Some(inner) = node.node("arg").map(fold) else {
        return Fold::Open;
    };
    let test = BoolTestType::try_from(i32::try_from(node.int("booltesttype")).unwrap_or(0));
    match (test, inner) {
        (Ok(BoolTestType::IsTrue), Fold::True)
        | (Ok(BoolTestType::IsNotTrue), Fold::False | Fold::Null)
        | (Ok(BoolTestType::IsFalse), Fold::False)
        | (Ok(BoolTestType::IsNotFalse), Fold::True | Fold::TrueIfNotNull | Fold::Null)
        | (Ok(BoolTestType::IsUnknown), Fold::Null)
        | (Ok(BoolTestType::IsNotUnknown), Fold::True | Fold::False) => Fold::True,
        (Ok(BoolTestType::IsTrue), Fold::TrueIfNotNull) => Fold::TrueIfNotNull,
        (_, Fold::Open | Fold::TrueIfNotNull) => Fold::Open,
        _ => Fold::False,
    }
}

/// Whether two readings of it can differ: a function call may be `random()`.
fn is_volatile(node: &Node) -> bool {
    contains(node, "FuncCall") || contains(node, "SubLink")
}

#[cfg(test)]
mod tests {
    use crate::script::Truth;

    fn truth(condition: &str) -> Truth {
        let script = crate::parse(&format!("delete from t where {condition}")).unwrap();
        script.statements[0].shape.conditions[0].truth
    }

    #[test]
    fn what_is_always_true() {
        for condition in [
            "true",
            "1=1",
            "'a'='a'",
            "1<2",
            "not false",
            "x = 3 or true",
            "null is null",
            "1 is not null",
            "2 > 1 and 'a' = 'a'",
            "'t'::bool",
            "1+1=2",
            "x is null or x is not null",
            "'1' = 1",
            "1 in (2, 1)",
            "2 between 1 and 3",
            "x is not distinct from x",
            "coalesce(true, x)",
            "(1=1) is true",
            "(x = x) is not false",
            "'abc' like '%'",
            "not (1 = 2)",
            "true <> false",
            "'a' <> 'b'",
            "-1 < 0",
            "cast(1 as boolean)",
            "'a' || 'b' = 'ab'",
        ] {
            assert_eq!(truth(condition), Truth::Always, "{condition}");
        }
    }

    #[test]
    fn what_is_true_but_for_null() {
        for condition in [
            "x = x",
            "t.x >= t.x",
            "x = x and true",
            "name like '%'",
            "name ilike '%%'",
            "x in (1, x)",
            "x between x and x",
            "x+1 = x+1",
            "x = x or y = 3",
        ] {
            assert_eq!(truth(condition), Truth::TautologyIfNotNull, "{condition}");
        }
    }

    #[test]
    fn what_names_no_column() {
        for condition in [
            "random() < 2",
            "$1",
            "now() > '2000-01-01'",
            "length('a') = 1",
            "$1 = $2",
        ] {
            assert_eq!(truth(condition), Truth::NoColumn, "{condition}");
        }
    }

    #[test]
    fn what_is_never_true() {
        for condition in ["false", "1=2", "null", "x = 1 and false", "null = null"] {
            assert_eq!(truth(condition), Truth::Never, "{condition}");
        }
    }

    #[test]
    fn what_depends() {
        for condition in [
            "x = 1",
            "x = y",
            "x <> x",
            "name like 'a%'",
            "x = 1 or y = 2",
            "exists (select 1 from u)",
            "current of c",
            "random() = random() and x = 1",
            "x is null",
            "x in (1, 2)",
            "not (x = x)",
        ] {
            assert_eq!(truth(condition), Truth::Depends, "{condition}");
        }
        assert_eq!(
            crate::parse("delete from t").unwrap().statements[0]
                .shape
                .conditions[0]
                .truth,
            Truth::Missing
        );
    }
}
