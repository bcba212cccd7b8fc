//! A person signs in at the command line, by way of the browser.

use custos_oauth::{Consent, Event, Reason, Scope, Scopes};
use serde_json::json;

use crate::memory::person;
use crate::world::{
    BASE, CALLBACK, World, authorize_query, claims, codes, parameter, redeem, text, with,
};

#[test]
fn from_the_request_to_tokens() {
    let mut world = World::new();
    let alice = world.alice;

    // GET /oauth/authorize
    let outcome = world.server.authorize(authorize_query(&[]).as_bytes());
    assert!(outcome.events.is_empty());
    let request = outcome.answer.unwrap();
    assert_eq!(request.client().as_str(), "custos-cli");
    assert_eq!(request.client_name(), "Custos command line");
    assert_eq!(request.scopes().to_string(), "api");
    assert_eq!(request.redirect_uri().as_str(), CALLBACK);

    // Alice agrees: 303 back to the command line.
    let outcome = world.ask(|server, state, call| {
        server.grant_code(request, alice, Consent::SignedInForIt, state, call)
    });
    let Event::CodeIssued { grant, consent, .. } = outcome.events[0].clone() else {
        panic!("{:?}", outcome.events);
    };
    assert_eq!(consent.as_str(), "signed_in");
    let redirect = outcome.answer.unwrap();
    let location = redirect.location();
    assert!(
        location.starts_with(&format!("{CALLBACK}?code=")),
        "{location}"
    );
    assert_eq!(parameter(location, "state").as_deref(), Some("xyz & more"));
    assert_eq!(parameter(location, "iss").as_deref(), Some(BASE));
    assert_eq!(parameter(location, "error"), None);

    // POST /oauth/token
    let code = parameter(location, "code").unwrap();
    assert_eq!(code.len(), 43);
    let seen = world.token(&redeem(&code));
    let Event::TokenIssued(issued) = seen.events[0].clone() else {
        panic!("{seen:?}");
    };
    assert_eq!(issued.grant, grant);
    assert_eq!((issued.sign_in, issued.refreshable), (alice, true));
    let body = seen.good();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(body["scope"], "api");
    assert_eq!(text(&body, "refresh_token").len(), 43);
    assert!(body.get("issued_token_type").is_none());

    // What the token says (RFC 9068 section 2.2).
    let now = world.now().utc_ns / 1_000_000_000;
    let mut claims = claims(&text(&body, "access_token"));
    let subject = claims["sub"].take();
    assert_eq!(subject.as_str().map(str::len), Some(43));
    assert_eq!(
        claims,
        json!({
            "iss": BASE, "aud": BASE, "sub": null,
            "iat": now, "exp": now + 900, "jti": issued.token_id,
            "client_id": "custos-cli", "scope": "api", "grant": grant.to_string(), "sid": alice.to_string(),
            "idp": "https://okta.example", "idp_subject": "00u-alice",
            "kind": "human", "name": "alice", "groups": ["okta:alices"],
        })
    );
}

#[test]
fn the_person_says_no() {
    let world = World::new();
    let query = authorize_query(&[]);
    let request = world.server.authorize(query.as_bytes()).answer.unwrap();
    let outcome = world.server.refuse_code(&request);
    assert_eq!(codes(&outcome.events), ["refused"]);
    let refusal = outcome.answer.unwrap_err();
    assert_eq!(refusal.refusal().reason(), Reason::PersonRefused);
    let custos_oauth::AuthorizeRefusal::Redirect { to, .. } = refusal else {
        panic!("a page");
    };
    assert_eq!(
        parameter(to.location(), "error").as_deref(),
        Some("access_denied")
    );
    assert_eq!(
        parameter(to.location(), "state").as_deref(),
        Some("xyz & more")
    );
}

