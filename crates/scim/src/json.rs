//! JSON bodies, read strictly: bounded, not nested deeply, and without a member that is named twice.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{MAX_BODY_BYTES, MAX_JSON_DEPTH, ScimError};

pub(crate) type Object = Map<String, Value>;

/// Reads a body that has to be an object. Two members whose names differ only in case are one attribute named twice
/// (RFC 7643 section 2.1).
pub(crate) fn object(body: &[u8]) -> Result<Object, ScimError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(ScimError::TooLarge);
    }
    match value(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ScimError::Syntax("the body is not a JSON object")),
        // The reader's messages hold places and our own words, nothing of the body.
        Err(error) => Err(ScimError::Json(error.to_string())),
    }
}

fn value(body: &[u8]) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Strict(MAX_JSON_DEPTH).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Looks up an attribute; names are case insensitive.
pub(crate) fn member<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    let mut members = object.iter();
    members
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Reads any value; holds how many levels may still be opened.
struct Strict(usize);

impl Strict {
    fn inner<E: Error>(&self) -> Result<usize, E> {
        self.0
            .checked_sub(1)
            .ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = from.next_element_seed(Strict(inner))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut names = BTreeSet::new();
        let mut object = Object::new();
        while let Some(name) = from.next_key::<String>()? {
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(A::Error::custom("a member is named twice"));
            }
            object.insert(name, from.next_value_seed(Strict(inner))?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{member, object};
    use crate::{MAX_BODY_BYTES, MAX_JSON_DEPTH, ScimError};

    #[test]
    fn reads_what_the_json_library_reads() {
        let text = br#"{"a": [1, -2, 0.5, null, true, "x\n"], "B": {"c": 18446744073709551615}}"#;
        let expected: serde_json::Value = serde_json::from_slice(text).unwrap();
        let read = object(text).unwrap();
        assert_eq!(serde_json::Value::Object(read.clone()), expected);
        assert_eq!(member(&read, "b"), Some(&json!({"c": u64::MAX})));
        assert_eq!(member(&read, "c"), None);
    }

    #[test]
    fn refuses_members_named_twice_in_any_case_and_depth() {
        for text in [
            r#"{"active":true,"active":false}"#,
            r#"{"active":true,"Active":false}"#,
            r#"{"name":{"givenName":"a","givenname":"b"}}"#,
            r#"{"a":[{"x":1,"\u0078":2}]}"#,
        ] {
            let error = object(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("named twice"), "{error}");
        }
    }

    #[test]
    fn bounds_depth_and_size() {
        let nested = |levels: usize| {
            let text = format!("{}{}", r#"{"a":"#.repeat(levels), "1");
            text + &"}".repeat(levels)
        };
        assert!(object(nested(MAX_JSON_DEPTH).as_bytes()).is_ok());
        assert!(object(nested(MAX_JSON_DEPTH + 1).as_bytes()).is_err());
        assert!(object("[".repeat(100_000).as_bytes()).is_err());
        let mut long = br#"{"a":1}"#.to_vec();
        long.resize(MAX_BODY_BYTES, b' ');
        assert!(object(&long).is_ok());
        long.push(b' ');
        assert_eq!(object(&long), Err(ScimError::TooLarge));
    }

    #[test]
    fn takes_one_object_and_nothing_else() {
        for text in [
            "",
            "null",
            "[]",
            "{} {}",
            "{",
            "{\"a\":\"\u{1}\"}",
            "{'a':1}",
            "\u{feff}{}",
        ] {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
    }
}
