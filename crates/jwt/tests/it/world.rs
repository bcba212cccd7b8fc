//! The records, the time and the expectations under which test tokens are judged.

use std::time::Duration;

use custos_jwt::{
    Algorithm, Class, ClassName, ClassRule, Issuer, IssuerKeys, Nonce, Rejection, ReplayCache,
    Token, Verified,
};
use custos_model::Instant;

use crate::forge::Forge;
use crate::keys::SET;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://idp.example";
pub(crate) const CLIENT: &str = "custos";
pub(crate) const OURS: &str = "https://gateway.example";
pub(crate) const WORKLOAD: &str = "repo:acme/shop:environment:prod east";
/// Of OpenID Connect Core, appendix A.4.
pub(crate) const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

pub(crate) const CLASSES: [ClassName; 7] = [
    ClassName::IdToken,
    ClassName::AccessToken,
    ClassName::DelegationToken,
    ClassName::WorkloadToken,
    ClassName::LogoutToken,
    ClassName::ClientAssertion,
    ClassName::SecurityEvent,
];
/// All but RS512, PS384 and PS512.
pub(crate) const ALLOWED: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Ps256,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

/// A hostile token: a good one of the class with one thing changed.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) class: ClassName,
    pub(crate) change: fn(Forge) -> String,
    pub(crate) code: &'static str,
}

pub(crate) const fn case(
    code: &'static str,
    class: ClassName,
    name: &'static str,
    change: fn(Forge) -> String,
) -> Case {
    Case {
        name,
        class,
        change,
        code,
    }
}

/// Judges every case; says all that went wrong, not only the first.
pub(crate) fn all_refused(cases: &[Case]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let token = (case.change)(Forge::good(case.class));
            let code = match verify(case.class, token.as_bytes()) {
                Ok(_) => "ACCEPTED",
                Err(rejection) => rejection.code(),
            };
            (code != case.code).then(|| format!("{}: {code}, not {}", case.name, case.code))
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

pub(crate) fn at(second: u64) -> Instant {
    Instant {
        utc_ns: second * 1_000_000_000,
        mono_ns: 5,
    }
}

/// The record under which tokens of that class are judged.
pub(crate) fn record(class: ClassName) -> Issuer {
    let name = match class {
        ClassName::ClientAssertion => CLIENT,
        _ => ISSUER,
    };
    let rule = match class {
        ClassName::WorkloadToken => ClassRule::new(class).require("repository_id"),
        _ => ClassRule::new(class),
    };
    Issuer::new(name, &ALLOWED, &[OURS], [rule]).expect("a good record")
}

pub(crate) fn judge(class: ClassName) -> IssuerKeys {
    IssuerKeys::configured(record(class), SET.clone())
}

/// What is expected of a token of that class.
pub(crate) fn expected(class: ClassName, replay: &ReplayCache) -> Class<'_> {
    match class {
        ClassName::IdToken => Class::IdToken {
            client_id: CLIENT,
            nonce: Nonce::Login("n-1"),
            access_token: Some(ACCESS_TOKEN),
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
    }
}

pub(crate) fn verify(class: ClassName, token: &[u8]) -> Result<Verified, Rejection> {
    let replay = ReplayCache::new(10);
    verify_once(class, token, &replay)
}

pub(crate) fn verify_once(
    class: ClassName,
    token: &[u8],
    replay: &ReplayCache,
) -> Result<Verified, Rejection> {
    let token = Token::parse(token)?;
    judge(class).verify(&token, &expected(class, replay), at(NOW))
}
