//! Identity tokens at the end of a sign-in, each differing from a good one in one thing.

use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_jwt::{IssuerKeys, KeySet, Rejection as Refused};
use custos_oidc::{Rejection, ReturnPath, SignInRequest, SignedIn};
use serde_json::{Value, json};

use crate::fake::{ACCESS_TOKEN, Fake, NOW, answer, at, now, parse, with};

/// What becomes of a sign-in whose identity token is this one.
fn ends(fake: &Fake, id_token: impl FnOnce(&str) -> String) -> Result<SignedIn, Rejection> {
    let came_back = fake.came_back();
    let response = parse(&answer(&id_token(&came_back.nonce)));
    fake.provider()
        .signed_in(came_back.redeeming, response, &fake.keys(), now())
}

fn refused(name: &str, other: Option<Value>) -> Rejection {
    let fake = Fake::new("okta");
    let ended = ends(&fake, |nonce| {
        fake.sign(&with(fake.claims(nonce), name, other))
    });
    ended.map(|_| ()).unwrap_err()
}

fn token(refused: Refused) -> Rejection {
    Rejection::Token(refused)
}

#[test]
fn a_good_sign_in_ends_well() {
    let fake = Fake::new("okta");
    let signed_in = ends(&fake, |nonce| fake.sign(&fake.claims(nonce))).unwrap();
    assert_eq!(signed_in.identity.issuer(), "https://okta.example");
    assert_eq!(signed_in.identity.subject(), "248289761001");
    assert_eq!(signed_in.session_id.as_deref(), Some("session-1"));
    assert_eq!(signed_in.authentication_context.as_deref(), Some("mfa"));
    assert_eq!(signed_in.authentication_methods, ["pwd", "otp"]);
    assert_eq!(signed_in.authenticated_at, Some(NOW - 5));
    assert_eq!(signed_in.access_token.expose(), ACCESS_TOKEN);
    assert_eq!(signed_in.access_token_expires_in, Some(3600));
    assert_eq!(signed_in.return_path.as_str(), "/sessions");
    assert_eq!(
        signed_in.refresh.unwrap().refresh_token.expose(),
        "8xLOxBtZp8"
    );
}

#[test]
fn without_an_identity_token_nobody_signed_in() {
    let fake = Fake::new("okta");
    let came_back = fake.came_back();
    let response = parse(&with(answer("a"), "id_token", None));
    let ended = fake
        .provider()
        .signed_in(came_back.redeeming, response, &fake.keys(), now());
    assert_eq!(ended.map(|_| ()), Err(Rejection::IdTokenMissing));
}

#[test]
fn the_nonce_is_that_of_the_sign_in() {
    assert_eq!(refused("nonce", None), token(Refused::NonceMissing));
    assert_eq!(
        refused("nonce", Some(json!("other"))),
        token(Refused::NonceWrong)
    );
    assert_eq!(
        refused("nonce", Some(json!(null))),
        token(Refused::ClaimMalformed("nonce"))
    );
    assert_eq!(
        refused("nonce", Some(json!(["n"]))),
        token(Refused::ClaimMalformed("nonce"))
    );
}

#[test]
fn issuer_audience_and_party_are_exact() {
    for issuer in [
        "https://okta.example/",
        "https://evil.example",
        "https://OKTA.example",
    ] {
        assert_eq!(
            refused("iss", Some(json!(issuer))),
            token(Refused::IssuerWrong)
        );
    }
    assert_eq!(
        refused("aud", Some(json!("other"))),
        token(Refused::AudienceWrong)
    );
    assert_eq!(
        refused("aud", Some(json!(["custos", "other"]))),
        token(Refused::AudienceUntrusted)
    );
    assert_eq!(
        refused("aud", Some(json!(7))),
        token(Refused::ClaimMalformed("aud"))
    );
    assert_eq!(refused("aud", None), token(Refused::ClaimMissing("aud")));
    assert_eq!(
        refused("azp", Some(json!("other"))),
        token(Refused::AuthorizedPartyWrong)
    );
    assert_eq!(refused("sub", None), token(Refused::ClaimMissing("sub")));
    assert_eq!(
        refused("sub", Some(json!(7))),
        token(Refused::ClaimMalformed("sub"))
    );
}

