//! What can be issued, what is kept of it, and what an operator sees.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_identity::{CredentialState, IdentityError, IssueRequest};
use custos_model::{Principal, PrincipalKind};
use custos_store::CANDIDATES_MAX;

use crate::support::{Node, at, principal, request};

#[test]
fn secrets_have_the_form_and_are_distinct() {
    let node = Node::new();
    let secrets: HashSet<String> = (0..50)
        .map(|_| node.issue("alice").secret.expose().to_owned())
        .collect();
    assert_eq!(secrets.len(), 50);
    for secret in secrets {
        let random = URL_SAFE_NO_PAD
            .decode(secret.strip_prefix("cus_").unwrap())
            .unwrap();
        assert_eq!(random.len(), 32);
    }
}

#[test]
fn the_secret_is_in_no_file() {
    let node = Node::new();
    let issued = node.issue("canary-name");
    let secret = issued.secret.expose();
    let random = URL_SAFE_NO_PAD.decode(&secret[4..]).unwrap();
    let found = |needle: &[u8]| {
        let mut entries = fs::read_dir(node.directory.path()).unwrap();
        entries.any(|entry| {
            let content = fs::read(entry.unwrap().path()).unwrap();
            content.windows(needle.len()).any(|part| part == needle)
        })
    };
    assert!(found(b"canary-name"), "the search finds what is in clear");
    assert!(!found(secret.as_bytes()));
    assert!(!found(&secret.as_bytes()[4..]));
    assert!(!found(&random));
    assert!(!format!("{issued:?} {:?}", node.credentials).contains(&secret[4..]));
}

#[test]
fn limits_hold() {
    let node = Node::new();
    let with = |change: fn(&mut IssueRequest)| {
        let mut asked = request("alice");
        change(&mut asked);
        node.credentials.issue(asked, at(0))
    };
    for good in [1, 3600] {
        let asked = IssueRequest {
            ttl: Duration::from_secs(good),
            ..request("alice")
        };
        let issued = node.credentials.issue(asked, at(0)).unwrap();
        assert_eq!(issued.expires_utc_ns, at(good).utc_ns);
    }
    assert!(matches!(
        with(|it| it.ttl = Duration::from_millis(999)),
        Err(IdentityError::TimeToLive)
    ));
    assert!(matches!(
        with(|it| it.ttl = Duration::from_millis(3_600_001)),
        Err(IdentityError::TimeToLive)
    ));
    assert!(matches!(
        with(|it| it.principal.name.clear()),
        Err(IdentityError::LoginName)
    ));
    assert!(matches!(
        with(|it| it.principal.name = "a".repeat(64)),
        Err(IdentityError::LoginName)
    ));
    assert!(matches!(
        with(|it| it.principal.name = "a\tb".into()),
        Err(IdentityError::LoginName)
    ));
    assert!(with(|it| it.principal.name = "a".repeat(63)).is_ok());
    assert!(matches!(
        with(|it| it.principal.issuer.clear()),
        Err(IdentityError::NotAPrincipal)
    ));
    assert!(matches!(
        with(|it| it.principal.kind = PrincipalKind::Unknown),
        Err(IdentityError::NotAPrincipal)
    ));
    assert!(matches!(
        with(|it| it.principal.groups = vec!["g".repeat(100); 100]),
        Err(IdentityError::PrincipalTooLarge { .. })
    ));
    assert!(matches!(
        with(|it| it.resource = "postgres/nowhere".parse().unwrap()),
        Err(IdentityError::ResourceUnknown(_))
    ));
    assert!(matches!(
        with(|it| it.source_networks = vec!["10.0.0.0/8".parse().unwrap(); 33]),
        Err(IdentityError::SourceNetworks { .. })
    ));
}

#[test]
fn a_name_has_no_more_valid_credentials_than_are_looked_at() {
    let node = Node::new();
    let issued: Vec<_> = (0..CANDIDATES_MAX).map(|_| node.issue("alice")).collect();
    let refused = node.credentials.issue(request("alice"), at(0)).unwrap_err();
    assert!(
        matches!(refused, IdentityError::TooMany { .. }),
        "{refused:?}"
    );
    for one in [&issued[0], &issued[CANDIDATES_MAX - 1]] {
        assert!(
            node.sign_in("alice", one.secret.expose(), "::1", at(0))
                .is_ok()
        );
    }
    assert!(
        node.credentials.issue(request("bob"), at(0)).is_ok(),
        "others are not concerned"
    );
    node.credentials.revoke(issued[7].id, at(0)).unwrap();
    assert!(node.credentials.issue(request("alice"), at(0)).is_ok());
    assert!(
        node.credentials.issue(request("alice"), at(60)).is_ok(),
        "when all have expired"
    );
}

#[test]
fn listed_with_state_and_without_keys() {
    let node = Node::new();
    let chain = Principal {
        kind: PrincipalKind::Agent,
        on_behalf_of: vec![principal("alice")],
        ..principal("helper")
    };
    let asked = IssueRequest {
        principal: chain.clone(),
        source_networks: vec!["10.0.0.0/8".parse().unwrap()],
        ..request("")
    };
    let issued = node.credentials.issue(asked, at(0)).unwrap();
    let list = node.credentials.list().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].id, &list[0].principal), (issued.id, &chain));
    assert_eq!(list[0].state(at(59).utc_ns), CredentialState::Valid);
    assert_eq!(list[0].state(at(60).utc_ns), CredentialState::Expired);
    let revoked = node.credentials.revoke(issued.id, at(3)).unwrap().unwrap();
    let again = node.credentials.revoke(issued.id, at(4)).unwrap().unwrap();
    assert_eq!(revoked, again, "the first time stays");
    assert_eq!(revoked.state(at(3).utc_ns), CredentialState::Revoked);
    assert_eq!(node.credentials.get(issued.id).unwrap(), Some(again));
    let json = serde_json::to_value(&revoked).unwrap();
    let mut members: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    members.sort();
    assert_eq!(
        members,
        [
            "expires_utc_ns",
            "id",
            "issued_utc_ns",
            "principal",
            "resource",
            "revoked_utc_ns",
            "source_networks"
        ]
    );
    let unknown = "01890000-0000-7000-8000-000000000000".parse().unwrap();
    assert_eq!(node.credentials.revoke(unknown, at(0)).unwrap(), None);
}
