//! Access tokens of our own, as sessions take them, and the keys that sign them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use custos_identity::{
    BearerFailure, KeyChange, KeyChangeKind, Login, NewSignIn, OwnIssuer, SignIns, SigningKeyState,
    SigningKeysError, StoredSignIn, open_signing_keys,
};
use custos_jwt::Signer;
use custos_model::{Authentication, Instant, Principal, Secret};
use custos_oauth::{AuthorizationServer, BaseUrl, GrantId, RefreshTokens as _};
use serde_json::{Map, Value, json};

use crate::support::{Node, START_UTC_NS, at, principal, random, shop};

const BASE: &str = "https://custos.example.com";
const GRANT: &str = "00112233445566778899aabbccddeeff";
const DAY: u64 = 24 * 3600;

struct World {
    node: Node,
    sign_ins: SignIns,
    issuer: OwnIssuer,
}

impl World {
    fn new() -> Self {
        Self::on(Node::new(), at(0))
    }

    fn on(node: Node, now: Instant) -> Self {
        let base: BaseUrl = BASE.parse().unwrap();
        let keys = open_signing_keys(&node.store, &base, now, random).unwrap();
        let server = AuthorizationServer::new(base, keys, Vec::new()).unwrap();
        let sign_ins = SignIns::new(node.store.clone(), random);
        let store = node.store.clone();
        let issuer = OwnIssuer::new(server, store, sign_ins.clone(), random);
        Self {
            node,
            sign_ins,
            issuer,
        }
    }

    fn restarted(self, now: Instant) -> Self {
        let Self {
            node,
            sign_ins,
            issuer,
        } = self;
        drop((sign_ins, issuer));
        Self::on(node.restarted(), now)
    }

    fn begin(&self, name: &str) -> StoredSignIn {
        let new = NewSignIn {
            principal: principal(name),
            authentication: Authentication::by("okta", START_UTC_NS),
            provider_session: None,
            lasts: Duration::from_hours(1),
            parents: Vec::new(),
        };
        self.sign_ins.begin(new, at(0)).unwrap()
    }

    /// Signed with the key that signs now.
    fn sign(&self, claims: &Map<String, Value>) -> String {
        let server = self.issuer.server();
        server.keys().signers().0.sign("at+jwt", claims).unwrap()
    }

    fn token(&self, sign_in: &StoredSignIn) -> String {
        self.sign(&claims(sign_in, at(0)))
    }

    fn check(&self, token: &str, name: &str, now: Instant) -> Result<Login, BearerFailure> {
        self.issuer.check(token, name, &shop(), now)
    }

    fn change(&self, change: KeyChange) {
        self.issuer.put_in_force(change).unwrap();
    }
}

/// What the authorization server writes for `custos-libpq`.
fn claims(sign_in: &StoredSignIn, now: Instant) -> Map<String, Value> {
    let Principal {
        issuer,
        subject,
        name,
        kind,
        ..
    } = &sign_in.principal;
    let mut of = (issuer.len() as u64).to_be_bytes().to_vec();
    of.extend(issuer.bytes().chain(subject.bytes()));
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &of);
    let issued = now.utc_ns / 1_000_000_000;
    let claims = json!({
        "iss": BASE, "aud": BASE, "sub": URL_SAFE_NO_PAD.encode(hash),
        "iat": issued, "exp": issued + 900, "jti": "00000000000000000000000000000001",
        "client_id": "custos-libpq", "scope": "postgres", "grant": GRANT,
        "idp": issuer, "idp_subject": subject, "kind": kind, "name": name, "groups": ["gone"],
        "sid": sign_in.id,
    });
    match claims {
        Value::Object(claims) => claims,
        _ => unreachable!("an object"),
    }
}

#[test]
fn a_token_signs_its_owner_in_as_the_sign_in_says() {
    let world = World::new();
    let alice = world.begin("alice");
    let login = world.check(&world.token(&alice), "alice", at(1)).unwrap();
    assert_eq!(
        login,
        Login {
            principal: alice.principal.clone(),
            resource: shop(),
            credential: None,
            authentication: alice.authentication.clone(),
            sign_in: Some(alice.id),
            ends_utc_ns: alice.expires_utc_ns,
            parents: Vec::new(),
        },
        "groups that the token has and the sign-in has not count for nothing"
    );
    assert_eq!(
        world.issuer.discovery_url(),
        "https://custos.example.com/.well-known/openid-configuration"
    );
}