#[test]
fn times_are_whole_seconds_and_hold_up_to_a_minute_of_clock_difference() {
    for wrong in [
        json!("1795000300"),
        json!(1_795_000_300.5),
        json!(null),
        json!(-1),
    ] {
        assert_eq!(
            refused("exp", Some(wrong)),
            token(Refused::ClaimMalformed("exp"))
        );
    }
    assert_eq!(
        refused("exp", Some(json!(NOW - 60))),
        token(Refused::ExpiresBeforeIssue)
    );
    let fake = Fake::new("okta");
    for (clock, expected) in [
        (NOW - 61, Some(Refused::IssuedInFuture)),
        (NOW - 60, None),
        (NOW + 300 + 59, None),
        (NOW + 300 + 60, Some(Refused::Expired)),
    ] {
        let came_back = fake.came_back();
        let response = parse(&answer(&fake.sign(&with(
            fake.claims(&came_back.nonce),
            "auth_time",
            None,
        ))));
        let ended =
            fake.provider()
                .signed_in(came_back.redeeming, response, &fake.keys(), at(clock));
        assert_eq!(ended.map(|_| ()).err(), expected.map(token), "{clock}");
    }
}

#[test]
fn the_access_token_is_the_one_that_came_with_it() {
    let half = |access_token: &str| {
        let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
        json!(URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]))
    };
    assert_eq!(
        refused("at_hash", Some(half("other"))),
        token(Refused::AccessTokenWrong)
    );
    let fake = Fake::new("okta");
    let good = |nonce: &str| {
        fake.sign(&with(
            fake.claims(nonce),
            "at_hash",
            Some(half(ACCESS_TOKEN)),
        ))
    };
    assert!(ends(&fake, good).is_ok());
}

/// Header and claims as they are, and a signature of that.
fn forged(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(input.as_bytes()));
    format!("{input}.{signature}")
}

#[test]
fn algorithm_confusion_goes_nowhere() {
    let fake = Fake::new("okta");
    let public = serde_json::to_vec(fake.signer.public_jwk()).unwrap();
    for (algorithm, expected) in [
        ("none", Refused::AlgorithmNone),
        ("nOnE", Refused::AlgorithmNone),
        ("HS256", Refused::AlgorithmSymmetric),
        ("RS256", Refused::KeyUnsuitable),
        ("ES384", Refused::AlgorithmNotAllowed),
    ] {
        let came_back = fake.came_back();
        let header = json!({"alg": algorithm, "kid": fake.signer.key_id()});
        let id_token = forged(&header, &fake.claims(&came_back.nonce), |input| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &public);
            hmac::sign(&key, input).as_ref().to_vec()
        });
        let body = answer(&id_token).to_string();
        let response = custos_oidc::TokenResponse::parse(200, body.as_bytes());
        let ended = response.and_then(|response| {
            fake.provider()
                .signed_in(came_back.redeeming, response, &fake.keys(), now())
        });
        assert_eq!(ended.map(|_| ()), Err(token(expected)), "{algorithm}");
    }
}

#[test]
fn keys_of_one_issuer_prove_nothing_of_another() {
    let fake = Fake::new("okta");
    let evil = Fake::new("evil");
    // Signed by the other provider's key under the good one's key id is a wrong signature.
    let came_back = fake.came_back();
    let id_token = forged(
        &json!({"alg": "ES256", "kid": fake.signer.key_id()}),
        &fake.claims(&came_back.nonce),
        |_| vec![1; 64],
    );
    let ended = fake.provider().signed_in(
        came_back.redeeming,
        parse(&answer(&id_token)),
        &fake.keys(),
        now(),
    );
    assert_eq!(ended.map(|_| ()), Err(token(Refused::SignatureWrong)));
    // Signed by the other provider for us, in the good one's name.
    let ended = ends(&fake, |nonce| evil.sign(&fake.claims(nonce)));
    assert_eq!(ended.map(|_| ()), Err(token(Refused::KeyUnknown)));
    // The other provider's own keys are not even tried.
    let came_back = fake.came_back();
    let response = parse(&answer(&evil.sign(&evil.claims(&came_back.nonce))));
    let ended = fake
        .provider()
        .signed_in(came_back.redeeming, response, &evil.keys(), now());
    assert_eq!(ended.map(|_| ()), Err(Rejection::KeysWrong));
    // Nor are the good one's under a record that is not the provider's.
    let lax = custos_jwt::Issuer::new(
        &fake.issuer,
        &custos_jwt::Algorithm::ALL,
        &[],
        [custos_jwt::ClassRule::new(custos_jwt::ClassName::IdToken)],
    );
    let keys = IssuerKeys::configured(lax.unwrap(), KeySet::parse(&fake.key_set()).unwrap());
    let came_back = fake.came_back();
    let response = parse(&answer(&fake.sign(&fake.claims(&came_back.nonce))));
    let ended = fake
        .provider()
        .signed_in(came_back.redeeming, response, &keys, now());
    assert_eq!(ended.map(|_| ()), Err(Rejection::KeysWrong));
}

