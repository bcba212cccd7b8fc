//! What a person sees, and what the browser is told.

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

use crate::client::Answer;
use crate::world::{Asked, World};

fn is_guarded(answer: &Answer) {
    let policy = answer.header(CONTENT_SECURITY_POLICY).unwrap();
    for directive in [
        "default-src 'none'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(
            policy.split("; ").any(|own| own.trim() == directive),
            "{policy}"
        );
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("script-src"),
        "{policy}"
    );
    assert_eq!(answer.header(REFERRER_POLICY), Some("no-referrer"));
    assert_eq!(answer.header(X_FRAME_OPTIONS), Some("DENY"));
    assert_eq!(answer.header(X_CONTENT_TYPE_OPTIONS), Some("nosniff"));
    assert_eq!(answer.header(CACHE_CONTROL), Some("no-store"));
}

/// The page is complete, says what it is not, and has nothing inline.
fn is_page(answer: &Answer) {
    is_guarded(answer);
    let body = &answer.body;
    for part in [
        "<!DOCTYPE html><html lang=\"en\">",
        "<title>",
        "<main><h1>",
        "name=\"viewport\"",
        "<strong>Development provider: not for real use</strong>",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
    for part in [
        "<script", "style=", "<style", "onclick", "http://", "https://",
    ] {
        assert!(!body.contains(part), "{part} is in {body}");
    }
}

#[tokio::test]
async fn every_page_says_what_it_is_not() {
    let world = World::new().await;
    let mut browser = world.browser();
    let sign_in = browser.get(&Asked::good().path()).await;
    let ticket = sign_in.ticket();
    let wrong = [
        ("ticket", ticket.as_str()),
        ("name", "alice"),
        ("password", "x"),
    ];
    let wrong = browser.post("/sign-in", &wrong).await;
    world.code(&mut browser, "alice").await;
    let mut misdirected = crate::client::request("GET".parse().unwrap(), world.address, "/");
    misdirected
        .headers_mut()
        .insert("host", "evil.example.com".parse().unwrap());
    let pages = [
        (sign_in, StatusCode::OK),
        (wrong, StatusCode::FORBIDDEN),
        (browser.get("/end-session").await, StatusCode::OK),
        (world.get("/end-session").await, StatusCode::OK),
        (world.get("/authorize").await, StatusCode::BAD_REQUEST),
        (world.get("/").await, StatusCode::NOT_FOUND),
        (browser.post("/sign-in", &[]).await, StatusCode::FORBIDDEN),
        (
            browser.send(misdirected).await,
            StatusCode::MISDIRECTED_REQUEST,
        ),
    ];
    for (page, status) in &pages {
        assert_eq!(page.status, *status, "{}", page.body);
        is_page(page);
    }
}

#[tokio::test]
async fn everything_else_is_guarded_too() {
    let world = World::new().await;
    for path in [
        "/keys",
        "/.well-known/openid-configuration",
        "/token",
        "/userinfo",
        "/sign-in",
    ] {
        is_guarded(&world.get(path).await);
    }
}

#[tokio::test]
async fn fields_have_labels_and_colours_follow_the_system() {
    let world = World::new().await;
    let page = world
        .get(&Asked::good().with("login_hint", "bob").path())
        .await;
    for part in [
        "<label for=\"name\">",
        "<input id=\"name\" type=\"text\" name=\"name\" value=\"bob\"",
        "autocomplete=\"username\"",
        "<label for=\"password\">",
        "<input id=\"password\" type=\"password\"",
        "autocomplete=\"current-password\"",
        "<button type=\"submit\">",
    ] {
        assert!(page.body.contains(part), "{part} is not in {}", page.body);
    }
    let style = world.get("/style.css").await;
    assert_eq!(style.header(CONTENT_TYPE), Some("text/css; charset=utf-8"));
    for part in [
        "prefers-color-scheme: dark",
        ":focus-visible",
        "color-scheme: light dark",
    ] {
        assert!(style.body.contains(part), "{part}");
    }
}

#[tokio::test]
async fn what_strangers_send_is_text() {
    let world = World::new().await;
    let markup = "\"><img src=x>";
    let page = world
        .get(&Asked::good().with("login_hint", markup).path())
        .await;
    assert!(
        page.body.contains("value=\"&quot;&gt;&lt;img src=x&gt;\""),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<img"));
    let mut browser = world.browser();
    let ticket = browser.get(&Asked::good().path()).await.ticket();
    let fields = [
        ("ticket", ticket.as_str()),
        ("name", markup),
        ("password", "x"),
    ];
    let page = browser.post("/sign-in", &fields).await;
    assert!(!page.body.contains("<img"), "{}", page.body);
}
