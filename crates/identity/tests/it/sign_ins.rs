//! Sign-ins, and credentials that end with them.

use std::time::Duration;

use custos_identity::{
    IdentityError, IssueRequest, LoginFailure, NewSignIn, SIGN_IN_MAX, SignIns, SignInsOf,
    StoredSignIn,
};
use custos_model::Authentication;

use crate::support::{Node, START_UTC_NS, at, principal, random, request};

const HERE: &str = "10.1.2.3";

fn begin(sign_ins: &SignIns, name: &str, lasts: Duration) -> StoredSignIn {
    let new = NewSignIn {
        principal: principal(name),
        authentication: Authentication::by("okta", START_UTC_NS),
        provider_session: Some(format!("session of {name}")),
        lasts,
        parents: Vec::new(),
    };
    sign_ins.begin(new, at(0)).unwrap()
}

fn under(sign_in: &StoredSignIn) -> IssueRequest {
    IssueRequest {
        principal: sign_in.principal.clone(),
        authentication: sign_in.authentication.clone(),
        sign_in: Some(sign_in.id),
        ttl: Duration::from_mins(30),
        ..request(&sign_in.principal.name)
    }
}

#[test]
fn a_sign_in_lasts_as_long_as_it_may_and_survives_a_restart() {
    let node = Node::new();
    let sign_ins = SignIns::new(node.store.clone(), random);
    let short = begin(&sign_ins, "alice", Duration::from_mins(10));
    let long = begin(&sign_ins, "bob", Duration::from_hours(100));
    assert_eq!(
        long.expires_utc_ns,
        START_UTC_NS + SIGN_IN_MAX.as_nanos() as u64
    );
    drop(sign_ins);
    let node = node.restarted();
    let sign_ins = SignIns::new(node.store.clone(), random);
    assert_eq!(sign_ins.list().unwrap(), [short.clone(), long.clone()]);
    assert_eq!(
        sign_ins.live(short.id, at(599)).unwrap(),
        Some(short.clone())
    );
    assert_eq!(sign_ins.live(short.id, at(600)).unwrap(), None);
    let alice = SignInsOf::Principal {
        issuer: "local",
        subject: "alice",
    };
    assert_eq!(sign_ins.live_of(alice, at(0)).unwrap(), [short]);
    let session = |provider| SignInsOf::ProviderSession {
        provider,
        session: "session of bob",
    };
    assert_eq!(sign_ins.live_of(session("okta"), at(0)).unwrap(), [long]);
    assert_eq!(sign_ins.live_of(session("entra"), at(0)).unwrap(), []);
}

#[test]
fn credentials_end_with_their_sign_in() {
    let node = Node::new();
    let sign_ins = SignIns::new(node.store.clone(), random);
    let sign_in = begin(&sign_ins, "alice", Duration::from_mins(10));
    let issued = node.credentials.issue(under(&sign_in), at(0)).unwrap();
    // Half an hour was asked for, and the sign-in lasts ten minutes.
    assert_eq!(issued.expires_utc_ns, sign_in.expires_utc_ns);
    let secret = issued.secret.expose();
    let login = node.sign_in("alice", secret, HERE, at(1)).unwrap();
    assert_eq!(login.sign_in, Some(sign_in.id));
    assert_eq!(login.authentication.provider, "okta");
    assert_eq!(login.ends_utc_ns, sign_in.expires_utc_ns);
    assert!(
        node.credentials
            .still_good(&login, at(1))
            .unwrap()
            .is_some()
    );
    assert!(
        node.credentials
            .still_good(&login, at(600))
            .unwrap()
            .is_none()
    );

    assert!(sign_ins.end(sign_in.id, at(2)).unwrap());
    assert!(
        node.credentials
            .still_good(&login, at(2))
            .unwrap()
            .is_none()
    );
    assert!(!sign_ins.end(sign_in.id, at(3)).unwrap(), "ended already");
    assert_eq!(sign_ins.live(sign_in.id, at(3)).unwrap(), None);
    let failure = node.sign_in("alice", secret, HERE, at(3)).unwrap_err();
    assert!(matches!(failure, LoginFailure::Revoked { .. }), "{failure}");
    let error = node.credentials.issue(under(&sign_in), at(3)).unwrap_err();
    assert!(matches!(error, IdentityError::SignInEnded), "{error}");
}

