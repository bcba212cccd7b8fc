//! Workloads sign in with their platform's token.

use custos_model::Secret;
use custos_oauth::{CredentialDecision, Event, TokenAnswer};
use serde_json::json;

use crate::world::{
    ACCESS_TOKEN, CREDENTIAL, EXCHANGE, World, claims, exchange_workload, form, text, with,
};

#[test]
fn a_platform_s_token_for_an_access_token() {
    let mut world = World::new();
    let before = world.memory.count();
    let seen = world.token(&exchange_workload("workload:shop-ci"));
    let [Event::SignedIn(begun), Event::TokenIssued(issued)] = seen.events.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!(begun.sign_in.principal.name, "shop-ci");
    assert_eq!(begun.sign_in.id, issued.sign_in);
    assert_eq!(world.memory.count(), before + 1);
    assert_eq!(world.memory.authentication(issued.sign_in).provider, "ci");
    let body = seen.good();
    assert_eq!(body["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(
        (&body["expires_in"], &body["scope"]),
        (&900.into(), &"api postgres".into())
    );
    assert!(body.get("refresh_token").is_none());
    let token = text(&body, "access_token");
    let claims = claims(&token);
    assert_eq!(
        (&claims["idp"], &claims["client_id"]),
        (&"https://ci.example".into(), &"custos-workload".into())
    );
    assert!(claims.get("act").is_none());
    assert_eq!(world.api(&token).body["principal"]["kind"], "workload");
}

#[test]
fn an_id_token_and_a_machine_client_do_as_well() {
    let mut world = World::new();
    let id_token = "urn:ietf:params:oauth:token-type:id_token";
    let form = with(
        exchange_workload("workload:a"),
        &[("subject_token_type", id_token)],
    );
    world.token(&form).good();
    let assertion = world.assertion("backup", |_| {});
    let form = with(
        exchange_workload("workload:a"),
        &[
            ("client_id", "backup"),
            ("client_assertion", &assertion),
            ("client_assertion_type", crate::world::ASSERTION_TYPE),
            ("requested_token_type", ACCESS_TOKEN),
        ],
    );
    let body = world.token(&form).good();
    assert_eq!(claims(&text(&body, "access_token"))["client_id"], "backup");
}

fn decision(world: &mut World, parameters: &[(&str, &str)], events: &[&str]) -> CredentialDecision {
    let body = form(parameters);
    let outcome = world.ask(|server, state, call| server.token(body.as_bytes(), state, call));
    assert_eq!(crate::world::codes(&outcome.events), events);
    match outcome.answer.unwrap() {
        TokenAnswer::Credential(decision) => decision,
        TokenAnswer::Token(_) => panic!("a token"),
    }
}

#[test]
fn a_platform_s_token_for_a_connection_credential() {
    let mut world = World::new();
    let parameters = with(
        exchange_workload("workload:shop-ci"),
        &[
            ("requested_token_type", CREDENTIAL),
            ("resource", "postgres/shop"),
        ],
    );
    let decision = decision(
        &mut world,
        &parameters,
        &["signed_in", "credential_allowed"],
    );
    assert_eq!(decision.resource.as_str(), "postgres/shop");
    assert_eq!(decision.principal.name, "shop-ci");
    assert!(world.memory.is_there(decision.sign_in));
    let now = world.now().utc_ns;
    assert_eq!(decision.expires_utc_ns, now + 3600 * 1_000_000_000);

    // The caller issues it.
    let secret = Secret::new("cus_x".to_owned());
    let response = decision.response(secret, now, now + 1_800_999_999_999);
    assert_eq!(
        response.json(),
        json!({
            "access_token": "cus_x", "token_type": "N_A", "issued_token_type": CREDENTIAL, "expires_in": 1800,
        })
    );
}

#[test]
fn a_person_s_own_token_for_a_connection_credential() {
    let mut world = World::new();
    world.pass(12 * 3600 - 600);
    let token = world.access_token();
    let parameters = [
        ("grant_type", EXCHANGE),
        ("client_id", "custos-cli"),
        ("subject_token", token.as_str()),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", CREDENTIAL),
        ("resource", "postgres/shop"),
    ];
    let decision = decision(&mut world, &parameters, &["credential_allowed"]);
    assert_eq!(decision.sign_in, world.alice);
    // It never outlives the sign-in.
    assert_eq!(
        decision.expires_utc_ns,
        world.now().utc_ns + 600 * 1_000_000_000
    );
}

#[test]
fn a_refused_exchange_begins_no_sign_in() {
    let mut world = World::new();
    let before = world.memory.count();
    for changes in [
        [("scope", "admin"), ("resource", "")],
        [("requested_token_type", CREDENTIAL), ("resource", "shop")],
        [("requested_token_type", CREDENTIAL), ("scope", "postgres")],
    ] {
        let form = with(exchange_workload("workload:a"), &changes);
        assert_eq!(world.token(&form).status, 400);
    }
    assert_eq!(world.memory.count(), before);
}
