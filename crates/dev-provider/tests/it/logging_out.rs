//! The end of sessions, and who hears of it.

use std::time::Duration;

use axum::http::StatusCode;
use custos_dev_provider::{LogoutNotice, subject};
use custos_jwt::{Class, ReplayCache};

use crate::client::{Browser, query};
use crate::world::{
    Asked, BACK_CHANNEL, CALLBACK, CUSTOS, OTHER_CALLBACK, SIGNED_OUT, World, id_token,
};

fn end_session(fields: &[(&str, &str)]) -> String {
    format!("/end-session?{}", query(fields))
}

async fn is_signed_in(browser: &mut Browser) -> bool {
    let silent = Asked::good().with("prompt", "none").path();
    let answer = browser.get(&silent).await;
    answer.parameter(CALLBACK, "code").is_some()
}

async fn is_good_notice(world: &World, notice: &LogoutNotice, name: &str, session: &str) {
    assert_eq!(
        (notice.client_id.as_str(), notice.uri.as_str()),
        (CUSTOS.0, BACK_CHANNEL)
    );
    let replay = ReplayCache::new(8);
    let class = Class::LogoutToken {
        client_id: CUSTOS.0,
        replay: &replay,
    };
    let verified = world.verify(notice.token.expose(), &class).await.unwrap();
    assert_eq!(verified.subject(), Some(subject(name).as_str()));
    assert_eq!(verified.session_id(), Some(session));
    assert_eq!(verified.expires_at(), Some(verified.issued_at() + 120));
    assert!(!format!("{notice:?}").contains(notice.token.expose()));
}

async fn session_of(world: &World, tokens: &serde_json::Value) -> String {
    let class = id_token(
        CUSTOS.0,
        "nonce-1",
        tokens["access_token"].as_str().unwrap(),
    );
    let verified = world
        .verify(tokens["id_token"].as_str().unwrap(), &class)
        .await
        .unwrap();
    verified.session_id().unwrap().to_owned()
}

