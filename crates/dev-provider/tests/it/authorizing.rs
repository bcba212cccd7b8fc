//! What a client may ask for, and where the answer goes.

use axum::http::StatusCode;

use crate::client::Answer;
use crate::world::{Asked, CALLBACK, CLI_CALLBACK, OTHER_CALLBACK, World};

fn is_error(answer: &Answer, world: &World, error: &str) {
    assert_eq!(answer.parameter(CALLBACK, "error").as_deref(), Some(error));
    assert_eq!(answer.parameter(CALLBACK, "iss"), Some(world.issuer()));
    let state = answer.parameter(CALLBACK, "state");
    assert_eq!(state.as_deref(), Some("state & of=custos"));
    assert_eq!(answer.parameter(CALLBACK, "code"), None);
}

#[tokio::test]
async fn discovery_says_what_is_there() {
    let world = World::new().await;
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["issuer"], world.issuer());
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        serde_json::json!(["S256"])
    );
    assert_eq!(
        metadata["response_types_supported"],
        serde_json::json!(["code"])
    );
    assert_eq!(
        metadata["id_token_signing_alg_values_supported"],
        serde_json::json!(["ES256"])
    );
    for flag in [
        "authorization_response_iss_parameter_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
    ] {
        assert_eq!(metadata[flag], true, "{flag}");
    }
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "end_session_endpoint",
        "jwks_uri",
    ] {
        let url = metadata[endpoint].as_str().unwrap();
        let path = url.strip_prefix(&world.issuer()).unwrap();
        let status = world.get(path).await.status;
        assert_ne!(status, StatusCode::NOT_FOUND, "{endpoint}");
    }
    let keys = world.get("/keys").await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    assert!(keys["keys"][0].get("d").is_none());
}

