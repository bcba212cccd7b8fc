//! Addresses that a browser is sent to.

use std::fmt;

const URL_BYTES_MAX: usize = 2048;
const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Whether plain HTTP may be used, which only a development set-up on one machine needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// `https` only.
    #[default]
    Https,
    /// Also `http` to `localhost`, `127.0.0.1` and `[::1]`.
    HttpOnLoopback,
}

/// An absolute `https` address in printable ASCII, without user information and fragment, of at most 2048 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// `None`: not such an address.
    pub fn parse(url: &str, transport: Transport) -> Option<Self> {
        let (rest, is_plain) = match url.strip_prefix("https://") {
            Some(rest) => (rest, false),
            None => (url.strip_prefix("http://")?, true),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, _) = rest.split_at(end);
        let (host, port) = split_port(authority);
        let is_good = url.len() <= URL_BYTES_MAX
            && url.bytes().all(is_allowed)
            && is_host(host)
            && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
            && (!is_plain
                || transport == Transport::HttpOnLoopback && LOOPBACK_HOSTS.contains(&host));
        is_good.then(|| Self(url.to_owned()))
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address with these parameters behind its own.
    pub(crate) fn with_query(&self, query: &str) -> String {
        let separator = if self.0.contains('?') { '&' } else { '?' };
        format!("{}{separator}{query}", self.0)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_host(host: &str) -> bool {
    let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(inner) => !inner.is_empty() && inner.bytes().all(address),
        None => !host.is_empty() && host.bytes().all(name),
    }
}

/// RFC 3986: no space, quotes, brackets or backslash, which browsers and servers read differently, and no fragment.
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'"' | b'\'' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#'
        )
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Transport};

    #[test]
    fn addresses() {
        let parse = |url: &str| Endpoint::parse(url, Transport::Https);
        for good in [
            "https://idp.example",
            "https://idp.example:8443/sso?x=1",
            "https://[2001:db8::1]/sso",
            "https://login.microsoftonline.com/11aa-22/saml2",
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "http://idp.example/",
            "HTTPS://idp.example/",
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "https://user@idp.example/",
            "https://idp.example\\@evil.example/",
            "https://idp.example/#x",
            "https://idp.example/a b",
            "https://idp.example:0/",
            "https://idp.example:99999/",
            "https://idp.example/\r\nx: y",
            "https://idp.ex\u{e4}mple/",
            "//idp.example/",
            "https://idp.example/'",
            "http://127.0.0.1/",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert!(parse(&format!("https://idp.example/{}", "a".repeat(2048))).is_none());
    }

    #[test]
    fn plain_http_on_loopback_only() {
        let parse = |url: &str| Endpoint::parse(url, Transport::HttpOnLoopback);
        assert!(
            parse("http://127.0.0.1:9302/sso").is_some() && parse("http://[::1]:9302/").is_some()
        );
        assert!(parse("http://localhost/").is_some());
        assert!(
            parse("http://127.0.0.1.evil.example/").is_none()
                && parse("http://idp.example/").is_none()
        );
    }

    #[test]
    fn queries_are_joined() {
        let endpoint = |url| Endpoint::parse(url, Transport::Https).unwrap();
        assert_eq!(
            endpoint("https://idp.example/sso").with_query("a=b"),
            "https://idp.example/sso?a=b"
        );
        assert_eq!(
            endpoint("https://idp.example/sso?x=1").with_query("a=b"),
            "https://idp.example/sso?x=1&a=b"
        );
    }
}