#[test]
fn what_may_be_said_in_other_ways() {
    let mut world = World::new();
    let alice = world.alice;
    for changes in [
        [("redirect_uri", "http://[::1]:1/callback"), ("state", "")],
        [("scope", "api"), ("resource", BASE)],
        [("response_mode", "query"), ("prompt", "login")],
    ] {
        let location = world.grant(&authorize_query(&changes), alice).unwrap();
        assert!(parameter(&location, "code").is_some(), "{location}");
    }
    let code = world.code();
    let form = with(
        redeem(&code),
        &[("resource", BASE), ("scope", "api"), ("unknown", "x")],
    );
    world.token(&form).good();
}

#[test]
fn a_second_use_revokes_what_the_first_one_got() {
    let mut world = World::new();
    let code = world.code();
    let tokens = world.token(&redeem(&code)).good();
    let token = text(&tokens, "access_token");
    assert_eq!(world.api(&token).status, 200);

    // Long after the code's own minute, while its tokens may live.
    world.pass(300);
    let seen = world.token(&redeem(&code));
    assert_eq!(seen.refused(), ("invalid_grant", Reason::CodeReused));
    assert_eq!(seen.codes(), ["code_reused", "grant_revoked", "refused"]);

    assert_eq!(
        world.api(&token).refused(),
        ("invalid_token", Reason::TokenRevoked)
    );
    let refresh_token = text(&tokens, "refresh_token");
    let seen = world.token(&crate::world::refresh(&refresh_token));
    assert_eq!(seen.refused(), ("invalid_grant", Reason::RefreshRevoked));
    // Other tokens of the sign-in live on.
    assert!(world.memory.is_there(world.alice));
    let other = world.access_token();
    assert_eq!(world.api(&other).status, 200);
}

#[test]
fn a_code_in_the_wrong_hands_is_worth_nothing_to_the_right_ones() {
    let mut world = World::new();
    for (change, reason) in [
        (
            ("redirect_uri", "http://127.0.0.1:1/callback"),
            Reason::CodeRedirectUri,
        ),
        (
            ("code_verifier", "x".repeat(43).as_str()),
            Reason::CodeVerifier,
        ),
    ] {
        let code = world.code();
        let seen = world.token(&with(redeem(&code), &[change]));
        assert_eq!(seen.refused(), ("invalid_grant", reason));
        let seen = world.token(&redeem(&code));
        assert_eq!(seen.refused(), ("invalid_grant", Reason::CodeReused));
    }
}

#[test]
fn a_token_never_outlives_its_sign_in() {
    let mut world = World::new();
    world.pass(12 * 3600 - 100);
    let body = world.tokens();
    assert_eq!(body["expires_in"], 100);
    let token = text(&body, "access_token");
    world.pass(99);
    assert_eq!(world.api(&token).status, 200);
    world.pass(1);
    assert_eq!(world.api(&token).refused().0, "invalid_token");
}

#[test]
fn every_code_and_token_is_another() {
    let mut world = World::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let body = world.tokens();
        assert!(seen.insert(text(&body, "access_token")));
        assert!(seen.insert(text(&body, "refresh_token")));
    }
    let scopes = Scopes::new(Scope::Api, &[]);
    assert!(scopes.contains(Scope::Api) && !scopes.contains(Scope::Postgres));
}

#[test]
fn people_of_two_providers_with_one_name_are_told_apart() {
    let mut world = World::new();
    let mut other = person("alice");
    other.issuer = "https://entra.example".to_owned();
    let other = world
        .memory
        .sign_in(other, world.now(), crate::memory::HOUR_NS);
    let subjects: Vec<_> = [world.alice, other]
        .map(|sign_in| {
            let location = world.grant(&authorize_query(&[]), sign_in).unwrap();
            let code = parameter(&location, "code").unwrap();
            let body = world.token(&redeem(&code)).good();
            claims(&text(&body, "access_token"))["sub"].clone()
        })
        .into();
    assert_ne!(subjects[0], subjects[1]);
}
