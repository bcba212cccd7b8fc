//! The key cache over a fake clock.

use std::time::Duration;

use custos_jwt::{
    Attempt, Class, ClassName, Due, FetchError, KeyCache, KeyEvent, KeyLookup, KeySetError, Nonce,
    RefreshError, Rejection, Token,
};
use custos_model::Instant;
use serde_json::{Value, json};

use crate::forge::Forge;
use crate::keys::{ED, ES256, STRANGER};
use crate::world::{CLIENT, NOW, record};

/// Seconds after the start, on both clocks.
fn after(seconds: u64) -> Instant {
    Instant {
        utc_ns: (NOW + seconds) * 1_000_000_000,
        mono_ns: (seconds + 1000) * 1_000_000_000,
    }
}

fn set(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

fn es() -> Vec<u8> {
    set(&[ES256.jwk("es")])
}

fn token(kid: &str) -> Token {
    let forge = Forge::good(ClassName::IdToken).header("kid", kid.into());
    Token::parse(forge.text().as_bytes()).expect("well formed")
}

fn begin(cache: &mut KeyCache, seconds: u64) -> Attempt {
    let due = cache.need_refresh(after(seconds));
    due.refresh.expect("a fetch is due")
}

fn no_fetch(cache: &mut KeyCache, seconds: u64) {
    assert_eq!(
        cache.need_refresh(after(seconds)).refresh,
        None,
        "{seconds}"
    );
}

fn load(cache: &mut KeyCache, seconds: u64, keys: &[u8]) -> Vec<KeyEvent> {
    let attempt = begin(cache, seconds);
    cache.fetched(&attempt, after(seconds), Ok(keys))
}

fn fail(cache: &mut KeyCache, seconds: u64, error: FetchError) -> Vec<KeyEvent> {
    let attempt = begin(cache, seconds);
    cache.fetched(&attempt, after(seconds), Err(error))
}

/// A cache that has just loaded the issuer's one key, at second 0.
fn loaded() -> KeyCache {
    let mut cache = KeyCache::new(record(ClassName::IdToken));
    let events = load(&mut cache, 0, &es());
    assert_eq!(codes(&events), ["keys_loaded"]);
    cache
}

fn codes(events: &[KeyEvent]) -> Vec<&'static str> {
    events.iter().map(KeyEvent::code).collect()
}

/// What comes of a token that names that key.
fn ask(cache: &mut KeyCache, kid: &str, seconds: u64) -> &'static str {
    match cache.key_for(token(kid).header(), after(seconds)) {
        KeyLookup::Keys(_) => "keys",
        KeyLookup::AfterRefresh => "after refresh",
        KeyLookup::Refused(rejection) => rejection.code(),
    }
}

