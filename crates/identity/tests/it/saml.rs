//! A SAML provider, with messages that SimpleSAMLphp made: `crates/saml/tests/data/golden`, at the time of then.

use std::future::Future as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_identity::{GroupsAttribute, SamlMapping, SamlMetadata, SamlProvider, SamlSettings};
use custos_model::{Clock, Instant};
use custos_saml::{Metadata, MetadataOptions, RequestId, ServiceProvider, Settings, Transport};

/// The ID of the request that the messages answer.
const REQUEST: [u8; 20] = [0xa5; 20];
const SECOND: u64 = 1_000_000_000;

/// A clock that stands at a moment.
struct Stopped {
    utc_ns: u64,
    mono_ns: AtomicU64,
}

impl Clock for Stopped {
    fn now(&self) -> Instant {
        Instant {
            utc_ns: self.utc_ns,
            mono_ns: self.mono_ns.load(Ordering::Relaxed),
        }
    }
}

fn read(name: &str) -> String {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../saml/tests/data");
    std::fs::read_to_string(directory.join(name)).unwrap()
}

fn der(name: &str) -> Vec<u8> {
    let text = read(&format!("keys/{name}.pem"));
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}

fn clock() -> Arc<Stopped> {
    Arc::new(Stopped {
        utc_ns: read("golden/clock").trim().parse::<u64>().unwrap() * SECOND,
        mono_ns: AtomicU64::new(0),
    })
}

fn provider(clock: &Arc<Stopped>) -> SamlProvider {
    let service_provider = ServiceProvider::new(&Settings {
        entity_id: "https://gateway.example/saml",
        assertion_consumer_url: "https://gateway.example/saml/acs",
        logout_url: Some("https://gateway.example/saml/logout"),
        signing_key_pkcs8: &der("sp-rsa.key"),
        certificate_der: &der("sp-rsa.crt"),
        name_id_format: None,
        transport: Transport::Https,
    });
    let options = MetadataOptions {
        transport: Transport::HttpOnLoopback,
        utc_ns: clock.utc_ns,
        ..MetadataOptions::default()
    };
    let metadata = Metadata::parse(read("golden/idp.xml").as_bytes(), &options).unwrap();
    let settings = SamlSettings {
        name: "corp".to_owned(),
        service_provider: service_provider.unwrap(),
        mapping: SamlMapping {
            name_attributes: vec!["uid".to_owned()],
            groups: Some(GroupsAttribute {
                name: "groups".to_owned(),
                optional: false,
            }),
        },
        metadata: SamlMetadata::Configured(Box::new(metadata)),
    };
    SamlProvider::new(settings, Arc::clone(clock) as Arc<dyn Clock>)
}

fn response(name: &str) -> String {
    STANDARD.encode(read(&format!("golden/{name}.xml")))
}

fn code(provider: &SamlProvider, response: &str, relay_state: &str) -> &'static str {
    provider
        .finish(response, relay_state)
        .map_or_else(|failure| failure.code(), |_| "accepted")
}

#[tokio::test]
async fn a_response_is_a_principal_with_a_session_at_the_provider() {
    let clock = clock();
    let provider = provider(&clock);
    let begun = provider.begin(REQUEST, [1; 20]).await.unwrap();
    assert!(begun.url.starts_with("http://127.0.0.1:9302/saml2/idp/"));
    assert!(begun.url.contains("&Signature="), "{}", begun.url);
    assert!(begun.url.contains(&begun.relay_state), "{}", begun.url);
    assert_eq!(format!("{begun:?}"), "SamlBegun { .. }");
    let new = provider
        .finish(&response("both_signed"), &begun.relay_state)
        .unwrap();
    assert_eq!(new.principal.issuer, "http://127.0.0.1:9302/metadata");
    assert_eq!(new.principal.subject, "persistent:alice");
    assert_eq!(
        new.principal.groups,
        ["corp:R&D \"lab\" <\u{e9}>", "corp:sre"]
    );
    assert_eq!(new.authentication.provider, "corp");
    assert!(new.authentication.acr.is_some());
    // SimpleSAMLphp's own sessions last eight hours.
    assert!(new.lasts <= Duration::from_hours(8) && new.lasts > Duration::from_hours(7));

    // The provider ends that very session.
    let query = read("golden/logout_request.query");
    let logout = provider.logout_by_redirect(query.trim()).unwrap();
    assert_eq!(logout.issuer, new.principal.issuer);
    assert_eq!(logout.subject, new.principal.subject);
    assert_eq!(Some(&logout.sessions[0]), new.provider_session.as_ref());
    let to = provider.logout_response(&logout, true, [2; 20]).unwrap();
    assert!(to.contains("?SAMLResponse=") && to.contains("&Signature="));
    let again = provider.logout_by_redirect(query.trim()).unwrap_err();
    assert_eq!(again.code(), "replayed");
}

