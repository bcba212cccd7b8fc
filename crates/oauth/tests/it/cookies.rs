//! The browser's side: session cookie, form tokens, ways back.

use std::time::Duration;

use custos_model::Instant;
use custos_oauth::cookie::{
    BrowserSecret, CookieError, CsrfKey, MAX_COOKIE_BYTES, MAX_COOKIES, ReturnTargets, ReturnTo,
    SessionCookie,
};

use crate::world::{BASE, browser};

fn secure() -> SessionCookie {
    SessionCookie::at(&BASE.parse().unwrap())
}

fn value() -> String {
    let set = secure().set(&BrowserSecret::new([7; 32]), Duration::ZERO);
    set["__Host-custos=".len()..][..43].to_owned()
}

fn read(header: &str) -> Result<bool, CookieError> {
    let read = secure().read([header.as_bytes()])?;
    if let Some(secret) = &read {
        assert_eq!(secret.session(), browser(7));
    }
    Ok(read.is_some())
}

#[test]
fn the_cookie_as_it_is_set_and_cleared() {
    let secret = BrowserSecret::new([7; 32]);
    let value = value();
    let twelve = Duration::from_hours(12);
    assert_eq!(
        secure().set(&secret, twelve),
        format!("__Host-custos={value}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure")
    );
    assert_eq!(
        secure().clear(),
        "__Host-custos=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
    );
    // Without TLS browsers would drop the prefix's cookie.
    let loopback = SessionCookie::at(&"http://127.0.0.1:8080".parse().unwrap());
    assert_eq!(
        loopback.set(&secret, twelve),
        format!("custos={value}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax")
    );
    assert!(
        loopback
            .read([format!("custos={value}").as_bytes()])
            .unwrap()
            .is_some()
    );
    // The one is not taken for the other.
    assert!(
        secure()
            .read([format!("custos={value}").as_bytes()])
            .unwrap()
            .is_none()
    );
}

#[test]
fn it_is_found_among_others() {
    let ours = format!("__Host-custos={}", value());
    for header in [
        ours.clone(),
        format!("a=1; {ours}"),
        format!("a=1;{ours};b=2"),
        format!("; ;{ours}; "),
        format!("a=\"x; y\"; {ours}"),
        format!("theme=dunkel-\u{e4}; {ours}"),
        format!("a=b=c; {ours}; flag"),
        format!("__Secure-custos=x; custos=y; __host-custos=z; {ours}"),
    ] {
        assert_eq!(read(&header), Ok(true), "{header}");
    }
    for header in [
        "",
        "a=1",
        "__Host-custos",
        "x__Host-custos=1",
        "__Host-custosx=1",
        ";;;",
    ] {
        assert_eq!(read(header), Ok(false), "{header}");
    }
    let headers = [b"a=1".as_slice(), ours.as_bytes()];
    assert!(secure().read(headers).unwrap().is_some());
}

#[test]
fn hostile_cookies_sign_nobody_in() {
    let value = value();
    let ours = format!("__Host-custos={value}");
    let other = format!("__Host-custos={}", "A".repeat(43));
    for header in [
        format!("{ours}; {other}"),
        format!("{other}; {ours}"),
        format!("{ours}; {ours}"),
        format!("{ours}; __Host-custos="),
        format!("{ours}; __Host-custos =x"),
        // A cookie without a name, as old browsers send it.
        format!("{ours}; a=1; \t__Host-custos=x"),
    ] {
        assert_eq!(read(&header), Err(CookieError::Twice), "{header}");
    }
    let headers = [ours.as_bytes(), ours.as_bytes()];
    assert_eq!(secure().read(headers).map(|_| ()), Err(CookieError::Twice));
    for bad in [
        String::new(),
        value[..42].to_owned(),
        format!("{value}A"),
        format!("{value}="),
        format!("\"{value}\""),
        format!("{}+", &value[..42]),
        format!("{} {}", &value[..20], &value[20..42]),
        // Two bits that decode to nothing are not zero.
        format!("{}d", &value[..42]),
        "\u{e4}".repeat(22),
        "%41".repeat(15),
    ] {
        assert_eq!(
            read(&format!("__Host-custos={bad}")),
            Err(CookieError::Value),
            "{bad}"
        );
    }
    for control in ["\0", "\r\n", "\x7f", "\x1b"] {
        assert_eq!(
            read(&format!("a={control}; {ours}")),
            Err(CookieError::Control)
        );
    }
    let long = format!("a={}; {ours}", "x".repeat(MAX_COOKIE_BYTES));
    assert_eq!(read(&long), Err(CookieError::TooLong));
    let many = format!("{}{ours}", "a=1;".repeat(MAX_COOKIES));
    assert_eq!(read(&many), Err(CookieError::TooMany));
    let codes = [
        CookieError::TooLong,
        CookieError::TooMany,
        CookieError::Control,
        CookieError::Twice,
        CookieError::Value,
    ];
    let codes: std::collections::BTreeSet<_> = codes.map(CookieError::code).into();
    assert_eq!(codes.len(), 5);
}

