//! Metadata and keys.

use custos_jwt::{KeySet, Signer};
use custos_model::Instant;
use custos_oauth::{AuthorizationServer, BaseUrl, KeyRing, KeyRingError, KeyTimes, page_headers};
use serde_json::{Value, json};

use crate::world::{BASE, World, authorize_query, claims};

#[test]
fn the_metadata_document() {
    let world = World::new();
    let all = json!([
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"
    ]);
    assert_eq!(
        world.server.metadata(),
        json!({
            "issuer": BASE,
            "authorization_endpoint": "https://custos.example.com/oauth/authorize",
            "token_endpoint": "https://custos.example.com/oauth/token",
            "device_authorization_endpoint": "https://custos.example.com/oauth/device_authorization",
            "revocation_endpoint": "https://custos.example.com/oauth/revoke",
            "jwks_uri": "https://custos.example.com/oauth/keys",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code",
                "urn:ietf:params:oauth:grant-type:token-exchange",
                "client_credentials",
            ],
            "scopes_supported": ["api", "postgres"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt", "client_secret_post"],
            "token_endpoint_auth_signing_alg_values_supported": all,
            "revocation_endpoint_auth_methods_supported": ["none", "private_key_jwt", "client_secret_post"],
            "revocation_endpoint_auth_signing_alg_values_supported": all,
            "authorization_response_iss_parameter_supported": true,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
        })
    );
}

fn key_ids(world: &World) -> Vec<String> {
    let set = world.server.key_set(world.now());
    let parsed = KeySet::parse(set.to_string().as_bytes()).unwrap();
    assert!(parsed.skipped().is_empty());
    parsed
        .keys()
        .iter()
        .map(|key| key.id().unwrap().to_owned())
        .collect()
}

fn rotate(world: &mut World, new: Signer, now: Instant) {
    let base = world.server.base_url().clone();
    let rotated = world.server.keys().rotated(&base, new, now).unwrap();
    world.server.set_keys(rotated);
}

#[test]
fn a_key_signs_for_a_month_and_is_published_a_day_before() {
    const DAY_NS: u64 = 24 * 3600 * 1_000_000_000;
    let base: BaseUrl = BASE.parse().unwrap();
    let at = |days: u64, ns: u64| Instant {
        utc_ns: days * DAY_NS + ns,
        mono_ns: 0,
    };
    let key = || Signer::generate().unwrap();
    let ring = |signs: u64, published: u64| {
        let times = KeyTimes {
            current_utc_ns: at(signs, 0).utc_ns,
            next_utc_ns: at(published, 0).utc_ns,
        };
        let ring = KeyRing::new(&base, key(), key(), Vec::new()).unwrap();
        ring.since(times)
    };
    let first = ring(100, 100);
    // Also when the clock was set back.
    for (days, due) in [
        (1, false),
        (100, false),
        (129, false),
        (130, true),
        (200, true),
    ] {
        assert_eq!(first.is_rotation_due(at(days, 0)), due, "{days}");
    }
    assert!(!first.is_rotation_due(Instant {
        utc_ns: at(130, 0).utc_ns - 1,
        mono_ns: 0,
    }));
    let next = first.rotated(&base, key(), at(131, 7)).unwrap();
    assert_eq!(next.times().current_utc_ns, at(131, 7).utc_ns);
    assert!(!next.is_rotation_due(at(160, 0)) && next.is_rotation_due(at(161, 7)));
    assert!(!next.may_next_sign(at(132, 0)) && next.may_next_sign(at(132, 7)));
    // A key that nobody can have seen signs nothing, however old the other one is.
    let late = ring(100, 140);
    assert!(!late.is_rotation_due(at(140, 9)) && late.is_rotation_due(at(141, 0)));
    // An older key is published for its last tokens and no longer.
    let keys = |ring: &KeyRing, now| ring.published(now)["keys"].as_array().unwrap().len();
    assert_eq!(keys(&next, at(131, 8)), 3);
    assert_eq!(keys(&next, at(132, 0)), 2);
}

#[test]
fn keys_rotate_without_breaking_a_token() {
    let mut world = World::new();
    let token = world.access_token();
    let before = key_ids(&world);
    assert_eq!(before.len(), 2);

    let new = Signer::generate().unwrap();
    let new_id = new.key_id().to_owned();
    let now = world.now();
    rotate(&mut world, new, now);
    // The one that was published beforehand signs now.
    assert_eq!(world.server.keys().signers().0.key_id(), before[1]);
    assert_eq!(
        key_ids(&world),
        [before[1].clone(), new_id.clone(), before[0].clone()]
    );
    assert_eq!(world.api(&token).status, 200);
    let again = world.access_token();
    assert_eq!(world.api(&again).status, 200);

    // The previous key goes with its last token.
    world.pass(910);
    assert_eq!(key_ids(&world), [before[1].clone(), new_id]);
}

#[test]
fn a_retired_key_signs_nothing_more() {
    let mut world = World::new();
    let stolen = Signer::from_pkcs8(&world.server.keys().signers().0.to_pkcs8().unwrap()).unwrap();
    let now = world.now();
    rotate(&mut world, Signer::generate().unwrap(), now);
    world.pass(910);
    let Value::Object(mut fresh) = claims(&world.access_token()) else {
        panic!("an object");
    };
    fresh.insert("name".to_owned(), "mallory".into());
    let forged = stolen.sign("at+jwt", &fresh).unwrap();
    assert_eq!(world.api(&forged).detail, Some("key_retired"));
}

#[test]
fn a_restart_keeps_tokens_good() {
    let mut world = World::new();
    let token = world.access_token();
    let now = world.now();
    rotate(&mut world, Signer::generate().unwrap(), now);
    let base: BaseUrl = BASE.parse().unwrap();
    let kept = |signer: &Signer| Signer::from_pkcs8(&signer.to_pkcs8().unwrap()).unwrap();
    let (current, next) = world.server.keys().signers();
    let retired = world.server.keys().retired().to_vec();
    let keys = KeyRing::new(&base, kept(current), kept(next), retired).unwrap();
    world.server = AuthorizationServer::new(base, keys, Vec::new()).unwrap();
    assert_eq!(world.api(&token).status, 200);
}

#[test]
fn one_key_in_two_places_is_refused() {
    let base: BaseUrl = BASE.parse().unwrap();
    let key = Signer::generate().unwrap();
    let same = Signer::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    let ring = KeyRing::new(&base, key, same, Vec::new());
    assert!(matches!(ring, Err(KeyRingError::NotDistinct)), "{ring:?}");
}

#[test]
fn pages_are_framed_by_nobody_and_run_nothing() {
    let world = World::new();
    let query = authorize_query(&[]);
    let request = world.server.authorize(query.as_bytes()).answer.unwrap();
    let shown = |headers: [(&str, String); 6]| {
        headers
            .map(|(name, value)| format!("{name}: {value}"))
            .join("\n")
    };
    let expected = |origin: &str| {
        format!("\
content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'{origin}; frame-ancestors 'none'
x-frame-options: DENY
x-content-type-options: nosniff
referrer-policy: no-referrer
cross-origin-opener-policy: same-origin
cache-control: no-store")
    };
    assert_eq!(shown(page_headers(None)), expected(""));
    let consent = shown(page_headers(Some(request.redirect_uri())));
    assert_eq!(consent, expected(" http://127.0.0.1:50123"));
}
