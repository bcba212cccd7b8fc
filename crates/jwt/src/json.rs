//! JSON with one meaning: duplicate members are refused at any depth, and so is deep nesting.
//!
//! RFC 8259 lets parsers disagree about duplicates; RFC 7515 section 4 wants them refused in headers, RFC 7519
//! section 4 in claims.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Deepest nesting of objects and arrays, the outermost object counted.
pub const MAX_DEPTH: usize = 16;

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// Not one JSON object, or not UTF-8.
    Malformed,
    /// An object names a member twice.
    Duplicate,
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Parses the one object that `bytes` is.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    let problem = Cell::new(JsonError::Malformed);
    let strict = Strict {
        depth: 0,
        problem: &problem,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = strict
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    match parsed {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(JsonError::Malformed),
        Err(_) => Err(problem.get()),
    }
}

/// Builds a value and leaves word of what it refused: serde's errors carry text only.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    problem: &'a Cell<JsonError>,
}

impl Strict<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.refuse(JsonError::TooDeep));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    fn refuse<E: Error>(self, problem: JsonError) -> E {
        self.problem.set(problem);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.refuse(JsonError::Malformed))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(self.refuse(JsonError::Duplicate));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{JsonError, MAX_DEPTH, object};

    fn problem(text: &str) -> JsonError {
        object(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn duplicates_are_seen_at_any_depth_and_in_any_spelling() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#,
        ] {
            assert_eq!(problem(text), JsonError::Duplicate, "{text}");
        }
        assert!(object(br#"{"a":{"a":{"a":1}},"A":2}"#).is_ok());
    }

    #[test]
    fn only_one_object_is_taken() {
        for text in [
            "",
            "[]",
            "1",
            "null",
            "{}x",
            "{} {}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":NaN}",
            "{\"a\":1e999}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":01}",
            "\u{feff}{}",
            "{/**/}",
        ] {
            assert_eq!(problem(text), JsonError::Malformed, "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(JsonError::Malformed));
        assert!(object(b" {\n} ").is_ok());
    }

    #[test]
    fn nesting_is_limited() {
        let nested =
            |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
        assert_eq!(problem(&nested(MAX_DEPTH)), JsonError::TooDeep);
        assert_eq!(problem(&nested(8000)), JsonError::TooDeep);
    }

    proptest! {
        /// What is taken means what the JSON library reads.
        #[test]
        fn agrees_with_the_library(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(members) = object(&bytes) {
                let theirs: Value = serde_json::from_slice(&bytes).expect("both take it");
                prop_assert_eq!(Value::Object(members), theirs);
            }
        }

        /// Good JSON without duplicates is taken as it is.
        #[test]
        fn takes_what_the_library_writes(numbers in any::<(u64, i64, bool)>(), text in ".{0,20}") {
            let value = serde_json::json!({"a": [numbers.0, {"b": numbers.1}], "c": numbers.2, "d": text, "e": null});
            let members = object(value.to_string().as_bytes()).expect("good JSON");
            prop_assert_eq!(Value::Object(members), value);
        }
    }
}
