//! PATCH bodies (RFC 7644 section 3.5.2).

use serde_json::Value;

use crate::json::{Object, member};
use crate::{MAX_PATCH_OPERATIONS, PatchPath, ScimError};

const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Add,
    Replace,
    Remove,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    path: Option<PatchPath>,
    value: Option<Value>,
}

/// A place in a resource, and the value for it.
type Target<'a> = (PatchPath, Option<&'a Value>);

/// Reads the operations, at most [`MAX_PATCH_OPERATIONS`].
pub(crate) fn operations(body: &Object) -> Result<Vec<Operation>, ScimError> {
    schemas(body, SCHEMA)?;
    let Some(Value::Array(operations)) = member(body, "Operations") else {
        return Err(ScimError::Syntax("Operations has to be a list"));
    };
    if operations.is_empty() {
        return Err(ScimError::Syntax("Operations is empty"));
    }
    if operations.len() > MAX_PATCH_OPERATIONS {
        return Err(ScimError::Operations);
    }
    operations.iter().map(Operation::read).collect()
}

/// Checks that the message or resource says that it is what it has to be. Further schemas are extensions.
pub(crate) fn schemas(body: &Object, schema: &str) -> Result<(), ScimError> {
    let Some(Value::Array(schemas)) = member(body, "schemas") else {
        return Err(ScimError::Syntax("schemas has to be a list"));
    };
    let named = |value: &Value| {
        let text = value.as_str();
        text.is_some_and(|text| text.eq_ignore_ascii_case(schema))
    };
    if !schemas.iter().any(named) {
        let problem = "schemas does not name this message or resource";
        return Err(ScimError::Syntax(problem));
    }
    Ok(())
}

impl Operation {
    fn read(operation: &Value) -> Result<Self, ScimError> {
        let Value::Object(operation) = operation else {
            return Err(ScimError::Syntax("an operation has to be an object"));
        };
        let path = match member(operation, "path") {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) => Some(PatchPath::parse(path)?),
            Some(_) => return Err(ScimError::Path("it has to be a text")),
        };
        Ok(Self {
            kind: kind(member(operation, "op"))?,
            path,
            value: member(operation, "value").cloned(),
        })
    }

    /// The places that it is about. Without a path, the value is an object with a member for each: names, and from
    /// Entra ID paths as well. `schema` as a path means the same as none.
    pub(crate) fn targets(&self, schema: &str) -> Result<Vec<Target<'_>>, ScimError> {
        match &self.path {
            Some(path) if !path.attribute.is_schema(schema) => {
                Ok(vec![(path.clone(), self.value.as_ref())])
            }
            _ if self.kind == Kind::Remove => Err(ScimError::NoTarget("remove needs a path")),
            _ => {
                let mut targets = Vec::new();
                spread(self.value.as_ref(), schema, &mut targets)?;
                Ok(targets)
            }
        }
    }
}

/// As deep as the value is, which has a bound.
fn spread<'a>(
    value: Option<&'a Value>,
    schema: &str,
    targets: &mut Vec<Target<'a>>,
) -> Result<(), ScimError> {
    let Some(Value::Object(values)) = value else {
        return Err(ScimError::Syntax(
            "without a path, the value has to be an object",
        ));
    };
    for (name, value) in values {
        // Schemas that are URLs name other people's attributes.
        if name.contains("://") {
            continue;
        }
        let path = PatchPath::parse(name)?;
        if path.attribute.is_schema(schema) {
            spread(Some(value), schema, targets)?;
        } else {
            targets.push((path, Some(value)));
        }
    }
    Ok(())
}

/// Entra ID writes `Add`, `Replace` and `Remove`.
fn kind(op: Option<&Value>) -> Result<Kind, ScimError> {
    let op = op.and_then(Value::as_str).map(str::to_ascii_lowercase);
    match op.as_deref() {
        Some("add") => Ok(Kind::Add),
        Some("replace") => Ok(Kind::Replace),
        Some("remove") => Ok(Kind::Remove),
        _ => Err(ScimError::Syntax("op has to be add, replace or remove")),
    }
}
