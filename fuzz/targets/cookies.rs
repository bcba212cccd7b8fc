//! What browsers send: the session cookie, form tokens, ways back (`custos_oauth::cookie`).
#![no_main]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_oauth::cookie::{BrowserSecret, CookieError, CsrfKey, ReturnTo, SessionCookie};
use libfuzzer_sys::fuzz_target;

const NAME: &[u8] = b"__Host-custos";

fuzz_target!(|data: &[u8]| {
    let cookie = SessionCookie::at(&"https://custos.example.com".parse().unwrap());
    let headers: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    session(cookie, &headers);
    if let Ok(text) = std::str::from_utf8(data) {
        form_token(text);
        way_back(text);
    }
});

/// Found only where exactly one cookie has our name, and holds 32 bytes in their one spelling.
fn session(cookie: SessionCookie, headers: &[&[u8]]) {
    let ours: Vec<&[u8]> = headers
        .iter()
        .flat_map(|header| header.split(|byte| *byte == b';'))
        .filter_map(|pair| {
            pair.iter()
                .position(|byte| *byte == b'=')
                .map(|at| pair.split_at(at))
        })
        .filter(|(name, _)| name.trim_ascii() == NAME)
        .map(|(_, value)| value[1..].trim_ascii())
        .collect();
    match cookie.read(headers.iter().copied()) {
        Ok(None) => assert!(ours.is_empty()),
        Ok(Some(secret)) => {
            let [value] = ours.as_slice() else {
                panic!("{} cookies of ours", ours.len());
            };
            let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(value).unwrap().try_into().unwrap();
            assert!(secret.session() == BrowserSecret::new(bytes).session());
            let set = cookie.set(&secret, Duration::from_secs(1));
            let sent = set.split(';').next().unwrap();
            let again = cookie.read([sent.as_bytes()]).unwrap().unwrap();
            assert!(again.session() == secret.session());
        }
        Err(CookieError::Twice) => assert!(ours.len() > 1),
        Err(CookieError::Value) => assert_eq!(ours.len(), 1),
        Err(_) => {}
    }
}

/// Accepted is only what the key made for this browser.
fn form_token(text: &str) {
    let key = CsrfKey::new(&[1; 32]);
    let session = BrowserSecret::new([2; 32]).session();
    if key.accepts(&session, text) {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
        let made = key.token(&session, bytes[..16].try_into().unwrap());
        assert_eq!(made.expose(), text);
    }
    assert!(!key.accepts(&BrowserSecret::new([3; 32]).session(), text));
}

/// A browser that resolves it (WHATWG URL, section 4.4) stays at the same origin, on the same path.
fn way_back(text: &str) {
    let Ok(to) = ReturnTo::parse(text) else {
        return;
    };
    assert_eq!(to.as_str(), text);
    let path = text.split('?').next().unwrap();
    assert!(path.starts_with('/') && !path.contains("//"));
    assert!(!text.contains(['\\', '#', '\r', '\n', '\t', '\0', ' ']));
    assert!(!path.split('/').any(|part| matches!(part, "." | "..")));
}
