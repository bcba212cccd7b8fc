//! The one cookie.

use std::fmt;
use std::time::Duration;

use custos_model::Secret;

use crate::base_url::BaseUrl;
use crate::cookie::header::{CookieError, only_value};
use crate::opaque::{SecretHash, decode_32, opaque};

/// The prefix makes browsers insist on `Secure`, `Path=/` and no `Domain`, so that neither a neighbour host nor an
/// unencrypted page can set it (RFC 6265bis section 4.1.3.2).
const SECURE_NAME: &str = "__Host-custos";
/// On loopback without TLS (`custos dev`), where `Secure` cookies do not work in every browser.
const LOOPBACK_NAME: &str = "custos";

/// What the cookie holds: 256 random bits.
#[derive(Clone)]
pub struct BrowserSecret(Secret);

/// A browser session, by the hash of its cookie. Not secret: nobody gets in with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BrowserSession(SecretHash);

/// How the cookie is named and set, which the base URL decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    secure: bool,
}

impl BrowserSecret {
    /// From 32 random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(opaque(random))
    }

    /// What the session is kept under.
    pub fn session(&self) -> BrowserSession {
        BrowserSession(SecretHash::of(self.0.expose()))
    }
}

impl BrowserSession {
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> Self {
        Self(SecretHash::of(text))
    }
}

impl SessionCookie {
    /// The cookie of a gateway at that URL.
    pub fn at(base_url: &BaseUrl) -> Self {
        Self {
            secure: base_url.is_https(),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        if self.secure {
            SECURE_NAME
        } else {
            LOOPBACK_NAME
        }
    }

    /// The value of `Set-Cookie`, for at most `max_age`. It holds the secret.
    pub fn set(self, secret: &BrowserSecret, max_age: Duration) -> String {
        self.header(secret.0.expose(), max_age.as_secs())
    }

    /// The value of `Set-Cookie` that makes the browser forget it.
    pub fn clear(self) -> String {
        self.header("", 0)
    }

    /// No script reads it, no other site's form or frame sends it, and links from elsewhere do.
    fn header(self, value: &str, max_age_seconds: u64) -> String {
        let name = self.name();
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{secure}")
    }

    /// Finds it among the `Cookie` headers of a request.
    ///
    /// # Errors
    /// See [`CookieError`]. A request without the cookie has `None` and is no error.
    pub fn read<'a>(
        self,
        headers: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Option<BrowserSecret>, CookieError> {
        let Some(value) = only_value(headers, self.name())? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value).map_err(|_| CookieError::Value)?;
        decode_32(text).ok_or(CookieError::Value)?;
        Ok(Some(BrowserSecret(Secret::new(text.to_owned()))))
    }
}

impl fmt::Debug for BrowserSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("BrowserSecret(…)")
    }
}

impl fmt::Debug for BrowserSession {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("BrowserSession(…)")
    }
}
