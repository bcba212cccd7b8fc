//! Members of a provider's document with the types that the specifications give them.

use serde_json::{Map, Value};

/// A member of another type than it must have, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongType(pub(crate) &'static str);

/// Reads members. An absent one is `None`; one of another type, `null` included, is an error.
#[derive(Clone, Copy)]
pub(crate) struct Members<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Members<'a> {
    pub(crate) fn text(self, name: &'static str) -> Result<Option<&'a str>, WrongType> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(WrongType(name)),
        }
    }

    pub(crate) fn texts(self, name: &'static str) -> Result<Option<Vec<&'a str>>, WrongType> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                texts.map(Some).ok_or(WrongType(name))
            }
            Some(_) => Err(WrongType(name)),
        }
    }

    pub(crate) fn flag(self, name: &'static str) -> Result<bool, WrongType> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(WrongType(name)),
        }
    }

    pub(crate) fn number(self, name: &'static str) -> Result<Option<u64>, WrongType> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(WrongType(name)),
        }
    }
}
