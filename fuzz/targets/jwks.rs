//! JSON Web Key Sets.
#![no_main]

use custos_jwt::{KeySet, MAX_KEY_ID_BYTES, MAX_KEY_SET_BYTES, MAX_KEYS, Token};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Headers without `kid`, each with empty claims and a signature of one byte.
const TOKENS: [&[u8]; 4] = [
    b"eyJhbGciOiJSUzI1NiJ9.e30.AA",
    b"eyJhbGciOiJFUzI1NiJ9.e30.AA",
    b"eyJhbGciOiJFUzM4NCJ9.e30.AA",
    b"eyJhbGciOiJFZERTQSJ9.e30.AA",
];

fuzz_target!(|data: &[u8]| match KeySet::parse(data) {
    Ok(set) => {
        every_key_is_accounted_for(data, &set);
        keys_are_found_alone(&set);
    }
    Err(error) => assert!(error.code().starts_with("key_set_") && !error.to_string().is_empty()),
});

/// What is taken is JSON to the library too, and holds no private key.
fn every_key_is_accounted_for(data: &[u8], set: &KeySet) {
    assert!(data.len() <= MAX_KEY_SET_BYTES);
    let value: Value = serde_json::from_slice(data).unwrap();
    let entries = value["keys"].as_array().unwrap();
    assert!(entries.len() <= MAX_KEYS);
    assert_eq!(entries.len(), set.keys().len() + set.skipped().len());
    assert!(entries.iter().all(|entry| entry.get("d").is_none()));
    for key in set.keys() {
        assert_eq!(key.thumbprint().len(), 43);
        assert!(
            key.id()
                .is_none_or(|id| !id.is_empty() && id.len() <= MAX_KEY_ID_BYTES)
        );
        let named = |entry: &&Value| entry.get("kid").and_then(Value::as_str) == key.id();
        assert!(entries.iter().any(|entry| named(&entry)));
    }
}

/// A token that names no key finds one of the set, or none.
fn keys_are_found_alone(set: &KeySet) {
    for token in TOKENS {
        let token = Token::parse(token).unwrap();
        match set.find(token.header()) {
            Ok(key) => assert!(
                set.keys()
                    .iter()
                    .any(|known| known.thumbprint() == key.thumbprint())
            ),
            Err(rejection) => assert!(["key_unknown", "key_not_named"].contains(&rejection.code())),
        }
    }
}
