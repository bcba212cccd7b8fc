//! Changed and random input: nothing that is not signed is taken, and nothing panics.

use custos_jwt::{ClassName, KeySet, ReplayCache, Token};
use proptest::prelude::*;

use crate::forge::Forge;
use crate::keys::{ED, ES256, PS256, RS256, TestKey};
use crate::world::{CLASSES, NOW, at, expected, judge, verify};

/// All of them, not a sample.
#[test]
fn no_single_bit_can_be_flipped() {
    let keys: [(&'static TestKey, &str, &str); 4] = [
        (&ES256, "ES256", "es"),
        (&ED, "EdDSA", "ed"),
        (&RS256, "RS256", "rsa"),
        (&PS256, "PS256", "rsa"),
    ];
    for (key, algorithm, kid) in keys {
        let good = Forge::good(ClassName::WorkloadToken)
            .signed(key, algorithm, kid)
            .text();
        assert!(verify(ClassName::WorkloadToken, good.as_bytes()).is_ok());
        for position in 0..good.len() * 8 {
            let mut bytes = good.clone().into_bytes();
            bytes[position / 8] ^= 1 << (position % 8);
            let verified = verify(ClassName::WorkloadToken, &bytes);
            assert!(verified.is_err(), "{algorithm}, bit {position}");
        }
    }
}

/// Cut, joined or with a byte more: a token is taken whole or not at all.
#[test]
fn no_part_of_a_token_is_taken() {
    let good = Forge::good(ClassName::IdToken).text();
    for end in 0..good.len() {
        assert!(
            verify(ClassName::IdToken, &good.as_bytes()[..end]).is_err(),
            "{end}"
        );
        let mut longer = good.clone();
        longer.insert(end, 'A');
        assert!(
            verify(ClassName::IdToken, longer.as_bytes()).is_err(),
            "{end}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Token::parse(&bytes).is_err() && KeySet::parse(&bytes).is_err());
    }

    /// Whatever the claims are, a good signature over them leads to a verdict, and to a token only with our issuer.
    #[test]
    fn signed_nonsense_never_panics(
        class in 0..CLASSES.len(),
        name in prop_oneof!["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "events", "sid", "azp", "auth_time", "at_hash"],
        text in "\\PC{0,12}",
        number in any::<i64>(),
        kind in 0..5,
    ) {
        let class = CLASSES[class];
        let value = match kind {
            0 => serde_json::json!(text),
            1 => serde_json::json!(number),
            2 => serde_json::json!([text, number]),
            3 => serde_json::json!({text: number}),
            _ => serde_json::Value::Null,
        };
        let forge = Forge::good(class).claim(&name, value.clone());
        let token = Token::parse(forge.text().as_bytes()).expect("well formed");
        let replay = ReplayCache::new(1);
        if let Ok(verified) = judge(class).verify(&token, &expected(class, &replay), at(NOW)) {
            prop_assert_eq!(verified.issuer(), forge.claims["iss"].as_str().expect("ours"));
            prop_assert!(!value.is_null());
        }
    }
}
