//! What browsers are given and what is taken from them: cookies, headers, redirects and forms.

use custos_testkit::{Browser, Laptop, Page};
use serde_json::json;

use crate::sign_in::providers::TestProvider;
use crate::web::{self, Web};

const COOKIE: &str = "custos";

fn world() -> (TestProvider, Web) {
    let url = web::url();
    let okta = TestProvider::start("okta", &url);
    let web = Web::start(&url, &[&okta]);
    (okta, web)
}

fn cookie(browser: &Browser) -> String {
    browser.cookies().get(COOKIE).cloned().unwrap_or_default()
}

/// A request with this cookie of ours, and what else a browser would say.
fn with_cookie(url: &str, cookie: &str, more: &[(&str, &str)], form: Option<&str>) -> Page {
    let cookie = format!("{COOKIE}={cookie}");
    let mut headers = vec![("Cookie", cookie.as_str())];
    headers.extend_from_slice(more);
    Page::fetch(url, &headers, form)
}

#[test]
fn a_sign_in_changes_the_cookie_and_the_one_before_opens_nothing() {
    let (okta, web) = world();
    let mut browser = Browser::new();
    browser.open(&format!("{}/sign-in/okta", web.url));
    let before = cookie(&browser);
    assert!(!before.is_empty());
    let password = okta.password("alice");
    browser.submit(&[("name", "alice"), ("password", &password)]);
    let after = cookie(&browser);
    assert_ne!(before, after);
    let home = |cookie: &str| with_cookie(&format!("{}/", web.url), cookie, &[], None);
    assert_eq!(home(&after).status, 200);
    // Whoever planted the cookie, or read it before, is nobody.
    assert_eq!(home(&before).header("location"), Some("/sign-in"));
    // A second sign-in with the same browser changes it again.
    browser.open(&format!("{}/sign-in/okta", web.url));
    assert_ne!(cookie(&browser), after);
    assert_eq!(home(&after).header("location"), Some("/sign-in"));
    // A value that somebody else chose is never taken over.
    let chosen = "A".repeat(before.len());
    let page = with_cookie(&format!("{}/sign-in/okta", web.url), &chosen, &[], None);
    let given = page.header("set-cookie").unwrap_or_default();
    assert!(
        given.starts_with("custos=") && !given.contains(&chosen),
        "{given}"
    );
    web.custos.finish();
}

#[test]
fn every_cookie_that_is_set_looks_like_this() {
    let (okta, web) = world();
    let begun = Page::fetch(&format!("{}/sign-in/okta", web.url), &[], None);
    let browser = web.browser(&okta, "alice");
    let form_token = browser.page().hidden("form_token").expect("a form");
    let out = with_cookie(
        &format!("{}/sign-out", web.url),
        &cookie(&browser),
        &[("Origin", &web.url)],
        Some(&format!("form_token={form_token}")),
    );
    // The end of a sign-in: taken from the provider's answer, without following it.
    let mut other = Browser::new();
    other.open(&format!("{}/sign-in/okta", web.url));
    let answer = okta.answer_for("bob", &other.page().url);
    let back = with_cookie(&answer, &cookie(&other), &[], None);
    let shape = |page: &Page| {
        let cookies = page.headers.iter().filter(|(name, _)| name == "set-cookie");
        let cookies: Vec<String> = cookies
            .map(|(_, value)| {
                let (pair, rest) = value.split_once(';').unwrap_or((value, ""));
                let (name, secret) = pair.split_once('=').unwrap_or((pair, ""));
                format!("{name}=<{}>;{rest}", secret.len())
            })
            .collect();
        cookies
    };
    assert_eq!(
        shape(&begun),
        ["custos=<43>; Path=/; Max-Age=900; HttpOnly; SameSite=Lax"]
    );
    assert_eq!(
        shape(&back),
        ["custos=<43>; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"]
    );
    assert_eq!(
        shape(&out),
        ["custos=<0>; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"]
    );
    for path in [
        "/",
        "/sign-in",
        "/device",
        "/nowhere",
        "/style.css",
        "/oauth/jwks.json",
        "/v1/whoami",
    ] {
        let page = Page::fetch(&format!("{}{path}", web.url), &[], None);
        assert_eq!(shape(&page), Vec::<String>::new(), "{path}");
    }
    web.custos.finish();
}

