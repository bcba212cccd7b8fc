//! The form: who gets in, and what a stranger learns.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use axum::http::{Method, StatusCode};

use crate::client::{Answer, Browser, form, request};
use crate::world::{Asked, CALLBACK, World};

async fn attempt(world: &World, name: &str, password: &str) -> Answer {
    let mut browser = world.browser();
    let ticket = browser.get(&Asked::good().path()).await.ticket();
    let fields = [
        ("ticket", ticket.as_str()),
        ("name", name),
        ("password", password),
    ];
    browser.post("/sign-in", &fields).await
}

/// What differs between pages by chance or by what was typed.
fn plain(answer: &Answer, name: &str) -> String {
    let ticket = answer.ticket();
    let body = answer.body.replace(&ticket, "TICKET");
    body.replace(&format!("value=\"{name}\""), "value=\"NAME\"")
}

#[tokio::test]
async fn the_answer_goes_back_with_code_issuer_and_state() {
    let world = World::new().await;
    for name in ["alice", "bob", "carol", "dan"] {
        let answer = world
            .sign_in(&mut world.browser(), &Asked::good(), name)
            .await;
        assert_eq!(answer.parameter(CALLBACK, "code").unwrap().len(), 43);
        assert_eq!(answer.parameter(CALLBACK, "iss"), Some(world.issuer()));
        let state = answer.parameter(CALLBACK, "state");
        assert_eq!(state.as_deref(), Some("state & of=custos"));
    }
}

#[tokio::test]
async fn unknown_wrong_and_disabled_look_the_same() {
    let world = World::new().await;
    world.provider.set_enabled("bob", false).unwrap();
    let wrong = attempt(&world, "alice", "wrong").await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    let expected = plain(&wrong, "alice");
    assert!(expected.contains("Name or password is wrong."));
    for (name, password) in [
        ("nobody", "wrong"),
        ("alice", ""),
        ("Alice", world.password("alice")),
        ("carol", world.password("alice")),
        ("bob", world.password("bob")),
    ] {
        let answer = attempt(&world, name, password).await;
        assert_eq!(answer.status, wrong.status, "{name}");
        assert_eq!(plain(&answer, name), expected, "{name}");
        assert!(!answer.body.contains(world.password("alice")));
    }
    world.provider.set_enabled("bob", true).unwrap();
    let answer = attempt(&world, "bob", world.password("bob")).await;
    assert!(answer.parameter(CALLBACK, "code").is_some());
}

#[tokio::test]
async fn five_tries_a_minute_known_or_not() {
    let world = World::new().await;
    for name in ["alice", "nobody"] {
        for _ in 0..5 {
            assert_eq!(
                attempt(&world, name, "wrong").await.status,
                StatusCode::FORBIDDEN
            );
        }
        let answer = attempt(&world, name, "wrong").await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.header(RETRY_AFTER), Some("60"));
    }
    // Not even the right password, and nobody else is held up.
    let right = world.password("alice");
    assert_eq!(
        attempt(&world, "alice", right).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    let bob = attempt(&world, "bob", world.password("bob")).await;
    assert!(bob.parameter(CALLBACK, "code").is_some());
    world.pass(60);
    let alice = attempt(&world, "alice", right).await;
    assert!(alice.parameter(CALLBACK, "code").is_some());
}

async fn page(browser: &mut Browser) -> String {
    browser.get(&Asked::good().path()).await.ticket()
}

#[tokio::test]
async fn forms_from_elsewhere_are_refused() {
    let world = World::new().await;
    let password = world.password("alice");
    let of = |ticket: &str| {
        let fields = [
            ("ticket", ticket),
            ("name", "alice"),
            ("password", password),
        ];
        form(world.address, "/sign-in", &fields)
    };
    // Without a ticket, with an invented one, without the cookie, in another browser.
    let mut browser = world.browser();
    let ticket = page(&mut browser).await;
    for bad in ["", "invented", &ticket.to_uppercase()] {
        browser
            .send(of(bad))
            .await
            .is_refusal(StatusCode::FORBIDDEN);
    }
    world
        .browser()
        .send(of(&ticket))
        .await
        .is_refusal(StatusCode::FORBIDDEN);
    let mut another = world.browser();
    page(&mut another).await;
    another
        .send(of(&ticket))
        .await
        .is_refusal(StatusCode::FORBIDDEN);
    // What browsers say of forms from elsewhere.
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "http://evil.example.com"),
        ("origin", "http://127.0.0.1:7001"),
    ] {
        let mut request = of(&ticket);
        request.headers_mut().insert(header, value.parse().unwrap());
        browser
            .send(request)
            .await
            .is_refusal(StatusCode::FORBIDDEN);
    }
    let mut text = of(&ticket);
    text.headers_mut()
        .insert(CONTENT_TYPE, "text/plain".parse().unwrap());
    browser.send(text).await.is_refusal(StatusCode::BAD_REQUEST);
    let query = format!("/sign-in?ticket={ticket}&name=alice&password={password}");
    let answer = browser.get(&query).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    // The page itself is still good, with what a browser says of it.
    let mut own = of(&ticket);
    own.headers_mut()
        .insert("sec-fetch-site", "same-origin".parse().unwrap());
    own.headers_mut().insert("origin", "null".parse().unwrap());
    let mut before = browser.clone();
    let answer = browser.send(own).await;
    assert!(answer.parameter(CALLBACK, "code").is_some());
    // Once, also with the cookie that it was shown to.
    before
        .send(of(&ticket))
        .await
        .is_refusal(StatusCode::FORBIDDEN);
    browser
        .send(of(&ticket))
        .await
        .is_refusal(StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn pages_expire() {
    let world = World::new().await;
    let mut browser = world.browser();
    let ticket = page(&mut browser).await;
    world.pass(600);
    let password = world.password("alice");
    let fields = [
        ("ticket", ticket.as_str()),
        ("name", "alice"),
        ("password", password),
    ];
    browser
        .post("/sign-in", &fields)
        .await
        .is_refusal(StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_cookie_changes_at_the_sign_in() {
    let world = World::new().await;
    let mut browser = world.browser();
    let shown = browser.get(&Asked::good().path()).await;
    for cookie in shown.headers.get_all(SET_COOKIE) {
        let text = cookie.to_str().unwrap();
        assert!(text.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{text}");
    }
    let before = browser.clone();
    world.code(&mut browser, "alice").await;
    assert_ne!(browser.cookie, before.cookie);
    let silent = Asked::good().with("prompt", "none").path();
    let mut fixed = before;
    let answer = fixed.get(&silent).await;
    assert_eq!(
        answer.parameter(CALLBACK, "error").as_deref(),
        Some("login_required")
    );
    // And again when somebody signs in over a session.
    let signed_in = browser.clone();
    let again = Asked::good().with("prompt", "login");
    world.sign_in(&mut browser, &again, "alice").await;
    assert_ne!(browser.cookie, signed_in.cookie);
    let mut old = signed_in;
    let answer = old.get(&silent).await;
    assert_eq!(
        answer.parameter(CALLBACK, "error").as_deref(),
        Some("login_required")
    );
}

#[tokio::test]
async fn long_bodies_are_refused() {
    let world = World::new().await;
    let mut request = request(Method::POST, world.address, "/sign-in");
    *request.body_mut() = vec![b'a'; (16 << 10) + 1].into();
    let answer = world.browser().send(request).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}
