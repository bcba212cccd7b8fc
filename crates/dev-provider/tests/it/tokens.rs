//! Codes become tokens once, for whom they are.

use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use custos_dev_provider::subject;

use crate::client::{form, query, request, send};
use crate::world::{Asked, CALLBACK, CLI_CALLBACK, CUSTOS, OTHER, World, id_token, redemption};

const BAD: StatusCode = StatusCode::BAD_REQUEST;

#[tokio::test]
async fn the_identity_token_is_what_the_gateway_takes() {
    let world = World::new().await;
    let code = world.code(&mut world.browser(), "bob").await;
    world.pass(59);
    let answer = world.redeem(&code).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.header(CACHE_CONTROL), Some("no-store"));
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 600);
    assert!(tokens.get("refresh_token").is_none());
    let access_token = tokens["access_token"].as_str().unwrap();
    let class = id_token(CUSTOS.0, "nonce-1", access_token);
    let token = tokens["id_token"].as_str().unwrap();
    let verified = world.verify(token, &class).await.unwrap();
    assert_eq!(verified.subject(), Some(subject("bob").as_str()));
    assert_eq!(verified.audiences(), ["custos"]);
    assert_eq!(verified.session_id().map(str::len), Some(22));
    let signed_in = verified.authenticated_at().unwrap();
    assert_eq!(verified.issued_at() - signed_in, 59);
    assert_eq!(verified.expires_at(), Some(verified.issued_at() + 600));
    let claims = verified.claims();
    assert_eq!(claims["groups"], serde_json::json!(["sre", "sre-leads"]));
    assert_eq!(claims["preferred_username"], "bob");
    assert_eq!(claims["name"], "Bob");
    assert_eq!(claims["email"], "bob@dev.example");
    assert_eq!(claims["email_verified"], false);
    assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
    assert_eq!(claims["azp"], "custos");
    // It is bound to this access token and to this login.
    let other = id_token(CUSTOS.0, "nonce-1", "another access token");
    let refused = world.verify(token, &other).await.unwrap_err();
    assert_eq!(refused.code(), "access_token_wrong");
    let other = id_token(CUSTOS.0, "nonce-2", access_token);
    let refused = world.verify(token, &other).await.unwrap_err();
    assert_eq!(refused.code(), "nonce_wrong");
}

#[tokio::test]
async fn without_a_nonce_there_is_none() {
    let world = World::new().await;
    let asked = Asked::good().without("nonce");
    let answer = world.sign_in(&mut world.browser(), &asked, "alice").await;
    let code = answer.parameter(CALLBACK, "code").unwrap();
    let tokens = world.redeem(&code).await.json();
    let access_token = tokens["access_token"].as_str().unwrap();
    let class = id_token(CUSTOS.0, "nonce-1", access_token);
    let refused = world
        .verify(tokens["id_token"].as_str().unwrap(), &class)
        .await;
    assert_eq!(refused.unwrap_err().code(), "nonce_missing");
}

