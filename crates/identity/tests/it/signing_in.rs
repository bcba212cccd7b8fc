//! What opens and what does not.

use custos_identity::{Login, LoginFailure};
use custos_model::Authentication;
use proptest::prelude::*;

use crate::support::{Node, START_UTC_NS, address, at, principal, request, shop};

const HERE: &str = "10.1.2.3";

/// By SCRAM and by password, which must agree.
fn both_ways(
    node: &Node,
    name: &str,
    secret: &str,
    source: &str,
    seconds: u64,
) -> Result<Login, LoginFailure> {
    let by_scram = node.sign_in(name, secret, source, at(seconds));
    let by_password = node
        .credentials
        .check_password(name, secret, address(source), at(seconds));
    assert_eq!(format!("{by_scram:?}"), format!("{by_password:?}"));
    by_scram
}

#[test]
fn the_right_secret_signs_in() {
    let node = Node::new();
    let issued = node.issue("alice");
    let login = both_ways(&node, "alice", issued.secret.expose(), HERE, 0).unwrap();
    assert_eq!(
        login,
        Login {
            principal: principal("alice"),
            resource: shop(),
            credential: Some(issued.id),
            authentication: Authentication::by_operator(START_UTC_NS),
            sign_in: None,
            parents: Vec::new(),
            ends_utc_ns: START_UTC_NS + 60_000_000_000,
        }
    );
    let node = node.restarted();
    assert_eq!(
        both_ways(&node, "alice", issued.secret.expose(), HERE, 1).unwrap(),
        login
    );
}

#[test]
fn each_of_many_secrets_finds_its_own_credential() {
    let node = Node::new();
    let issued: Vec<_> = (0..20).map(|_| node.issue("alice")).collect();
    for one in &issued {
        let login = both_ways(&node, "alice", one.secret.expose(), HERE, 0).unwrap();
        assert_eq!(login.credential, Some(one.id));
    }
}

#[test]
fn another_secret_or_name_does_not() {
    let node = Node::new();
    let (alice, bob) = (node.issue("alice"), node.issue("bob"));
    let mut changed = alice.secret.expose().to_owned();
    let last = changed.pop().unwrap();
    changed.push(if last == 'A' { 'B' } else { 'A' });
    for (name, secret) in [
        ("alice", bob.secret.expose()),
        ("bob", alice.secret.expose()),
        ("alice", &changed),
    ] {
        let failure = both_ways(&node, name, secret, HERE, 0).unwrap_err();
        assert!(matches!(failure, LoginFailure::NoMatch), "{failure:?}");
        assert_eq!(failure.credential(), None);
    }
    for name in ["Alice", "carol", "", &"a".repeat(10_000), "alice\0"] {
        let failure = both_ways(&node, name, alice.secret.expose(), HERE, 0).unwrap_err();
        assert!(matches!(failure, LoginFailure::UnknownName), "{failure:?}");
    }
}

#[test]
fn expiry_is_exact_and_recorded_as_such() {
    let node = Node::new();
    let issued = node.issue("alice");
    let secret = issued.secret.expose();
    let mut last_moment = at(60);
    last_moment.utc_ns -= 1;
    assert!(node.sign_in("alice", secret, HERE, last_moment).is_ok());
    let failure = both_ways(&node, "alice", secret, HERE, 60).unwrap_err();
    assert!(matches!(failure, LoginFailure::Expired { credential } if credential == issued.id));
    assert_eq!(
        (failure.code(), failure.credential()),
        ("expired", Some(issued.id))
    );
    // Half a day later it is still known for what it was; after a day it is forgotten at the next issue.
    node.credentials
        .issue(request("bob"), at(12 * 3600))
        .unwrap();
    let failure = both_ways(&node, "alice", secret, HERE, 12 * 3600).unwrap_err();
    assert!(
        matches!(failure, LoginFailure::Expired { .. }),
        "{failure:?}"
    );
    node.credentials
        .issue(request("bob"), at(25 * 3600))
        .unwrap();
    let failure = both_ways(&node, "alice", secret, HERE, 25 * 3600).unwrap_err();
    assert!(matches!(failure, LoginFailure::UnknownName), "{failure:?}");
}

