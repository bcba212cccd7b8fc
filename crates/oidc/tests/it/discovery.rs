//! Hostile and broken discovery documents: each differs from a good one in one thing.

use custos_jwt::Algorithm;
use custos_oidc::{ClientAuthentication, MAX_DISCOVERY_BYTES, Provider, Rejection};
use serde_json::{Value, json};

use crate::fake::{Fake, document, with};

fn discovered(fake: &Fake, document: &Value) -> Result<Provider, Rejection> {
    fake.relying_party()
        .discovered(document.to_string().as_bytes())
}

fn refused(name: &str, other: Option<Value>) -> Rejection {
    let fake = Fake::new("okta");
    let document = with(fake.document.clone(), name, other);
    discovered(&fake, &document).map(|_| ()).unwrap_err()
}

#[test]
fn a_good_document_is_taken() {
    let provider = Fake::new("okta").provider();
    let discovery = provider.discovery();
    assert_eq!(discovery.issuer(), "https://okta.example");
    assert_eq!(discovery.jwks_uri(), "https://okta.example/keys");
    assert_eq!(discovery.algorithms(), [Algorithm::Es256, Algorithm::Rs256]);
    assert!(discovery.sends_issuer() && discovery.back_channel_logout());
    assert!(discovery.back_channel_logout_session());
    assert!(discovery.ends_sessions() && discovery.has_userinfo());
}

#[test]
fn the_issuer_is_the_configured_one_byte_for_byte() {
    for issuer in [
        "https://okta.example/",
        "https://OKTA.example",
        "https://okta.example:443",
        "http://okta.example",
        "https://evil.example",
        "https://okta.example.evil.example",
        "https://okta.example/{tenantid}",
        "",
    ] {
        let refused = refused("issuer", Some(json!(issuer)));
        assert_eq!(refused, Rejection::DiscoveryIssuer, "{issuer}");
    }
}

#[test]
fn endpoints_are_absolute_https_urls() {
    let names = [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
        "end_session_endpoint",
    ];
    for name in names {
        for url in [
            "http://okta.example/x",
            "http://127.0.0.1/x",
            "/x",
            "//okta.example/x",
            "https://alice:pw@okta.example/x",
            "https://okta.example/x#y",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "$(calc)",
            "https://okta.example\\@evil.example/",
            "",
        ] {
            let refused = refused(name, Some(json!(url)));
            assert_eq!(refused, Rejection::DiscoveryEndpoint(name), "{url}");
        }
        for wrong in [json!(1), json!(null), json!(["https://okta.example/x"])] {
            assert_eq!(refused(name, Some(wrong)), Rejection::DiscoveryMember(name));
        }
    }
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        assert_eq!(refused(name, None), Rejection::DiscoveryMember(name));
    }
}

#[test]
fn optional_endpoints_may_be_missing() {
    let fake = Fake::new("okta");
    for name in ["userinfo_endpoint", "end_session_endpoint"] {
        assert!(discovered(&fake, &with(fake.document.clone(), name, None)).is_ok());
    }
}

#[test]
fn plain_http_is_for_loopback_where_allowed() {
    let mut fake = Fake::new("dev");
    fake.issuer = "http://127.0.0.1:9000".to_owned();
    fake.settings.issuer.clone_from(&fake.issuer);
    fake.settings.loopback = true;
    fake.document = document(&fake.issuer);
    assert!(discovered(&fake, &fake.document).is_ok());
    let elsewhere = with(
        fake.document.clone(),
        "token_endpoint",
        Some(json!("http://10.0.0.1/token")),
    );
    let refused = discovered(&fake, &elsewhere).map(|_| ());
    assert_eq!(refused, Err(Rejection::DiscoveryEndpoint("token_endpoint")));
}

#[test]
fn a_provider_without_s256_is_refused_unless_configured() {
    const NAME: &str = "code_challenge_methods_supported";
    for other in [
        None,
        Some(json!([])),
        Some(json!(["plain"])),
        Some(json!(["s256"])),
    ] {
        assert_eq!(refused(NAME, other), Rejection::PkceNotOffered);
    }
    assert_eq!(
        refused(NAME, Some(json!("S256"))),
        Rejection::DiscoveryMember(NAME)
    );
    let mut fake = Fake::new("okta");
    fake.settings.s256_unadvertised = true;
    assert!(discovered(&fake, &with(fake.document.clone(), NAME, None)).is_ok());
}

