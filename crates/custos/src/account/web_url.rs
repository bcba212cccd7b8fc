//! The only addresses that anything is sent to, or that a browser is opened with.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;
use rustls::pki_types::ServerName;

use super::told;

const BYTES_MAX: usize = 4096;

/// An `https` URL, or an `http` URL of a loopback address, without user, password and fragment.
///
/// Its characters are those of RFC 3986 that mean nothing to a shell, so that it stays one word wherever it ends up.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WebUrl {
    text: String,
    scheme: Scheme,
    /// Lower case; an IPv6 address without brackets.
    host: String,
    port: u16,
    authority: String,
    path: String,
    query: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// A text that is not such a URL.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{shown}` is not an address that may be opened: only https, and http to this machine itself"
)]
pub(crate) struct NotAWebUrl {
    shown: String,
}

impl WebUrl {
    /// Reads a URL of at most 4096 bytes.
    pub(crate) fn parse(text: &str) -> Result<Self, NotAWebUrl> {
        Self::read(text).ok_or_else(|| NotAWebUrl { shown: told(text) })
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > BYTES_MAX || !text.bytes().all(is_harmless) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let scheme = match uri.scheme_str()? {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host();
        let port = match (authority.as_str().get(host.len()..)?, scheme) {
            ("", Scheme::Https) => 443,
            ("", Scheme::Http) => 80,
            _ => authority.port_u16().filter(|port| *port != 0)?,
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
            .to_ascii_lowercase();
        if bare.is_empty() || (scheme == Scheme::Http && !is_loopback(&bare)) {
            return None;
        }
        Some(Self {
            text: text.to_owned(),
            scheme,
            host: bare,
            port,
            authority: authority.as_str().to_ascii_lowercase(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// A name, or an IP address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as they stand in the URL, in lower case.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// `/` at least.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// For the request line.
    pub(crate) fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// The name that the certificate must be for.
    pub(crate) fn server_name(&self) -> Option<ServerName<'static>> {
        ServerName::try_from(self.host.clone()).ok()
    }

    /// Same scheme, host and port (RFC 6454 section 5).
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A query can hold a code.
        write!(out, "WebUrl({}{})", self.authority, self.path)
    }
}

/// Whether the host is this machine: an address of 127.0.0.0/8, `::1`, or `localhost` (RFC 8252 section 8.3).
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]%&=+,".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_url_apart() {
        let url = WebUrl::parse("https://GW.example.com:8443/a/b?c=d%20e").unwrap();
        assert_eq!(
            (url.host(), url.port(), url.path_and_query().as_str()),
            ("gw.example.com", 8443, "/a/b?c=d%20e")
        );
        let url = WebUrl::parse("http://[::1]:8080").unwrap();
        assert_eq!(
            (url.host(), url.authority(), url.path()),
            ("::1", "[::1]:8080", "/")
        );
        assert_eq!(WebUrl::parse("https://a").unwrap().port(), 443);
        assert_eq!(WebUrl::parse("http://127.8.8.8").unwrap().port(), 80);
    }

    #[test]
    fn refuses_whatever_else_an_opener_could_be_given() {
        for text in [
            "",
            "$(calc)",
            "`calc`",
            "https://gw.example.com/$(calc)",
            "https://gw.example.com/;calc",
            "https://gw.example.com/|calc",
            "https://gw.example.com/a b",
            "https://gw.example.com/\"",
            "https://gw.example.com/'",
            "https://gw.example.com/\nx",
            "https://gw.example.com/\u{202e}",
            "https://gw.example.com#fragment",
            "file:///etc/passwd",
            "file://localhost/etc/passwd",
            "javascript:alert(1)",
            "javascript://localhost/%0aalert",
            "data:text/html,x",
            "vscode://localhost/x",
            "ftp://localhost/x",
            "-oProxyCommand=x",
            "--version",
            "/etc/passwd",
            "localhost:80",
            "//gw.example.com/",
            "https:gw.example.com",
            "https://",
            "https://:443/",
            "https://gw.example.com:",
            "https://gw.example.com:0",
            "https://gw.example.com:99999",
            "https://alice@gw.example.com",
            "https://gw.example.com\\@evil.example",
            "http://gw.example.com/",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert!(WebUrl::parse(text).is_err(), "{text:?}");
        }
        assert!(WebUrl::parse(&format!("https://a/{}", "b".repeat(BYTES_MAX))).is_err());
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        let url = |text| WebUrl::parse(text).unwrap();
        let own = url("https://gw.example.com/x");
        assert!(own.same_origin(&url("https://GW.example.com:443/y?z")));
        for other in [
            "https://gw.example.com:444/x",
            "https://gw.example.org/x",
            "https://gw.example.com.evil.example/x",
        ] {
            assert!(!own.same_origin(&url(other)), "{other}");
        }
        assert!(!url("http://localhost:1").same_origin(&url("https://localhost:1")));
    }
}
