//! What a URL asks to connect to.

use hyper::Uri;
use rustls::pki_types::ServerName;

use crate::error::FetchError;

const MAX_URL_BYTES: usize = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// The parts of a URL that a request needs.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    /// A name, or an IP address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// As it stands in the URL, for the `Host` header.
    pub(crate) authority: String,
    /// For the request line.
    pub(crate) path_and_query: String,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, FetchError> {
        // The parser drops fragments without a word, and takes bytes that other parsers read in other ways.
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\');
        if url.len() > MAX_URL_BYTES || !url.bytes().all(plain) {
            return Err(FetchError::Url);
        }
        let uri: Uri = url.parse().map_err(|_| FetchError::Url)?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(FetchError::Url),
        };
        let authority = uri.authority().ok_or(FetchError::Url)?;
        let host = authority.host();
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(FetchError::Url);
        }
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let after_host = authority.as_str().get(host.len()..).unwrap_or_default();
        let port = match (after_host, scheme) {
            ("", Scheme::Http) => 80,
            ("", Scheme::Https) => 443,
            _ => authority
                .port_u16()
                .filter(|port| *port != 0)
                .ok_or(FetchError::Url)?,
        };
        Ok(Self {
            scheme,
            host: bare.to_owned(),
            port,
            authority: authority.as_str().to_owned(),
            path_and_query: uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned()),
        })
    }

    /// The name that the certificate must be for.
    pub(crate) fn server_name(&self) -> Result<ServerName<'static>, FetchError> {
        ServerName::try_from(self.host.clone()).map_err(|_| FetchError::Url)
    }
}

#[cfg(test)]
mod tests {
    use super::{Scheme, Target};
    use crate::error::FetchError;

    #[test]
    fn takes_a_url_apart() {
        let target = Target::parse("https://login.example.com/keys?p=1").unwrap();
        assert_eq!((target.scheme, target.port), (Scheme::Https, 443));
        assert_eq!(target.host, "login.example.com");
        assert_eq!(target.authority, "login.example.com");
        assert_eq!(target.path_and_query, "/keys?p=1");
        let target = Target::parse("http://[::1]:8080").unwrap();
        assert_eq!((target.host.as_str(), target.port), ("::1", 8080));
        assert_eq!(target.authority, "[::1]:8080");
        assert_eq!(target.path_and_query, "/");
    }

    #[test]
    fn refuses_what_it_does_not_fetch() {
        let long = format!("https://example.com/{}", "a".repeat(2048));
        for url in [
            "",
            "/keys",
            "example.com",
            "example.com/keys",
            "//example.com/keys",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:70/_",
            "https://",
            "https:///keys",
            "https://:443/",
            "https://alice@example.com/",
            "https://alice:secret@example.com/",
            "https://example.com@127.0.0.1/",
            "https://example.com/#fragment",
            "https://example.com\\@127.0.0.1/",
            "https://example.com/ keys",
            "https://example.com/\r\nX: 1",
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://example.com:/",
            "https://ex\u{e4}mple.com/",
            &long,
        ] {
            assert!(matches!(Target::parse(url), Err(FetchError::Url)), "{url}");
        }
    }
}
