//! Where an authorization answer goes: loopback only (RFC 8252 section 7.3).

use crate::base_url::is_port;
use crate::parameters::encode;

/// `http://127.0.0.1:PORT/callback` or `http://[::1]:PORT/callback` of a native client, any port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// The port is free and has to be there; all else is compared byte by byte (RFC 9700 section 4.1.3). Names, also
    /// `localhost`, are refused: what they resolve to is not ours to say (RFC 8252 section 8.3).
    pub(crate) fn parse(text: &str, callback_path: &str) -> Option<Self> {
        let authority = text.strip_prefix("http://")?.strip_suffix(callback_path)?;
        let port = ["127.0.0.1:", "[::1]:"]
            .iter()
            .find_map(|host| authority.strip_prefix(host))?;
        is_port(port).then(|| Self(text.to_owned()))
    }

    /// The text as the client gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port, for a page's `form-action`.
    pub fn origin(&self) -> &str {
        let path = self.0.rfind('/').unwrap_or(self.0.len());
        self.0.get(..path).unwrap_or(&self.0)
    }

    pub(crate) fn with(&self, pairs: &[(&str, &str)]) -> String {
        format!("{}?{}", self.0, encode(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::RedirectUri;

    #[test]
    fn only_loopback_literals_with_the_exact_path() {
        for good in ["http://127.0.0.1:1/callback", "http://[::1]:65535/callback"] {
            let parsed = RedirectUri::parse(good, "/callback").expect("good");
            assert_eq!(parsed.as_str(), good);
            assert_eq!(format!("{}/callback", parsed.origin()), good);
        }
        for bad in [
            "http://127.0.0.1/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:080/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:+80/callback",
            "http://127.0.0.1:8080/callback/",
            "http://127.0.0.1:8080/callback?x=1",
            "http://127.0.0.1:8080/callback#x",
            "http://127.0.0.1:8080/x/callback",
            "http://127.0.0.1:8080//callback",
            "http://127.0.0.1:8080/Callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1:80%40evil.example/callback",
            "http://127.0.0.1.evil.example:80/callback",
            "http://127.0.0.2:8080/callback",
            "http://0.0.0.0:8080/callback",
            "http://localhost:8080/callback",
            "http://[::ffff:127.0.0.1]:8080/callback",
            "http://[0:0:0:0:0:0:0:1]:8080/callback",
            "https://127.0.0.1:8080/callback",
            "HTTP://127.0.0.1:8080/callback",
            "http://evil.example/callback",
            "javascript:alert(1)//http://127.0.0.1:1/callback",
            "/callback",
            "http:///callback",
            "",
        ] {
            assert!(RedirectUri::parse(bad, "/callback").is_none(), "{bad}");
        }
    }
}