/// Open redirects: an answer goes to a registered address or nowhere.
#[tokio::test]
async fn unknown_redirect_addresses_get_a_page() {
    let world = World::new().await;
    for uri in [
        "https://evil.example.com/callback",
        "http://127.0.0.1:7001/oidc/dev/callback/",
        "http://127.0.0.1:7001/oidc/dev/callback?x=1",
        "http://127.0.0.1:7001/oidc/dev/callback#x",
        "http://127.0.0.1:7001/oidc/dev/callback/../../evil",
        "http://127.0.0.1:7009/oidc/dev/callback",
        "http://localhost:7001/oidc/dev/callback",
        "http://127.0.0.1:7001@evil.example.com/oidc/dev/callback",
        "HTTP://127.0.0.1:7001/oidc/dev/callback",
        "//evil.example.com",
        "/\\evil.example.com",
        "javascript:alert(1)",
        OTHER_CALLBACK,
        CLI_CALLBACK,
    ] {
        let asked = Asked::good().with("redirect_uri", uri);
        world
            .get(&asked.path())
            .await
            .is_refusal(StatusCode::BAD_REQUEST);
        // Nor is an error sent there.
        let asked = asked
            .with("response_type", "token")
            .without("code_challenge");
        world
            .get(&asked.path())
            .await
            .is_refusal(StatusCode::BAD_REQUEST);
    }
    for asked in [
        Asked::good().without("redirect_uri"),
        Asked::good().without("client_id"),
        Asked::good().with("client_id", "nobody"),
        Asked::good().with("client_id", "CUSTOS"),
        Asked::good().with("state", &"s".repeat(2049)),
        Asked::good().with("state", "a\r\nSet-Cookie: x=y"),
        Asked::good().with("nonce", &"n".repeat(17 << 10)),
    ] {
        world
            .get(&asked.path())
            .await
            .is_refusal(StatusCode::BAD_REQUEST);
    }
    let twice = format!(
        "{}&redirect_uri=https://evil.example.com",
        Asked::good().path()
    );
    world.get(&twice).await.is_refusal(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn other_faults_are_the_client_s_to_know() {
    let world = World::new().await;
    let good = Asked::good;
    for (asked, error) in [
        (good().without("code_challenge"), "invalid_request"),
        (good().without("code_challenge_method"), "invalid_request"),
        (
            good().with("code_challenge_method", "plain"),
            "invalid_request",
        ),
        (good().with("code_challenge", "short"), "invalid_request"),
        (
            good().with("response_type", "token"),
            "unsupported_response_type",
        ),
        (
            good().with("response_type", "code id_token"),
            "unsupported_response_type",
        ),
        (good().without("response_type"), "unsupported_response_type"),
        (good().with("response_mode", "fragment"), "invalid_request"),
        (good().without("scope"), "invalid_scope"),
        (good().with("scope", "profile openid2"), "invalid_scope"),
        (good().with("prompt", "none login"), "invalid_request"),
        (good().with("prompt", "create"), "invalid_request"),
        (good().with("max_age", "-1"), "invalid_request"),
        (good().with("max_age", "+1"), "invalid_request"),
        (good().with("nonce", &"n".repeat(2049)), "invalid_request"),
        (good().with("request", "eyJ"), "request_not_supported"),
        (
            good().with("request_uri", "http://127.0.0.1/"),
            "request_uri_not_supported",
        ),
        (
            good().with("registration", "{}"),
            "registration_not_supported",
        ),
        (good().with("prompt", "none"), "login_required"),
    ] {
        is_error(&world.get(&asked.path()).await, &world, error);
    }
}

#[tokio::test]
async fn a_session_answers_without_a_page() {
    let world = World::new().await;
    let mut browser = world.browser();
    let first = world.code(&mut browser, "alice").await;
    let answer = browser
        .get(&Asked::good().with("prompt", "none").path())
        .await;
    let second = answer.parameter(CALLBACK, "code").unwrap();
    assert_ne!(first, second);
    assert_eq!(answer.parameter(CALLBACK, "iss"), Some(world.issuer()));
    let state = answer.parameter(CALLBACK, "state");
    assert_eq!(state.as_deref(), Some("state & of=custos"));
    // To other clients too, and their own queries stay.
    let cli = Asked::good()
        .with("client_id", "cli")
        .with("redirect_uri", CLI_CALLBACK);
    let answer = browser.get(&cli.path()).await;
    let location = answer.header("location").unwrap();
    assert!(
        location.starts_with(&format!("{CLI_CALLBACK}&code=")),
        "{location}"
    );
    // Twelve hours at most.
    world.pass(12 * 3600);
    let answer = browser
        .get(&Asked::good().with("prompt", "none").path())
        .await;
    is_error(&answer, &world, "login_required");
}

#[tokio::test]
async fn prompt_and_max_age_ask_again() {
    let world = World::new().await;
    let mut browser = world.browser();
    world.code(&mut browser, "alice").await;
    for asked in [
        Asked::good().with("prompt", "login"),
        Asked::good().with("prompt", "select_account consent"),
        Asked::good().with("max_age", "0"),
    ] {
        let answer = browser.get(&asked.path()).await;
        assert!(
            answer.body.contains("type=\"password\""),
            "{}",
            asked.path()
        );
    }
    world.pass(100);
    let enough = Asked::good().with("max_age", "100");
    assert!(
        browser
            .get(&enough.path())
            .await
            .parameter(CALLBACK, "code")
            .is_some()
    );
    let too_old = Asked::good().with("max_age", "99");
    assert!(
        browser
            .get(&too_old.path())
            .await
            .body
            .contains("type=\"password\"")
    );
    let silent = too_old.clone().with("prompt", "none");
    is_error(&browser.get(&silent.path()).await, &world, "login_required");
    // Once signed in anew, it is young enough.
    world.sign_in(&mut browser, &too_old, "alice").await;
    assert!(
        browser
            .get(&too_old.path())
            .await
            .parameter(CALLBACK, "code")
            .is_some()
    );
}
