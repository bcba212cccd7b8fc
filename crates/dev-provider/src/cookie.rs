//! The cookie that binds pages to a browser and, after a sign-in, stands for the session.
//!
//! Cookies know no ports, so other servers on the same loopback address can see it: one reason why this is not for
//! real use. It has no `Secure` and no `__Host-`, since the issuer is plain HTTP.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use custos_model::Secret;

use crate::opaque::SECRET_TEXT_BYTES;

const NAME: &str = "custos_dev_provider";
/// Longest header that is looked at, in bytes: the browser sends the cookies of all ports.
const HEADER_BYTES_MAX: usize = 16 << 10;

/// The value, if there is exactly one that we could have made.
pub(crate) fn read(headers: &HeaderMap) -> Option<Secret> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        let text = header.to_str().ok()?;
        if text.len() > HEADER_BYTES_MAX {
            return None;
        }
        for pair in text.split(';') {
            let Some((NAME, value)) = pair.trim_matches([' ', '\t']).split_once('=') else {
                continue;
            };
            if found.replace(value).is_some() {
                return None;
            }
        }
    }
    let ours = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    found
        .filter(|value| value.len() == SECRET_TEXT_BYTES && value.bytes().all(ours))
        .map(|value| Secret::new(value.to_owned()))
}

/// `Set-Cookie` until the browser is closed.
pub(crate) fn set(value: &Secret) -> Option<HeaderValue> {
    let text = format!("{NAME}={}; Path=/; HttpOnly; SameSite=Lax", value.expose());
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// `Set-Cookie` that takes it away.
pub(crate) fn clear() -> HeaderValue {
    HeaderValue::from_static("custos_dev_provider=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
}

#[cfg(test)]
mod tests {
    use axum::http::header::COOKIE;
    use axum::http::{HeaderMap, HeaderValue};
    use custos_model::Secret;

    use super::{NAME, clear, read, set};

    fn of(headers: &[&str]) -> Option<String> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(COOKIE, HeaderValue::from_str(header).unwrap());
        }
        read(&map).map(|value| value.expose().to_owned())
    }

    #[test]
    fn exactly_one_of_ours() {
        let value = "A-_9".repeat(10) + "abc";
        let ours = format!("{NAME}={value}");
        assert_eq!(of(&[&format!("a=b; {ours};c=d")]), Some(value.clone()));
        assert_eq!(of(&["a=b", &ours]), Some(value.clone()));
        assert_eq!(of(&[&format!("{ours}; {ours}")]), None);
        assert_eq!(of(&[&ours, &ours]), None);
        assert_eq!(of(&[&format!("x{ours}")]), None);
        assert_eq!(of(&[&format!("{NAME}=short")]), None);
        assert_eq!(of(&[&format!("{NAME}=\"{}\"", "a".repeat(41))]), None);
        assert_eq!(of(&[]), None);
        assert!(of(&[&format!("{ours}; x={}", "y".repeat(16 << 10))]).is_none());
    }

    #[test]
    fn what_a_browser_is_told() {
        let header = set(&Secret::new("v".to_owned())).unwrap();
        assert_eq!(
            header.to_str().unwrap(),
            "custos_dev_provider=v; Path=/; HttpOnly; SameSite=Lax"
        );
        assert!(header.is_sensitive());
        assert!(clear().to_str().unwrap().starts_with(NAME));
    }
}