/// The signature takes milliseconds, and nothing else on this thread waits for it.
#[tokio::test]
async fn a_request_is_signed_elsewhere() {
    let provider = provider(&clock());
    let mut begun = std::pin::pin!(provider.begin(REQUEST, [1; 20]));
    let mut context = Context::from_waker(Waker::noop());
    assert!(begun.as_mut().poll(&mut context).is_pending());
    begun.await.unwrap();
}

#[tokio::test]
async fn a_logout_holds_for_the_response_that_it_overtook() {
    let clock = clock();
    let provider = provider(&clock);
    let begun = provider.begin(REQUEST, [1; 20]).await.unwrap();
    let query = read("golden/logout_request.query");
    provider.logout_by_redirect(query.trim()).unwrap();
    let response = response("both_signed");
    let refused = provider.finish(&response, &begun.relay_state).unwrap_err();
    assert_eq!(refused.code(), "logged-out");
    assert!(!refused.is_outage());
}

/// Two requests of one ID do not happen; if they did, the assertion would still be good once.
#[tokio::test]
async fn an_assertion_is_good_once_whatever_it_answers() {
    let clock = clock();
    let provider = provider(&clock);
    let mut states = Vec::new();
    for relay_state in [[1; 20], [2; 20], [3; 20]] {
        states.push(
            provider
                .begin(REQUEST, relay_state)
                .await
                .unwrap()
                .relay_state,
        );
    }
    let good = response("both_signed");
    assert_eq!(code(&provider, &good, &states[0]), "accepted");
    assert_eq!(code(&provider, &good, &states[0]), "already-answered");
    assert_eq!(code(&provider, &good, &states[1]), "replayed");
    let transient = response("response_signed");
    assert_eq!(code(&provider, &transient, &states[2]), "name-id-transient");
    let unknown = RequestId::from_random([9; 20]);
    assert_eq!(code(&provider, &good, unknown.as_str()), "unsolicited");
    assert_eq!(code(&provider, &good, ""), "unsolicited");
}

#[tokio::test]
async fn a_response_that_comes_too_late_is_not_looked_at() {
    let clock = clock();
    let provider = provider(&clock);
    let late = provider.begin(REQUEST, [1; 20]).await.unwrap();
    clock.mono_ns.store(600 * SECOND, Ordering::Relaxed);
    let response = response("both_signed");
    assert_eq!(code(&provider, &response, &late.relay_state), "unsolicited");
    // A response that is refused uses its request up all the same.
    let other = provider.begin([7; 20], [2; 20]).await.unwrap();
    assert_eq!(
        code(&provider, &response, &other.relay_state),
        "in-response-to"
    );
    assert_eq!(
        code(&provider, &response, &other.relay_state),
        "already-answered"
    );
}

#[test]
fn a_posted_request_must_be_signed() {
    let provider = provider(&clock());
    let forged = STANDARD
        .encode("<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>");
    let refused = provider.logout_by_post(&forged, None).unwrap_err();
    assert_eq!(refused.code(), "unsigned");
    let refused = provider.logout_by_redirect("").unwrap_err();
    assert_eq!(refused.code(), "query");
}
