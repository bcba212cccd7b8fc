//! A device without a browser: command line over SSH, psql.

use custos_oauth::{Decision, Event, Purpose, Reason, Scope, Scopes};

use crate::hostile_token::started;
use crate::world::{World, poll, text};

#[test]
fn from_the_device_to_tokens() {
    let mut world = World::new();

    // POST /oauth/device_authorization
    let seen = world.start_device(&[("client_id", "custos-cli")]);
    assert_eq!(seen.codes(), ["device_started"]);
    let body = seen.good();
    assert_eq!(body["expires_in"], 600);
    assert_eq!(body["interval"], 5);
    assert_eq!(
        body["verification_uri"],
        "https://custos.example.com/device"
    );
    assert!(body.get("verification_uri_complete").is_none());
    let (device_code, user_code) = (text(&body, "device_code"), text(&body, "user_code"));
    assert_eq!((device_code.len(), user_code.len()), (43, 9));
    assert_eq!(&user_code[4..5], "-");

    // The device asks every five seconds.
    for _ in 0..3 {
        let seen = world.token(&poll(&device_code));
        assert_eq!(
            seen.refused(),
            ("authorization_pending", Reason::DevicePending)
        );
        world.pass(5);
    }

    // Alice types the code, in her own way, and sees who asks.
    let visitor = world.visitor();
    let outcome = world.show(&user_code.to_lowercase().replace('-', " "), visitor);
    assert_eq!(crate::world::codes(&outcome.events), ["device_shown"]);
    let shown = outcome.answer.unwrap();
    assert_eq!(shown.client_name, "Custos command line");
    assert_eq!(shown.purpose, Purpose::Tokens(Scopes::new(Scope::Api, &[])));
    assert_eq!(shown.user_code.to_string(), user_code);
    assert_eq!(shown.requested_from.to_string(), "192.0.2.7");
    assert_eq!(shown.requested_utc_ns, world.now().utc_ns - 15_000_000_000);
    assert_eq!(shown.expires_in.as_secs(), 585);

    // Looking is not agreeing.
    let seen = world.token(&poll(&device_code));
    assert_eq!(seen.refused().0, "authorization_pending");
    let decided = world.decide(shown.confirmation.expose(), Decision::Approve, visitor);
    let Event::DeviceApproved { grant, sign_in, .. } = decided.events[0] else {
        panic!("{decided:?}");
    };
    assert_eq!(sign_in, world.alice);

    world.pass(5);
    let seen = world.token(&poll(&device_code));
    let Event::TokenIssued(issued) = seen.events[0].clone() else {
        panic!("{seen:?}");
    };
    assert_eq!((issued.grant, issued.sign_in), (grant, world.alice));
    let body = seen.good();
    assert!(body["refresh_token"].is_string());
    assert_eq!(world.api(&text(&body, "access_token")).status, 200);
}

#[test]
fn libpq_gets_a_token_for_postgres_and_nothing_to_refresh() {
    let mut world = World::new();
    let body = world
        .start_device(&[("client_id", "custos-libpq"), ("scope", "postgres")])
        .good();
    world.decide_typed(&text(&body, "user_code"), Decision::Approve);
    let device_code = text(&body, "device_code");
    let form = crate::world::with(poll(&device_code), &[("client_id", "custos-libpq")]);
    let body = world.token(&form).good();
    assert_eq!(body["scope"], "postgres");
    assert!(body.get("refresh_token").is_none());
    assert_eq!(
        world.api(&text(&body, "access_token")).body["scope"],
        "postgres"
    );
}

#[test]
fn whoever_asks_too_often_waits_longer_each_time() {
    let mut world = World::new();
    let (device_code, _) = started(&mut world);
    assert_eq!(
        world.token(&poll(&device_code)).refused().0,
        "authorization_pending"
    );
    world.pass(4);
    assert_eq!(world.token(&poll(&device_code)).refused().0, "slow_down");
    // Ten seconds from now on.
    world.pass(9);
    assert_eq!(world.token(&poll(&device_code)).refused().0, "slow_down");
    // Fifteen.
    world.pass(15);
    assert_eq!(
        world.token(&poll(&device_code)).refused().0,
        "authorization_pending"
    );
    world.pass(14);
    assert_eq!(world.token(&poll(&device_code)).refused().0, "slow_down");
    world.pass(20);
    assert_eq!(
        world.token(&poll(&device_code)).refused().0,
        "authorization_pending"
    );
}

#[test]
fn another_client_cannot_spoil_a_device_code() {
    let mut world = World::new();
    let (device_code, user_code) = started(&mut world);
    let other = crate::world::with(poll(&device_code), &[("client_id", "custos-libpq")]);
    assert_eq!(
        world.token(&other).refused().1,
        Reason::DeviceCodeOtherClient
    );
    world.decide_typed(&user_code, Decision::Approve);
    assert_eq!(
        world.token(&other).refused().1,
        Reason::DeviceCodeOtherClient
    );
    world.token(&poll(&device_code)).good();
}

#[test]
fn an_approval_is_worth_nothing_once_its_sign_in_ended() {
    let mut world = World::new();
    let (device_code, user_code) = started(&mut world);
    world.decide_typed(&user_code, Decision::Approve);
    let alice = world.alice;
    custos_oauth::SignIns::end(&world.memory, alice, world.now()).unwrap();
    let seen = world.token(&poll(&device_code));
    assert_eq!(seen.refused(), ("invalid_grant", Reason::SignInEnded));
}
