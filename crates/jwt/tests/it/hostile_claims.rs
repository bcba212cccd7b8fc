//! Hostile claims, shown on identity tokens: wrong types, times, audiences and logins.

use custos_jwt::ClassName::IdToken;
use serde_json::{Value, json};

use crate::hostile::nested;
use crate::world::{CLIENT, Case, ISSUER, NOW, OURS, all_refused, case};

#[test]
fn all_are_refused() {
    all_refused(CASES);
}

pub(crate) const CASES: &[Case] = &[
    case("claims_malformed", IdToken, "claims are a list", |it| {
        it.raw_claims("[]").text()
    }),
    case("claims_malformed", IdToken, "claims are not UTF-8", |it| {
        it.raw_claims(*b"{\"a\":\"\xff\"}").text()
    }),
    case("claims_malformed", IdToken, "claims and more", |it| {
        it.edited("{\"at_hash\"", "{}{\"at_hash\"").text()
    }),
    case("claims_duplicate", IdToken, "sub twice", |it| {
        it.edited("\"sub\":\"alice\"", "\"sub\":\"bob\",\"sub\":\"alice\"")
            .text()
    }),
    case(
        "claims_duplicate",
        IdToken,
        "sub twice, once escaped",
        |it| {
            it.edited(
                "\"sub\":\"alice\"",
                "\"s\\u0075b\":\"bob\",\"sub\":\"alice\"",
            )
            .text()
        },
    ),
    case("claims_duplicate", IdToken, "deep duplicate", |it| {
        it.edited("[\"sre\",\"dba\"]", "[{\"a\":1,\"a\":2}]").text()
    }),
    case("claims_too_deep", IdToken, "too deep", |it| {
        it.claim("x", nested(16)).text()
    }),
    case("claim_missing", IdToken, "iss missing", |it| {
        it.without("iss").text()
    }),
    case("claim_malformed", IdToken, "iss is a list", |it| {
        it.claim("iss", json!([ISSUER])).text()
    }),
    case("issuer_wrong", IdToken, "iss with slash", |it| {
        it.claim("iss", format!("{ISSUER}/").into()).text()
    }),
    case("issuer_wrong", IdToken, "iss in capitals", |it| {
        it.claim("iss", ISSUER.to_uppercase().into()).text()
    }),
    case("issuer_wrong", IdToken, "iss with user part", |it| {
        it.claim("iss", "https://idp.example@evil.example".into())
            .text()
    }),
    case("claim_missing", IdToken, "sub missing", |it| {
        it.without("sub").text()
    }),
    case("claim_malformed", IdToken, "sub is a number", |it| {
        it.claim("sub", 7.into()).text()
    }),
    case("claim_malformed", IdToken, "sub is null", |it| {
        it.claim("sub", Value::Null).text()
    }),
    case("claim_malformed", IdToken, "sub is empty", |it| {
        it.claim("sub", "".into()).text()
    }),
    case("claim_malformed", IdToken, "sub too long", |it| {
        it.claim("sub", "a".repeat(256).into()).text()
    }),
    case("claim_malformed", IdToken, "sub not ASCII", |it| {
        it.claim("sub", "аlice".into()).text()
    }),
    case("claim_malformed", IdToken, "sub with a line end", |it| {
        it.claim("sub", "alice\n".into()).text()
    }),
    case("claim_malformed", IdToken, "sub with NUL", |it| {
        it.claim("sub", "alice\0x".into()).text()
    }),
    case(
        "claim_malformed",
        IdToken,
        "sub begins with a space",
        |it| it.claim("sub", " alice".into()).text(),
    ),
    case("claim_missing", IdToken, "aud missing", |it| {
        it.without("aud").text()
    }),
    case("claim_malformed", IdToken, "aud is a number", |it| {
        it.claim("aud", 5.into()).text()
    }),
    case("claim_malformed", IdToken, "aud is an object", |it| {
        it.claim("aud", json!({CLIENT: true})).text()
    }),
    case(
        "claim_malformed",
        IdToken,
        "aud in a list in a list",
        |it| it.claim("aud", json!([[CLIENT]])).text(),
    ),
    case(
        "claim_malformed",
        IdToken,
        "aud with a number beside",
        |it| it.claim("aud", json!([CLIENT, 1])).text(),
    ),
    case("claim_malformed", IdToken, "aud is an empty list", |it| {
        it.claim("aud", json!([])).text()
    }),
    case("claim_malformed", IdToken, "aud is empty", |it| {
        it.claim("aud", "".into()).text()
    }),
    case("audience_wrong", IdToken, "aud of another client", |it| {
        it.claim("aud", "other".into()).text()
    }),
    case(
        "audience_wrong",
        IdToken,
        "aud begins like the client",
        |it| it.claim("aud", format!("{CLIENT}2").into()).text(),
    ),
    case(
        "audience_wrong",
        IdToken,
        "aud is all clients in one string",
        |it| it.claim("aud", format!("{CLIENT} other").into()).text(),
    ),
    case(
        "audience_untrusted",
        IdToken,
        "aud also of somebody unknown",
        |it| {
            it.claim("aud", json!([CLIENT, "https://evil.example"]))
                .text()
        },
    ),
    case(
        "authorized_party_missing",
        IdToken,
        "azp missing with two audiences",
        |it| it.claim("aud", json!([CLIENT, OURS])).text(),
    ),
    case(
        "authorized_party_wrong",
        IdToken,
        "azp of another client",
        |it| it.claim("azp", "other".into()).text(),
    ),
    case("claim_malformed", IdToken, "azp is a list", |it| {
        it.claim("azp", json!([CLIENT])).text()
    }),
    case("claim_missing", IdToken, "exp missing", |it| {
        it.without("exp").text()
    }),
    case("claim_malformed", IdToken, "exp is a string", |it| {
        it.claim("exp", "1800000300".into()).text()
    }),
    case("claim_malformed", IdToken, "exp is text", |it| {
        it.claim("exp", "never".into()).text()
    }),
    case("claim_malformed", IdToken, "exp with a fraction", |it| {
        it.claim("exp", 1_800_000_300.5.into()).text()
    }),
    case("claim_malformed", IdToken, "exp with an exponent", |it| {
        it.edited("\"exp\":1800000300", "\"exp\":1.8e9").text()
    }),
    case("claim_malformed", IdToken, "exp is negative", |it| {
        it.claim("exp", (-1).into()).text()
    }),
    case(
        "claim_malformed",
        IdToken,
        "exp after the year 9999",
        |it| it.claim("exp", 253_402_300_800_u64.into()).text(),
    ),
    case("claim_malformed", IdToken, "exp of 30 digits", |it| {
        it.edited(
            "\"exp\":1800000300",
            "\"exp\":180000030000000000000000000000",
        )
        .text()
    }),
    case("claim_malformed", IdToken, "exp is null", |it| {
        it.claim("exp", Value::Null).text()
    }),
    case("expired", IdToken, "exp has passed", |it| {
        it.claim("iat", (NOW - 100).into())
            .claim("auth_time", (NOW - 100).into())
            .claim("exp", (NOW - 60).into())
            .text()
    }),
    case("expires_before_issue", IdToken, "exp before iat", |it| {
        it.claim("exp", (NOW - 11).into()).text()
    }),
    case("claim_missing", IdToken, "iat missing", |it| {
        it.without("iat").text()
    }),
    case("claim_malformed", IdToken, "iat is true", |it| {
        it.claim("iat", true.into()).text()
    }),
    case("issued_in_future", IdToken, "iat to come", |it| {
        it.claim("iat", (NOW + 61).into()).text()
    }),
    case("too_old", IdToken, "iat long ago", |it| {
        it.claim("iat", (NOW - 12 * 3600 - 61).into()).text()
    }),
    case("claim_malformed", IdToken, "nbf is a string", |it| {
        it.claim("nbf", "0".into()).text()
    }),
    case("not_yet_valid", IdToken, "nbf to come", |it| {
        it.claim("nbf", (NOW + 61).into()).text()
    }),
    case("nonce_missing", IdToken, "nonce missing", |it| {
        it.without("nonce").text()
    }),
    case("nonce_wrong", IdToken, "nonce of another login", |it| {
        it.claim("nonce", "n-2".into()).text()
    }),
    case("claim_malformed", IdToken, "nonce is a number", |it| {
        it.claim("nonce", 1.into()).text()
    }),
    case("claim_malformed", IdToken, "nonce is null", |it| {
        it.claim("nonce", Value::Null).text()
    }),
    case(
        "access_token_wrong",
        IdToken,
        "at_hash of another access token",
        |it| it.claim("at_hash", "87QmUPtjPfzWtF2AnpK9RQ".into()).text(),
    ),
    case("claim_malformed", IdToken, "at_hash is null", |it| {
        it.claim("at_hash", Value::Null).text()
    }),
    case("claim_missing", IdToken, "auth_time missing", |it| {
        it.without("auth_time").text()
    }),
    case("claim_malformed", IdToken, "auth_time is a string", |it| {
        it.claim("auth_time", "now".into()).text()
    }),
    case("login_too_old", IdToken, "auth_time long ago", |it| {
        it.claim("auth_time", (NOW - 361).into()).text()
    }),
    case("login_in_future", IdToken, "auth_time to come", |it| {
        it.claim("auth_time", (NOW + 61).into()).text()
    }),
    case(
        "events_forbidden",
        IdToken,
        "events in an identity token",
        |it| it.claim("events", json!({})).text(),
    ),
    case("claim_malformed", IdToken, "jti is a number", |it| {
        it.claim("jti", 1.into()).text()
    }),
    case("claim_malformed", IdToken, "sid is an object", |it| {
        it.claim("sid", json!({})).text()
    }),
];
