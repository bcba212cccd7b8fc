//! Tokens: bytes as they come against a fixed key, and claims that a good signature covers.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use custos_jwt::{
    Algorithm, Class, ClassName, ClassRule, Issuer, IssuerKeys, KeySet, Nonce, ReplayCache, Signer,
    Token, Verified,
};
use custos_model::Instant;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://idp.example";
const CLIENT: &str = "custos";
const OURS: &str = "https://gateway.example";

/// The public half of the key that signed the seeds. Its private half is not here.
const KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw"}]}"#;

/// All that this key ever signed.
const GOOD: [(ClassName, &str); 7] = [
    (
        ClassName::IdToken,
        include_str!("../seeds/jwt/good_id_token"),
    ),
    (
        ClassName::AccessToken,
        include_str!("../seeds/jwt/good_access_token"),
    ),
    (
        ClassName::DelegationToken,
        include_str!("../seeds/jwt/good_delegation_token"),
    ),
    (
        ClassName::WorkloadToken,
        include_str!("../seeds/jwt/good_workload_token"),
    ),
    (
        ClassName::LogoutToken,
        include_str!("../seeds/jwt/good_logout_token"),
    ),
    (
        ClassName::ClientAssertion,
        include_str!("../seeds/jwt/good_client_assertion"),
    ),
    (
        ClassName::SecurityEvent,
        include_str!("../seeds/jwt/good_security_event"),
    ),
];

static FIXED: LazyLock<Vec<IssuerKeys>> = LazyLock::new(|| {
    let judges = judges(KEYS);
    for ((class, good), judge) in GOOD.iter().zip(&judges) {
        let token = Token::parse(good.as_bytes()).unwrap();
        assert!(verify(judge, &token, *class).is_some(), "{class:?}");
    }
    judges
});

static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::generate().unwrap());
static OWN: LazyLock<Vec<IssuerKeys>> =
    LazyLock::new(|| judges(&json!({"keys": [SIGNER.public_jwk()]}).to_string()));

fuzz_target!(|data: &[u8]| {
    only_known_tokens_are_taken(data);
    if let Ok(Value::Object(claims)) = serde_json::from_slice(data) {
        signed_claims_are_judged(&claims);
    }
});

/// One judge for each class, in the order of `GOOD`.
fn judges(keys: &str) -> Vec<IssuerKeys> {
    let judge = |(class, _): &(ClassName, &str)| {
        let name = match class {
            ClassName::ClientAssertion => CLIENT,
            _ => ISSUER,
        };
        let algorithms = [Algorithm::EdDsa, Algorithm::Es256];
        let issuer = Issuer::new(name, &algorithms, &[OURS], [ClassRule::new(*class)]).unwrap();
        IssuerKeys::configured(issuer, KeySet::parse(keys.as_bytes()).unwrap())
    };
    GOOD.iter().map(judge).collect()
}

fn verify(judge: &IssuerKeys, token: &Token, class: ClassName) -> Option<Verified> {
    let replay = &ReplayCache::new(1);
    let class = match class {
        ClassName::IdToken => Class::IdToken {
            client_id: CLIENT,
            nonce: Nonce::Login("n-1"),
            access_token: Some("a"),
            max_auth_age: Some(Duration::from_mins(5)),
        },
        ClassName::AccessToken => Class::AccessToken,
        ClassName::DelegationToken => Class::DelegationToken,
        ClassName::WorkloadToken => Class::WorkloadToken,
        ClassName::LogoutToken => Class::LogoutToken {
            client_id: CLIENT,
            replay,
        },
        ClassName::ClientAssertion => Class::ClientAssertion {
            audience: OURS,
            replay,
        },
        ClassName::SecurityEvent => Class::SecurityEvent { replay },
    };
    let now = Instant {
        utc_ns: NOW * 1_000_000_000,
        mono_ns: 0,
    };
    let verified = judge.verify(token, &class, now);
    if let Err(rejection) = &verified {
        assert!(!rejection.code().is_empty() && !rejection.to_string().is_empty());
    }
    verified.ok()
}

/// Ed25519 signatures and base64url have one spelling, so what is taken is a seed, byte for byte.
fn only_known_tokens_are_taken(data: &[u8]) {
    let Ok(token) = Token::parse(data) else {
        return;
    };
    assert!(data.len() <= 16 << 10);
    for ((class, good), judge) in GOOD.iter().zip(&*FIXED) {
        let taken = verify(judge, &token, *class).is_some();
        assert_eq!(taken, data == good.as_bytes(), "{class:?}");
    }
}

/// A good signature alone gets nothing past the rules that matter most.
fn signed_claims_are_judged(claims: &Map<String, Value>) {
    for ((class, _), judge) in GOOD.iter().zip(&*OWN) {
        let kind = match class {
            ClassName::IdToken | ClassName::WorkloadToken | ClassName::ClientAssertion => "JWT",
            ClassName::AccessToken => "at+jwt",
            ClassName::DelegationToken => "custos-delegation+jwt",
            ClassName::LogoutToken => "logout+jwt",
            ClassName::SecurityEvent => "secevent+jwt",
        };
        let Ok(text) = SIGNER.sign(kind, claims) else {
            return;
        };
        let Some(verified) = Token::parse(text.as_bytes())
            .ok()
            .and_then(|token| verify(judge, &token, *class))
        else {
            continue;
        };
        assert_eq!(claims["iss"], verified.issuer());
        assert_eq!(claims["iat"], verified.issued_at());
        assert!(verified.issued_at() <= NOW + 60);
        assert!(verified.expires_at().is_none_or(|at| at > NOW - 60));
        assert!(verified.expires_at().is_some() || *class == ClassName::SecurityEvent);
        assert!(
            verified
                .audiences()
                .iter()
                .any(|name| name == CLIENT || name == OURS)
        );
        assert!(
            verified
                .subject()
                .is_none_or(|name| name.is_ascii() && name.len() <= 255)
        );
        assert_eq!(
            claims.get("sub").and_then(Value::as_str),
            verified.subject()
        );
    }
}
