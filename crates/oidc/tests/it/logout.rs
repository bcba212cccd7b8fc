//! Signing out, from our side and from the provider's.

use custos_jwt::{Rejection as Refused, ReplayCache};
use custos_model::Secret;
use custos_oidc::{LogoutNotice, LogoutRequest, Rejection};
use serde_json::{Value, json};

use crate::fake::{Fake, NOW, now, with};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn claims(fake: &Fake) -> Value {
    json!({
        "iss": fake.issuer,
        "sub": "248289761001",
        "aud": "custos",
        "iat": NOW,
        "exp": NOW + 120,
        "jti": "bWJq",
        "sid": "session-1",
        "events": {EVENT: {}},
    })
}

fn judged_as(
    fake: &Fake,
    kind: &str,
    claims: &Value,
    replay: &ReplayCache,
) -> Result<LogoutNotice, Rejection> {
    let token = fake.signer.sign(kind, claims.as_object().unwrap()).unwrap();
    let request = LogoutRequest::parse(format!("logout_token={token}").as_bytes())?;
    fake.provider()
        .back_channel_logout(&request, &fake.keys(), replay, now())
}

fn judged(fake: &Fake, claims: &Value) -> Result<LogoutNotice, Rejection> {
    judged_as(fake, "logout+jwt", claims, &ReplayCache::new(4))
}

fn refused(name: &str, other: Option<Value>) -> Refused {
    let fake = Fake::new("okta");
    match judged(&fake, &with(claims(&fake), name, other)) {
        Err(Rejection::Token(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_notice_names_subject_session_or_both() {
    let fake = Fake::new("okta");
    let notice = judged(&fake, &claims(&fake)).unwrap();
    assert_eq!(notice.issuer, "https://okta.example");
    assert_eq!(notice.subject.as_deref(), Some("248289761001"));
    assert_eq!(notice.session_id.as_deref(), Some("session-1"));
    let all = judged(&fake, &with(claims(&fake), "sid", None)).unwrap();
    assert_eq!(
        (all.subject.as_deref(), all.session_id),
        (Some("248289761001"), None)
    );
    let one = judged(&fake, &with(claims(&fake), "sub", None)).unwrap();
    assert_eq!(
        (one.subject, one.session_id.as_deref()),
        (None, Some("session-1"))
    );
    let nobody = with(with(claims(&fake), "sid", None), "sub", None);
    assert_eq!(
        judged(&fake, &nobody),
        Err(Rejection::Token(Refused::NobodyNamed))
    );
}

#[test]
fn hostile_logout_tokens_end_no_session() {
    for (name, other, expected) in [
        ("nonce", Some(json!("n")), Refused::NonceForbidden),
        ("aud", Some(json!("other")), Refused::AudienceWrong),
        (
            "iss",
            Some(json!("https://evil.example")),
            Refused::IssuerWrong,
        ),
        ("events", None, Refused::ClaimMissing("events")),
        ("events", Some(json!({})), Refused::EventsWrong),
        (
            "events",
            Some(json!({"http://schemas.openid.net/event/other": {}})),
            Refused::EventsWrong,
        ),
        (
            "events",
            Some(json!([EVENT])),
            Refused::ClaimMalformed("events"),
        ),
        ("jti", None, Refused::ClaimMissing("jti")),
        ("exp", Some(json!(NOW - 61)), Refused::ExpiresBeforeIssue),
        ("iat", Some(json!(NOW - 3600)), Refused::TooOld),
        ("sid", Some(json!(1)), Refused::ClaimMalformed("sid")),
    ] {
        assert_eq!(refused(name, other), expected, "{name}");
    }
}

#[test]
fn a_logout_token_is_good_once() {
    let fake = Fake::new("okta");
    let replay = ReplayCache::new(4);
    assert!(judged_as(&fake, "logout+jwt", &claims(&fake), &replay).is_ok());
    let again = judged_as(&fake, "logout+jwt", &claims(&fake), &replay);
    assert_eq!(again, Err(Rejection::Token(Refused::Replayed)));
    let full = ReplayCache::new(0);
    let refused = judged_as(&fake, "logout+jwt", &claims(&fake), &full);
    assert_eq!(refused, Err(Rejection::Token(Refused::ReplayCacheFull)));
}

#[test]
fn an_identity_token_is_no_logout_token() {
    let mut fake = Fake::new("okta");
    let replay = ReplayCache::new(4);
    let id_token = fake.claims("n");
    assert_eq!(
        judged_as(&fake, "JWT", &id_token, &replay),
        Err(Rejection::Token(Refused::TypeWrong))
    );
    fake.settings.untyped_logout_tokens = true;
    let with_id = with(id_token, "jti", Some(json!("bWJq")));
    let refused = judged_as(&fake, "JWT", &with_id, &replay);
    assert_eq!(refused, Err(Rejection::Token(Refused::NonceForbidden)));
    assert!(
        judged_as(&fake, "JWT", &claims(&fake), &replay).is_ok(),
        "where it is configured"
    );
}

#[test]
fn another_providers_token_is_refused_with_its_own_keys() {
    let fake = Fake::new("okta");
    let evil = Fake::new("evil");
    let token = evil
        .signer
        .sign("logout+jwt", claims(&evil).as_object().unwrap())
        .unwrap();
    let request = LogoutRequest::parse(format!("logout_token={token}").as_bytes()).unwrap();
    let replay = ReplayCache::new(4);
    let refused = fake
        .provider()
        .back_channel_logout(&request, &evil.keys(), &replay, now());
    assert_eq!(refused, Err(Rejection::KeysWrong));
    let refused = fake
        .provider()
        .back_channel_logout(&request, &fake.keys(), &replay, now());
    assert_eq!(refused, Err(Rejection::Token(Refused::KeyUnknown)));
}

#[test]
fn the_form_has_one_logout_token() {
    let parse = |form: &str| LogoutRequest::parse(form.as_bytes()).map(|_| ());
    assert_eq!(parse(""), Err(Rejection::LogoutTokenMissing));
    assert_eq!(parse("token=a.b.c"), Err(Rejection::LogoutTokenMissing));
    assert_eq!(
        parse("logout_token=a&logout_token=b"),
        Err(Rejection::ParameterDuplicate)
    );
    assert_eq!(
        parse("logout_token=%zz"),
        Err(Rejection::ParametersMalformed)
    );
    assert_eq!(
        parse("logout_token="),
        Err(Rejection::Token(Refused::TokenParts))
    );
    let none = "logout_token=eyJhbGciOiJub25lIn0.e30.AA";
    assert_eq!(parse(none), Err(Rejection::Token(Refused::AlgorithmNone)));
    let long = format!("logout_token={}", "a".repeat(18_000));
    assert_eq!(parse(&long), Err(Rejection::ParametersMalformed));
}

#[test]
fn the_provider_is_told_where_it_wants_to_be() {
    let mut fake = Fake::new("okta");
    let id_token = Secret::new("a.b.c".to_owned());
    let back = Some("https://custos.example.com/");
    let url = fake
        .provider()
        .logout_url(&id_token, back, Some("x y"))
        .unwrap();
    assert_eq!(
        url.expose(),
        "https://okta.example/logout?id_token_hint=a.b.c&client_id=custos\
         &post_logout_redirect_uri=https%3A%2F%2Fcustos.example.com%2F&state=x%20y"
    );
    fake.document = with(fake.document, "end_session_endpoint", None);
    assert!(fake.provider().logout_url(&id_token, None, None).is_none());
}
