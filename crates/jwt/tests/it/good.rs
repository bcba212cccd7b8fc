//! The controls: without its one change, every hostile token would be taken.

use std::time::Duration;

use custos_jwt::{
    Algorithm, Class, ClassName, ClassRule, Issuer, IssuerKeys, Nonce, Rejection, ReplayCache,
    Token,
};
use serde_json::json;

use crate::forge::Forge;
use crate::keys::{ED, ES256, ES384, PS256, PS384, PS512, RS256, RS384, RS512, SET, TestKey};
use crate::world::{
    ACCESS_TOKEN, CLASSES, CLIENT, ISSUER, NOW, OURS, WORKLOAD, at, expected, judge, verify,
    verify_once,
};

fn accepted(forge: &Forge, class: ClassName) {
    let text = forge.text();
    assert_eq!(
        verify(class, text.as_bytes()).map(|_| ()),
        Ok(()),
        "{class:?}"
    );
}

#[test]
fn one_of_each_class() {
    for class in CLASSES {
        let forge = Forge::good(class);
        let verified = verify(class, forge.text().as_bytes()).expect("a good token");
        assert_eq!(verified.class(), class);
        assert_eq!(verified.issuer(), forge.claims["iss"]);
        assert_eq!(verified.issued_at(), NOW - 10);
        assert_eq!(
            verified.audiences(),
            [forge.claims["aud"].as_str().expect("a string")]
        );
        let text = |name: &str| forge.claims.get(name).and_then(|value| value.as_str());
        assert_eq!(verified.subject(), text("sub"));
        assert_eq!(verified.token_id(), text("jti"));
        assert_eq!(verified.session_id(), text("sid"));
        assert_eq!(verified.client_id(), text("client_id"));
        let date = |name: &str| forge.claims.get(name).and_then(serde_json::Value::as_u64);
        assert_eq!(verified.expires_at(), date("exp"));
        assert_eq!(verified.authenticated_at(), date("auth_time"));
        let mut rest = forge.claims.clone();
        rest.retain(|name, _| {
            !["iss", "sub", "aud", "exp", "nbf", "iat", "jti"].contains(&name.as_str())
        });
        assert_eq!(verified.claims(), &rest);
    }
}