async fn next_notice(world: &World) -> LogoutNotice {
    let next = world.provider.next_logout_notice();
    tokio::time::timeout(Duration::from_secs(10), next)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_client_ends_the_session_by_its_identity_token() {
    let world = World::new().await;
    let mut browser = world.browser();
    let tokens = world.tokens(&mut browser, "alice").await;
    let session = session_of(&world, &tokens).await;
    let hint = tokens["id_token"].as_str().unwrap();
    // An expired one names the session just as well.
    world.pass(3600);
    let answer = browser
        .get(&end_session(&[
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", SIGNED_OUT),
            ("state", "s&1"),
        ]))
        .await;
    assert_eq!(
        answer.parameter(SIGNED_OUT, "state").as_deref(),
        Some("s&1")
    );
    assert_eq!(browser.cookie, None);
    is_good_notice(&world, &next_notice(&world).await, "alice", &session).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    world
        .refresh(refresh_token)
        .await
        .is_error(StatusCode::BAD_REQUEST, "invalid_grant");
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn afterwards_only_to_registered_addresses() {
    let world = World::new().await;
    let mut browser = world.browser();
    let tokens = world.tokens(&mut browser, "alice").await;
    let hint = ("id_token_hint", tokens["id_token"].as_str().unwrap());
    for uri in [
        "https://evil.example.com/",
        "http://127.0.0.1:7001/signed-out/",
        "http://127.0.0.1:7001/signed-out?x",
        "//evil.example.com",
        CALLBACK,
        OTHER_CALLBACK,
    ] {
        let fields = [hint, ("post_logout_redirect_uri", uri)];
        let answer = browser.get(&end_session(&fields)).await;
        answer.is_refusal(StatusCode::BAD_REQUEST);
    }
    for fields in [
        vec![("post_logout_redirect_uri", SIGNED_OUT)],
        vec![
            ("post_logout_redirect_uri", SIGNED_OUT),
            ("client_id", "other"),
        ],
        vec![hint, ("client_id", "other")],
        vec![("id_token_hint", "eyJhbGciOiJub25lIn0.e30.")],
        vec![hint, hint],
    ] {
        let answer = browser.get(&end_session(&fields)).await;
        answer.is_refusal(StatusCode::BAD_REQUEST);
    }
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn without_an_identity_token_people_are_asked() {
    let world = World::new().await;
    let mut browser = world.browser();
    world.code(&mut browser, "alice").await;
    let fields = [
        ("client_id", CUSTOS.0),
        ("post_logout_redirect_uri", SIGNED_OUT),
    ];
    let page = browser.get(&end_session(&fields)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("signed in as <strong>alice</strong>"));
    assert!(is_signed_in(&mut browser).await);
    let ticket = page.ticket();
    // Not by another browser, nor by a page from elsewhere.
    let mut stranger = world.browser();
    world.code(&mut stranger, "bob").await;
    let fields = [("ticket", ticket.as_str())];
    stranger
        .post("/sign-out", &fields)
        .await
        .is_refusal(StatusCode::FORBIDDEN);
    world
        .browser()
        .post("/sign-out", &fields)
        .await
        .is_refusal(StatusCode::FORBIDDEN);
    browser
        .post("/sign-out", &[])
        .await
        .is_refusal(StatusCode::FORBIDDEN);
    let mut forged = crate::client::form(world.address, "/sign-out", &fields);
    forged
        .headers_mut()
        .insert("sec-fetch-site", "cross-site".parse().unwrap());
    browser.send(forged).await.is_refusal(StatusCode::FORBIDDEN);
    assert!(is_signed_in(&mut browser).await);
    let answer = browser.post("/sign-out", &fields).await;
    assert_eq!(answer.parameter(SIGNED_OUT, "state"), None);
    assert!(!is_signed_in(&mut browser).await);
    assert!(is_signed_in(&mut stranger).await);
}

#[tokio::test]
async fn somebody_else_s_identity_token_only_asks() {
    let world = World::new().await;
    let tokens = world.tokens(&mut world.browser(), "alice").await;
    let mut browser = world.browser();
    world.code(&mut browser, "bob").await;
    let hint = ("id_token_hint", tokens["id_token"].as_str().unwrap());
    let page = browser.get(&end_session(&[hint])).await;
    assert!(
        page.body.contains("signed in as <strong>bob</strong>"),
        "{}",
        page.body
    );
    assert!(is_signed_in(&mut browser).await);
    // By a form too, and nobody is signed in there: the session that the token names ends.
    let answer = world.browser().post("/end-session", &[hint]).await;
    assert!(answer.body.contains("Signed out"), "{}", answer.body);
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let answer = world.refresh(refresh_token).await;
    answer.is_error(StatusCode::BAD_REQUEST, "invalid_grant");
}

#[tokio::test]
async fn logout_tokens_name_every_session() {
    let world = World::new().await;
    let (mut one, mut two, mut bobs) = (world.browser(), world.browser(), world.browser());
    let first = world.tokens(&mut one, "alice").await;
    let second = world.tokens(&mut two, "alice").await;
    world.tokens(&mut bobs, "bob").await;
    let mut sessions = vec![
        session_of(&world, &first).await,
        session_of(&world, &second).await,
    ];
    // A client without a back channel hears nothing.
    let other = Asked::good()
        .with("client_id", "other")
        .with("redirect_uri", OTHER_CALLBACK);
    assert!(
        one.get(&other.path())
            .await
            .parameter(OTHER_CALLBACK, "code")
            .is_some()
    );
    // Being disabled alone does not make it forget whom to tell.
    world.provider.set_enabled("alice", false).unwrap();
    let notices = world.provider.logout_tokens("alice").unwrap();
    assert_eq!(notices.len(), 2);
    for notice in &notices {
        let claims = sessions.iter().position(|session| {
            let payload = notice.token.expose().split('.').nth(1).unwrap();
            decoded(payload).contains(session.as_str())
        });
        let session = sessions.remove(claims.unwrap());
        is_good_notice(&world, notice, "alice", &session).await;
    }
    assert!(world.provider.logout_tokens("alice").unwrap().is_empty());
    world.provider.set_enabled("alice", true).unwrap();
    assert!(!is_signed_in(&mut one).await);
    assert!(!is_signed_in(&mut two).await);
    assert!(is_signed_in(&mut bobs).await);
}

fn decoded(payload: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn whoever_signs_in_over_a_session_ends_it_unless_it_is_hers() {
    let world = World::new().await;
    let mut browser = world.browser();
    let asked = Asked::good()
        .with("prompt", "login")
        .with("scope", "openid offline_access");
    let first = world.tokens(&mut browser, "alice").await;
    let session = session_of(&world, &first).await;
    let again = world.sign_in(&mut browser, &asked, "alice").await;
    let code = again.parameter(CALLBACK, "code").unwrap();
    let second = world.redeem(&code).await.json();
    assert_eq!(session_of(&world, &second).await, session);
    let refresh_token = first["refresh_token"].as_str().unwrap();
    assert_eq!(world.refresh(refresh_token).await.status, StatusCode::OK);

    let other = world.sign_in(&mut browser, &asked, "bob").await;
    let code = other.parameter(CALLBACK, "code").unwrap();
    is_good_notice(&world, &next_notice(&world).await, "alice", &session).await;
    let bobs = world.redeem(&code).await.json();
    assert_ne!(session_of(&world, &bobs).await, session);
    let refresh_token = second["refresh_token"].as_str().unwrap();
    let answer = world.refresh(refresh_token).await;
    answer.is_error(StatusCode::BAD_REQUEST, "invalid_grant");
}