#[test]
fn every_page_is_sent_with_these_headers() {
    let (okta, web) = world();
    let browser = web.browser(&okta, "alice");
    let laptop = Laptop::new(&web.url, &[]);
    let (_login, link) = laptop.login();
    let page = |url: &str| with_cookie(url, &cookie(&browser), &[], None);
    let common = "cache-control: no-store
content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'
content-type: text/html; charset=utf-8
cross-origin-opener-policy: same-origin
cross-origin-resource-policy: same-origin
permissions-policy: camera=(), geolocation=(), microphone=()
referrer-policy: same-origin
strict-transport-security: max-age=31536000
x-content-type-options: nosniff
x-frame-options: DENY";
    for path in [
        "/",
        "/sign-in",
        "/device",
        "/nowhere",
        "/oidc/okta/callback",
        "/sign-in/nobody",
    ] {
        assert_eq!(
            headers_of(&page(&format!("{}{path}", web.url))),
            common,
            "{path}"
        );
    }
    // The page that asks for consent leads to the command line's own port, which its policy has to name.
    let asked = page(&link);
    assert!(
        asked.text().contains("wants to act as you"),
        "{}",
        asked.text()
    );
    let policy = asked.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"));
    let to = policy
        .split("form-action 'self' http://127.0.0.1:")
        .nth(1)
        .unwrap_or_default();
    let port = to.split(';').next().unwrap_or_default();
    assert!(port.parse::<u16>().is_ok(), "{policy}");
    assert_eq!(
        headers_of(&asked).replace(policy, ""),
        common.replace(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            ""
        )
    );
    web.custos.finish();
}

