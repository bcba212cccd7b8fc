//! Values of kept attributes: texts and booleans.

use serde_json::Value;

use crate::{MAX_TEXT_BYTES, ScimError};

/// How `userName` and a group's `displayName` are compared: without regard to case (RFC 7643 section 8.7.1).
/// A directory that stores this beside the value can look it up by an index.
pub fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// Reads a text that may be unassigned: null and the empty text are (RFC 7643 section 2.5).
pub(crate) fn optional(
    attribute: &'static str,
    value: &Value,
) -> Result<Option<String>, ScimError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => checked(attribute, text).map(Some),
        _ => Err(wrong(attribute, "has to be a text")),
    }
}

/// Reads a text that has to be there.
pub(crate) fn required(attribute: &'static str, value: &Value) -> Result<String, ScimError> {
    optional(attribute, value)?.ok_or_else(|| wrong(attribute, "is required"))
}

/// Reads a boolean. Entra ID writes some as "True" and "False".
pub(crate) fn boolean(attribute: &'static str, value: &Value) -> Result<bool, ScimError> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(wrong(attribute, "has to be true or false")),
    }
}

pub(crate) fn wrong(attribute: &'static str, problem: &'static str) -> ScimError {
    ScimError::Value { attribute, problem }
}

/// A kept text is short and shows as what it is: people read it where they approve access.
pub(crate) fn checked(attribute: &'static str, text: &str) -> Result<String, ScimError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(wrong(attribute, "is longer than 256 bytes"));
    }
    if text.chars().any(|c| c.is_control() || turns_text(c)) {
        return Err(wrong(attribute, "holds a control character"));
    }
    Ok(text.to_owned())
}

/// Line and paragraph separators, and the characters that turn the direction of what follows.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{boolean, folded, optional, required};

    #[test]
    fn texts_are_short_and_visible() {
        assert_eq!(
            optional("x", &json!("a b é 日")),
            Ok(Some("a b é 日".into()))
        );
        assert_eq!(optional("x", &json!(null)), Ok(None));
        assert_eq!(optional("x", &json!("")), Ok(None));
        assert!(optional("x", &json!("a".repeat(256))).is_ok());
        for bad in [
            "a".repeat(257),
            "a\nb".into(),
            "\u{0}".into(),
            "\u{85}".into(),
            "a\u{202e}b".into(),
        ] {
            assert!(optional("x", &json!(bad)).is_err(), "{bad:?}");
        }
        for bad in [json!(1), json!(true), json!(["a"]), json!({"value": "a"})] {
            assert!(optional("x", &bad).is_err(), "{bad}");
        }
        assert!(required("x", &json!("")).is_err() && required("x", &json!(null)).is_err());
    }

    #[test]
    fn booleans_may_be_words() {
        for (value, expected) in [
            (json!(true), true),
            (json!("True"), true),
            (json!("FALSE"), false),
        ] {
            assert_eq!(boolean("x", &value), Ok(expected));
        }
        for bad in [
            json!(null),
            json!(0),
            json!("0"),
            json!("no"),
            json!(" true"),
            json!([true]),
        ] {
            assert!(boolean("x", &bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn folding_is_not_only_ascii() {
        assert_eq!(folded("ÉVA@Example.com"), folded("éva@example.COM"));
    }
}
