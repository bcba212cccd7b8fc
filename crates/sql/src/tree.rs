//! The grammar's tree in one uniform shape: a node has a kind and named fields, whatever it is.
//!
//! The generated types have some 270 shapes. A walk over those forgets the field that nobody thought of, and a
//! forgotten field is a way round the rules. Here every field is a child, so what is not handled by name is still
//! visited. Fields with their default value (0, false, empty, absent) are left out.

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Absent,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Value>),
    Node(Node),
}

/// One node: the name of its message without underscores (`SelectStmt`, `AConst`), and its fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: &'static str,
    pub(crate) fields: Vec<(&'static str, Value)>,
}

impl Value {
    pub(crate) fn as_node(&self) -> Option<&Node> {
        match self {
            Self::Node(node) => Some(node),
            _ => None,
        }
    }

    /// Nodes in it, one level down.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        let (one, many) = match self {
            Self::Node(node) => (Some(node), [].as_slice()),
            Self::List(list) => (None, list.as_slice()),
            _ => (None, [].as_slice()),
        };
        one.into_iter()
            .chain(many.iter().filter_map(Value::as_node))
    }

    pub(crate) fn is_default(&self) -> bool {
        match self {
            Self::Absent | Self::Bool(false) | Self::Int(0) => true,
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Bool(_) | Self::Int(_) | Self::Node(_) => false,
        }
    }
}

impl Node {
    fn field(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        self.field(name).and_then(Value::as_node)
    }

    /// The nodes of a list; none where it is absent.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &Node> {
        self.field(name).into_iter().flat_map(Value::nodes)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        match self.field(name) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    pub(crate) fn int(&self, name: &str) -> i64 {
        match self.field(name) {
            Some(Value::Int(number)) => *number,
            _ => 0,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.field(name), Some(Value::Bool(true)))
    }

    /// Where it begins in the text; the grammar leaves out 0, which is a place too.
    pub(crate) fn location(&self) -> Option<usize> {
        usize::try_from(self.int("location")).ok()
    }

    /// The texts of a list of `String` nodes, such as a qualified name.
    pub(crate) fn names(&self, field: &str) -> Vec<String> {
        self.list(field).filter_map(Node::string).collect()
    }

    /// The text, when it is a `String` node.
    pub(crate) fn string(&self) -> Option<String> {
        (self.kind == "String").then(|| self.text("sval").to_owned())
    }

    /// Whether two are the same but for where they stand.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let mine = self.fields.iter().filter(|(name, _)| !is_place(name));
        let theirs = other.fields.iter().filter(|(name, _)| !is_place(name));
        self.kind == other.kind
            && mine.clone().count() == theirs.clone().count()
            && mine
                .zip(theirs)
                .all(|(left, right)| left.0 == right.0 && same_value(&left.1, &right.1))
    }
}

fn is_place(field: &str) -> bool {
    matches!(
        field,
        "location" | "list_start" | "list_end" | "rexpr_list_start" | "rexpr_list_end"
    )
}

fn same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Node(left), Value::Node(right)) => left.same(right),
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same_value(left, right))
        }
        (left, right) => left == right,
    }
}