#[test]
fn a_revoked_credential_is_out_at_once_and_others_are_not() {
    let node = Node::new();
    let (first, second) = (node.issue("alice"), node.issue("alice"));
    let summary = node.credentials.revoke(first.id, at(5)).unwrap().unwrap();
    assert_eq!(summary.revoked_utc_ns, Some(at(5).utc_ns));
    let failure = both_ways(&node, "alice", first.secret.expose(), HERE, 6).unwrap_err();
    assert!(matches!(failure, LoginFailure::Revoked { credential } if credential == first.id));
    assert!(both_ways(&node, "alice", second.secret.expose(), HERE, 6).is_ok());
    let node = node.restarted();
    let failure = both_ways(&node, "alice", first.secret.expose(), HERE, 7).unwrap_err();
    assert!(matches!(failure, LoginFailure::Revoked { .. }));
}

#[test]
fn source_networks_bind() {
    let node = Node::new();
    let networks = vec![
        "10.0.0.0/8".parse().unwrap(),
        "2001:db8::/32".parse().unwrap(),
    ];
    let asked = custos_identity::IssueRequest {
        source_networks: networks,
        ..request("alice")
    };
    let issued = node.credentials.issue(asked, at(0)).unwrap();
    for source in ["10.255.0.1", "::ffff:10.0.0.1", "2001:db8::7"] {
        assert!(
            both_ways(&node, "alice", issued.secret.expose(), source, 0).is_ok(),
            "{source}"
        );
    }
    for source in [
        "192.0.2.1",
        "127.0.0.1",
        "::1",
        "2001:db9::1",
        "::ffff:11.0.0.1",
    ] {
        let failure = both_ways(&node, "alice", issued.secret.expose(), source, 0).unwrap_err();
        assert!(
            matches!(failure, LoginFailure::WrongSource { .. }),
            "{source}: {failure:?}"
        );
    }
}

#[test]
fn when_the_database_fails_nobody_signs_in() {
    let node = Node::new();
    let issued = node.issue("alice");
    rusqlite::Connection::open(node.directory.path().join("control.db"))
        .unwrap()
        .execute_batch("UPDATE credentials SET body = x'00'")
        .unwrap();
    let failure = both_ways(&node, "alice", issued.secret.expose(), HERE, 0).unwrap_err();
    assert!(matches!(failure, LoginFailure::Store(_)), "{failure:?}");
}

#[test]
fn parameters_do_not_tell_whether_a_name_is_known() {
    let node = Node::new();
    let before = ["alice", "bob"].map(|name| node.credentials.scram_parameters(name));
    node.issue("alice");
    let node = node.restarted();
    let after = ["alice", "bob"].map(|name| node.credentials.scram_parameters(name));
    assert_eq!(before, after);
    assert_ne!(before[0].salt, before[1].salt);
    assert_eq!(before[0].iterations, before[1].iterations);
    let elsewhere = Node::new().credentials.scram_parameters("alice");
    assert_ne!(elsewhere.salt, before[0].salt, "another node, another salt");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_guess_signs_in(guess in "(cus_[A-Za-z0-9_-]{43}|.{0,60})", name in "(alice|.{0,70})") {
        thread_local! {
            static NODE: Node = {
                let node = Node::new();
                node.issue("alice");
                node
            };
        }
        NODE.with(|node| {
            let answer = node.credentials.check_password(&name, &guess, address(HERE), at(0));
            prop_assert!(matches!(answer, Err(LoginFailure::NoMatch | LoginFailure::UnknownName)));
            Ok(())
        })?;
    }
}
