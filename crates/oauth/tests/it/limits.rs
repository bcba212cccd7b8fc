//! What happens when there is too much of something, or state fails.

use std::error::Error as _;

use custos_model::Principal;
use custos_oauth::Reason;

use crate::memory::{HOUR_NS, person};
use crate::world::{
    World, authorize_query, exchange_workload, machine_form, parameter, poll, redeem, refresh, text,
};

#[test]
fn a_sign_in_has_eight_codes_under_way() {
    let mut world = World::new();
    let alice = world.alice;
    let codes: Vec<_> = (0..8).map(|_| world.code()).collect();
    let refused = world.grant(&authorize_query(&[]), alice).unwrap_err();
    assert_eq!(refused.refusal().reason(), Reason::TooManyCodes);
    assert_eq!(
        refused.refusal().error().as_str(),
        "temporarily_unavailable"
    );
    // One that is used makes room, and so does a minute.
    world.token(&redeem(&codes[0])).good();
    world.code();
    world.pass(60);
    world.code();
}

#[test]
fn codes_are_bounded_for_all_together() {
    let mut world = World::new();
    let mut people = Vec::new();
    for _ in 0..128 {
        people.push(world.memory.sign_in(person("bob"), world.now(), HOUR_NS));
    }
    for sign_in in &people {
        for _ in 0..8 {
            world.grant(&authorize_query(&[]), *sign_in).unwrap();
        }
    }
    let alice = world.alice;
    let refused = world.grant(&authorize_query(&[]), alice).unwrap_err();
    assert_eq!(refused.refusal().reason(), Reason::TooManyCodes);
    world.pass(60);
    let location = world.grant(&authorize_query(&[]), alice).unwrap();
    assert!(parameter(&location, "code").is_some());
}

#[test]
fn device_codes_are_bounded_for_a_network() {
    let mut world = World::new();
    for number in 0..32 {
        // One network of 64 bits, whatever the rest says.
        let source = format!("2001:db8:0:1::{number:x}");
        world.source.set(source.parse().unwrap());
        world.start_device(&[("client_id", "custos-libpq")]).good();
    }
    let seen = world.start_device(&[("client_id", "custos-libpq")]);
    assert_eq!(
        seen.refused(),
        ("temporarily_unavailable", Reason::TooManyFromNetwork)
    );
    assert_eq!(seen.status, 503);
    world.source.set("2001:db8:0:2::1".parse().unwrap());
    world.start_device(&[("client_id", "custos-libpq")]).good();
    // The same IPv4 address in its other spelling.
    for source in ["::ffff:192.0.2.1", "192.0.2.1"] {
        world.source.set(source.parse().unwrap());
        for _ in 0..16 {
            world.start_device(&[("client_id", "custos-libpq")]).good();
        }
    }
    let seen = world.start_device(&[("client_id", "custos-libpq")]);
    assert_eq!(seen.refused().1, Reason::TooManyFromNetwork);
    world.pass(600);
    world.start_device(&[("client_id", "custos-libpq")]).good();
}

#[test]
fn device_codes_are_bounded_for_all_together() {
    let mut world = World::new();
    let mut first = None;
    for number in 0..1024_u32 {
        world
            .source
            .set([10, 0, (number >> 8) as u8, number as u8].into());
        let body = world.start_device(&[("client_id", "custos-cli")]).good();
        first.get_or_insert(text(&body, "device_code"));
    }
    world.source.set([192, 0, 2, 9].into());
    let seen = world.start_device(&[("client_id", "custos-cli")]);
    assert_eq!(
        seen.refused(),
        ("temporarily_unavailable", Reason::TooManyDeviceCodes)
    );
    // Those that have one are not pushed out.
    assert_eq!(
        world.token(&poll(&first.unwrap())).refused().1,
        Reason::DevicePending
    );
    world.pass(600);
    world.start_device(&[("client_id", "custos-cli")]).good();
}

#[test]
fn a_principal_that_fits_into_no_token() {
    let mut world = World::new();
    let crowd = Principal {
        groups: (0..2000)
            .map(|number| format!("okta:group-{number}"))
            .collect(),
        ..person("bob")
    };
    let bob = world.memory.sign_in(crowd, world.now(), HOUR_NS);
    let location = world.grant(&authorize_query(&[]), bob).unwrap();
    let code = parameter(&location, "code").unwrap();
    let seen = world.token(&redeem(&code));
    assert_eq!(seen.refused(), ("server_error", Reason::PrincipalTooLarge));
}

#[test]
fn failing_state_lets_nobody_in() {
    let mut world = World::new();
    let tokens = world.tokens();
    let code = world.code();
    let refresh_token = text(&tokens, "refresh_token");
    let assertion = world.assertion("backup", |_| {});
    world.memory.broken.set(true);
    let forms = [
        redeem(&code),
        refresh(&refresh_token),
        exchange_workload("workload:a"),
        machine_form("backup", &assertion),
    ];
    for form in forms {
        let seen = world.token(&form);
        assert_eq!(seen.refused(), ("server_error", Reason::StateFailed));
        assert_eq!(seen.status, 500);
    }
    let seen = world.api(&text(&tokens, "access_token"));
    assert_eq!(seen.refused().1, Reason::StateFailed);
    let seen = world.revoke(&[("client_id", "custos-cli"), ("token", &refresh_token)]);
    assert_eq!(seen.refused().1, Reason::StateFailed);

    // The cause is there for the log, and not in the answer.
    let refusal = world
        .ask(|server, state, call| server.authenticate(&text(&tokens, "access_token"), state, call))
        .answer
        .unwrap_err();
    let cause = refusal
        .source()
        .and_then(std::error::Error::source)
        .map(ToString::to_string);
    assert_eq!(cause.as_deref(), Some("it is on fire"));
    assert!(!refusal.json().to_string().contains("fire"));

    // The refresh token was not used up by the failure.
    world.memory.broken.set(false);
    world.token(&refresh(&refresh_token)).good();
}
