//! Where the browser goes after a sign-in.

use serde::{Deserialize, Serialize};

use crate::rejection::Rejection;

const MAX_PATH_BYTES: usize = 2048;

/// A path of our own host with an optional query. Nothing in it can lead to another host: browsers read `//` and
/// `/\` as the beginning of a host, and drop tabs and line ends before they look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReturnPath(String);

impl ReturnPath {
    /// Takes a path that begins with exactly one slash, of at most 2048 printable ASCII characters without
    /// backslashes.
    ///
    /// # Errors
    /// [`Rejection::ReturnPath`].
    pub fn parse(path: &str) -> Result<Self, Rejection> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        let own = path.starts_with('/') && !path.starts_with("//");
        if !own || path.len() > MAX_PATH_BYTES || !path.bytes().all(plain) {
            return Err(Rejection::ReturnPath);
        }
        Ok(Self(path.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReturnPath {
    type Error = Rejection;

    fn try_from(path: String) -> Result<Self, Rejection> {
        Self::parse(&path)
    }
}

impl From<ReturnPath> for String {
    fn from(path: ReturnPath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::ReturnPath;

    #[test]
    fn stays_on_our_host() {
        for good in ["/", "/sessions?of=alice&x=//y", "/device/#code"] {
            assert!(ReturnPath::parse(good).is_ok(), "{good}");
        }
        let long = format!("/{}", "a".repeat(2048));
        for bad in [
            "",
            "sessions",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "\\/evil.example",
            "https://evil.example",
            "https://us.example@evil.example/",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x",
            "/\u{2f8}",
            " /a",
            &long,
        ] {
            assert!(ReturnPath::parse(bad).is_err(), "{bad:?}");
            let json = serde_json::to_string(bad).unwrap();
            assert!(
                serde_json::from_str::<ReturnPath>(&json).is_err(),
                "{bad:?}"
            );
        }
    }
}
