//! Where the gateway stands: its issuer identifier (RFC 8414 section 2) and the base of its URLs.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// `https://HOST[:PORT]`, or `http://` with a loopback host; nothing behind it, not even a slash. Used as issuer,
/// audience and resource by its exact string.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl(String);

/// A text is not a base URL.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a base URL: write `https://HOST` or `https://HOST:PORT` in lower case, without a path; `http` is for loopback hosts"
)]
pub struct BaseUrlError(String);

impl BaseUrl {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether cookies can be `Secure`.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let secure = text
            .strip_prefix("https://")
            .filter(|rest| is_authority(rest));
        let local = text
            .strip_prefix("http://")
            .filter(|rest| is_loopback(rest));
        if text.len() <= 255 && (secure.is_some() || local.is_some()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BaseUrlError(text.to_owned()))
        }
    }
}

fn is_authority(text: &str) -> bool {
    let (host, port) = split_port(text);
    let name = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let literal = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
    // The scheme's own port is not written: two spellings would be two issuers.
    (literal || host.split('.').all(name)) && port.is_none_or(|port| is_port(port) && port != "443")
}

fn is_loopback(text: &str) -> bool {
    let (host, port) = split_port(text);
    let loopback = host == "localhost"
        || host == "[::1]"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|host| host.is_loopback());
    loopback && port.is_none_or(|port| is_port(port) && port != "80")
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    }
}

/// A port number in its one spelling.
pub(crate) fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0')
        && text.parse::<u16>().is_ok_and(|port| port != 0)
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, out)
    }
}

#[cfg(test)]
mod tests {
    use super::BaseUrl;

    #[test]
    fn base_urls_are_strict() {
        for good in [
            "https://custos.example.com",
            "https://custos.example.com:8443",
            "https://10.0.0.1",
            "https://[2001:db8::1]:8443",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://localhost:8080",
        ] {
            assert_eq!(
                good.parse::<BaseUrl>().map(|url| url.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "",
            "https://",
            "https://custos.example.com/",
            "https://custos.example.com/a",
            "https://custos.example.com?x",
            "https://custos.example.com#x",
            "https://alice@custos.example.com",
            "https://Custos.example.com",
            "https://custos.example.com:443",
            "https://custos.example.com:0",
            "https://custos.example.com:08443",
            "https://custos..example.com",
            "https://custos.example.com:",
            "http://custos.example.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1:80",
            "HTTPS://custos.example.com",
            "ftp://custos.example.com",
            "https://[::1",
            " https://custos.example.com",
        ] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
    }
}
