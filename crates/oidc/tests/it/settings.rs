//! Settings that cannot be used, and what is made of those that can.

use std::time::Duration;

use custos_model::Secret;
use custos_oidc::{ClientAuthentication, RelyingParty, Settings, SettingsError};

use crate::fake::settings;

fn good() -> Settings {
    settings("okta", "https://okta.example")
}

fn refused(change: impl FnOnce(&mut Settings)) -> SettingsError {
    let mut settings = good();
    change(&mut settings);
    RelyingParty::new(settings).unwrap_err()
}

#[test]
fn the_name_is_a_namespace() {
    for name in [
        "",
        "Okta",
        "okta:eu",
        "okta eu",
        "\u{f6}kta",
        &"a".repeat(33),
    ] {
        assert_eq!(
            refused(|it| name.clone_into(&mut it.name)),
            SettingsError::Name,
            "{name}"
        );
    }
    let long = Settings {
        name: "a".repeat(32),
        ..good()
    };
    assert!(RelyingParty::new(long).is_ok());
}

#[test]
fn the_issuer_is_https_unless_it_is_loopback_and_that_is_allowed() {
    for issuer in [
        "http://okta.example",
        "http://127.0.0.1:9000",
        "https://okta.example?a=1",
        "okta.example",
    ] {
        assert_eq!(
            refused(|it| issuer.clone_into(&mut it.issuer)),
            SettingsError::Issuer,
            "{issuer}"
        );
    }
    let local = Settings {
        issuer: "http://127.0.0.1:9000".to_owned(),
        loopback: true,
        ..good()
    };
    assert!(RelyingParty::new(local).is_ok());
    let remote = |it: &mut Settings| {
        it.loopback = true;
        "http://okta.example".clone_into(&mut it.issuer);
    };
    assert_eq!(refused(remote), SettingsError::Issuer);
}

#[test]
fn the_rest_must_be_usable() {
    assert_eq!(
        refused(|it| it.client_id = String::new()),
        SettingsError::ClientId
    );
    assert_eq!(
        refused(|it| it.client_id = "a\n".to_owned()),
        SettingsError::ClientId
    );
    let empty = ClientAuthentication::Secret(Secret::new(String::new()));
    assert_eq!(
        refused(|it| it.client_authentication = empty),
        SettingsError::ClientSecret
    );
    let uri = |it: &mut Settings| it.redirect_uri = "http://custos.example.com/cb".to_owned();
    assert_eq!(refused(uri), SettingsError::RedirectUri);
    let uri = |it: &mut Settings| it.redirect_uri = "https://custos.example.com/cb#x".to_owned();
    assert_eq!(refused(uri), SettingsError::RedirectUri);
    for scope in ["", "a b", "a\"", "a\\"] {
        assert_eq!(
            refused(|it| it.scopes = vec![scope.to_owned()]),
            SettingsError::Scope,
            "{scope}"
        );
    }
    assert_eq!(
        refused(|it| it.algorithms.clear()),
        SettingsError::Algorithms
    );
    assert_eq!(
        refused(|it| it.mapping.name.clear()),
        SettingsError::NameClaims
    );
}

#[test]
fn discovery_is_at_the_issuer() {
    let url = |issuer: &str| {
        let settings = Settings {
            issuer: issuer.to_owned(),
            max_age: Some(Duration::ZERO),
            ..good()
        };
        RelyingParty::new(settings).unwrap().discovery_url()
    };
    let expected = "https://okta.example/.well-known/openid-configuration";
    assert_eq!(url("https://okta.example"), expected);
    assert_eq!(url("https://okta.example/"), expected);
    let expected = "https://okta.example/realms/a/.well-known/openid-configuration";
    assert_eq!(url("https://okta.example/realms/a"), expected);
}
