//! Tokens of one class taken for another, and what each class needs.

use custos_jwt::ClassName::{
    self, AccessToken, ClientAssertion, DelegationToken, IdToken, LogoutToken, SecurityEvent,
    WorkloadToken,
};
use serde_json::{Value, json};

use crate::forge::{Forge, LOGOUT_EVENT};
use crate::world::{CLIENT, Case, NOW, OURS, all_refused, case};

#[test]
fn all_are_refused() {
    all_refused(CASES);
}

pub(crate) const CASES: &[Case] = &[
    case(
        "type_wrong",
        IdToken,
        "access token as identity token",
        |_| Forge::good(ClassName::AccessToken).text(),
    ),
    case(
        "type_wrong",
        IdToken,
        "logout token as identity token",
        |_| Forge::good(ClassName::LogoutToken).text(),
    ),
    case(
        "type_wrong",
        IdToken,
        "security event as identity token",
        |_| Forge::good(ClassName::SecurityEvent).text(),
    ),
    case(
        "type_wrong",
        AccessToken,
        "identity token as access token",
        |_| Forge::good(ClassName::IdToken).text(),
    ),
    case(
        "type_wrong",
        AccessToken,
        "workload token as access token",
        |_| Forge::good(ClassName::WorkloadToken).text(),
    ),
    case(
        "type_wrong",
        AccessToken,
        "delegation token as access token",
        |_| Forge::good(ClassName::DelegationToken).text(),
    ),
    case(
        "type_wrong",
        DelegationToken,
        "access token as delegation token",
        |_| Forge::good(ClassName::AccessToken).text(),
    ),
    case(
        "claim_missing",
        DelegationToken,
        "delegation token without subject",
        |it| it.without("sub").text(),
    ),
    case(
        "type_missing",
        AccessToken,
        "access token without typ",
        |it| it.headless("typ").text(),
    ),
    case(
        "type_wrong",
        AccessToken,
        "access token of type text",
        |it| it.header("typ", "text/at+jwt".into()).text(),
    ),
    case(
        "type_wrong",
        WorkloadToken,
        "access token as workload token",
        |_| Forge::good(ClassName::AccessToken).text(),
    ),
    case(
        "audience_wrong",
        WorkloadToken,
        "identity token as workload token",
        |_| Forge::good(ClassName::IdToken).text(),
    ),
    case(
        "type_wrong",
        LogoutToken,
        "identity token as logout token",
        |_| Forge::good(ClassName::IdToken).text(),
    ),
    case(
        "type_missing",
        LogoutToken,
        "logout token without typ",
        |it| it.headless("typ").text(),
    ),
    case(
        "type_wrong",
        ClientAssertion,
        "logout token as client assertion",
        |_| Forge::good(ClassName::LogoutToken).text(),
    ),
    case(
        "issuer_wrong",
        ClientAssertion,
        "identity token as client assertion",
        |_| Forge::good(ClassName::IdToken).text(),
    ),
    case(
        "type_missing",
        SecurityEvent,
        "security event without typ",
        |it| it.headless("typ").text(),
    ),
    case(
        "type_wrong",
        SecurityEvent,
        "logout token as security event",
        |_| Forge::good(ClassName::LogoutToken).text(),
    ),
    case(
        "claim_missing",
        AccessToken,
        "access token without sub",
        |it| it.without("sub").text(),
    ),
    case(
        "claim_missing",
        AccessToken,
        "access token without client_id",
        |it| it.without("client_id").text(),
    ),
    case(
        "claim_malformed",
        AccessToken,
        "access token, client_id is a number",
        |it| it.claim("client_id", 1.into()).text(),
    ),
    case(
        "claim_missing",
        AccessToken,
        "access token without jti",
        |it| it.without("jti").text(),
    ),
    case(
        "claim_malformed",
        AccessToken,
        "access token, jti with a line end",
        |it| it.claim("jti", "a\n1".into()).text(),
    ),
    case(
        "audience_wrong",
        AccessToken,
        "access token for somebody else",
        |it| it.claim("aud", "https://other.example".into()).text(),
    ),
    case(
        "audience_wrong",
        AccessToken,
        "access token for the client",
        |it| it.claim("aud", CLIENT.into()).text(),
    ),
    case(
        "audience_wrong",
        AccessToken,
        "access token for a path below ours",
        |it| it.claim("aud", format!("{OURS}/").into()).text(),
    ),
    case(
        "events_forbidden",
        AccessToken,
        "access token with events",
        |it| it.claim("events", json!({})).text(),
    ),
    case(
        "too_old",
        AccessToken,
        "access token of two hours ago",
        |it| it.claim("iat", (NOW - 7200).into()).text(),
    ),
    case(
        "claim_missing",
        WorkloadToken,
        "workload token without sub",
        |it| it.without("sub").text(),
    ),
    case(
        "required_claim_missing",
        WorkloadToken,
        "workload token without the pinned claim",
        |it| it.without("repository_id").text(),
    ),
    case(
        "required_claim_missing",
        WorkloadToken,
        "workload token, the pinned claim is null",
        |it| it.claim("repository_id", Value::Null).text(),
    ),
    case(
        "audience_wrong",
        WorkloadToken,
        "workload token for its default audience",
        |it| it.claim("aud", "https://github.com/acme".into()).text(),
    ),
    case(
        "events_forbidden",
        WorkloadToken,
        "workload token with a logout event",
        |it| it.claim("events", json!({LOGOUT_EVENT: {}})).text(),
    ),
    case(
        "too_old",
        WorkloadToken,
        "workload token of two hours ago",
        |it| {
            it.claim("iat", (NOW - 7200).into())
                .claim("nbf", (NOW - 7200).into())
                .text()
        },
    ),
    case(
        "nonce_forbidden",
        LogoutToken,
        "logout token with nonce",
        |it| it.claim("nonce", "n-1".into()).text(),
    ),
    case(
        "claim_missing",
        LogoutToken,
        "logout token without events",
        |it| it.without("events").text(),
    ),
    case(
        "claim_malformed",
        LogoutToken,
        "logout token, events is a list",
        |it| it.claim("events", json!([LOGOUT_EVENT])).text(),
    ),
    case(
        "events_wrong",
        LogoutToken,
        "logout token with another event",
        |it| {
            it.claim("events", json!({"https://evil.example": {}}))
                .text()
        },
    ),
    case(
        "events_wrong",
        LogoutToken,
        "logout token, the event is a string",
        |it| it.claim("events", json!({LOGOUT_EVENT: ""})).text(),
    ),
    case(
        "nobody_named",
        LogoutToken,
        "logout token without sub and sid",
        |it| it.without("sub").without("sid").text(),
    ),
    case(
        "claim_malformed",
        LogoutToken,
        "logout token, sid is empty",
        |it| it.without("sub").claim("sid", "".into()).text(),
    ),
    case(
        "claim_missing",
        LogoutToken,
        "logout token without jti",
        |it| it.without("jti").text(),
    ),
    case(
        "claim_missing",
        LogoutToken,
        "logout token without exp",
        |it| it.without("exp").text(),
    ),
    case(
        "claim_malformed",
        LogoutToken,
        "logout token, jti is a number",
        |it| it.claim("jti", 1.into()).text(),
    ),
    case(
        "claim_malformed",
        LogoutToken,
        "logout token, jti is empty",
        |it| it.claim("jti", "".into()).text(),
    ),
    case(
        "audience_wrong",
        LogoutToken,
        "logout token of another client",
        |it| it.claim("aud", "other".into()).text(),
    ),
    case(
        "algorithm_none",
        LogoutToken,
        "logout token, alg none",
        |it| it.header("alg", "none".into()).input() + ".",
    ),
    case(
        "too_old",
        LogoutToken,
        "logout token of ten minutes ago",
        |it| it.claim("iat", (NOW - 600).into()).text(),
    ),
    case(
        "subject_not_client",
        ClientAssertion,
        "client assertion about somebody else",
        |it| it.claim("sub", "other".into()).text(),
    ),
    case(
        "issuer_wrong",
        ClientAssertion,
        "client assertion of another client",
        |it| {
            it.claim("iss", "other".into())
                .claim("sub", "other".into())
                .text()
        },
    ),
    case(
        "audience_list",
        ClientAssertion,
        "client assertion, aud in a list",
        |it| it.claim("aud", json!([OURS])).text(),
    ),
    case(
        "audience_list",
        ClientAssertion,
        "client assertion, aud in a list of two",
        |it| {
            it.claim("aud", json!([OURS, "https://other.example"]))
                .text()
        },
    ),
    case(
        "audience_wrong",
        ClientAssertion,
        "client assertion for another server",
        |it| it.claim("aud", "https://other.example".into()).text(),
    ),
    case(
        "audience_wrong",
        ClientAssertion,
        "client assertion for the token endpoint",
        |it| it.claim("aud", format!("{OURS}/token").into()).text(),
    ),
    case(
        "lives_too_long",
        ClientAssertion,
        "client assertion for 61 seconds",
        |it| it.claim("exp", (NOW - 10 + 61).into()).text(),
    ),
    case(
        "claim_missing",
        ClientAssertion,
        "client assertion without jti",
        |it| it.without("jti").text(),
    ),
    case(
        "claim_missing",
        ClientAssertion,
        "client assertion without exp",
        |it| it.without("exp").text(),
    ),
    case(
        "events_forbidden",
        ClientAssertion,
        "client assertion with events",
        |it| it.claim("events", json!({})).text(),
    ),
    case(
        "claim_missing",
        SecurityEvent,
        "security event without events",
        |it| it.without("events").text(),
    ),
    case(
        "events_wrong",
        SecurityEvent,
        "security event with no event",
        |it| it.claim("events", json!({})).text(),
    ),
    case(
        "events_wrong",
        SecurityEvent,
        "security event, the event is null",
        |it| {
            it.claim("events", json!({"https://evil.example": null}))
                .text()
        },
    ),
    case(
        "audience_wrong",
        SecurityEvent,
        "security event for somebody else",
        |it| it.claim("aud", CLIENT.into()).text(),
    ),
    case(
        "claim_missing",
        SecurityEvent,
        "security event without jti",
        |it| it.without("jti").text(),
    ),
    case(
        "claim_missing",
        SecurityEvent,
        "security event without iat",
        |it| it.without("iat").text(),
    ),
    case(
        "too_old",
        SecurityEvent,
        "security event of two days ago",
        |it| it.claim("iat", (NOW - 48 * 3600).into()).text(),
    ),
    case(
        "expired",
        SecurityEvent,
        "security event that has expired",
        |it| {
            it.claim("iat", (NOW - 100).into())
                .claim("exp", (NOW - 60).into())
                .text()
        },
    ),
];
