//! JSON bodies, read strictly: bounded, not nested deeply, and without a member that is named twice.

use custos_strict_json::Names;
use serde_json::{Map, Value};

use crate::{MAX_BODY_BYTES, MAX_JSON_DEPTH, ScimError};

pub(crate) type Object = Map<String, Value>;

/// Reads a body that has to be an object. Two members whose names differ only in case are one attribute named twice
/// (RFC 7643 section 2.1).
pub(crate) fn object(body: &[u8]) -> Result<Object, ScimError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(ScimError::TooLarge);
    }
    custos_strict_json::object(body, Names::AnyCase, MAX_JSON_DEPTH).map_err(ScimError::Json)
}

/// Looks up an attribute; names are case insensitive.
pub(crate) fn member<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    let mut members = object.iter();
    members
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
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
