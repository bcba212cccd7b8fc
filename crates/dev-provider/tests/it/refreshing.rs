//! Refresh tokens, and what changes between two of them.

use std::time::Duration;

use axum::http::StatusCode;
use custos_dev_provider::ChangeError;
use custos_jwt::{Class, Nonce};

use crate::world::{Asked, CALLBACK, CUSTOS, OTHER, World};

const BAD: StatusCode = StatusCode::BAD_REQUEST;

#[tokio::test]
async fn each_is_used_once_and_brings_the_next() {
    let world = World::new().await;
    let first = world.tokens(&mut world.browser(), "alice").await;
    let one = first["refresh_token"].as_str().unwrap();
    world
        .provider
        .set_groups("alice", &["guests".to_owned()])
        .unwrap();
    world.pass(3600);
    let answer = world.refresh(one).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let second = answer.json();
    let two = second["refresh_token"].as_str().unwrap();
    assert_ne!(one, two);
    let class = Class::IdToken {
        client_id: CUSTOS.0,
        nonce: Nonce::Refresh("nonce-1"),
        access_token: second["access_token"].as_str(),
        max_auth_age: Some(Duration::from_hours(1)),
    };
    let token = second["id_token"].as_str().unwrap();
    let verified = world.verify(token, &class).await.unwrap();
    assert_eq!(verified.claims()["groups"], serde_json::json!(["guests"]));
    assert_eq!(
        verified.issued_at() - verified.authenticated_at().unwrap(),
        3600
    );
    assert!(!verified.claims().contains_key("nonce"));

    // The stolen first one ends everything.
    let access_token = second["access_token"].as_str().unwrap();
    assert_eq!(world.userinfo(access_token).await.status, StatusCode::OK);
    world.refresh(one).await.is_error(BAD, "invalid_grant");
    world.refresh(two).await.is_error(BAD, "invalid_grant");
    assert_eq!(
        world.userinfo(access_token).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn it_is_one_client_s() {
    let world = World::new().await;
    let tokens = world.tokens(&mut world.browser(), "alice").await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    world
        .token(OTHER, &fields)
        .await
        .is_error(BAD, "invalid_grant");
    // Whoever sent it had it, so it is worth nothing any more.
    world.refresh(token).await.is_error(BAD, "invalid_grant");
    world
        .refresh("invented")
        .await
        .is_error(BAD, "invalid_grant");
    world.refresh("").await.is_error(BAD, "invalid_request");
}

/// The grant itself is an hour old when its session is over.
#[tokio::test]
async fn it_does_not_outlive_the_session() {
    let world = World::new().await;
    let mut browser = world.browser();
    world.code(&mut browser, "alice").await;
    world.pass(11 * 3600);
    let asked = Asked::good().with("scope", "openid offline_access");
    let answer = browser.get(&asked.path()).await;
    let code = answer.parameter(CALLBACK, "code").unwrap();
    let tokens = world.redeem(&code).await.json();
    world.pass(3599);
    let token = tokens["refresh_token"].as_str().unwrap();
    let next = world.refresh(token).await.json();
    world.pass(1);
    let token = next["refresh_token"].as_str().unwrap();
    world.refresh(token).await.is_error(BAD, "invalid_grant");
}

#[tokio::test]
async fn a_disabled_person_gets_nothing_more() {
    let world = World::new().await;
    let mut browser = world.browser();
    let tokens = world.tokens(&mut browser, "alice").await;
    world.provider.set_enabled("alice", false).unwrap();
    let token = tokens["refresh_token"].as_str().unwrap();
    world.refresh(token).await.is_error(BAD, "invalid_grant");
    let silent = Asked::good().with("prompt", "none").path();
    let answer = browser.get(&silent).await;
    assert_eq!(
        answer.parameter(CALLBACK, "error").as_deref(),
        Some("login_required")
    );
}

#[tokio::test]
async fn changes_are_for_people_who_exist() {
    let world = World::new().await;
    let provider = &world.provider;
    let unknown = Err(ChangeError::UnknownPerson);
    assert_eq!(provider.set_enabled("nobody", true), unknown);
    assert_eq!(provider.set_groups("nobody", &[]), unknown);
    assert!(matches!(
        provider.logout_tokens("nobody"),
        Err(ChangeError::UnknownPerson)
    ));
    let odd = ["a\nb".to_owned()];
    assert_eq!(provider.set_groups("alice", &odd), Err(ChangeError::Groups));
}
