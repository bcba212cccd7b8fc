//! Agents act for people, and both stay visible.

use custos_oauth::Event;
use serde_json::{Value, json};

use crate::hostile_token::chained;
use crate::world::{CREDENTIAL, World, claims, delegate, refresh, text, with};

#[test]
fn an_agent_acts_for_a_person() {
    let mut world = World::new();
    let (subject, agent) = (world.access_token(), world.agent_token());
    let seen = world.token(&delegate(&subject, &agent));
    let Event::TokenIssued(issued) = seen.events[0].clone() else {
        panic!("{seen:?}");
    };
    assert_eq!(issued.sign_ins.len(), 2);
    assert_eq!(issued.sign_ins[1], world.alice);
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
    let mut actor = own["act"].clone();
    assert_eq!(actor["sid"].take(), issued.sign_ins[0].to_string());
    assert_eq!(
        actor,
        json!({
            "iss": "local", "sub": "00u-helper", "name": "helper", "kind": "agent",
            "groups": ["okta:helpers"], "sid": null,
        })
    );

    let principal = world.api(&token).good()["principal"].clone();
    assert_eq!(
        (&principal["name"], &principal["kind"]),
        (&"helper".into(), &"agent".into())
    );
    assert_eq!(principal["on_behalf_of"][0]["name"], "alice");
}

#[test]
fn agents_act_for_agents_up_to_four_deep() {
    let mut world = World::new();
    let body = chained(&mut world, 4).good();
    let token = text(&body, "access_token");
    let mut names = Vec::new();
    let mut next = &claims(&token)["act"];
    while next.is_object() {
        names.push(next["name"].as_str().unwrap().to_owned());
        next = &next["act"];
    }
    // The outermost actor is the one that presents the token.
    assert_eq!(names, ["a3", "a2", "a1", "a0"]);
    let principal = world.api(&token).good()["principal"].clone();
    let chain: Vec<_> = principal["on_behalf_of"]
        .as_array()
        .unwrap()
        .iter()
        .map(|who| &who["name"])
        .collect();
    assert_eq!(principal["name"], "a3");
    assert_eq!(
        chain,
        ["a2", "a1", "a0", "alice"]
            .map(Value::from)
            .iter()
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_delegated_token_dies_with_each_of_its_sign_ins() {
    for who in 0..2 {
        let mut world = World::new();
        let (subject, agent) = (world.access_token(), world.agent_token());
        let seen = world.token(&delegate(&subject, &agent));
        let Event::TokenIssued(issued) = seen.events[0].clone() else {
            panic!("{seen:?}");
        };
        let token = text(&seen.body, "access_token");
        assert_eq!(world.api(&token).status, 200);
        custos_oauth::SignIns::end(&world.memory, issued.sign_ins[who], world.now()).unwrap();
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
        principal,
        sign_ins,
        ..
    } = seen.events[0].clone()
    else {
        panic!("{seen:?}");
    };
    assert_eq!(principal.name, "helper");
    assert_eq!(principal.on_behalf_of[0].name, "alice");
    assert_eq!((sign_ins.len(), sign_ins[1]), (2, world.alice));
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
