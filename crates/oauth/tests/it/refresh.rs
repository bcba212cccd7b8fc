//! Refresh tokens are used once, and a second use ends the sign-in.

use custos_oauth::{
    Event, GrantId, Reason, RefreshToken, RefreshTokens as _, Scope, Scopes, SecretHash,
};

use crate::world::{World, authorize_query, parameter, redeem, refresh, text, with};

#[test]
fn each_use_gives_another_token() {
    let mut world = World::new();
    let first = world.tokens();
    world.pass(800);
    let second = world.token(&refresh(&text(&first, "refresh_token")));
    assert_eq!(second.codes(), ["token_issued"]);
    let second = second.good();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(
        (&second["scope"], &second["expires_in"]),
        (&"api".into(), &900.into())
    );
    let third = world
        .token(&refresh(&text(&second, "refresh_token")))
        .good();
    assert_eq!(world.api(&text(&third, "access_token")).status, 200);
}

#[test]
fn a_second_use_ends_the_family_and_the_sign_in() {
    let mut world = World::new();
    let first = world.tokens();
    let alice = world.alice;
    let stolen = text(&first, "refresh_token");
    let second = world.token(&refresh(&stolen)).good();

    let seen = world.token(&refresh(&stolen));
    assert_eq!(seen.refused(), ("invalid_grant", Reason::RefreshReused));
    assert_eq!(
        seen.codes(),
        [
            "refresh_reused",
            "sign_in_ended",
            "grant_revoked",
            "refused"
        ]
    );
    assert!(matches!(seen.events[1], Event::SignInEnded { sign_in, .. } if sign_in == alice));
    assert!(!world.memory.is_there(alice));

    // Nothing of it is good any more, whoever has it.
    for body in [&first, &second] {
        let seen = world.api(&text(body, "access_token"));
        assert_eq!(seen.refused(), ("invalid_token", Reason::TokenRevoked));
    }
    let seen = world.token(&refresh(&text(&second, "refresh_token")));
    assert_eq!(seen.refused(), ("invalid_grant", Reason::RefreshRevoked));
}

/// Only the command line gets refresh tokens today, so the state is given another client's.
#[test]
fn a_token_is_for_its_own_client() {
    let mut world = World::new();
    let token = |used: &str| RefreshToken {
        hash: SecretHash::of(used),
        grant: GrantId::from_bytes([1; 16]),
        client: "other".parse().unwrap(),
        sign_in: world.alice,
        scopes: Scopes::new(Scope::Api, &[]),
        expires_utc_ns: u64::MAX,
    };
    let (first, second) = (token("first"), token("second"));
    world.memory.insert(&first).unwrap();
    world.memory.rotate(&first.hash, &second).unwrap();
    let seen = world.token(&refresh("second"));
    assert_eq!(
        seen.refused(),
        ("invalid_grant", Reason::RefreshOtherClient)
    );
    assert!(world.memory.is_there(world.alice));
    // A used one gives the theft away, whoever brings it.
    let seen = world.token(&refresh("first"));
    assert_eq!(seen.refused(), ("invalid_grant", Reason::RefreshReused));
    assert!(!world.memory.is_there(world.alice));
}

#[test]
fn a_client_that_may_not_refresh_changes_nothing() {
    let mut world = World::new();
    let stolen = text(&world.tokens(), "refresh_token");
    world.token(&refresh(&stolen)).good();
    let form = with(refresh(&stolen), &[("client_id", "custos-libpq")]);
    let seen = world.token(&form);
    assert_eq!(seen.refused(), ("unauthorized_client", Reason::ClientGrant));
    assert!(world.memory.is_there(world.alice));
}

#[test]
fn a_refresh_never_outlives_the_sign_in() {
    let mut world = World::new();
    let mut token = text(&world.tokens(), "refresh_token");
    for _ in 0..47 {
        world.pass(900);
        let body = world.token(&refresh(&token)).good();
        token = text(&body, "refresh_token");
    }
    world.pass(800);
    let body = world.token(&refresh(&token)).good();
    assert_eq!(body["expires_in"], 100);
    token = text(&body, "refresh_token");
    world.pass(100);
    let seen = world.token(&refresh(&token));
    assert_eq!(seen.refused(), ("invalid_grant", Reason::RefreshExpired));
}

#[test]
fn a_refresh_of_an_ended_sign_in_is_refused() {
    let mut world = World::new();
    let token = text(&world.tokens(), "refresh_token");
    let alice = world.alice;
    custos_oauth::SignIns::end(&world.memory, alice, world.now()).unwrap();
    let seen = world.token(&refresh(&token));
    assert_eq!(seen.refused(), ("invalid_grant", Reason::SignInEnded));
}

#[test]
fn families_are_independent() {
    let mut world = World::new();
    let laptop = text(&world.tokens(), "refresh_token");
    let alice = world.alice;
    let location = world.grant(&authorize_query(&[]), alice).unwrap();
    let code = parameter(&location, "code").unwrap();
    let desktop = text(&world.token(&redeem(&code)).good(), "refresh_token");
    world
        .revoke(&[("client_id", "custos-cli"), ("token", &laptop)])
        .good();
    assert_eq!(
        world.token(&refresh(&laptop)).refused().1,
        Reason::RefreshRevoked
    );
    world.token(&refresh(&desktop)).good();
}
