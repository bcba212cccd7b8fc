//! Passkeys and their assertions. Good ones are known by heart: whatever else verifies is forged.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use custos_signatures::{Assertion, PasskeyKey, approval_challenge};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const STATEMENT: &[u8] = b"{\"decision\":\"approve\"}";

static KEYS: LazyLock<Vec<(PasskeyKey, Assertion)>> = LazyLock::new(|| {
    macro_rules! pair {
        ($name:literal) => {
            (
                include_str!(concat!("../seeds/webauthn/key_", $name)),
                include_str!(concat!("../seeds/webauthn/good_", $name)),
            )
        };
    }
    let all = [pair!("es256"), pair!("eddsa"), pair!("rs256")];
    let parsed = all.map(|(key, good)| {
        let key: PasskeyKey = serde_json::from_str(key).unwrap();
        let good = Assertion::parse(good.as_bytes()).unwrap();
        key.verify(&approval_challenge(STATEMENT), &good).unwrap();
        (key, good)
    });
    parsed.into()
});

fuzz_target!(|data: &[u8]| {
    if let Ok(assertion) = Assertion::parse(data) {
        let written = serde_json::to_vec(&assertion).unwrap();
        assert_eq!(Assertion::parse(&written).as_ref(), Ok(&assertion));
        // The same by the other way in.
        assert_eq!(
            serde_json::from_slice::<Assertion>(data).ok(),
            Some(assertion.clone())
        );
        only_what_is_known_verifies(&assertion);
    }
    if let Ok(key) = serde_json::from_slice::<PasskeyKey>(data) {
        let written = serde_json::to_vec(&key).unwrap();
        assert_eq!(serde_json::from_slice::<PasskeyKey>(&written).unwrap(), key);
        for (known, good) in &*KEYS {
            let verified = key.verify(&approval_challenge(STATEMENT), good);
            assert_eq!(verified.is_ok(), key == *known);
        }
    }
    // Past the base64, in each place.
    for (_, good) in &*KEYS {
        for member in ["clientDataJSON", "authenticatorData", "signature"] {
            let mut json: Value = json!(good);
            json["response"][member] = json!(URL_SAFE_NO_PAD.encode(data));
            if let Ok(assertion) = serde_json::from_value::<Assertion>(json) {
                only_what_is_known_verifies(&assertion);
            }
        }
    }
});

fn only_what_is_known_verifies(assertion: &Assertion) {
    for (key, good) in &*KEYS {
        let verified = key.verify(&approval_challenge(STATEMENT), assertion);
        assert_eq!(verified.is_ok(), signed(assertion) == signed(good));
        assert!(key.verify(&[0; 32], assertion).is_err());
    }
}

/// Without the user handle, which nothing signs.
fn signed(assertion: &Assertion) -> [&[u8]; 4] {
    [
        assertion.credential_id(),
        assertion.client_data_json(),
        assertion.authenticator_data(),
        assertion.signature(),
    ]
}
