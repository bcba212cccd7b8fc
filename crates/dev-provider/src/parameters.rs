//! Parameters of a request, `application/x-www-form-urlencoded` (RFC 6749 appendix B).

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;

/// Longest query or form, in bytes.
const BYTES_MAX: usize = 16 << 10;
/// Most parameters.
const PARAMETERS_MAX: usize = 32;
/// Stands where bytes were not UTF-8.
const NOT_TEXT: char = '\u{fffd}';

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterError {
    /// Longer than 16 KiB, or more than 32.
    TooMany,
    /// Given more than once (RFC 6749 section 3.1).
    Repeated,
    /// Not UTF-8, or with control characters.
    Text,
    /// A form without the content type of one.
    ContentType,
}

impl ParameterError {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::TooMany => "the request is too long",
            Self::Repeated => "a parameter is given more than once",
            Self::Text => "a parameter is not plain text",
            Self::ContentType => "the body is not application/x-www-form-urlencoded",
        }
    }
}

/// Each once. A parameter without a value counts as not given.
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ParameterError> {
        if text.len() > BYTES_MAX {
            return Err(ParameterError::TooMany);
        }
        let mut known = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            let odd = |letter: char| letter.is_control() || letter == NOT_TEXT;
            if name.contains(odd) || value.contains(odd) {
                return Err(ParameterError::Text);
            }
            if known.len() >= PARAMETERS_MAX {
                return Err(ParameterError::TooMany);
            }
            if known
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(ParameterError::Repeated);
            }
        }
        known.retain(|_, value: &mut String| !value.is_empty());
        Ok(Self(known))
    }

    /// Of a form that says that it is one.
    pub(crate) fn of_form(headers: &HeaderMap, body: &[u8]) -> Result<Self, ParameterError> {
        const FORM: &str = "application/x-www-form-urlencoded";
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let essence = kind
            .and_then(|kind| kind.split(';').next())
            .unwrap_or_default();
        if !essence.trim().eq_ignore_ascii_case(FORM) {
            return Err(ParameterError::ContentType);
        }
        Self::parse(body)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

    use super::{ParameterError, Parameters};

    fn refused(text: &[u8]) -> Option<ParameterError> {
        Parameters::parse(text).err()
    }

    #[test]
    fn each_once_and_as_text() {
        let parameters = Parameters::parse(b"a=1+2%2B3&b=&c=x=y&d=%C3%A4").unwrap();
        assert_eq!(parameters.get("a"), Some("1 2+3"));
        assert_eq!(parameters.get("b"), None);
        assert_eq!(parameters.get("c"), Some("x=y"));
        assert_eq!(parameters.get("d"), Some("\u{e4}"));
        for text in ["a=1&a=1", "a=1&a=", "a=1&%61=2"] {
            assert_eq!(
                refused(text.as_bytes()),
                Some(ParameterError::Repeated),
                "{text}"
            );
        }
        for text in ["a=%0d%0aSet-Cookie", "a=%00", "a=%ff", "%0a=1"] {
            assert_eq!(
                refused(text.as_bytes()),
                Some(ParameterError::Text),
                "{text}"
            );
        }
    }

    #[test]
    fn bounded() {
        let many: Vec<String> = (0..33).map(|number| format!("p{number}=1")).collect();
        assert_eq!(
            refused(many.join("&").as_bytes()),
            Some(ParameterError::TooMany)
        );
        assert!(refused(many[..32].join("&").as_bytes()).is_none());
        assert_eq!(
            refused("a".repeat((16 << 10) + 1).as_bytes()),
            Some(ParameterError::TooMany)
        );
    }

    #[test]
    fn a_form_says_so() {
        let mut headers = HeaderMap::new();
        let of = |headers: &HeaderMap| Parameters::of_form(headers, b"a=1").err();
        assert_eq!(of(&headers), Some(ParameterError::ContentType));
        for (kind, error) in [
            ("text/plain", Some(ParameterError::ContentType)),
            ("multipart/form-data", Some(ParameterError::ContentType)),
            ("application/x-www-form-urlencoded", None),
            ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", None),
        ] {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            assert_eq!(of(&headers), error, "{kind}");
        }
    }
}