#[tokio::test]
async fn clients_authenticate_in_their_way() {
    let world = World::new().await;
    let code = world.code(&mut world.browser(), "alice").await;
    let mut fields = redemption(&code).to_vec();
    fields.extend([("client_id", CUSTOS.0), ("client_secret", CUSTOS.1)]);
    let answer = send(world.address, form(world.address, "/token", &fields)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);

    let asked = Asked::good()
        .with("client_id", "cli")
        .with("redirect_uri", CLI_CALLBACK);
    let page = world.sign_in(&mut world.browser(), &asked, "alice").await;
    let code = page.parameter(CLI_CALLBACK, "code").unwrap();
    let mut fields = redemption(&code).to_vec();
    fields[2].1 = CLI_CALLBACK;
    fields.push(("client_id", "cli"));
    let answer = send(world.address, form(world.address, "/token", &fields)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let tokens = answer.json();
    let class = id_token("cli", "nonce-1", tokens["access_token"].as_str().unwrap());
    let verified = world
        .verify(tokens["id_token"].as_str().unwrap(), &class)
        .await;
    assert_eq!(verified.unwrap().audiences(), ["cli"]);
}

#[tokio::test]
async fn a_client_that_does_not_authenticate_uses_nothing_up() {
    let world = World::new().await;
    let code = world.code(&mut world.browser(), "alice").await;
    let answer = world.token((CUSTOS.0, "wrong"), &redemption(&code)).await;
    answer.is_error(StatusCode::UNAUTHORIZED, "invalid_client");
    assert!(
        answer
            .header(WWW_AUTHENTICATE)
            .unwrap()
            .starts_with("Basic ")
    );
    for id in [CUSTOS.0, "nobody"] {
        let mut fields = redemption(&code).to_vec();
        fields.push(("client_id", id));
        let answer = send(world.address, form(world.address, "/token", &fields)).await;
        answer.is_error(StatusCode::UNAUTHORIZED, "invalid_client");
        assert_eq!(answer.header(WWW_AUTHENTICATE), None);
    }
    assert_eq!(world.redeem(&code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_replayed_code_takes_the_tokens_back() {
    let world = World::new().await;
    let mut browser = world.browser();
    let asked = Asked::good().with("scope", "openid offline_access");
    let answer = world.sign_in(&mut browser, &asked, "alice").await;
    let code = answer.parameter(CALLBACK, "code").unwrap();
    let tokens = world.redeem(&code).await.json();
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(world.userinfo(access_token).await.status, StatusCode::OK);
    // Also long after the code has expired.
    world.pass(300);
    world.redeem(&code).await.is_error(BAD, "invalid_grant");
    assert_eq!(
        world.userinfo(access_token).await.status,
        StatusCode::UNAUTHORIZED
    );
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    world
        .refresh(refresh_token)
        .await
        .is_error(BAD, "invalid_grant");
}

#[tokio::test]
async fn the_first_attempt_uses_a_code_up() {
    let world = World::new().await;
    let code = world.code(&mut world.browser(), "alice").await;
    assert_eq!(world.redeem(&code).await.status, StatusCode::OK);
    world.redeem(&code).await.is_error(BAD, "invalid_grant");
    let wrong_verifier = "a-verifier-of-more-than-forty-three-characters.x";
    for (client, place, value) in [
        (OTHER, 0, "authorization_code"),
        (CUSTOS, 2, "http://127.0.0.1:7001/oidc/dev/callback/"),
        (CUSTOS, 3, wrong_verifier),
    ] {
        let code = world.code(&mut world.browser(), "alice").await;
        let mut fields = redemption(&code);
        fields[place].1 = value;
        world
            .token(client, &fields)
            .await
            .is_error(BAD, "invalid_grant");
        world.redeem(&code).await.is_error(BAD, "invalid_grant");
    }
    let code = world.code(&mut world.browser(), "alice").await;
    world.pass(60);
    world.redeem(&code).await.is_error(BAD, "invalid_grant");
    world
        .redeem("invented")
        .await
        .is_error(BAD, "invalid_grant");
}

#[tokio::test]
async fn a_code_dies_with_the_person_s_right_to_sign_in() {
    let world = World::new().await;
    let code = world.code(&mut world.browser(), "alice").await;
    world.provider.set_enabled("alice", false).unwrap();
    world.redeem(&code).await.is_error(BAD, "invalid_grant");
}

#[tokio::test]
async fn requests_that_are_not_understood() {
    let world = World::new().await;
    let code = world.code(&mut world.browser(), "alice").await;
    let good = redemption(&code);
    let without = |place: usize| {
        let mut fields = good.to_vec();
        fields.remove(place);
        fields
    };
    let with = |place: usize, value| {
        let mut fields = good.to_vec();
        fields[place].1 = value;
        fields
    };
    let long = "v".repeat(129);
    let mut twice = good.to_vec();
    twice.push(("code", &code));
    for (fields, error) in [
        (without(0), "invalid_request"),
        (without(1), "invalid_request"),
        (without(2), "invalid_request"),
        (without(3), "invalid_request"),
        (with(3, "short"), "invalid_request"),
        (with(3, &long), "invalid_request"),
        (
            with(3, "a verifier with spaces in it, of enough characters"),
            "invalid_request",
        ),
        (twice, "invalid_request"),
        (with(0, "password"), "unsupported_grant_type"),
        (with(0, "client_credentials"), "unsupported_grant_type"),
        (with(0, "implicit"), "unsupported_grant_type"),
    ] {
        world.token(CUSTOS, &fields).await.is_error(BAD, error);
    }
    let get = format!("/token?{}", query(&good));
    let answer = send(world.address, request(Method::GET, world.address, &get)).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(!answer.body.contains("access_token"));
    let mut fields = good.to_vec();
    fields.extend([("client_id", CUSTOS.0), ("client_secret", CUSTOS.1)]);
    let in_url = format!("/token?{}", query(&fields));
    let answer = send(world.address, form(world.address, &in_url, &fields)).await;
    answer.is_error(BAD, "invalid_request");
    // None of these has touched the code.
    assert_eq!(world.redeem(&code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn userinfo_is_for_access_tokens_in_the_header() {
    let world = World::new().await;
    let tokens = world.tokens(&mut world.browser(), "carol").await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let answer = world.userinfo(access_token).await;
    assert_eq!(
        answer.json(),
        serde_json::json!({
            "sub": subject("carol"), "preferred_username": "carol", "name": "Carol",
            "email": "carol@dev.example", "email_verified": false, "groups": ["sre-leads"],
        })
    );
    for token in [
        "invented",
        tokens["id_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
    ] {
        let answer = world.userinfo(token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let challenge = answer.header(WWW_AUTHENTICATE).unwrap();
        assert!(challenge.contains("invalid_token"));
    }
    let in_url = world
        .get(&format!("/userinfo?access_token={access_token}"))
        .await;
    assert_eq!(in_url.status, StatusCode::UNAUTHORIZED);
    for values in [vec!["Basic "], vec!["Bearer ", "Bearer "], vec!["Bearer"]] {
        let mut request = request(Method::GET, world.address, "/userinfo");
        for scheme in values {
            let value = format!("{scheme}{access_token}").parse().unwrap();
            request.headers_mut().append(AUTHORIZATION, value);
        }
        let answer = send(world.address, request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    // Changes are seen at once.
    world
        .provider
        .set_groups("carol", &["guests".to_owned()])
        .unwrap();
    let answer = world.userinfo(access_token).await;
    assert_eq!(answer.json()["groups"], serde_json::json!(["guests"]));
    world.provider.set_enabled("carol", false).unwrap();
    assert_eq!(
        world.userinfo(access_token).await.status,
        StatusCode::UNAUTHORIZED
    );
    world.provider.set_enabled("carol", true).unwrap();
    world.pass(600);
    assert_eq!(
        world.userinfo(access_token).await.status,
        StatusCode::UNAUTHORIZED
    );
}
