//! What the browser carries to the provider.

use std::time::Duration;

use custos_oidc::{Prompt, Rejection, ReturnPath, SignInRequest};
use serde_json::json;

use crate::fake::{Fake, now, random, sent, with};

fn request() -> SignInRequest {
    SignInRequest::new(ReturnPath::parse("/sessions").unwrap())
}

#[test]
fn everything_is_asked_for_and_nothing_more() {
    let begun = Fake::new("okta").begin();
    let url = begun.url.expose();
    let (endpoint, query) = url.split_once('?').unwrap();
    assert_eq!(endpoint, "https://okta.example/authorize");
    let names: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap())
        .collect();
    let expected = [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    ];
    assert_eq!(names, expected);
    assert_eq!(sent(&begun, "response_type"), "code");
    assert_eq!(sent(&begun, "code_challenge_method"), "S256");
    assert_eq!(sent(&begun, "scope"), "openid%20profile%20groups");
    assert_eq!(
        sent(&begun, "redirect_uri"),
        "https%3A%2F%2Fcustos.example.com%2Foidc%2Fokta%2Fcallback"
    );
    assert_eq!(sent(&begun, "state"), begun.pending.state());
}

#[test]
fn no_value_is_used_for_two_things() {
    let begun = Fake::new("okta").begin();
    let verifier = serde_json::to_value(&begun.pending).unwrap()["verifier"]
        .as_str()
        .unwrap()
        .to_owned();
    let browser = begun.browser.expose().to_owned();
    let mut values = vec![
        sent(&begun, "state"),
        sent(&begun, "nonce"),
        verifier,
        browser,
    ];
    for value in &values {
        assert_eq!(value.len(), 43, "256 bits in base64url");
    }
    let url = begun.url.expose();
    assert!(
        !url.contains(&values[2]) && !url.contains(&values[3]),
        "both stay with us"
    );
    values.sort();
    values.dedup();
    assert_eq!(values.len(), 4);
}

#[test]
fn a_stronger_sign_in_can_be_asked_for() {
    let mut fake = Fake::new("okta");
    fake.settings.max_age = Some(Duration::from_hours(1));
    let request = SignInRequest {
        prompt: Some(Prompt::Login),
        max_age: Some(Duration::from_mins(5)),
        acr_values: vec!["phr".to_owned(), "mfa".to_owned()],
        login_hint: Some("alice@example.com&prompt=none".to_owned()),
        ..request()
    };
    let begun = fake.provider().begin(&request, &random(), now()).unwrap();
    assert_eq!(sent(&begun, "prompt"), "login");
    assert_eq!(sent(&begun, "max_age"), "300", "the shorter one");
    assert_eq!(sent(&begun, "acr_values"), "phr%20mfa");
    assert_eq!(
        sent(&begun, "login_hint"),
        "alice%40example.com%26prompt%3Dnone"
    );
}

#[test]
fn hints_and_contexts_are_plain_text() {
    let provider = Fake::new("okta").provider();
    for hint in ["", "a\nb", "a\0", &"a".repeat(513)] {
        let request = SignInRequest {
            login_hint: Some(hint.to_owned()),
            ..request()
        };
        let refused = provider.begin(&request, &random(), now()).map(|_| ());
        assert_eq!(
            refused,
            Err(Rejection::RequestParameter("login_hint")),
            "{hint}"
        );
    }
    for context in ["", "a b", "a\r", &"a".repeat(513)] {
        let request = SignInRequest {
            acr_values: vec![context.to_owned()],
            ..request()
        };
        let refused = provider.begin(&request, &random(), now()).map(|_| ());
        assert_eq!(
            refused,
            Err(Rejection::RequestParameter("acr_values")),
            "{context}"
        );
    }
}

#[test]
fn an_endpoint_may_have_a_query_but_not_our_parameters() {
    let mut fake = Fake::new("okta");
    let good = fake.document.clone();
    let endpoint = |url: &str| with(good.clone(), "authorization_endpoint", Some(json!(url)));
    fake.document = endpoint("https://okta.example/authorize?p=policy");
    let begun = fake.begin();
    assert!(
        begun
            .url
            .expose()
            .starts_with("https://okta.example/authorize?p=policy&response_type=code&")
    );
    for (query, name) in [
        ("redirect_uri=https://evil.example", "redirect_uri"),
        ("a=1&%73tate=fixed", "state"),
        ("request=eyJ", "request"),
        ("response_mode=fragment", "response_mode"),
    ] {
        fake.document = endpoint(&format!("https://okta.example/authorize?{query}"));
        let refused = fake
            .provider()
            .begin(&request(), &random(), now())
            .map(|_| ());
        assert_eq!(refused, Err(Rejection::RequestParameter(name)), "{query}");
    }
}