#[test]
fn every_other_token_is_refused_with_its_reason() {
    let world = World::new();
    let alice = world.begin("alice");
    let bob = world.begin("bob");
    let good = claims(&alice, at(0));
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims.insert(name.to_owned(), value);
        world.sign(&claims)
    };
    let actor = json!({
        "iss": "local", "sub": "helper", "kind": "agent", "name": "helper", "groups": [], "sid": bob.id,
    });
    let own_key = {
        let server = world.issuer.server();
        server.keys().signers().0.sign("JWT", &good).unwrap()
    };
    let cases = [
        (
            changed("exp", json!(START_UTC_NS / 1_000_000_000 - 60)),
            "token_rejected (expires_before_issue)",
        ),
        (
            changed("aud", json!("https://other.example.com")),
            "token_rejected (audience_wrong)",
        ),
        (
            changed("iss", json!("https://other.example.com")),
            "token_rejected (issuer_wrong)",
        ),
        (
            changed("scope", json!("api")),
            "the token is not for postgres",
        ),
        (
            changed("scope", json!("postgres admin")),
            "token_rejected (claims_unknown)",
        ),
        (changed("sid", json!(bob.id)), "token_revoked"),
        (
            changed("idp_subject", json!("bob")),
            "token_rejected (claims_unknown)",
        ),
        (
            changed("extra", json!(1)),
            "token_rejected (claims_unknown)",
        ),
        (own_key, "token_rejected (type_wrong)"),
        (
            Signer::generate().unwrap().sign("at+jwt", &good).unwrap(),
            "token_rejected (key_unknown)",
        ),
        (world.token(&bob), "the token is not of this login name"),
        (String::new(), "token_rejected (token_parts)"),
        ("x".repeat(20_000), "token_rejected (token_too_long)"),
    ];
    for (token, expected) in cases {
        let failure = world.check(&token, "alice", at(1)).unwrap_err();
        assert_eq!(failure.to_string(), expected);
        let insufficient = expected.contains("not for postgres");
        let status = if insufficient {
            "insufficient_scope"
        } else {
            "invalid_token"
        };
        assert_eq!(failure.status(), status, "{expected}");
    }
    // An agent that acts for alice hangs on two sign-ins, and a session ends with one.
    let helper = {
        let new = NewSignIn {
            principal: Principal {
                subject: "helper".to_owned(),
                kind: custos_model::PrincipalKind::Agent,
                ..principal("helper")
            },
            authentication: Authentication::by("okta", START_UTC_NS),
            provider_session: None,
            lasts: Duration::from_hours(1),
            parents: Vec::new(),
        };
        world.sign_ins.begin(new, at(0)).unwrap()
    };
    let mut acting = actor;
    acting["sid"] = json!(helper.id);
    let failure = world
        .check(&changed("act", acting), "helper", at(1))
        .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "the token is of somebody who acts for others"
    );
}

#[test]
fn a_token_ends_with_its_time_its_sign_in_and_its_grant() {
    let world = World::new();
    let alice = world.begin("alice");
    let token = world.token(&alice);
    assert!(world.check(&token, "alice", at(909)).is_ok());
    let late = world.check(&token, "alice", at(911)).unwrap_err();
    assert_eq!(late.to_string(), "token_rejected (expired)");

    let grant = GrantId::parse(GRANT).unwrap();
    let refresh_tokens = world.issuer.refresh_tokens();
    refresh_tokens.revoke(grant, at(2000).utc_ns).unwrap();
    let revoked = world.check(&token, "alice", at(1)).unwrap_err();
    assert_eq!(revoked.to_string(), "token_revoked");

    let world = World::new();
    let alice = world.begin("alice");
    let token = world.token(&alice);
    assert!(world.check(&token, "alice", at(1)).is_ok());
    world.sign_ins.end(alice.id, at(2)).unwrap();
    let ended = world.check(&token, "alice", at(3)).unwrap_err();
    assert_eq!(ended.to_string(), "token_revoked");
}

