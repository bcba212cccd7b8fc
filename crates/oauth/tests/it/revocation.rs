//! Tokens that are given back (RFC 7009).

use custos_oauth::Reason;

use crate::world::{ASSERTION_TYPE, World, refresh, text};

#[test]
fn either_token_takes_the_whole_grant_along() {
    for token in ["refresh_token", "access_token"] {
        let mut world = World::new();
        let tokens = world.tokens();
        let given_back = text(&tokens, token);
        let form = [
            ("client_id", "custos-cli"),
            ("token", given_back.as_str()),
            ("token_type_hint", "nonsense"),
        ];
        let seen = world.revoke(&form);
        assert_eq!(seen.codes(), ["grant_revoked"], "{token}");
        seen.good();
        let seen = world.api(&text(&tokens, "access_token"));
        assert_eq!(seen.refused(), ("invalid_token", Reason::TokenRevoked));
        let seen = world.token(&refresh(&text(&tokens, "refresh_token")));
        assert_eq!(seen.refused(), ("invalid_grant", Reason::RefreshRevoked));
        // Twice is as good as once, and the sign-in is not touched.
        let seen = world.revoke(&form);
        assert!(seen.events.is_empty());
        seen.good();
        assert!(world.memory.is_there(world.alice));
    }
}

#[test]
fn what_is_not_known_counts_as_revoked() {
    let mut world = World::new();
    let own = world.access_token();
    let (body, tail) = own.rsplit_once('.').unwrap();
    let forged = format!("{body}.{}", tail.chars().rev().collect::<String>());
    for token in ["x", "a.b.c", forged.as_str(), &"x".repeat(43)] {
        let seen = world.revoke(&[("client_id", "custos-cli"), ("token", token)]);
        assert!(seen.events.is_empty(), "{token}");
        seen.good();
    }
    assert_eq!(world.api(&own).status, 200);
}

#[test]
fn a_machine_gives_its_token_back() {
    let mut world = World::new();
    let token = world.machine_token("backup");
    let assertion = world.assertion("backup", |_| {});
    let form = [
        ("client_id", "backup"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion.as_str()),
        ("token", token.as_str()),
    ];
    world.revoke(&form).good();
    assert_eq!(world.api(&token).refused().1, Reason::TokenRevoked);
}
