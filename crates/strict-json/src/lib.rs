//! JSON that means one thing: one object, in which no object names a member twice, and not nested deeply.
//!
//! RFC 8259 section 4 lets parsers disagree about members that are named twice; RFC 7515 section 4 wants them refused in
//! headers of tokens, RFC 7519 section 4 in claims, and RFC 7643 section 2.1 takes names that differ only in case for one.
//! The length is the caller's to bound.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Which names are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Those that are equal.
    Exact,
    /// Those that differ only in the case of ASCII letters, too.
    AnyCase,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not one JSON object, or not UTF-8.
    #[error("it is not one JSON object")]
    Malformed,
    /// An object names a member twice.
    #[error("a member is named twice")]
    Duplicate,
    /// Deeper than it may be.
    #[error("it is nested too deeply")]
    TooDeep,
}

/// Parses the one object that `bytes` is. `max_depth` is the deepest nesting of objects and arrays, the outermost object
/// counted.
pub fn object(
    bytes: &[u8],
    names: Names,
    max_depth: usize,
) -> Result<Map<String, Value>, JsonError> {
    let problem = Cell::new(JsonError::Malformed);
    let strict = Strict {
        levels: max_depth,
        names,
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
    /// How many may still be opened.
    levels: usize,
    names: Names,
    problem: &'a Cell<JsonError>,
}

impl Strict<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let Some(levels) = self.levels.checked_sub(1) else {
            return Err(self.refuse(JsonError::TooDeep));
        };
        Ok(Self { levels, ..self })
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
        let mut folded = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let again = match self.names {
                Names::Exact => object.contains_key(&name),
                Names::AnyCase => !folded.insert(name.to_ascii_lowercase()),
            };
            if again {
                return Err(self.refuse(JsonError::Duplicate));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{JsonError, Names};

    const MAX_DEPTH: usize = 16;

    fn object(bytes: &[u8]) -> Result<serde_json::Map<String, Value>, JsonError> {
        super::object(bytes, Names::Exact, MAX_DEPTH)
    }

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
    fn names_that_differ_in_case_are_one_where_that_is_so() {
        for text in [
            r#"{"active":true,"Active":false}"#,
            r#"{"name":{"givenName":"a","givenname":"b"}}"#,
            r#"{"a":1,"a":1}"#,
        ] {
            let read = super::object(text.as_bytes(), Names::AnyCase, MAX_DEPTH);
            assert_eq!(read, Err(JsonError::Duplicate), "{text}");
        }
        let apart = super::object(br#"{"A":{"a":1},"b":2}"#, Names::AnyCase, MAX_DEPTH);
        assert_eq!(apart.unwrap().len(), 2);
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
