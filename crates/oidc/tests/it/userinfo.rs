//! Answers of the userinfo endpoint.

use custos_model::Secret;
use custos_oidc::{ClaimSource, Identity, MAX_USERINFO_BYTES, Method, ProviderError, Rejection};
use serde_json::{Value, json};

use crate::fake::{Fake, with};

const SUBJECT: &str = "248289761001";
const JSON: Option<&str> = Some("application/json");

fn fake() -> Fake {
    let mut fake = Fake::new("okta");
    fake.settings.mapping.source = ClaimSource::Userinfo;
    fake
}

fn good() -> Value {
    json!({"sub": SUBJECT, "preferred_username": "alice", "groups": ["sre"]})
}

fn judged(status: u16, kind: Option<&str>, body: &str) -> Result<Identity, Rejection> {
    fake()
        .provider()
        .userinfo(SUBJECT, status, kind, body.as_bytes())
}

#[test]
fn it_is_asked_with_the_access_token_in_the_header() {
    let request = fake()
        .provider()
        .userinfo_request(&Secret::new("abc".to_owned()))
        .unwrap();
    assert_eq!(
        (request.method, request.url.as_str()),
        (Method::Get, "https://okta.example/userinfo")
    );
    let header = request
        .headers
        .iter()
        .find(|(name, _)| *name == "authorization");
    assert_eq!(header.unwrap().1.expose(), "Bearer abc");
    let mut fake = fake();
    fake.document = with(fake.document, "userinfo_endpoint", None);
    let refused = fake
        .provider()
        .userinfo_request(&Secret::new("abc".to_owned()));
    assert_eq!(refused.map(|_| ()), Err(Rejection::UserinfoNotOffered));
}

#[test]
fn a_good_answer_gives_a_principal() {
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        let identity = judged(200, Some(kind), &good().to_string()).unwrap();
        let principal = fake().provider().principal(&identity).unwrap();
        assert_eq!(
            (principal.name.as_str(), principal.groups),
            ("alice", vec!["okta:sre".to_owned()])
        );
    }
}

#[test]
fn it_is_about_the_person_of_the_identity_token() {
    for other in [json!("24400320"), json!(""), json!("248289761001 ")] {
        let body = with(good(), "sub", Some(other)).to_string();
        assert_eq!(judged(200, JSON, &body), Err(Rejection::UserinfoSubject));
    }
    for other in [
        None,
        Some(json!(248_289_761_001_u64)),
        Some(json!(null)),
        Some(json!([SUBJECT])),
    ] {
        let body = with(good(), "sub", other).to_string();
        assert_eq!(
            judged(200, JSON, &body),
            Err(Rejection::AnswerMember("sub"))
        );
    }
}

#[test]
fn signed_and_undeclared_answers_are_refused() {
    let body = good().to_string();
    for kind in ["application/jwt", "APPLICATION/JWT;charset=utf-8"] {
        assert_eq!(
            judged(200, Some(kind), "a.b.c"),
            Err(Rejection::UserinfoSigned),
            "{kind}"
        );
    }
    for kind in [
        None,
        Some(""),
        Some("text/html"),
        Some("application/jsonp"),
        Some("text/json"),
    ] {
        assert_eq!(
            judged(200, kind, &body),
            Err(Rejection::UserinfoType),
            "{kind:?}"
        );
    }
}

#[test]
fn the_answer_is_bounded_and_has_one_meaning() {
    let good = good().to_string();
    let twice = good.replacen('{', r#"{"sub":"admin","#, 1);
    assert_eq!(judged(200, JSON, &twice), Err(Rejection::AnswerMalformed));
    let padded = |bytes: usize| format!("{good}{}", " ".repeat(bytes - good.len()));
    assert!(judged(200, JSON, &padded(MAX_USERINFO_BYTES)).is_ok());
    assert_eq!(
        judged(200, JSON, &padded(MAX_USERINFO_BYTES + 1)),
        Err(Rejection::AnswerTooLong)
    );
}

#[test]
fn a_dead_token_and_an_outage_are_told_apart() {
    let refused = judged(401, None, "").unwrap_err();
    assert_eq!(refused, Rejection::Provider(ProviderError::InvalidToken));
    assert!(!refused.is_outage());
    assert!(judged(503, None, "").unwrap_err().is_outage());
}