#[test]
fn every_algorithm() {
    let keys: [(&'static TestKey, Algorithm, &str); 10] = [
        (&RS256, Algorithm::Rs256, "rsa"),
        (&RS384, Algorithm::Rs384, "rsa"),
        (&RS512, Algorithm::Rs512, "rsa"),
        (&PS256, Algorithm::Ps256, "rsa"),
        (&PS384, Algorithm::Ps384, "rsa"),
        (&PS512, Algorithm::Ps512, "rsa"),
        (&ES256, Algorithm::Es256, "es"),
        (&ES384, Algorithm::Es384, "es3"),
        (&ED, Algorithm::EdDsa, "ed"),
        (&PS256, Algorithm::Ps256, "pinned"),
    ];
    for (key, algorithm, kid) in keys {
        let rules = [ClassRule::new(ClassName::WorkloadToken)];
        let issuer = Issuer::new(ISSUER, &[algorithm], &[OURS], rules).expect("a good record");
        let forge = Forge::good(ClassName::WorkloadToken).signed(key, algorithm.name(), kid);
        let token = Token::parse(forge.text().as_bytes()).expect("well formed");
        let judge = IssuerKeys::configured(issuer, SET.clone());
        let verified = judge.verify(&token, &Class::WorkloadToken, at(NOW));
        assert_eq!(
            verified.expect("good").subject(),
            Some(WORKLOAD),
            "{algorithm:?} {kid}"
        );
    }
    accepted(
        &Forge::good(ClassName::IdToken)
            .without("at_hash")
            .signed(&ED, "Ed25519", "ed"),
        ClassName::IdToken,
    );
}

#[test]
fn what_specifications_leave_open_is_taken() {
    let id = || Forge::good(ClassName::IdToken);
    accepted(&id().headless("typ"), ClassName::IdToken);
    accepted(
        &id().header("typ", "application/jwt".into()),
        ClassName::IdToken,
    );
    accepted(&id().headless("kid"), ClassName::IdToken);
    accepted(
        &id()
            .header("x5t", "abc".into())
            .header("x5t#S256", "abc".into()),
        ClassName::IdToken,
    );
    accepted(&id().without("at_hash"), ClassName::IdToken);
    accepted(&id().claim("aud", json!([CLIENT])), ClassName::IdToken);
    let two = id().claim("aud", json!([CLIENT, OURS]));
    accepted(&two.claim("azp", CLIENT.into()), ClassName::IdToken);
    accepted(&id().claim("iat", (NOW + 60).into()), ClassName::IdToken);
    accepted(
        &id()
            .claim("email_verified", "true".into())
            .claim("sid", "s".into()),
        ClassName::IdToken,
    );
    let access = || Forge::good(ClassName::AccessToken);
    accepted(
        &access().header("typ", "application/at+JWT".into()),
        ClassName::AccessToken,
    );
    accepted(
        &access().claim("aud", json!(["https://other.example", OURS])),
        ClassName::AccessToken,
    );
    let workload = || Forge::good(ClassName::WorkloadToken);
    accepted(&workload().headless("typ"), ClassName::WorkloadToken);
    accepted(
        &workload().header("typ", "JOSE".into()),
        ClassName::WorkloadToken,
    );
    accepted(&workload().without("nbf"), ClassName::WorkloadToken);
    let logout = || Forge::good(ClassName::LogoutToken);
    accepted(&logout().without("sub"), ClassName::LogoutToken);
    accepted(&logout().without("sid"), ClassName::LogoutToken);
    let assertion = || Forge::good(ClassName::ClientAssertion);
    accepted(&assertion().headless("typ"), ClassName::ClientAssertion);
    accepted(
        &assertion().header("typ", "client-authentication+jwt".into()),
        ClassName::ClientAssertion,
    );
    accepted(
        &Forge::good(ClassName::SecurityEvent).claim("exp", (NOW + 10).into()),
        ClassName::SecurityEvent,
    );
}

#[test]
fn a_refresh_may_lack_the_nonce_but_never_change_it() {
    let refresh = |forge: Forge| {
        let class = Class::IdToken {
            client_id: CLIENT,
            nonce: Nonce::Refresh("n-1"),
            access_token: None,
            max_auth_age: None,
        };
        let token = Token::parse(forge.text().as_bytes()).expect("well formed");
        judge(ClassName::IdToken)
            .verify(&token, &class, at(NOW))
            .map(|_| ())
    };
    let id = || Forge::good(ClassName::IdToken);
    assert_eq!(refresh(id()), Ok(()));
    assert_eq!(refresh(id().without("nonce")), Ok(()));
    assert_eq!(
        refresh(id().claim("nonce", "n-2".into())),
        Err(Rejection::NonceWrong)
    );
    assert_eq!(refresh(id().without("auth_time")), Ok(()));
    assert_eq!(refresh(id().claim("at_hash", "x".into())), Ok(()));
}

#[test]
fn untyped_logout_tokens_are_taken_only_where_the_record_says_so() {
    let rule = ClassRule::new(ClassName::LogoutToken).untyped();
    let issuer = Issuer::new(ISSUER, &[Algorithm::Es256], &[], [rule]).expect("a good record");
    let judge = IssuerKeys::configured(issuer, SET.clone());
    let logout = || Forge::good(ClassName::LogoutToken);
    for forge in [
        logout(),
        logout().headless("typ"),
        logout().header("typ", "JWT".into()),
    ] {
        let replay = ReplayCache::new(1);
        let token = Token::parse(forge.text().as_bytes()).expect("well formed");
        let class = expected(ClassName::LogoutToken, &replay);
        assert!(judge.verify(&token, &class, at(NOW)).is_ok());
    }
    let replay = ReplayCache::new(1);
    let class = expected(ClassName::LogoutToken, &replay);
    let other = logout().header("typ", "at+jwt".into()).text();
    let token = Token::parse(other.as_bytes()).expect("well formed");
    assert_eq!(
        judge.verify(&token, &class, at(NOW)),
        Err(Rejection::TypeWrong)
    );
}

#[test]
fn single_use_tokens_are_used_up_by_success_alone() {
    for class in [
        ClassName::LogoutToken,
        ClassName::ClientAssertion,
        ClassName::SecurityEvent,
    ] {
        let replay = ReplayCache::new(1);
        let good = Forge::good(class);
        let bad = Forge::good(class).claim("aud", "https://other.example".into());
        assert!(verify_once(class, bad.text().as_bytes(), &replay).is_err());
        assert!(replay.is_empty());
        assert!(verify_once(class, good.text().as_bytes(), &replay).is_ok());
        let again = verify_once(class, good.text().as_bytes(), &replay);
        assert_eq!(again, Err(Rejection::Replayed), "{class:?}");
        let other = Forge::good(class).claim("jti", "other".into());
        let full = verify_once(class, other.text().as_bytes(), &replay);
        assert_eq!(full, Err(Rejection::ReplayCacheFull), "{class:?}");
    }
}

#[test]
fn a_class_without_a_rule_is_not_taken() {
    let replay = ReplayCache::new(1);
    let judge = judge(ClassName::AccessToken);
    let others = CLASSES
        .into_iter()
        .filter(|class| *class != ClassName::AccessToken);
    for class in others {
        let token = Token::parse(Forge::good(class).text().as_bytes()).expect("well formed");
        let refused = judge.verify(&token, &expected(class, &replay), at(NOW));
        assert_eq!(refused, Err(Rejection::ClassNotAccepted), "{class:?}");
    }
}

#[test]
fn an_issuer_is_chosen_by_its_exact_name() {
    let records = [ClassName::ClientAssertion, ClassName::IdToken].map(crate::world::record);
    let choose = |forge: Forge| {
        let token = Token::parse(forge.text().as_bytes()).expect("well formed");
        token
            .choose(&records)
            .map(|issuer| issuer.name().to_owned())
    };
    let id = || Forge::good(ClassName::IdToken);
    assert_eq!(choose(id()).as_deref(), Some(ISSUER));
    assert_eq!(
        choose(id().claim("iss", "https://idp.example/".into())),
        None
    );
    assert_eq!(choose(id().claim("iss", json!([ISSUER]))), None);
    assert_eq!(choose(id().without("iss")), None);
}

/// Neither a token nor what it says stands in any text that could reach a log.
#[test]
fn nothing_shows_a_token() {
    let class = ClassName::IdToken;
    let forge = Forge::good(class).claim("email", "alice@example.com".into());
    let text = forge.text();
    let token = Token::parse(text.as_bytes()).expect("well formed");
    let verified = verify(class, text.as_bytes()).expect("good");
    let replay = ReplayCache::new(1);
    let expected = expected(class, &replay);
    let refused = [Rejection::NonceWrong, Rejection::ClaimMalformed("sub")];
    let shown = format!(
        "{token:?} {verified:?} {expected:?} {replay:?} {refused:?} {}",
        refused[1]
    );
    for secret in [
        "alice",
        "n-1",
        ACCESS_TOKEN,
        "sre",
        text.split('.').nth(1).expect("a part"),
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn the_signer_makes_tokens_that_are_taken() {
    let signer = custos_jwt::Signer::generate().expect("a key");
    let set = json!({"keys": [signer.public_jwk()]}).to_string();
    let keys = custos_jwt::KeySet::parse(set.as_bytes()).expect("a good set");
    assert_eq!(keys.keys()[0].thumbprint(), signer.key_id());
    let rules = [ClassRule::new(ClassName::AccessToken).max_age(Duration::from_mins(15))];
    let issuer = Issuer::new(ISSUER, &[Algorithm::Es256], &[OURS], rules).expect("a good record");
    let text = signer.sign("at+jwt", &Forge::good(ClassName::AccessToken).claims);
    let token = Token::parse(text.expect("signed").as_bytes()).expect("well formed");
    let verified =
        IssuerKeys::configured(issuer, keys).verify(&token, &Class::AccessToken, at(NOW));
    assert_eq!(verified.expect("good").key_thumbprint(), signer.key_id());
}