#[test]
fn a_session_may_outlast_its_credential_but_not_its_sign_in() {
    let node = Node::new();
    let sign_ins = SignIns::new(node.store.clone(), random);
    let sign_in = begin(&sign_ins, "alice", Duration::from_hours(8));
    let issued = node.credentials.issue(under(&sign_in), at(0)).unwrap();
    let login = node
        .sign_in("alice", issued.secret.expose(), HERE, at(1))
        .unwrap();
    assert!(login.ends_utc_ns > issued.expires_utc_ns);
    assert_eq!(login.ends_utc_ns, sign_in.expires_utc_ns);
}

#[test]
fn a_credential_opens_as_often_as_it_may() {
    let node = Node::new();
    let asked = IssueRequest {
        uses_max: Some(2),
        ..request("alice")
    };
    let issued = node.credentials.issue(asked, at(0)).unwrap();
    let secret = issued.secret.expose();
    node.sign_in("alice", secret, HERE, at(1)).unwrap();
    node.sign_in("alice", "cus_wrong", HERE, at(1)).unwrap_err();
    let node = node.restarted();
    node.sign_in("alice", secret, HERE, at(1)).unwrap();
    let failure = node.sign_in("alice", secret, HERE, at(1)).unwrap_err();
    assert!(matches!(failure, LoginFailure::UsedUp { .. }), "{failure}");
    let never = IssueRequest {
        uses_max: Some(0),
        ..request("alice")
    };
    let error = node.credentials.issue(never, at(0)).unwrap_err();
    assert!(matches!(error, IdentityError::Uses), "{error}");
}

#[test]
fn one_principal_does_not_take_all_the_room_of_its_login_name() {
    let node = Node::new();
    let sign_ins = SignIns::new(node.store.clone(), random);
    let day = Duration::from_hours(10);
    let hers = begin(&sign_ins, "alice", day);
    let mut new = NewSignIn {
        principal: principal("alice"),
        authentication: Authentication::by("entra", START_UTC_NS),
        provider_session: None,
        lasts: day,
        parents: Vec::new(),
    };
    new.principal.issuer = "https://entra.example".to_owned();
    let other = sign_ins.begin(new, at(0)).unwrap();
    let taken = (0..300).take_while(|_| node.credentials.issue(under(&other), at(0)).is_ok());
    assert_eq!(taken.count(), 250);
    let again = begin(&sign_ins, "alice", day);
    node.credentials.issue(under(&hers), at(0)).unwrap();
    node.credentials.issue(under(&again), at(0)).unwrap();
    let error = node.credentials.issue(under(&other), at(0)).unwrap_err();
    assert!(matches!(error, IdentityError::TooMany { .. }), "{error}");
    node.credentials.issue(under(&other), at(1800)).unwrap();
}

#[test]
fn what_hangs_on_two_sign_ins_ends_with_either() {
    for ended in 0..2 {
        let node = Node::new();
        let sign_ins = SignIns::new(node.store.clone(), random);
        let agent = begin(&sign_ins, "helper", Duration::from_mins(20));
        let person = begin(&sign_ins, "alice", Duration::from_mins(10));
        let new = NewSignIn {
            principal: principal("helper"),
            authentication: Authentication::by("delegation", START_UTC_NS),
            provider_session: None,
            lasts: Duration::from_hours(1),
            parents: vec![agent.id, person.id],
        };
        let both = sign_ins.begin(new.clone(), at(0)).unwrap();
        assert_eq!(both.expires_utc_ns, person.expires_utc_ns, "the earliest");
        let issued = node.credentials.issue(under(&both), at(0)).unwrap();
        let secret = issued.secret.expose();
        let login = node.sign_in("helper", secret, HERE, at(1)).unwrap();
        assert_eq!(login.parents, [agent.id, person.id]);
        assert!(
            node.credentials
                .still_good(&login, at(1))
                .unwrap()
                .is_some()
        );

        assert!(sign_ins.end([agent.id, person.id][ended], at(2)).unwrap());
        assert_eq!(sign_ins.live(both.id, at(2)).unwrap(), None);
        assert!(
            node.credentials
                .still_good(&login, at(2))
                .unwrap()
                .is_none()
        );
        let failure = node.sign_in("helper", secret, HERE, at(2)).unwrap_err();
        assert!(
            matches!(failure, LoginFailure::SignInEnded { .. }),
            "{failure}"
        );
        let error = node.credentials.issue(under(&both), at(2)).unwrap_err();
        assert!(matches!(error, IdentityError::SignInEnded), "{error}");
        let error = sign_ins.begin(new, at(2)).unwrap_err();
        assert!(matches!(error, IdentityError::SignInEnded), "{error}");
    }
}
