//! SAML messages as a browser posts them. Nothing is accepted but what the recorded identity provider signed.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custos_saml::{
    Assertion, Expected, Metadata, MetadataOptions, Rejection, RequestId, ServiceProvider,
    Settings, Transport, c14n,
};
use libfuzzer_sys::fuzz_target;

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!("../../crates/saml/tests/data/", $name))
    };
}

/// The responses that were recorded; their fixed time is in `clock`.
const RECORDED: [&str; 3] = [
    data!("golden/both_signed.xml"),
    data!("golden/assertion_signed.xml"),
    data!("golden/response_signed.xml"),
];

struct Fixture {
    sp: ServiceProvider,
    idp: Metadata,
    request_id: RequestId,
    utc_ns: u64,
}

impl Fixture {
    fn new() -> Self {
        let utc_ns = data!("golden/clock").trim().parse::<u64>().unwrap() * 1_000_000_000;
        let options = MetadataOptions {
            transport: Transport::HttpOnLoopback,
            utc_ns,
            ..MetadataOptions::default()
        };
        Self {
            sp: ServiceProvider::new(&Settings {
                entity_id: "https://gateway.example/saml",
                assertion_consumer_url: "https://gateway.example/saml/acs",
                logout_url: Some("https://gateway.example/saml/logout"),
                signing_key_pkcs8: &der(data!("keys/sp-rsa.key.pem")),
                certificate_der: &der(data!("keys/sp-rsa.crt.pem")),
                name_id_format: None,
                transport: Transport::Https,
            })
            .unwrap(),
            idp: Metadata::parse(data!("golden/idp.xml").as_bytes(), &options).unwrap(),
            request_id: RequestId::from_random([0xa5; 20]),
            utc_ns,
        }
    }

    fn judge(&self, bytes: &[u8]) -> Result<Assertion, Rejection> {
        let expected = Expected {
            request_id: &self.request_id,
            utc_ns: self.utc_ns,
        };
        self.sp
            .response(&self.idp, &STANDARD.encode(bytes), &expected)
    }
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);
static GENUINE: LazyLock<Vec<Assertion>> = LazyLock::new(|| {
    RECORDED
        .iter()
        .map(|xml| FIXTURE.judge(xml.as_bytes()).unwrap())
        .collect()
});

fuzz_target!(|data: &[u8]| {
    if let Ok(assertion) = FIXTURE.judge(data) {
        assert!(GENUINE.contains(&assertion));
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (sp, idp, now) = (&FIXTURE.sp, &FIXTURE.idp, FIXTURE.utc_ns);
    assert!(
        sp.logout_request_by_post(idp, &STANDARD.encode(data), now)
            .is_err()
    );
    if let Ok(request) = sp.logout_request_by_redirect(idp, text, now) {
        // The one that was recorded.
        assert_eq!(request.name_id, GENUINE[0].name_id);
    }
    canonical_forms_are_stable(text);
});

fn canonical_forms_are_stable(text: &str) {
    for prefixes in ["", "#default xs saml"] {
        if let Ok(canonical) = c14n::exclusive(text, None, false, prefixes) {
            let again = c14n::exclusive(&canonical, None, false, prefixes);
            assert_eq!(again.as_deref(), Ok(canonical.as_str()));
        }
    }
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}
