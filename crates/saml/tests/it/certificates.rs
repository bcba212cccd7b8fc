//! Certificates with keys of every kind, made by openssl.

use std::process::Command;

use custos_saml::{
    KeyError, Metadata, MetadataError, ServiceProvider, ServiceProviderError, Settings, Transport,
};

use crate::fixture::{CONSUMER, GATEWAY, der, idp_metadata, options};

#[test]
fn weak_keys_are_refused() {
    let result = Metadata::parse(
        idp_metadata(&["idp-rsa", "weak-rsa"]).as_bytes(),
        &options(),
    );
    assert_eq!(result, Err(MetadataError::Certificate(KeyError::Size)));
}

#[test]
fn other_kinds_of_keys_are_refused() {
    for arguments in [
        ["-algorithm", "ED25519"].as_slice(),
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
        &[
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:secp256k1",
        ],
        &["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
    ] {
        let pem = certificate_with_key(arguments);
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let metadata =
            idp_metadata(&["idp-rsa"]).replace(&crate::fixture::pem_body("idp-rsa.crt"), &body);
        let result = Metadata::parse(metadata.as_bytes(), &options());
        assert_eq!(
            result,
            Err(MetadataError::Certificate(KeyError::Kind)),
            "{arguments:?}"
        );
    }
}

fn certificate_with_key(arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (key, certificate) = (
        directory.path().join("key.pem"),
        directory.path().join("crt.pem"),
    );
    let run = |command: &mut Command| {
        let output = command.output().expect("openssl is installed");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    run(Command::new("openssl")
        .arg("genpkey")
        .args(arguments)
        .arg("-out")
        .arg(&key));
    run(Command::new("openssl")
        .args([
            "req", "-x509", "-new", "-subj", "/CN=x", "-days", "36500", "-key",
        ])
        .arg(&key)
        .arg("-out")
        .arg(&certificate));
    std::fs::read_to_string(certificate).unwrap()
}

#[test]
fn settings_are_checked() {
    let (key, certificate) = (der("sp-rsa.key"), der("sp-rsa.crt"));
    let (other, weak, p384) = (
        der("other-rsa.crt"),
        der("weak-rsa.key"),
        der("idp-p384.key"),
    );
    let good = Settings {
        entity_id: GATEWAY,
        assertion_consumer_url: CONSUMER,
        logout_url: None,
        signing_key_pkcs8: &key,
        certificate_der: &certificate,
        name_id_format: None,
        transport: Transport::Https,
    };
    let refused = |settings: Settings<'_>| ServiceProvider::new(&settings).unwrap_err();
    assert!(ServiceProvider::new(&good).is_ok());
    assert_eq!(
        refused(Settings {
            entity_id: "",
            ..good
        }),
        ServiceProviderError::EntityId
    );
    assert_eq!(
        refused(Settings {
            assertion_consumer_url: "http://gateway.example/",
            ..good
        }),
        ServiceProviderError::Address
    );
    assert_eq!(
        refused(Settings {
            logout_url: Some("x"),
            ..good
        }),
        ServiceProviderError::Address
    );
    assert_eq!(
        refused(Settings {
            certificate_der: &other,
            ..good
        }),
        ServiceProviderError::Certificate
    );
    for bad in [weak.as_slice(), &p384, b"no key"] {
        let error = refused(Settings {
            signing_key_pkcs8: bad,
            ..good
        });
        assert_eq!(error, ServiceProviderError::Key(KeyError::Malformed));
    }
    assert!(!format!("{good:?}").contains("pkcs8"));
}
