//! Access tokens at the API.

use custos_jwt::Signer;
use custos_oauth::Reason;
use serde_json::{Value, json};

use crate::world::{World, claims, text};

type Change = fn(&mut Value);

#[test]
fn what_is_no_token_of_ours_is_refused() {
    let mut world = World::new();
    let good = world.access_token();
    assert_eq!(world.api(&good).status, 200);
    let Value::Object(claims) = claims(&good) else {
        panic!("an object");
    };
    let assertion = world.assertion("backup", |_| {});
    let foreign = Signer::generate().unwrap().sign("at+jwt", &claims).unwrap();
    let cases = [
        (String::new(), "token_parts"),
        (good[4..].to_owned(), "header_malformed"),
        (format!("{good}="), "token_encoding"),
        (format!(" {good}"), "token_encoding"),
        (assertion, "type_wrong"),
        (foreign, "key_unknown"),
    ];
    for (token, detail) in cases {
        let seen = world.api(&token);
        assert_eq!(seen.refused(), ("invalid_token", Reason::TokenRejected));
        assert_eq!((seen.detail, seen.status), (Some(detail), 401));
    }
    world.pass(910);
    assert_eq!(world.api(&good).detail, Some("expired"));
}

/// Claims that only we can sign, changed: whoever has the key would still not get through with a wrong chain.
#[test]
fn claims_of_ours_have_one_form() {
    let mut world = World::new();
    let good = claims(&world.access_token());
    let changes: [(&str, Change); 8] = [
        ("claims_unknown", |c| c["sub"] = "alice".into()),
        ("claims_unknown", |c| c["idp_subject"] = "00u-bob".into()),
        ("claims_unknown", |c| c["extra"] = 1.into()),
        ("claims_unknown", |c| c["scope"] = "api admin".into()),
        ("claims_unknown", |c| c["grant"] = "x".into()),
        ("claims_unknown", |c| c["kind"] = "god".into()),
        ("claims_unknown", |c| c["act"] = json!({"sub": "x"})),
        ("audience_wrong", |c| {
            c["aud"] = "https://other.example".into();
        }),
    ];
    for (index, (detail, change)) in changes.into_iter().enumerate() {
        let mut claims = good.clone();
        change(&mut claims);
        let Value::Object(claims) = claims else {
            panic!("an object");
        };
        let token = world
            .server
            .keys()
            .signers()
            .0
            .sign("at+jwt", &claims)
            .unwrap();
        let seen = world.api(&token);
        assert_eq!(seen.detail, Some(detail), "{index}");
    }
}

#[test]
fn a_token_needs_its_sign_in_and_of_the_same_person() {
    let mut world = World::new();
    let token = world.access_token();
    let alice = world.alice;
    custos_oauth::SignIns::end(&world.memory, alice, world.now()).unwrap();
    let seen = world.api(&token);
    assert_eq!(seen.refused(), ("invalid_token", Reason::TokenRevoked));
    assert_eq!(seen.codes(), ["refused"]);

    let mut world = World::new();
    let bob = world.memory.sign_in(
        crate::memory::person("bob"),
        world.now(),
        crate::memory::HOUR_NS,
    );
    let mut claims = claims(&world.access_token());
    claims["sid"] = bob.to_string().into();
    let Value::Object(claims) = claims else {
        panic!("an object");
    };
    let token = world
        .server
        .keys()
        .signers()
        .0
        .sign("at+jwt", &claims)
        .unwrap();
    assert_eq!(world.api(&token).refused().1, Reason::TokenRevoked);
}

#[test]
fn the_answer_is_worded_for_bearers() {
    let mut world = World::new();
    let refusal = world
        .ask(|server, state, call| server.authenticate("x", state, call))
        .answer
        .unwrap_err();
    assert_eq!(
        refusal.www_authenticate(),
        r#"Bearer error="invalid_token", error_description="the access token is not valid""#
    );
    let tokens = world.tokens();
    assert_eq!(text(&tokens, "token_type"), "Bearer");
}
