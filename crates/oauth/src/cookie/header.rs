//! The `Cookie` header (RFC 6265 section 4.2.1), as far as one cookie of ours is concerned.

/// Longest `Cookie` headers of one request, together.
pub const MAX_COOKIE_BYTES: usize = 16 << 10;
/// Most cookies of one request. Browsers keep at most 180 for a host.
pub const MAX_COOKIES: usize = 200;

/// The cookies of a request are not looked at. Nobody is signed in by such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CookieError {
    /// More than [`MAX_COOKIE_BYTES`].
    #[error("the cookies are longer than 16 KiB")]
    TooLong,
    /// More than [`MAX_COOKIES`].
    #[error("there are more than 200 cookies")]
    TooMany,
    /// A header holds control characters.
    #[error("the cookies hold control characters")]
    Control,
    /// Our cookie is there twice: one of the two was planted.
    #[error("the session cookie is there twice")]
    Twice,
    /// Our cookie does not hold what we put in.
    #[error("the session cookie is malformed")]
    Value,
}

impl CookieError {
    /// The word in records.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "cookies_too_long",
            Self::TooMany => "too_many_cookies",
            Self::Control => "cookie_control",
            Self::Twice => "cookie_twice",
            Self::Value => "cookie_value",
        }
    }
}

/// The value of the one cookie of that name. Other cookies may hold what they like, save control characters: other
/// programs on the host set them. A cookie without `=` is a value without a name, and so is none of ours.
pub(super) fn only_value<'a>(
    headers: impl IntoIterator<Item = &'a [u8]>,
    name: &str,
) -> Result<Option<&'a [u8]>, CookieError> {
    let (mut bytes, mut cookies, mut found) = (0_usize, 0_usize, None);
    for header in headers {
        bytes = bytes.saturating_add(header.len());
        if bytes > MAX_COOKIE_BYTES {
            return Err(CookieError::TooLong);
        }
        if header
            .iter()
            .any(|byte| byte.is_ascii_control() && *byte != b'\t')
        {
            return Err(CookieError::Control);
        }
        for pair in header.split(|byte| *byte == b';') {
            cookies += 1;
            if cookies > MAX_COOKIES {
                return Err(CookieError::TooMany);
            }
            let Some(value) = value_of(pair.trim_ascii(), name) else {
                continue;
            };
            if found.replace(value).is_some() {
                return Err(CookieError::Twice);
            }
        }
    }
    Ok(found)
}

/// White space around the name is taken off, as other parsers do: what they would take for ours counts.
fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (before, after) = pair.split_at_checked(equals)?;
    (before.trim_ascii() == name.as_bytes())
        .then(|| after.strip_prefix(b"=").unwrap_or(after).trim_ascii())
}
