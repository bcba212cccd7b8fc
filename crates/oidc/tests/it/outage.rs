//! Keys that rotate, break, or do not come, through the key cache that callers use.

use custos_jwt::{KeyCache, KeyLookup, Rejection as Refused, Signer};
use custos_oidc::{Rejection, SignedIn};

use crate::fake::{Fake, NOW, answer, at, parse};

fn fetch(cache: &mut KeyCache, seconds: u64, keys: &[u8]) {
    let due = cache.need_refresh(at(seconds));
    cache.fetched(&due.refresh.expect("a fetch is due"), at(seconds), Ok(keys));
}

/// A sign-in at that second; what is issued is as old as the fake's clock says.
fn signs_in(
    fake: &Fake,
    cache: &mut KeyCache,
    seconds: u64,
) -> Result<SignedIn, Option<Rejection>> {
    let came_back = fake.came_back();
    let mut claims = fake.claims(&came_back.nonce);
    for (name, value) in [
        ("iat", seconds),
        ("exp", seconds + 300),
        ("auth_time", seconds),
    ] {
        claims[name] = value.into();
    }
    let response = parse(&answer(&fake.sign(&claims)));
    let header = response.id_token().expect("a token").header();
    let keys = match cache.key_for(header, at(seconds)) {
        KeyLookup::Keys(keys) => keys,
        KeyLookup::AfterRefresh => return Err(None),
        KeyLookup::Refused(refused) => return Err(Some(Rejection::Token(refused))),
    };
    fake.provider()
        .signed_in(came_back.redeeming, response, &keys, at(seconds))
        .map_err(Some)
}

#[test]
fn a_rotated_key_is_fetched_and_the_old_one_dies() {
    let mut fake = Fake::new("okta");
    let mut cache = KeyCache::new(fake.provider().token_issuer().clone());
    fetch(&mut cache, NOW, &fake.key_set());
    assert!(signs_in(&fake, &mut cache, NOW).is_ok());
    let before = std::mem::replace(&mut fake.signer, Signer::generate().unwrap());
    let waits = signs_in(&fake, &mut cache, NOW + 31).map(|_| ());
    assert_eq!(waits, Err(None), "an unknown key asks for a fetch");
    fetch(&mut cache, NOW + 31, &fake.key_set());
    assert!(signs_in(&fake, &mut cache, NOW + 32).is_ok());
    fake.signer = before;
    let refused = signs_in(&fake, &mut cache, NOW + 33).map(|_| ());
    assert_ne!(refused, Ok(()), "a key that the fresh set does not have");
}

#[test]
fn garbage_keeps_the_last_good_set_for_an_hour_of_new_logins() {
    let fake = Fake::new("okta");
    let mut cache = KeyCache::new(fake.provider().token_issuer().clone());
    fetch(&mut cache, NOW, &fake.key_set());
    fetch(&mut cache, NOW + 600, b"<html>");
    assert!(signs_in(&fake, &mut cache, NOW + 3600).is_ok());
    let refused = signs_in(&fake, &mut cache, NOW + 3601)
        .map(|_| ())
        .unwrap_err()
        .unwrap();
    assert_eq!(refused, Rejection::Token(Refused::KeysStale));
    assert!(refused.is_outage(), "it says nothing about anybody");
}

#[test]
fn without_keys_nobody_signs_in() {
    let fake = Fake::new("okta");
    let mut cache = KeyCache::new(fake.provider().token_issuer().clone());
    assert_eq!(signs_in(&fake, &mut cache, NOW).map(|_| ()), Err(None));
    fetch(&mut cache, NOW, b"{}");
    assert!(signs_in(&fake, &mut cache, NOW + 1).is_err());
}