#[test]
fn a_sign_in_ends_at_the_provider_where_it_began() {
    let one = Fake::new("one");
    let other = Fake::new("other");
    let came_back = one.came_back();
    let response = parse(&answer(&other.sign(&other.claims(&came_back.nonce))));
    let ended = other
        .provider()
        .signed_in(came_back.redeeming, response, &other.keys(), now());
    assert_eq!(ended.map(|_| ()), Err(Rejection::ProviderWrong));
}

#[test]
fn tokens_of_other_classes_are_no_identity_tokens() {
    let fake = Fake::new("okta");
    for kind in ["at+jwt", "logout+jwt", "secevent+jwt"] {
        let ended = ends(&fake, |nonce| {
            fake.signer
                .sign(kind, fake.claims(nonce).as_object().unwrap())
                .unwrap()
        });
        assert_eq!(ended.map(|_| ()), Err(token(Refused::TypeWrong)), "{kind}");
    }
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    assert_eq!(
        refused("events", Some(events)),
        token(Refused::EventsForbidden)
    );
}

#[test]
fn a_second_member_of_one_name_is_refused() {
    let fake = Fake::new("okta");
    let came_back = fake.came_back();
    let claims = fake.claims(&came_back.nonce).to_string();
    let twice = claims.replacen('{', r#"{"sub":"admin","#, 1);
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "ES256"}).to_string());
    let id_token = format!("{header}.{}.AAAA", URL_SAFE_NO_PAD.encode(twice));
    let body = answer(&id_token).to_string();
    let refused = custos_oidc::TokenResponse::parse(200, body.as_bytes()).map(|_| ());
    assert_eq!(refused, Err(token(Refused::ClaimsDuplicate)));
}

#[test]
fn what_was_asked_of_the_authentication_is_held_against_the_token() {
    let fake = Fake::new("okta");
    let request = SignInRequest {
        max_age: Some(Duration::from_mins(5)),
        acr_values: vec!["phr".to_owned(), "mfa".to_owned()],
        ..SignInRequest::new(ReturnPath::parse("/").unwrap())
    };
    let ends = |change: &dyn Fn(Value) -> Value| {
        let came_back = fake.came_back_from(&request);
        let claims = change(fake.claims(&came_back.nonce));
        let response = parse(&answer(&fake.sign(&claims)));
        fake.provider()
            .signed_in(came_back.redeeming, response, &fake.keys(), now())
            .map(|_| ())
    };
    assert_eq!(ends(&|claims| claims), Ok(()));
    for (name, other, expected) in [
        ("auth_time", None, token(Refused::ClaimMissing("auth_time"))),
        (
            "auth_time",
            Some(json!(NOW - 361)),
            token(Refused::LoginTooOld),
        ),
        (
            "auth_time",
            Some(json!(NOW + 3600)),
            token(Refused::LoginInFuture),
        ),
        (
            "auth_time",
            Some(json!("1795000000")),
            token(Refused::ClaimMalformed("auth_time")),
        ),
        ("acr", None, Rejection::AuthenticationContext),
        ("acr", Some(json!("pwd")), Rejection::AuthenticationContext),
        (
            "acr",
            Some(json!("phr mfa")),
            Rejection::AuthenticationContext,
        ),
    ] {
        assert_eq!(
            ends(&|claims| with(claims, name, other.clone())),
            Err(expected),
            "{name}"
        );
    }
}

#[test]
fn words_about_the_authentication_have_their_types() {
    for wrong in [
        json!(1),
        json!(null),
        json!(["mfa"]),
        json!(""),
        json!("a\nb"),
        json!("a".repeat(256)),
    ] {
        assert_eq!(
            refused("acr", Some(wrong)),
            Rejection::ClaimMalformed("acr")
        );
    }
    let many: Vec<String> = vec!["pwd".to_owned(); 33];
    for wrong in [
        json!("pwd"),
        json!(null),
        json!([1]),
        json!([""]),
        json!(["a\0"]),
        json!(many),
    ] {
        assert_eq!(
            refused("amr", Some(wrong)),
            Rejection::ClaimMalformed("amr")
        );
    }
    assert_eq!(
        refused("sid", Some(json!(1))),
        token(Refused::ClaimMalformed("sid"))
    );
}
