//! Machines with a key of their own.

use custos_jwt::KeySet;
use custos_model::PrincipalKind;
use custos_oauth::{ClientError, Event, MachineClient, MachineProof, Reason, Scope, Scopes};

use crate::memory::{person, principal};
use crate::world::{SECRET, World, claims, key_set, machine_form, secret_form, text, with};

#[test]
fn a_machine_signs_in_for_a_quarter_of_an_hour() {
    let mut world = World::new();
    let assertion = world.assertion("backup", |_| {});
    let seen = world.token(&machine_form("backup", &assertion));
    let Event::TokenIssued(issued) = seen.events[1].clone() else {
        panic!("{seen:?}");
    };
    let signed_in = seen.events[0].clone();
    let body = seen.good();
    assert_eq!(body["scope"], "api postgres");
    assert_eq!(body["expires_in"], 900);
    assert!(body.get("refresh_token").is_none());
    let token = text(&body, "access_token");
    assert_eq!(claims(&token)["kind"], "workload");
    assert_eq!(claims(&token)["client_id"], "backup");
    let authentication = world.memory.authentication(issued.sign_in);
    assert_eq!(authentication.provider, "private_key_jwt");
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let key_id = world.robot.key_id().to_owned();
    assert_eq!(
        authentication.facts,
        [fact("client_id", "backup"), fact("key", &key_id)]
    );
    let Event::SignedIn(signed_in) = signed_in else {
        panic!("{signed_in:?}");
    };
    assert_eq!(signed_in.sign_in.id, issued.sign_in);
    assert_eq!(signed_in.authentication, authentication);

    let seen = world.api(&token);
    assert_eq!(seen.body["principal"]["name"], "backup");
    world.pass(911);
    assert_eq!(world.api(&token).refused().0, "invalid_token");
}

#[test]
fn a_static_secret_is_taken_until_its_end() {
    let mut world = World::new();
    let seen = world.token(&secret_form(SECRET));
    let Event::SignedIn(signed_in) = seen.events[0].clone() else {
        panic!("{seen:?}");
    };
    assert_eq!(signed_in.authentication.provider, "client_secret");
    let token = text(&seen.good(), "access_token");
    assert_eq!(world.api(&token).good()["principal"]["name"], "old");

    let assertion = world.assertion("old", |_| {});
    for (form, reason) in [
        (secret_form(""), Reason::ClientSecretMissing),
        (secret_form(&SECRET[1..]), Reason::ClientSecretWrong),
        (
            secret_form(&SECRET.to_lowercase()),
            Reason::ClientSecretWrong,
        ),
        (
            machine_form("old", &assertion),
            Reason::ClientAssertionUnexpected,
        ),
    ] {
        let seen = world.token(&form);
        assert_eq!(seen.refused(), ("invalid_client", reason));
        assert_eq!(seen.codes(), ["refused"]);
        assert!(!format!("{seen:?}").contains(&SECRET[1..]), "{seen:?}");
    }
    world.pass(3599);
    world.token(&secret_form(SECRET)).good();
    world.pass(1);
    let seen = world.token(&secret_form(SECRET));
    assert_eq!(
        seen.refused(),
        ("invalid_client", Reason::ClientSecretExpired)
    );
    let wrong = world.token(&secret_form(&SECRET[1..]));
    assert_eq!(wrong.refused().1, Reason::ClientSecretWrong);
    assert_eq!(
        wrong.body, seen.body,
        "who has no secret learns nothing of its end"
    );

    // The operator wrote the hash of one that is too short: only now it shows.
    let short = with(secret_form(&SECRET[1..]), &[("client_id", "short")]);
    assert_eq!(world.token(&short).refused().1, Reason::ClientSecretShort);
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
        proof: MachineProof::Keys(key_set(&world.robot)),
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
        proof: MachineProof::Keys(KeySet::parse(br#"{"keys":[]}"#).unwrap()),
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