#[test]
fn a_form_token_belongs_to_its_browser() {
    let key = CsrfKey::new(&[1; 32]);
    let token = key.token(&browser(1), [2; 16]);
    assert!(key.accepts(&browser(1), token.expose()));
    assert_ne!(token.expose(), key.token(&browser(1), [3; 16]).expose());
    assert!(!key.accepts(&browser(2), token.expose()));
    assert!(!CsrfKey::new(&[9; 32]).accepts(&browser(1), token.expose()));
    for index in 0..64 {
        let mut changed = token.expose().to_owned().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(!key.accepts(&browser(1), &changed), "{index}");
    }
    for bad in [
        "",
        "x",
        &token.expose()[..63],
        &format!("{}A", token.expose()),
        &"=".repeat(64),
    ] {
        assert!(!key.accepts(&browser(1), bad), "{bad}");
    }
}

/// Computed by Python's `hmac` from what [`CsrfKey::token`] documents.
#[test]
fn a_form_token_is_what_its_documentation_says() {
    let known = "BQUFBQUFBQUFBQUFBQUFBWK40oR5isU9-npThNxSypm7Xn9H7BybhJN9Vi2pHqwu";
    let token = CsrfKey::new(&[1; 32]).token(&browser(2), [5; 16]);
    assert_eq!(token.expose(), known);
}

#[test]
fn ways_back_stay_on_this_gateway() {
    for good in [
        "/",
        "/device",
        "/device/",
        "/oauth/authorize?client_id=custos-cli&x=%2F%2Fevil",
        "/a?b=//c",
        "/v1/x.y~z",
    ] {
        assert_eq!(
            ReturnTo::parse(good).map(|to| to.as_str().to_owned()),
            Ok(good.to_owned())
        );
    }
    let long = format!("/{}", "x".repeat(8192));
    for bad in [
        "",
        "device",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/device//x",
        "https://evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "/../x",
        "/./x",
        "/x/..",
        "/x/.",
        "/%2e%2e/x",
        "/%2fevil.example",
        "/%5cevil.example",
        "/a b",
        "/a\tb",
        "/a\r\nSet-Cookie: x=1",
        "/a?b\n",
        "/a#b",
        "/a?b#c",
        "/\u{e4}",
        "/@evil.example:x",
        "/a;b",
        "/a?<script>",
        "/a?\"",
        "/\0",
        " /a",
        "/a?b\\c",
        "?/a",
        long.as_str(),
    ] {
        assert!(ReturnTo::parse(bad).is_err(), "{bad:?}");
    }
    let shown = format!(
        "{:?}",
        ReturnTo::parse("/oauth/authorize?state=secret").unwrap()
    );
    assert_eq!(shown, "ReturnTo(/oauth/authorize)");
}

#[test]
fn a_way_back_is_for_one_browser_once_and_for_ten_minutes() {
    let at = |second: u64| Instant {
        utc_ns: 0,
        mono_ns: second * 1_000_000_000,
    };
    let to = ReturnTo::parse("/device").unwrap();
    let mut targets = ReturnTargets::default();
    let first = targets
        .remember(to.clone(), browser(1), [1; 32], at(0))
        .unwrap();
    let second = targets
        .remember(to.clone(), browser(1), [2; 32], at(0))
        .unwrap();
    assert_eq!(first.expose().len(), 43);
    assert_eq!(targets.take(first.expose(), browser(2), at(1)), None);
    assert_eq!(targets.take("/device", browser(1), at(1)), None);
    assert_eq!(
        targets.take(first.expose(), browser(1), at(1)),
        Some(to.clone())
    );
    assert_eq!(targets.take(first.expose(), browser(1), at(1)), None);
    assert_eq!(targets.take(second.expose(), browser(1), at(600)), None);

    for number in 0..8 {
        targets
            .remember(to.clone(), browser(1), [10 + number; 32], at(700))
            .unwrap();
    }
    assert!(
        targets
            .remember(to.clone(), browser(1), [99; 32], at(700))
            .is_err()
    );
    assert!(
        targets
            .remember(to.clone(), browser(2), [98; 32], at(700))
            .is_ok()
    );
    assert!(targets.remember(to, browser(1), [97; 32], at(1300)).is_ok());
}
