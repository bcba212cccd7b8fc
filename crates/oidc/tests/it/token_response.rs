//! Answers of the token endpoint, each differing from a good one in one thing.

use custos_oidc::{MAX_TOKEN_RESPONSE_BYTES, ProviderError, Rejection, TokenResponse};
use serde_json::{Value, json};

use crate::fake::{Fake, answer, with};

fn good() -> Value {
    let fake = Fake::new("okta");
    answer(&fake.sign(&fake.claims("n")))
}

fn judged(status: u16, body: &str) -> Result<(), Rejection> {
    TokenResponse::parse(status, body.as_bytes()).map(|_| ())
}

#[test]
fn a_good_answer_is_taken_with_and_without_what_is_optional() {
    assert_eq!(judged(200, &good().to_string()), Ok(()));
    for name in ["expires_in", "refresh_token", "id_token"] {
        assert_eq!(
            judged(200, &with(good(), name, None).to_string()),
            Ok(()),
            "{name}"
        );
    }
    let kind = with(good(), "token_type", Some(json!("bearer")));
    assert_eq!(judged(200, &kind.to_string()), Ok(()));
    let more = with(good(), "scope", Some(json!("openid groups")));
    assert_eq!(judged(200, &more.to_string()), Ok(()));
}

#[test]
fn wrong_types_are_refused_and_never_absent() {
    for (name, wrong) in [
        (
            "access_token",
            vec![
                json!(null),
                json!(1),
                json!(""),
                json!("a b"),
                json!("a\r\nX: 1"),
                json!("\u{e4}"),
            ],
        ),
        (
            "token_type",
            vec![json!(null), json!(["Bearer"]), json!(true)],
        ),
        (
            "refresh_token",
            vec![json!(null), json!(1), json!(""), json!("a\n")],
        ),
        (
            "expires_in",
            vec![
                json!(null),
                json!("3600"),
                json!(-1),
                json!(1.5),
                json!(1e30),
            ],
        ),
        ("id_token", vec![json!(null), json!(1), json!(["a.b.c"])]),
        ("scope", vec![json!(null), json!(["openid"])]),
    ] {
        for value in wrong {
            let body = with(good(), name, Some(value.clone())).to_string();
            assert_eq!(
                judged(200, &body),
                Err(Rejection::AnswerMember(name)),
                "{value}"
            );
        }
    }
    for name in ["access_token", "token_type"] {
        let body = with(good(), name, None).to_string();
        assert_eq!(judged(200, &body), Err(Rejection::AnswerMember(name)));
    }
    for kind in ["DPoP", "mac", "N_A", ""] {
        let body = with(good(), "token_type", Some(json!(kind))).to_string();
        assert_eq!(judged(200, &body), Err(Rejection::TokenType), "{kind}");
    }
}

#[test]
fn an_identity_token_is_a_token() {
    for (text, expected) in [
        ("", custos_jwt::Rejection::TokenParts),
        ("a.b.c.d.e", custos_jwt::Rejection::TokenParts),
        ("a.b", custos_jwt::Rejection::TokenParts),
    ] {
        let body = with(good(), "id_token", Some(json!(text))).to_string();
        assert_eq!(
            judged(200, &body),
            Err(Rejection::Token(expected)),
            "{text}"
        );
    }
}

#[test]
fn the_answer_is_one_object_of_bounded_size_with_each_member_once() {
    let good = good().to_string();
    let twice = good.replacen('{', r#"{"token_type":"Bearer","#, 1);
    assert_eq!(judged(200, &twice), Err(Rejection::AnswerMalformed));
    for body in [
        "",
        "[]",
        "null",
        "access_token=a&token_type=bearer",
        "<html>",
    ] {
        assert_eq!(judged(200, body), Err(Rejection::AnswerMalformed), "{body}");
    }
    let padded = |bytes: usize| format!("{good}{}", " ".repeat(bytes - good.len()));
    assert_eq!(judged(200, &padded(MAX_TOKEN_RESPONSE_BYTES)), Ok(()));
    assert_eq!(
        judged(200, &padded(MAX_TOKEN_RESPONSE_BYTES + 1)),
        Err(Rejection::AnswerTooLong)
    );
}

#[test]
fn errors_and_outages_are_told_apart() {
    let error = |word: &str| json!({"error": word, "error_description": "x"}).to_string();
    for (word, expected) in [
        ("invalid_grant", ProviderError::InvalidGrant),
        ("invalid_client", ProviderError::InvalidClient),
        ("x<script>", ProviderError::Other),
    ] {
        for status in [400, 401, 403] {
            let refused = judged(status, &error(word)).unwrap_err();
            assert_eq!(refused, Rejection::Provider(expected));
            assert!(!refused.is_outage());
        }
    }
    let away = judged(400, &error("temporarily_unavailable")).unwrap_err();
    assert!(away.is_outage());
    for status in [429, 500, 502, 503, 599] {
        assert_eq!(
            judged(status, &good().to_string()),
            Err(Rejection::Unavailable),
            "{status}"
        );
    }
    assert!(Rejection::Unavailable.is_outage());
    for (status, body) in [
        (400, "{}"),
        (404, "<html>"),
        (400, r#"{"error":1}"#),
        (201, "{}"),
        (204, ""),
        (302, ""),
    ] {
        let refused = judged(status, body).unwrap_err();
        assert_eq!(refused, Rejection::Status, "{status}");
        assert!(!refused.is_outage());
    }
}
