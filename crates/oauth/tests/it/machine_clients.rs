//! Machines with a key of their own.

use custos_jwt::KeySet;
use custos_model::PrincipalKind;
use custos_oauth::{ClientError, Event, MachineClient, Scope, Scopes};

use crate::memory::{person, principal};
use crate::world::{World, claims, key_set, machine_form, text, with};

#[test]
fn a_machine_signs_in_for_a_quarter_of_an_hour() {
    let mut world = World::new();
    let assertion = world.assertion("backup", |_| {});
    let seen = world.token(&machine_form("backup", &assertion));
    let Event::TokenIssued(issued) = seen.events[0].clone() else {
        panic!("{seen:?}");
    };
    let body = seen.good();
    assert_eq!(body["scope"], "api postgres");
    assert_eq!(body["expires_in"], 900);
    assert!(body.get("refresh_token").is_none());
    let token = text(&body, "access_token");
    assert_eq!(claims(&token)["kind"], "workload");
    assert_eq!(claims(&token)["client_id"], "backup");
    let authentication = world.memory.authentication(issued.sign_ins[0]);
    assert_eq!(authentication.provider, "private_key_jwt");
    assert_eq!(
        authentication.facts,
        [("client_id".to_owned(), "backup".to_owned())]
    );

    let seen = world.api(&token);
    assert_eq!(seen.body["principal"]["name"], "backup");
    world.pass(900);
    assert_eq!(world.api(&token).refused().0, "invalid_token");
}

#[test]
fn it_may_ask_for_less() {
    let mut world = World::new();
    let assertion = world.assertion("backup", |_| {});
    let form = with(machine_form("backup", &assertion), &[("scope", "postgres")]);
    assert_eq!(world.token(&form).good()["scope"], "postgres");
}

#[test]
fn a_refused_assertion_is_not_used_up() {
    let mut world = World::new();
    let assertion = world.assertion("backup", |_| {});
    // With another client's name it is refused, and good for its own afterwards.
    assert_eq!(world.token(&machine_form("helper", &assertion)).status, 401);
    world.token(&machine_form("backup", &assertion)).good();
    assert_eq!(
        world.token(&machine_form("backup", &assertion)).detail,
        Some("replayed")
    );
}

#[test]
fn configured_clients_are_checked() {
    let world = World::new();
    let good = |id: &str| MachineClient {
        id: id.parse().unwrap(),
        keys: key_set(&world.robot),
        principal: principal("local", id, PrincipalKind::Workload),
        scopes: Scopes::new(Scope::Api, &[]),
    };
    let mut server = world.server;
    assert!(server.replace_clients(vec![good("a"), good("b")]).is_ok());
    let error = |server: &mut custos_oauth::AuthorizationServer, clients| {
        server.replace_clients(clients).unwrap_err()
    };
    let reserved = error(&mut server, vec![good("custos-cli")]);
    assert!(matches!(reserved, ClientError::Reserved(_)));
    let twice = error(&mut server, vec![good("a"), good("a")]);
    assert!(matches!(twice, ClientError::Twice(_)));
    let no_key = MachineClient {
        keys: KeySet::parse(br#"{"keys":[]}"#).unwrap(),
        ..good("a")
    };
    assert!(matches!(
        error(&mut server, vec![no_key]),
        ClientError::NoKey(_)
    ));
    for principal in [
        person("alice"),
        principal("", "a", PrincipalKind::Workload),
        custos_model::Principal {
            on_behalf_of: vec![person("alice")],
            ..principal("local", "a", PrincipalKind::Agent)
        },
    ] {
        let client = MachineClient {
            principal,
            ..good("a")
        };
        assert!(matches!(
            error(&mut server, vec![client]),
            ClientError::Principal(_)
        ));
    }
    let many = (0..1001)
        .map(|number| good(&format!("c{number}")))
        .collect();
    assert!(matches!(error(&mut server, many), ClientError::TooMany));
    for bad in ["", "A", "-a", "a b", "a/b", &"a".repeat(64)] {
        assert!(bad.parse::<custos_oauth::ClientId>().is_err(), "{bad}");
    }
}