#[test]
fn the_first_fetch_is_due_at_once_and_begins_once() {
    let mut cache = KeyCache::new(record(ClassName::IdToken));
    assert_eq!(cache.age(after(0)), None);
    assert_eq!(ask(&mut cache, "es", 0), "after refresh");
    let attempt = begin(&mut cache, 0);
    no_fetch(&mut cache, 1);
    assert_eq!(ask(&mut cache, "es", 1), "after refresh");
    let events = cache.fetched(&attempt, after(2), Ok(&es()));
    let [KeyEvent::Loaded { keys, skipped: 0 }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(keys[0].id.as_deref(), Some("es"));
    assert_eq!(cache.age(after(5)), Some(Duration::from_secs(3)));
    assert_eq!(ask(&mut cache, "es", 5), "keys");
}

#[test]
fn keys_are_fetched_every_ten_minutes_though_nobody_asks() {
    let mut cache = loaded();
    no_fetch(&mut cache, 599);
    assert_eq!(load(&mut cache, 600, &es()), []);
    no_fetch(&mut cache, 1199);
    begin(&mut cache, 1200);
}

#[test]
fn unknown_names_ask_for_one_fetch_in_thirty_seconds() {
    let mut cache = loaded();
    assert_eq!(ask(&mut cache, "x1", 10), "key_unknown");
    no_fetch(&mut cache, 29);
    assert_eq!(ask(&mut cache, "x2", 30), "after refresh");
    load(&mut cache, 30, &es());
    for second in 31..60 {
        assert_eq!(
            ask(&mut cache, &format!("y{second}"), second),
            "key_unknown"
        );
        no_fetch(&mut cache, second);
    }
    load(&mut cache, 60, &es());
    assert_eq!(ask(&mut cache, "es", 61), "keys", "a known key never waits");
}

#[test]
fn a_name_that_a_fresh_set_lacks_asks_for_no_other_fetch() {
    let mut cache = loaded();
    assert_eq!(ask(&mut cache, "x", 40), "after refresh");
    load(&mut cache, 40, &es());
    for second in [41, 75, 159] {
        assert_eq!(ask(&mut cache, "x", second), "key_unknown");
        no_fetch(&mut cache, second);
    }
    assert_eq!(ask(&mut cache, "x", 160), "after refresh");
    begin(&mut cache, 160);
}

#[test]
fn a_new_key_is_found_by_the_token_that_names_it() {
    let mut cache = loaded();
    assert_eq!(ask(&mut cache, "new", 100), "after refresh");
    let events = load(&mut cache, 100, &set(&[ES256.jwk("es"), ED.jwk("new")]));
    let [KeyEvent::Changed { added, removed }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(added[0].id.as_deref(), Some("new"));
    assert!(removed.is_empty());
    // The token says ES256 and the new key is Ed25519: the fault is the token's, and no fetch would help.
    assert_eq!(ask(&mut cache, "new", 101), "keys");
    no_fetch(&mut cache, 140);
}

#[test]
fn keys_that_a_fresh_set_lacks_are_gone_at_once() {
    let mut cache = loaded();
    let events = load(&mut cache, 600, &set(&[ED.jwk("ed")]));
    assert_eq!(codes(&events), ["keys_changed"]);
    assert_eq!(ask(&mut cache, "es", 601), "key_unknown");
    let events = load(&mut cache, 1300, &set(&[]));
    assert_eq!(codes(&events), ["keys_changed"]);
    assert_eq!(ask(&mut cache, "ed", 1301), "key_unknown");
}

#[test]
fn another_key_under_the_same_name_is_a_change() {
    let mut cache = loaded();
    let events = load(&mut cache, 600, &set(&[STRANGER.jwk("es")]));
    let [KeyEvent::Changed { added, removed }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(added[0].id, removed[0].id);
    assert_ne!(added[0].thumbprint, removed[0].thumbprint);
    let KeyLookup::Keys(keys) = cache.key_for(token("es").header(), after(601)) else {
        panic!("the name is known");
    };
    let refused = keys.verify(&token("es"), &login(), after(601));
    assert_eq!(refused, Err(Rejection::SignatureWrong));
}

#[test]
fn failures_keep_the_last_good_set_and_are_told_once() {
    let mut cache = loaded();
    let events = fail(&mut cache, 600, FetchError::Unreachable);
    let reason = RefreshError::Fetch(FetchError::Unreachable);
    let age = Some(Duration::from_mins(10));
    assert_eq!(events, [KeyEvent::RefreshFailed { reason, age }]);
    no_fetch(&mut cache, 629);
    assert_eq!(fail(&mut cache, 630, FetchError::Unreachable), []);
    assert_eq!(ask(&mut cache, "es", 631), "keys");
    let events = load(&mut cache, 660, b"<html>");
    let [KeyEvent::RefreshFailed { reason, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(*reason, RefreshError::KeySet(KeySetError::Malformed));
    assert_eq!(reason.code(), "key_set_malformed");
    assert_eq!(ask(&mut cache, "es", 661), "keys");
    assert_eq!(load(&mut cache, 690, &es()), [KeyEvent::Recovered]);
    no_fetch(&mut cache, 1289);
}

#[test]
fn without_any_set_nothing_is_verified() {
    let mut cache = KeyCache::new(record(ClassName::IdToken));
    let events = fail(&mut cache, 0, FetchError::TimedOut);
    let reason = RefreshError::Fetch(FetchError::TimedOut);
    assert_eq!(events, [KeyEvent::RefreshFailed { reason, age: None }]);
    assert_eq!(ask(&mut cache, "es", 1), "keys_unavailable");
    assert_eq!(ask(&mut cache, "es", 30), "after refresh");
}

#[test]
fn a_late_answer_never_replaces_a_newer_one() {
    let mut cache = loaded();
    let lost = begin(&mut cache, 600);
    let slow = begin(&mut cache, 630);
    assert_eq!(cache.fetched(&lost, after(631), Ok(&set(&[]))), []);
    assert_eq!(ask(&mut cache, "es", 632), "keys");
    let quick = begin(&mut cache, 660);
    assert_eq!(
        codes(&cache.fetched(&quick, after(661), Ok(&set(&[ED.jwk("ed")])))),
        ["keys_changed"]
    );
    assert_eq!(cache.fetched(&slow, after(662), Ok(&es())), []);
    assert_eq!(ask(&mut cache, "es", 663), "key_unknown");
    assert_eq!(
        cache.fetched(&quick, after(664), Ok(&es())),
        [],
        "an answer counts once"
    );
    assert_eq!(cache.age(after(671)), Some(Duration::from_secs(10)));
}

fn login() -> Class<'static> {
    id_token(Nonce::Login("n-1"))
}

fn id_token(nonce: Nonce<'static>) -> Class<'static> {
    Class::IdToken {
        client_id: CLIENT,
        nonce,
        access_token: None,
        max_auth_age: None,
    }
}

/// What comes of a token that is good on its own at that second.
fn verify(cache: &mut KeyCache, class: &Class<'_>, seconds: u64) -> Result<Duration, Rejection> {
    let forge = Forge::good(ClassName::IdToken)
        .claim("iat", (NOW + seconds).into())
        .claim("exp", (NOW + seconds + 60).into());
    let token = Token::parse(forge.text().as_bytes()).expect("well formed");
    match cache.key_for(token.header(), after(seconds)) {
        KeyLookup::Keys(keys) => keys
            .verify(&token, class, after(seconds))
            .map(|verified| verified.key_age()),
        KeyLookup::AfterRefresh => panic!("nothing to wait for"),
        KeyLookup::Refused(rejection) => Err(rejection),
    }
}

#[test]
fn old_keys_end_logins_after_an_hour_and_everything_after_a_day() {
    let mut cache = loaded();
    let hour = 3600;
    let day = 24 * hour;
    let refresh = id_token(Nonce::Refresh("n-1"));
    let told = |cache: &mut KeyCache, second| -> Vec<&str> {
        let Due { refresh, events } = cache.need_refresh(after(second));
        if let Some(attempt) = refresh {
            cache.fetched(&attempt, after(second), Err(FetchError::Status(503)));
        }
        codes(&events)
    };
    assert_eq!(told(&mut cache, hour), Vec::<&str>::new());
    assert_eq!(
        verify(&mut cache, &login(), hour),
        Ok(Duration::from_hours(1))
    );
    assert_eq!(told(&mut cache, hour + 1), ["keys_too_old_for_logins"]);
    assert_eq!(told(&mut cache, hour + 40), Vec::<&str>::new());
    assert_eq!(
        verify(&mut cache, &login(), hour + 41),
        Err(Rejection::KeysStale)
    );
    assert!(verify(&mut cache, &refresh, hour + 41).is_ok());
    assert!(verify(&mut cache, &refresh, day).is_ok());
    assert_eq!(told(&mut cache, day + 1), ["keys_expired"]);
    assert_eq!(
        verify(&mut cache, &refresh, day + 2),
        Err(Rejection::KeysExpired)
    );
    assert_eq!(load(&mut cache, day + 40, &es()), [KeyEvent::Recovered]);
    assert!(verify(&mut cache, &login(), day + 41).is_ok());
    assert_eq!(told(&mut cache, day + 42), Vec::<&str>::new());
}

/// Whoever holds on to keys does not make them last longer.
#[test]
fn keys_that_were_handed_out_go_on_ageing() {
    let mut cache = loaded();
    let KeyLookup::Keys(keys) = cache.key_for(token("es").header(), after(100)) else {
        panic!("known");
    };
    assert_eq!(keys.age(after(100)), Duration::from_secs(100));
    assert_eq!(keys.issuer(), cache.issuer());
    let later = |second| {
        keys.verify(&token("es"), &login(), after(second))
            .map(|_| ())
    };
    assert_eq!(later(101), Ok(()));
    assert_eq!(later(3601), Err(Rejection::KeysStale));
    assert_eq!(later(24 * 3600 + 1), Err(Rejection::KeysExpired));
}

#[test]
fn names_that_are_remembered_are_bounded() {
    let mut cache = loaded();
    for number in 0..1000 {
        assert_eq!(ask(&mut cache, &format!("x{number}"), 5), "key_unknown");
    }
    load(&mut cache, 30, &es());
    assert_eq!(ask(&mut cache, "x63", 70), "key_unknown");
    assert_eq!(
        ask(&mut cache, "x64", 70),
        "after refresh",
        "only 64 are remembered"
    );
}