fn headers_of(page: &Page) -> String {
    let mut lines: Vec<String> = page
        .headers
        .iter()
        .filter(|(name, _)| {
            !["date", "content-length", "connection", "vary"].contains(&name.as_str())
        })
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn nobody_is_led_elsewhere() {
    let (okta, web) = world();
    let hostile = [
        "//evil.example",
        "/%5Cevil.example",
        "https://evil.example/",
        "https:evil.example",
        "http://user@evil.example",
        "%0d%0aLocation:%20https://evil.example",
        "javascript:alert(1)",
        "/..//evil.example",
    ];
    for there in hostile {
        for name in ["then", "return_to", "next", "redirect_uri"] {
            let mut browser = Browser::new();
            let begun = browser.open(&format!("{}/sign-in/okta?{name}={there}", web.url));
            assert!(
                begun.url.starts_with(&okta.issuer),
                "{there}: {}",
                begun.url
            );
            assert!(!begun.url.contains("evil"), "{there}: {}", begun.url);
            let asked = begun.url.clone();
            let back = okta.answer_for("alice", &asked);
            let page = with_cookie(&back, &cookie(&browser), &[], None);
            let to = page.header("location").unwrap_or("/");
            // An unknown name of a request leads nowhere; everything else home.
            assert!(
                to == "/" && (page.status == 303 || page.status == 400),
                "{there}: {} {to}",
                page.status
            );
            assert!(!page.body.contains("evil"), "{}", page.body);
        }
        let page = Page::fetch(&format!("{}/sign-in?then={there}", web.url), &[], None);
        for link in page.body.split("href=\"").skip(1) {
            assert!(
                link.starts_with('/') && !link.starts_with("//"),
                "{there}: {link}"
            );
        }
    }
    web.custos.finish();
}

#[test]
fn a_form_that_was_not_sent_from_our_own_page_changes_nothing() {
    let (okta, web) = world();
    let browser = web.browser(&okta, "alice");
    let (own, good) = (
        cookie(&browser),
        browser.page().hidden("form_token").expect("a form"),
    );
    let stranger = web.browser(&okta, "bob");
    let foreign = stranger.page().hidden("form_token").expect("a form");
    let forms = [
        ("/sign-out", ""),
        ("/oauth/consent", "&request=x&answer=yes"),
        ("/device", "&user_code=XXXX-XXXX"),
        ("/device/decide", "&confirmation=x&answer=yes"),
    ];
    for (path, rest) in forms {
        let url = format!("{}{path}", web.url);
        let body = |token: &str| format!("form_token={token}{rest}");
        let cases: [(&str, &[(&str, &str)]); 6] = [
            ("", &[]),
            ("x", &[]),
            (&foreign, &[("Origin", &web.url)]),
            (&good, &[("Origin", "https://evil.example")]),
            (&good, &[("Origin", "null")]),
            (&good, &[("Sec-Fetch-Site", "cross-site")]),
        ];
        for (token, headers) in cases {
            let page = with_cookie(&url, &own, headers, Some(&body(token)));
            assert_eq!(page.status, 403, "{path} {headers:?}: {}", page.text());
        }
        // Whoever is not signed in is sent to do that; a request without a token is none.
        let page = Page::fetch(&url, &[], Some(&body(&good)));
        assert_eq!(
            (page.status, page.header("location").is_some()),
            (303, true),
            "{path}"
        );
        assert_eq!(with_cookie(&url, &own, &[], Some("")).status, 422, "{path}");
    }
    let home = with_cookie(&format!("{}/", web.url), &own, &[], None);
    assert_eq!(home.status, 200, "she is still signed in");
    let evidence = web.custos.finish().evidence;
    assert_eq!(evidence.of_type("sign_in.ended").count(), 0, "{evidence}");
    assert_eq!(
        evidence.of_type("authorization.granted").count(),
        0,
        "{evidence}"
    );
}

#[test]
fn an_answer_of_one_provider_is_none_of_another() {
    let url = web::url();
    let okta = TestProvider::start("okta", &url);
    let entra = TestProvider::start("entra", &url);
    let web = Web::start(&url, &[&okta, &entra]);
    let mut browser = Browser::new();
    browser.open(&format!("{url}/sign-in/okta"));
    let answer = okta.answer_for("alice", &browser.page().url);
    let crossed = answer.replace("/oidc/okta/", "/oidc/entra/");
    assert_ne!(answer, crossed);
    assert_eq!(
        with_cookie(&crossed, &cookie(&browser), &[], None).status,
        400
    );
    // And it is used up by that.
    assert_eq!(
        with_cookie(&answer, &cookie(&browser), &[], None).status,
        400
    );
    let evidence = web.custos.finish().evidence;
    assert_eq!(evidence.of_type("sign_in.started").count(), 0, "{evidence}");
    let kinds: Vec<_> = evidence
        .of_type("sign_in.failed")
        .map(|record| (&record["detail"]["provider"], &record["detail"]["kind"]))
        .collect();
    assert_eq!(
        kinds,
        [
            (&json!("entra"), &json!("provider_wrong")),
            (&json!("okta"), &json!("browser_wrong"))
        ]
    );
}

#[test]
fn who_comes_without_the_groups_claim_is_refused() {
    let url = web::url();
    let okta = TestProvider::start("okta", &url);
    let settings = okta
        .settings()
        .replace("groups_claim = \"groups\"", "groups_claim = \"roles\"");
    let web = Web::with_settings(&url, &settings);
    let (status, text) = web.sign_in(&okta);
    assert_eq!(status, 400, "{text}");
    let evidence = web.custos.finish().evidence;
    let failed = evidence.only("sign_in.failed");
    assert_eq!(failed["detail"]["kind"], "groups_missing", "{failed}");
}

#[test]
fn a_device_code_is_not_found_by_trying() {
    let (okta, web) = world();
    let laptop = Laptop::new(&web.url, &[]);
    let (login, code) = laptop.login_by_code();
    let mut browser = web.browser(&okta, "alice");
    browser.open(&format!("{}/device", web.url));
    for wrong in [
        "BBBB-BBBB",
        "CCCC-CCCC",
        "DDDD-DDDD",
        "FFFF-FFFF",
        "GGGG-GGGG",
    ] {
        browser.submit(&[("user_code", wrong)]);
        assert_eq!(browser.page().status, 400, "{}", browser.page().text());
    }
    // Five, and then the right one is as good as the wrong ones.
    browser.submit(&[("user_code", &code)]);
    assert_eq!(browser.page().status, 429, "{}", browser.page().text());
    drop(login);
    let evidence = web.custos.finish().evidence;
    let refused: Vec<_> = evidence
        .of_type("authorization.refused")
        .map(|record| record["reason"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(refused.len(), 6, "{evidence}");
    assert!(
        refused.iter().take(5).all(|reason| *reason == "wrong_code"),
        "{refused:?}"
    );
    assert_eq!(
        evidence
            .of_type("authorization.granted")
            .filter(|record| record["detail"]["event"] == "token_issued")
            .count(),
        0
    );
}

#[test]
fn the_page_of_a_failed_sign_in_does_not_tell_why() {
    let (okta, web) = world();
    okta.set_clock_ahead(90);
    let (_, ahead) = web.sign_in(&okta);
    okta.set_clock_ahead(-690);
    let (_, expired) = web.sign_in(&okta);
    let forged = format!("{}/oidc/okta/callback?code=x&state=y&iss=z", web.url);
    let stranger = Page::fetch(&forged, &[], None).text();
    assert_eq!(ahead, expired);
    assert_eq!(ahead, stranger);
    // Machines and clients hear a code of the standard and nothing that tells guesses apart.
    let token = |form: &str| Page::fetch(&format!("{}/oauth/token", web.url), &[], Some(form)).body;
    let guess = |code: &str| {
        token(&format!(
            "grant_type=authorization_code&client_id=custos-cli&code={code}&code_verifier={}&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback",
            "v".repeat(43)
        ))
    };
    let heard = guess("x");
    assert!(heard.contains("invalid_grant"), "{heard}");
    assert_eq!(heard, guess(&"A".repeat(43)));
    let evidence = web.custos.finish().evidence;
    let kinds: Vec<_> = evidence
        .of_type("sign_in.failed")
        .map(|record| record["detail"]["kind"].clone())
        .collect();
    assert_eq!(kinds, ["issued_in_future", "expired", "browser_wrong"]);
}
