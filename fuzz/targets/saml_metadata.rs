//! Metadata of identity providers: as a file that is trusted, and signed by a pinned certificate.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_saml::{Metadata, MetadataOptions, Transport};
use libfuzzer_sys::fuzz_target;

/// Signed by the key whose certificate is pinned.
const SIGNED: &str = include_str!("../seeds/saml_metadata/signed");
/// 2026-11-21T12:00:30Z.
const NOW: u64 = 1_795_262_430_000_000_000;
/// SHA-256 of `crates/saml/tests/data/keys/other-rsa.crt.pem`, DER.
static PIN: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let text = include_str!("../seeds/saml_metadata/pin");
    STANDARD.decode(text.trim()).unwrap().try_into().unwrap()
});
static GENUINE: LazyLock<Metadata> = LazyLock::new(|| pinned(SIGNED.as_bytes()).unwrap());

fn options() -> MetadataOptions<'static> {
    MetadataOptions {
        transport: Transport::HttpOnLoopback,
        utc_ns: NOW,
        ..MetadataOptions::default()
    }
}

fn pinned(bytes: &[u8]) -> Option<Metadata> {
    let signed_by = Some(*PIN);
    Metadata::parse(
        bytes,
        &MetadataOptions {
            signed_by,
            ..options()
        },
    )
    .ok()
}

fuzz_target!(|data: &[u8]| {
    if let Ok(metadata) = Metadata::parse(data, &options()) {
        assert!(!metadata.entity_id().is_empty());
        assert!(metadata.valid_until().is_none_or(|until| until > NOW));
        let location = metadata.sso_location().as_str();
        assert!(location.starts_with("https://") || location.starts_with("http://"));
    }
    if let Some(metadata) = pinned(data) {
        assert_eq!(metadata, *GENUINE);
    }
});
