//! Agents act for people, and both stay visible.

use custos_oauth::Event;
use serde_json::json;

use custos_model::SignInId;
use custos_oauth::Reason;

use crate::world::{
    ACCESS_TOKEN, CREDENTIAL, DELEGATION, EXCHANGE, World, claims, delegate, refresh, text, with,
};

#[test]
fn an_agent_acts_for_a_person() {
    let mut world = World::new();
    let (subject, agent) = (world.access_token(), world.agent_token());
    let seen = world.token(&delegate(&subject, &agent));
    assert_eq!(seen.codes(), ["signed_in", "token_issued"]);
    let (parents, sign_in) = begun(&seen.events);
    assert_eq!(parents[1], world.alice);
    let authentication = world.memory.authentication(sign_in);
    assert_eq!(authentication.provider, "delegation");
    let body = seen.good();
    assert_eq!(body["scope"], "api");
    assert!(body.get("refresh_token").is_none());
    let token = text(&body, "access_token");

    // RFC 8693 section 4.1: the subject is the person, the actor the agent.
    let own = claims(&token);
    assert_eq!(
        (&own["name"], &own["kind"]),
        (&"alice".into(), &"human".into())
    );
    assert_eq!(own["sub"], claims(&subject)["sub"]);
    assert_eq!(own["sid"], sign_in.to_string());
    assert_eq!(
        own["act"],
        json!({
            "iss": "local", "sub": "00u-helper", "name": "helper", "kind": "agent",
            "groups": ["okta:helpers"],
        })
    );

    let principal = world.api(&token).good()["principal"].clone();
    assert_eq!(
        (&principal["name"], &principal["kind"]),
        (&"helper".into(), &"agent".into())
    );
    assert_eq!(principal["on_behalf_of"][0]["name"], "alice");
}

/// The parents of a sign-in that has begun, and itself.
fn begun(events: &[Event]) -> (Vec<SignInId>, SignInId) {
    let Event::SignedIn(signed_in) = &events[0] else {
        panic!("{events:?}");
    };
    (signed_in.parents.clone(), signed_in.sign_in.id)
}

#[test]
fn a_delegated_token_dies_with_each_of_its_sign_ins() {
    for who in 0..3 {
        let mut world = World::new();
        let (subject, agent) = (world.access_token(), world.agent_token());
        let seen = world.token(&delegate(&subject, &agent));
        let (parents, own) = begun(&seen.events);
        let token = text(&seen.body, "access_token");
        assert_eq!(world.api(&token).status, 200);
        let ended = [parents[0], parents[1], own][who];
        custos_oauth::SignIns::end(&world.memory, ended, world.now()).unwrap();
        assert_eq!(world.api(&token).refused().0, "invalid_token", "{who}");
    }
}

#[test]
fn an_agent_gets_a_credential_for_a_person_s_resource() {
    let mut world = World::new();
    let (subject, agent) = (world.access_token(), world.agent_token());
    let form = with(
        delegate(&subject, &agent),
        &[
            ("requested_token_type", CREDENTIAL),
            ("resource", "postgres/shop"),
        ],
    );
    let seen = world.token(&form);
    let Event::CredentialAllowed {
        principal, sign_in, ..
    } = seen.events[1].clone()
    else {
        panic!("{seen:?}");
    };
    assert_eq!(principal.name, "helper");
    assert_eq!(principal.on_behalf_of[0].name, "alice");
    assert_eq!(begun(&seen.events).1, sign_in);
}

#[test]
fn a_delegated_token_ends_with_the_first_of_its_tokens() {
    let mut world = World::new();
    let subject = world.access_token();
    world.pass(600);
    let agent = world.agent_token();
    let body = world.token(&delegate(&subject, &agent)).good();
    assert_eq!(body["expires_in"], 300);

    let mut world = World::new();
    let agent = world.agent_token();
    world.pass(700);
    let subject = world.access_token();
    let body = world.token(&delegate(&subject, &agent)).good();
    assert_eq!(body["expires_in"], 200);
}

