//! Canonical JSON (RFC 8785) as records use it: no floating-point numbers, short ASCII keys, limited depth.

use serde_json::{Map, Value};

use crate::finding::Code;
use crate::record::BadRecord;

/// Deepest nesting of a record; the record itself is depth 1.
const MAX_DEPTH: usize = 16;

/// Integers beyond ±2^53 are not exact in every JSON reader.
const MAX_INTEGER: i64 = 1 << 53;

/// Parses one object and proves that `bytes` are its one canonical form, by writing it again and comparing.
pub(crate) fn parse_canonical(bytes: &[u8]) -> Result<Map<String, Value>, BadRecord> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| BadRecord::new(Code::RecordMalformed, format!("not JSON: {error}")))?;
    if !value.is_object() {
        return Err(BadRecord::new(Code::RecordMalformed, "not a JSON object"));
    }
    let mut writer = Writer {
        out: Vec::with_capacity(bytes.len()),
        odd_key: None,
    };
    writer.value(&value, 1)?;
    if writer.out != bytes {
        return Err(not_canonical("its bytes are not its canonical form"));
    }
    if let Some(key) = writer.odd_key {
        return Err(BadRecord::schema(format!(
            "key {key:?} is not of [a-z0-9_]"
        )));
    }
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(BadRecord::new(Code::RecordMalformed, "not a JSON object")),
    }
}

struct Writer {
    out: Vec<u8>,
    odd_key: Option<String>,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), BadRecord> {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::Number(number) => self.integer(number)?,
            Value::String(text) => self.text(text)?,
            Value::Array(items) => self.array(items, depth)?,
            Value::Object(map) => self.object(map, depth)?,
        }
        Ok(())
    }

    fn array(&mut self, items: &[Value], depth: usize) -> Result<(), BadRecord> {
        check_depth(depth)?;
        self.out.push(b'[');
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            self.value(item, depth + 1)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, map: &Map<String, Value>, depth: usize) -> Result<(), BadRecord> {
        check_depth(depth)?;
        let mut members: Vec<_> = map.iter().collect();
        // A map may keep insertion order, depending on features that other crates turn on.
        members.sort_unstable_by_key(|(key, _)| *key);
        self.out.push(b'{');
        for (place, (key, value)) in members.into_iter().enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            if !is_plain_key(key) {
                self.odd_key.get_or_insert_with(|| key.clone());
            }
            self.text(key)?;
            self.out.push(b':');
            self.value(value, depth + 1)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    /// The JSON library escapes exactly as RFC 8785 section 3.2.2.2 demands.
    fn text(&mut self, text: &str) -> Result<(), BadRecord> {
        serde_json::to_writer(&mut self.out, text)
            .map_err(|_| not_canonical("a text cannot be written"))
    }

    fn integer(&mut self, number: &serde_json::Number) -> Result<(), BadRecord> {
        let integer = number
            .as_i64()
            .filter(|integer| (-MAX_INTEGER..=MAX_INTEGER).contains(integer))
            .ok_or_else(|| not_canonical("a number is not an integer within 2^53"))?;
        self.out.extend_from_slice(integer.to_string().as_bytes());
        Ok(())
    }
}

fn check_depth(depth: usize) -> Result<(), BadRecord> {
    if depth > MAX_DEPTH {
        return Err(BadRecord::new(
            Code::RecordMalformed,
            "nested more than 16 deep",
        ));
    }
    Ok(())
}

fn not_canonical(message: &str) -> BadRecord {
    BadRecord::new(Code::RecordNotCanonical, message)
}

fn is_plain_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<Code> {
        parse_canonical(text.as_bytes()).err().map(|bad| bad.code)
    }

    #[test]
    fn canonical_objects_pass() {
        for text in [
            "{}",
            r#"{"a":1,"a_b":[null,true,false],"b":{"c":-9007199254740992}}"#,
            "{\"a\":\"\\u001f\\b\\t\\n\\f\\r\\\"\\\\/\u{7f}\u{e9}\u{1f600}\"}",
        ] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn other_forms_do_not() {
        for text in [
            r#"{"b":1,"a":2}"#,
            r#"{ "a":1}"#,
            "{\"a\":1}\n",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":1e3}"#,
            r#"{"a":-0}"#,
            r#"{"a":9007199254740993}"#,
            r#"{"a":123456789012345678901234567890}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":"\/"}"#,
            r#"{"a":"\u001F"}"#,
        ] {
            assert_eq!(code(text), Some(Code::RecordNotCanonical), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_malformed() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
        let deepest = format!("{{\"a\":{}{}}}", "[".repeat(15), "]".repeat(15));
        let abyss = "[".repeat(60_000);
        assert_eq!(code(&deepest), None);
        for text in [
            "",
            "[]",
            "{",
            "{}{}",
            "\u{feff}{}",
            r#"{"a":"\ud800"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":NaN}"#,
            &deep,
            &abyss,
        ] {
            assert_eq!(code(text), Some(Code::RecordMalformed), "{text:.40}");
        }
        assert_eq!(
            parse_canonical(b"{\"a\":\"\xff\"}").unwrap_err().code,
            Code::RecordMalformed
        );
    }

    #[test]
    fn keys_are_plain() {
        for text in [r#"{"A":1}"#, r#"{"":1}"#, r#"{"a":{"b-c":1}}"#] {
            assert_eq!(code(text), Some(Code::RecordSchema), "{text}");
        }
    }
}
