//! Asking again later.

use custos_jwt::Rejection as Refused;
use custos_oidc::{ClaimSource, RefreshGrant, Refreshed, Rejection};
use serde_json::{Value, json};

use crate::fake::{Fake, NOW, answer, now, parse, with};

fn grant(fake: &Fake) -> RefreshGrant {
    let came_back = fake.came_back();
    let response = parse(&answer(&fake.sign(&fake.claims(&came_back.nonce))));
    let signed_in = fake
        .provider()
        .signed_in(came_back.redeeming, response, &fake.keys(), now());
    signed_in.unwrap().refresh.unwrap()
}

fn refreshed(fake: &Fake, change: impl FnOnce(Value) -> Value) -> Result<Refreshed, Rejection> {
    let grant = grant(fake);
    let claims = change(fake.claims(&grant.nonce));
    let response = parse(&answer(&fake.sign(&claims)));
    fake.provider()
        .refreshed(grant, response, Some(&fake.keys()), now())
}

fn refused(name: &str, other: Option<Value>) -> Rejection {
    refreshed(&Fake::new("okta"), |claims| with(claims, name, other))
        .map(|_| ())
        .unwrap_err()
}

#[test]
fn groups_are_those_of_now() {
    let fake = Fake::new("okta");
    let fewer = |claims| {
        with(
            with(claims, "groups", Some(json!(["analysts"]))),
            "nonce",
            None,
        )
    };
    let refreshed = refreshed(&fake, fewer).unwrap();
    let principal = fake
        .provider()
        .principal(&refreshed.identity.unwrap())
        .unwrap();
    assert_eq!(principal.groups, ["okta:analysts"]);
}

#[test]
fn a_group_claim_that_is_gone_keeps_nothing() {
    let fake = Fake::new("okta");
    let refreshed = refreshed(&fake, |claims| with(claims, "groups", None)).unwrap();
    let refused = fake.provider().principal(&refreshed.identity.unwrap());
    assert_eq!(refused, Err(Rejection::GroupsMissing));
}

#[test]
fn the_token_changes_where_the_provider_changes_it() {
    let fake = Fake::new("okta");
    for (sent, expected) in [(Some(json!("next")), "next"), (None, "8xLOxBtZp8")] {
        let grant = grant(&fake);
        let id_token = fake.sign(&fake.claims(&grant.nonce));
        let response = parse(&with(answer(&id_token), "refresh_token", sent));
        let refreshed = fake
            .provider()
            .refreshed(grant, response, Some(&fake.keys()), now())
            .unwrap();
        assert_eq!(refreshed.refresh.refresh_token.expose(), expected);
        assert_eq!(refreshed.refresh.subject, "248289761001");
    }
}

#[test]
fn the_identity_is_that_of_the_sign_in() {
    assert_eq!(
        refused("sub", Some(json!("24400320"))),
        Rejection::RefreshSubject
    );
    assert_eq!(
        refused("iss", Some(json!("https://evil.example"))),
        Rejection::Token(Refused::IssuerWrong)
    );
    assert_eq!(
        refused("aud", Some(json!("other"))),
        Rejection::Token(Refused::AudienceWrong)
    );
    assert_eq!(
        refused("nonce", Some(json!("other"))),
        Rejection::Token(Refused::NonceWrong)
    );
    assert_eq!(
        refused("auth_time", Some(json!(NOW - 4))),
        Rejection::RefreshAuthentication
    );
    assert!(refreshed(&Fake::new("okta"), |claims| with(claims, "auth_time", None)).is_ok());
}

#[test]
fn an_answer_without_identity_token_is_for_the_userinfo_endpoint_only() {
    let mut fake = Fake::new("okta");
    let ends = |fake: &Fake| {
        let response = parse(&with(answer("a"), "id_token", None));
        fake.provider()
            .refreshed(grant(fake), response, None, now())
    };
    assert_eq!(ends(&fake).map(|_| ()), Err(Rejection::IdTokenMissing));
    fake.settings.mapping.source = ClaimSource::Userinfo;
    assert!(ends(&fake).unwrap().identity.is_none());
}

#[test]
fn a_token_without_keys_is_an_outage_and_no_proof() {
    let fake = Fake::new("okta");
    let grant = grant(&fake);
    let response = parse(&answer(&fake.sign(&fake.claims(&grant.nonce))));
    let refused = fake
        .provider()
        .refreshed(grant, response, None, now())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused, Rejection::Token(Refused::KeysUnavailable));
    assert!(refused.is_outage());
}
