//! URLs that are sent to, or that a browser is sent to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const MAX_URL_BYTES: usize = 2048;

/// An absolute URL of a closed form, so that no two readers of it disagree: `https`, or `http` to a loopback address;
/// a host in lower or upper case without anything to decode; no user, no fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint(String);

impl Endpoint {
    /// `loopback`: whether `http` to a loopback address is taken.
    pub(crate) fn parse(text: &str, loopback: bool) -> Option<Self> {
        let plain = |byte: u8| {
            byte.is_ascii_graphic()
                && !matches!(
                    byte,
                    b'#' | b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}'
                )
        };
        if text.len() > MAX_URL_BYTES || !text.bytes().all(plain) {
            return None;
        }
        let (secure, rest) = match text.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("http://")?),
        };
        let authority = rest.split(['/', '?']).next()?;
        let host = Host::parse(authority)?;
        (secure || (loopback && host.is_loopback)).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The query that it has already (RFC 6749 section 3.1 lets endpoints have one).
    pub(crate) fn query(&self) -> Option<&str> {
        self.0.split_once('?').map(|(_, query)| query)
    }

    /// With a query added to what it has.
    pub(crate) fn with_query(&self, query: &str) -> String {
        match self.query() {
            None => format!("{}?{query}", self.0),
            Some("") => format!("{}{query}", self.0),
            Some(_) => format!("{}&{query}", self.0),
        }
    }
}

struct Host {
    is_loopback: bool,
}

impl Host {
    fn parse(authority: &str) -> Option<Self> {
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => match authority.find(':') {
                Some(colon) => authority.split_at_checked(colon)?,
                None => (authority, ""),
            },
        };
        if !port.is_empty() && !is_port(port.strip_prefix(':')?) {
            return None;
        }
        let is_loopback = if authority.starts_with('[') {
            let address: Ipv6Addr = host.parse().ok()?;
            IpAddr::V6(address).is_loopback()
        } else {
            if !is_name(host) {
                return None;
            }
            let address = host.parse::<Ipv4Addr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        };
        Some(Self { is_loopback })
    }
}

fn is_port(digits: &str) -> bool {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    plain && digits.parse::<u16>().is_ok()
}

/// Letters, digits, hyphens and dots, no empty label.
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn takes_https_and_plain_loopback_where_allowed() {
        for url in [
            "https://idp.example",
            "https://idp.example/",
            "https://IDP.example:8443/a/b?p=policy",
            "https://[2001:db8::1]/a",
            "https://127.0.0.1:9000/token",
        ] {
            assert!(Endpoint::parse(url, false).is_some(), "{url}");
        }
        for url in [
            "http://127.0.0.1:9000/token",
            "http://[::1]:1/",
            "http://localhost/a",
            "http://127.8.8.8",
        ] {
            assert!(Endpoint::parse(url, true).is_some(), "{url}");
            assert!(Endpoint::parse(url, false).is_none(), "{url}");
        }
    }

    #[test]
    fn refuses_every_other_form() {
        let long = format!("https://idp.example/{}", "a".repeat(2048));
        for url in [
            "",
            "https://",
            "https:///a",
            "https:idp.example",
            "HTTPS://idp.example",
            "idp.example",
            "//idp.example",
            "/authorize",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "$(calc)",
            "http://idp.example",
            "http://10.0.0.1/",
            "http://localhost.example/",
            "http://127.0.0.1.example/",
            "http://127.1/",
            "http://[::ffff:127.0.0.1]/",
            "https://alice@idp.example/",
            "https://alice:secret@idp.example/",
            "https://idp.example/#fragment",
            "https://idp.example\\@evil.example/",
            "https://idp.example:0/",
            "https://idp.example:/",
            "https://idp.example:+443/",
            "https://idp.example:65536/",
            "https://idp..example/",
            "https://idp.example./",
            "https://%69dp.example/",
            "https://idp_.example/",
            "https://[::1/",
            "https://[::1]x/",
            "https://[idp]/",
            "https://idp.example/{tenant}/token",
            "https://idp.example/a b",
            "https://idp.example/\r\nX: 1",
            "https://\u{456}dp.example/",
            &long,
        ] {
            assert!(Endpoint::parse(url, true).is_none(), "{url}");
        }
    }

    #[test]
    fn adds_to_the_query_that_is_there() {
        let with = |url| Endpoint::parse(url, false).unwrap().with_query("a=1");
        assert_eq!(with("https://idp.example/x"), "https://idp.example/x?a=1");
        assert_eq!(with("https://idp.example/x?"), "https://idp.example/x?a=1");
        assert_eq!(
            with("https://idp.example/x?p=2"),
            "https://idp.example/x?p=2&a=1"
        );
    }
}