#[test]
fn some_algorithm_is_both_offered_and_allowed() {
    const NAME: &str = "id_token_signing_alg_values_supported";
    for other in [
        json!([]),
        json!(["HS256", "none"]),
        json!(["PS256"]),
        json!(["es256"]),
    ] {
        assert_eq!(refused(NAME, Some(other)), Rejection::AlgorithmsNotOffered);
    }
    assert_eq!(refused(NAME, None), Rejection::DiscoveryMember(NAME));
    assert_eq!(
        refused(NAME, Some(json!([256]))),
        Rejection::DiscoveryMember(NAME)
    );
    let fake = Fake::new("okta");
    let fewer = with(
        fake.document.clone(),
        NAME,
        Some(json!(["none", "HS256", "ES256"])),
    );
    let provider = discovered(&fake, &fewer).unwrap();
    assert_eq!(provider.discovery().algorithms(), [Algorithm::Es256]);
}

#[test]
fn the_code_flow_is_offered() {
    for (name, other) in [
        (
            "response_types_supported",
            json!(["id_token", "code id_token"]),
        ),
        ("response_modes_supported", json!(["fragment", "form_post"])),
        ("grant_types_supported", json!(["implicit"])),
    ] {
        assert_eq!(
            refused(name, Some(other)),
            Rejection::CodeFlowNotOffered,
            "{name}"
        );
    }
}

#[test]
fn the_clients_credential_is_one_that_is_taken() {
    const METHODS: &str = "token_endpoint_auth_methods_supported";
    for other in [
        json!([]),
        json!(["private_key_jwt"]),
        json!(["client_secret_jwt", "tls_client_auth"]),
    ] {
        assert_eq!(
            refused(METHODS, Some(other)),
            Rejection::ClientAuthenticationNotOffered
        );
    }
    let mut fake = Fake::new("okta");
    let signer = custos_jwt::Signer::generate().unwrap();
    fake.settings.client_authentication = ClientAuthentication::PrivateKey(signer.into());
    for (name, other) in [
        (METHODS, None),
        (METHODS, Some(json!(["client_secret_basic"]))),
        (
            "token_endpoint_auth_signing_alg_values_supported",
            Some(json!(["RS256"])),
        ),
    ] {
        let document = with(fake.document.clone(), name, other);
        let refused = discovered(&fake, &document).map(|_| ());
        assert_eq!(
            refused,
            Err(Rejection::ClientAuthenticationNotOffered),
            "{name}"
        );
    }
    assert!(discovered(&fake, &fake.document).is_ok());
}

#[test]
fn flags_are_booleans() {
    for name in [
        "authorization_response_iss_parameter_supported",
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
    ] {
        for wrong in [json!("true"), json!(1), json!(null)] {
            assert_eq!(refused(name, Some(wrong)), Rejection::DiscoveryMember(name));
        }
    }
}

#[test]
fn the_document_is_one_object_of_bounded_size_with_each_member_once() {
    let relying_party = Fake::new("okta").relying_party();
    let refused = |document: &str| {
        relying_party
            .discovered(document.as_bytes())
            .map(|_| ())
            .unwrap_err()
    };
    let good = Fake::new("okta").document.to_string();
    let twice = good.replacen('{', r#"{"issuer":"https://evil.example","#, 1);
    assert_eq!(refused(&twice), Rejection::DiscoveryMalformed);
    for other in [
        "",
        "[]",
        "null",
        "<html>",
        &good[..good.len() - 1],
        &format!("{good}{good}"),
    ] {
        assert_eq!(refused(other), Rejection::DiscoveryMalformed, "{other}");
    }
    let padded = |bytes: usize| format!("{good}{}", " ".repeat(bytes - good.len()));
    assert!(
        relying_party
            .discovered(padded(MAX_DISCOVERY_BYTES).as_bytes())
            .is_ok()
    );
    assert_eq!(
        refused(&padded(MAX_DISCOVERY_BYTES + 1)),
        Rejection::DiscoveryTooLong
    );
}
