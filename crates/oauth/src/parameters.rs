//! Parameters of a request, `application/x-www-form-urlencoded` (RFC 6749 appendix B).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use custos_model::Secret;

use crate::reason::Reason;
use crate::refusal::Refusal;

/// Longest query of the authorization endpoint, in bytes.
pub const MAX_QUERY_BYTES: usize = 8 << 10;
/// Longest form, in bytes: two tokens and an assertion of 16 KiB each, and room.
pub const MAX_FORM_BYTES: usize = 64 << 10;
/// Most parameters of a request.
pub const MAX_PARAMETERS: usize = 32;

/// The parameters of one request. `Debug` shows their names only.
pub struct Parameters {
    values: BTreeMap<String, Secret>,
    repeated: BTreeSet<String>,
}

impl Parameters {
    /// Reads the query of a URL, without its `?`; at most [`MAX_QUERY_BYTES`].
    pub fn from_query(query: &[u8]) -> Result<Self, Refusal> {
        Self::parse(query, MAX_QUERY_BYTES)
    }

    /// Reads the body of a form; at most [`MAX_FORM_BYTES`].
    pub fn from_form(body: &[u8]) -> Result<Self, Refusal> {
        Self::parse(body, MAX_FORM_BYTES)
    }

    /// At most [`MAX_PARAMETERS`]; strict escapes, UTF-8, no control characters. A parameter without a value counts
    /// as not given, and one given twice is remembered as such (RFC 6749 section 3.1).
    fn parse(text: &[u8], max_bytes: usize) -> Result<Self, Refusal> {
        if text.len() > max_bytes {
            return Err(Reason::RequestTooLarge.into());
        }
        let pairs = || {
            text.split(|byte| *byte == b'&')
                .filter(|pair| !pair.is_empty())
        };
        if pairs().count() > MAX_PARAMETERS {
            return Err(Reason::TooManyParameters.into());
        }
        let mut seen = BTreeSet::new();
        let mut parameters = Self {
            values: BTreeMap::new(),
            repeated: BTreeSet::new(),
        };
        for pair in pairs() {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = Secret::new(decode(halves.next().unwrap_or_default())?);
            if !seen.insert(name.clone()) {
                parameters.repeated.insert(name.clone());
            }
            if !value.expose().is_empty() {
                parameters.values.entry(name).or_insert(value);
            }
        }
        Ok(parameters)
    }

    /// The value of a parameter that was given once.
    pub fn get(&self, name: &str) -> Option<&str> {
        if self.repeated.contains(name) {
            return None;
        }
        self.values.get(name).map(Secret::expose)
    }

    pub(crate) fn require(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }

    pub(crate) fn is_repeated(&self, name: &str) -> bool {
        self.repeated.contains(name)
    }

    /// RFC 6749 section 3.2: no parameter more than once, whether it is known or not.
    pub(crate) fn refuse_repeated(&self) -> Result<(), Refusal> {
        if self.repeated.is_empty() {
            Ok(())
        } else {
            Err(Reason::ParameterRepeated.into())
        }
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.values.keys()).finish()
    }
}

fn decode(text: &[u8]) -> Result<String, Refusal> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => escaped(bytes.next(), bytes.next()).ok_or(Reason::ParameterEncoding)?,
            0x21..=0x7e => *byte,
            _ => return Err(Reason::ParameterEncoding.into()),
        });
    }
    match String::from_utf8(decoded) {
        Ok(text) if !text.contains(char::is_control) => Ok(text),
        _ => Err(Reason::ParameterEncoding.into()),
    }
}

fn escaped(high: Option<&u8>, low: Option<&u8>) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high?)? * 16 + digit(low?)?).ok()
}

/// Writes `name=value` pairs so that every byte but the unreserved ones of RFC 3986 is escaped.
pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    use std::fmt::Write as _;

    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{MAX_FORM_BYTES, MAX_PARAMETERS, Parameters, encode};
    use crate::reason::Reason;

    fn refused(text: &str) -> Reason {
        Parameters::from_form(text.as_bytes()).unwrap_err().reason()
    }

    #[test]
    fn plus_escapes_and_empty_values() {
        let parameters = Parameters::from_form(b"a=1+2%2B3&b=&c&&d=%C3%A4&e=x=y").unwrap();
        assert_eq!(parameters.get("a"), Some("1 2+3"));
        assert_eq!(parameters.get("b"), None);
        assert_eq!(parameters.get("c"), None);
        assert_eq!(parameters.get("d"), Some("\u{e4}"));
        assert_eq!(parameters.get("e"), Some("x=y"));
        assert_eq!(format!("{parameters:?}"), r#"{"a", "d", "e"}"#);
    }

    #[test]
    fn a_repeated_parameter_has_no_value() {
        for text in ["a=1&a=2", "a=1&a=", "a&a=1", "a=1&%61=1"] {
            let parameters = Parameters::from_form(text.as_bytes()).unwrap();
            assert_eq!(parameters.get("a"), None, "{text}");
            assert!(parameters.refuse_repeated().is_err(), "{text}");
        }
    }

    #[test]
    fn bad_encodings_are_refused() {
        for text in [
            "a=%", "a=%4", "a=%4x", "a=%ff", "a=%00", "a=%0d", "a b=1", "a=\u{e4}",
        ] {
            assert_eq!(refused(text), Reason::ParameterEncoding, "{text}");
        }
        assert_eq!(
            refused(&"x".repeat(MAX_FORM_BYTES + 1)),
            Reason::RequestTooLarge
        );
        let many = "a=1&".repeat(MAX_PARAMETERS + 1);
        assert_eq!(refused(&many), Reason::TooManyParameters);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in "[^\\p{Cc}]{1,40}") {
            let parameters = Parameters::from_form(encode(&[("a", &value)]).as_bytes()).unwrap();
            assert_eq!(parameters.get("a"), Some(value.as_str()));
        }

        #[test]
        fn nothing_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(parameters) = Parameters::from_form(&text) {
                assert!(parameters.values.len() <= MAX_PARAMETERS);
            }
        }
    }
}