#[tokio::test]
async fn a_rotation_is_due_after_a_month_and_outlives_a_restart() {
    let world = World::new();
    let alice = world.begin("alice");
    let soon = at(30 * DAY - 1);
    assert!(world.issuer.due_rotation(soon).await.unwrap().is_none());
    let made = world.issuer.signing_keys(soon);

    let world = world.restarted(at(30 * DAY));
    assert_eq!(world.issuer.signing_keys(soon), made, "an age is kept too");
    let before = world.sign(&claims(&alice, at(30 * DAY)));
    let change = world.issuer.due_rotation(at(30 * DAY)).await.unwrap();
    let change = change.expect("it is due");
    assert_eq!(change.kind(), KeyChangeKind::Rotation);
    assert_eq!(change.signs(), made[1].id);
    assert_eq!((change.added().len(), change.removed().len()), (1, 0));
    world.change(change);

    let world = world.restarted(at(30 * DAY));
    let states: Vec<_> = world
        .issuer
        .signing_keys(at(30 * DAY))
        .iter()
        .map(|key| key.state)
        .collect();
    let (current, next) = (SigningKeyState::Current, SigningKeyState::Next);
    assert_eq!(states, [current, next, SigningKeyState::Retired]);
    // The sign-in is long over; that it is asked about shows that the signature was taken.
    let refused = world.check(&before, "alice", at(30 * DAY + 1)).unwrap_err();
    assert_eq!(refused.to_string(), "token_revoked");
    let due = world.issuer.due_rotation(at(31 * DAY)).await.unwrap();
    assert!(due.is_none());
    let early = world.issuer.early_rotation(at(31 * DAY - 1)).await;
    assert!(matches!(early, Err(SigningKeysError::NextTooNew)));
    world.change(world.issuer.early_rotation(at(31 * DAY)).await.unwrap());
    assert_eq!(world.issuer.signing_keys(at(31 * DAY)).len(), 3);
}

#[tokio::test]
async fn a_replacement_ends_every_token_at_once_and_no_sign_in() {
    let world = World::new();
    let alice = world.begin("alice");
    let token = world.token(&alice);
    assert!(world.check(&token, "alice", at(1)).is_ok());
    let old = world.issuer.signing_keys(at(1));
    let change = world.issuer.replacement(at(1)).await.unwrap();
    assert_eq!(change.kind(), KeyChangeKind::Replacement);
    assert_eq!(change.added().len(), 2);
    assert_eq!(change.removed(), [old[0].id.clone(), old[1].id.clone()]);
    // While it is prepared, nothing has changed and nobody else changes anything.
    assert_eq!(world.issuer.signing_keys(at(1)), old);
    let issuer = world.issuer.clone();
    let second = issuer.due_rotation(at(31 * DAY));
    tokio::pin!(second);
    tokio::select! {
        biased;
        _ = &mut second => panic!("two changes at once"),
        () = std::future::ready(()) => {}
    }
    world.change(change);
    let second = second.await.unwrap().expect("due by its date");
    assert!(!second.added().is_empty() && !second.removed().contains(&old[0].id));
    drop(second);

    let dead = world.check(&token, "alice", at(2)).unwrap_err();
    assert_eq!(dead.to_string(), "token_rejected (key_unknown)");
    let world = world.restarted(at(2));
    let dead = world.check(&token, "alice", at(2)).unwrap_err();
    assert_eq!(dead.to_string(), "token_rejected (key_unknown)");
    assert!(world.check(&world.token(&alice), "alice", at(2)).is_ok());
}

#[test]
fn keys_of_before_they_had_an_age_are_taken_over() {
    let node = Node::new();
    let signers = [Signer::generate().unwrap(), Signer::generate().unwrap()];
    for (name, signer) in ["oauth.key.current", "oauth.key.next"].iter().zip(&signers) {
        let text = Secret::new(STANDARD.encode(signer.to_pkcs8().unwrap().as_slice()));
        node.store.put_secret(name, &text, random).unwrap();
    }
    let world = World::on(node, at(5));
    let keys = world.issuer.signing_keys(at(5));
    assert_eq!(keys[0].id, signers[0].key_id());
    assert_eq!(keys[1].id, signers[1].key_id());
    assert_eq!(keys[0].time_utc_ns, at(5).utc_ns);
    assert!(
        world
            .node
            .store
            .secret("oauth.key.current")
            .unwrap()
            .is_none()
    );
    assert!(world.node.store.secret("oauth.key.next").unwrap().is_none());
}

#[test]
fn damaged_keys_are_not_replaced_in_silence() {
    let node = Node::new();
    let base: BaseUrl = BASE.parse().unwrap();
    let damaged = Secret::new("{}".to_owned());
    node.store
        .put_secret("oauth.keys", &damaged, random)
        .unwrap();
    let opened = open_signing_keys(&node.store, &base, at(0), random);
    assert!(matches!(opened, Err(SigningKeysError::Damaged)));
}
