//! Which gateway is meant, by the base URL that is also its issuer.

use std::fmt::{self, Write as _};

use super::web_url::{NotAWebUrl, Scheme, WebUrl};

/// File names end at 255 bytes, and this one gets a suffix.
const KEY_BYTES_MAX: usize = 200;

/// The base URL of a gateway in its one canonical form: lower case, no port that goes without saying, no slash at the
/// end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    url: WebUrl,
}

/// A text that names no gateway.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error(transparent)]
    Url(#[from] NotAWebUrl),
    #[error("a gateway's URL has no `?` in it")]
    Query,
    #[error("the gateway's URL is too long")]
    TooLong,
}

impl Gateway {
    /// Reads what somebody typed. `https://` may be left out.
    pub(crate) fn parse(text: &str) -> Result<Self, GatewayError> {
        let text = text.trim();
        let url = if text.contains("://") {
            WebUrl::parse(text)?
        } else {
            WebUrl::parse(&format!("https://{text}"))?
        };
        if url.query().is_some() {
            return Err(GatewayError::Query);
        }
        let (scheme, port) = match url.scheme() {
            Scheme::Https => ("https", ":443"),
            Scheme::Http => ("http", ":80"),
        };
        let authority = url.authority();
        let authority = authority.strip_suffix(port).unwrap_or(authority);
        let path = url.path().trim_end_matches('/');
        let gateway = Self {
            url: WebUrl::parse(&format!("{scheme}://{authority}{path}"))?,
        };
        if gateway.key().len() > KEY_BYTES_MAX {
            return Err(GatewayError::TooLong);
        }
        Ok(gateway)
    }

    /// The URL, which is what the gateway calls itself as issuer.
    pub(crate) fn issuer(&self) -> &str {
        self.url.as_str()
    }

    pub(crate) fn url(&self) -> &WebUrl {
        &self.url
    }

    /// Host, and port where it is not 443.
    pub(crate) fn authority(&self) -> &str {
        self.url.authority()
    }

    /// A place below the base URL; `path` begins with a slash.
    pub(crate) fn below(&self, path: &str) -> Result<WebUrl, NotAWebUrl> {
        WebUrl::parse(&format!("{}{path}", self.url.as_str()))
    }

    /// Where the metadata is: the well-known part stands before the issuer's own path (RFC 8414 section 3.1).
    pub(crate) fn metadata(&self) -> Result<WebUrl, NotAWebUrl> {
        let text = self.url.as_str();
        let path = self.url.path().trim_end_matches('/');
        let origin = text.strip_suffix(path).unwrap_or(text);
        WebUrl::parse(&format!(
            "{origin}/.well-known/oauth-authorization-server{path}"
        ))
    }

    /// A file name of its own for each gateway: readable, and without a second reading.
    pub(crate) fn key(&self) -> String {
        let text = self.url.as_str();
        let text = text.strip_prefix("https://").unwrap_or(text);
        let mut key = String::new();
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.') {
                key.push(char::from(byte));
            } else {
                let _ = write!(key, "%{byte:02x}");
            }
        }
        key
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.issuer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_gateway_has_one_name() {
        for text in [
            "https://gw.example.com",
            "https://GW.example.com:443/",
            " gw.example.com ",
            "gw.example.com/",
        ] {
            let gateway = Gateway::parse(text).unwrap();
            assert_eq!(gateway.issuer(), "https://gw.example.com", "{text}");
            assert_eq!(gateway.key(), "gw.example.com", "{text}");
        }
    }

    #[test]
    fn different_gateways_have_different_files() {
        let keys: Vec<String> = [
            "https://a",
            "https://a:8443",
            "https://a/b",
            "https://a%2fb",
            "https://a-b",
            "http://localhost",
            "https://localhost",
            "http://[::1]:80",
        ]
        .iter()
        .filter_map(|text| Gateway::parse(text).ok())
        .map(|gateway| gateway.key())
        .collect();
        let different: std::collections::BTreeSet<&String> = keys.iter().collect();
        assert_eq!(keys.len(), different.len(), "{keys:?}");
        assert!(
            keys.iter()
                .all(|key| !key.contains('/') && !key.starts_with('.'))
        );
        assert_eq!(keys[1], "a%3a8443");
    }

    #[test]
    fn metadata_lies_where_the_standard_puts_it() {
        let of = |text| Gateway::parse(text).unwrap().metadata().unwrap();
        assert_eq!(
            of("https://gw.example.com").as_str(),
            "https://gw.example.com/.well-known/oauth-authorization-server"
        );
        assert_eq!(
            of("https://gw.example.com/a/b").as_str(),
            "https://gw.example.com/.well-known/oauth-authorization-server/a/b"
        );
    }

    #[test]
    fn refuses_what_is_no_gateway() {
        for text in [
            "",
            "$(calc)",
            "javascript:alert(1)",
            "file:/etc/passwd",
            "file:///etc/passwd",
            "http://gw.example.com",
            "https://gw.example.com?x=y",
            "-x y",
        ] {
            assert!(Gateway::parse(text).is_err(), "{text:?}");
        }
        assert!(matches!(
            Gateway::parse(&format!("a/{}", "b".repeat(300))),
            Err(GatewayError::TooLong)
        ));
    }
}