#[test]
fn a_delegated_token_is_no_way_to_refresh_or_widen() {
    let mut world = World::new();
    let (subject, agent) = (world.access_token(), world.agent_token());
    let token = text(
        &world.token(&delegate(&subject, &agent)).good(),
        "access_token",
    );
    assert_eq!(world.token(&refresh(&token)).refused().0, "invalid_grant");
    let form = with(delegate(&subject, &agent), &[("scope", "postgres")]);
    assert_eq!(world.token(&form).refused().0, "invalid_scope");
}

fn give<'a>(subject: &'a str, agent: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", EXCHANGE),
        ("client_id", "custos-cli"),
        ("subject_token", subject),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", DELEGATION),
        ("may_act", agent),
    ]
}

fn take<'a>(delegation: &'a str, agent: &'a str) -> Vec<(&'a str, &'a str)> {
    with(
        delegate(delegation, agent),
        &[("subject_token_type", DELEGATION)],
    )
}

#[test]
fn a_person_lets_one_agent_act_for_her() {
    let mut world = World::new();
    let subject = world.access_token();
    let seen = world.token(&with(give(&subject, "helper"), &[("expires_in", "7200")]));
    let Event::Delegated(delegated) = seen.events[0].clone() else {
        panic!("{seen:?}");
    };
    assert_eq!(delegated.agent.as_str(), "helper");
    assert_eq!(delegated.sign_in, world.alice);
    let body = seen.good();
    assert_eq!(
        (
            &body["expires_in"],
            &body["token_type"],
            &body["issued_token_type"]
        ),
        (&7200.into(), &"N_A".into(), &DELEGATION.into())
    );
    let delegation = text(&body, "access_token");
    assert_eq!(
        claims(&delegation)["may_act"],
        json!({"iss": "local", "sub": "00u-helper"})
    );
    // It opens nothing by itself.
    assert_eq!(world.api(&delegation).refused().0, "invalid_token");
    assert_eq!(world.api(&delegation).detail, Some("type_wrong"));

    // Long after the access token that it was made with, and more than once.
    for seconds in [3600, 3500] {
        world.pass(seconds);
        let agent = world.agent_token();
        let seen = world.token(&take(&delegation, &agent));
        let (parents, _) = begun(&seen.events);
        assert_eq!(parents[1], world.alice);
        let body = seen.good();
        let left = if seconds == 3600 { 900 } else { 100 };
        assert_eq!(body["expires_in"], left);
        let principal = world.api(&text(&body, "access_token")).good()["principal"].clone();
        assert_eq!(principal["on_behalf_of"][0]["name"], "alice");
    }
    world.pass(111);
    let agent = world.agent_token();
    let seen = world.token(&take(&delegation, &agent));
    assert_eq!(seen.refused().1, Reason::SubjectTokenRejected);
    assert_eq!(seen.detail, Some("expired"));
}

#[test]
fn a_delegation_ends_with_the_sign_in_of_the_person() {
    let mut world = World::new();
    let subject = world.access_token();
    let delegation = text(
        &world.token(&give(&subject, "helper")).good(),
        "access_token",
    );
    let agent = world.agent_token();
    let token = text(
        &world.token(&take(&delegation, &agent)).good(),
        "access_token",
    );
    custos_oauth::SignIns::end(&world.memory, world.alice, world.now()).unwrap();
    assert_eq!(world.api(&token).refused().0, "invalid_token");
    let seen = world.token(&take(&delegation, &agent));
    assert_eq!(seen.detail, Some("token_revoked"));
    // And it is never longer.
    let mut world = World::new();
    world.pass(11 * 3600);
    let subject = world.access_token();
    let longest = with(give(&subject, "helper"), &[("expires_in", "43200")]);
    assert_eq!(world.token(&longest).good()["expires_in"], 3600);
}
