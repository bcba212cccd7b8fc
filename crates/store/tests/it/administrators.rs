//! Administrators, and the one-time token that makes the first.

use custos_store::{Administrator, Claim, StoreError};

use crate::support::{Place, random};

fn who(name: &str) -> Administrator {
    Administrator {
        issuer: "https://okta.example".to_owned(),
        subject: format!("00u-{name}"),
        name: name.to_owned(),
        since_utc_ns: 5,
    }
}

#[test]
fn a_token_makes_one_administrator_once() {
    let place = Place::new();
    let store = place.open();
    let claim = |hash: u8, name: &str, now| {
        store
            .claim_administration(&[hash; 32], &who(name), now, random)
            .unwrap()
    };
    assert_eq!(claim(1, "alice", 1), Claim::NoneOffered);
    store
        .offer_administration(Some(([1; 32], 100)), random)
        .unwrap();
    store
        .offer_administration(Some(([2; 32], 100)), random)
        .unwrap();
    assert_eq!(claim(1, "alice", 1), Claim::Wrong, "another took its place");
    assert_eq!(claim(2, "alice", 100), Claim::Expired);
    assert!(store.administrators().unwrap().is_empty());
    assert_eq!(claim(2, "alice", 99), Claim::Granted);
    assert_eq!(claim(2, "bob", 99), Claim::NoneOffered, "it is used up");
    assert_eq!(store.administrators().unwrap(), [who("alice")]);

    drop(store);
    let store = place.open();
    let alice = who("alice");
    assert!(
        store
            .is_administrator(&alice.issuer, &alice.subject)
            .unwrap()
    );
    assert!(
        !store
            .is_administrator("https://other.example", &alice.subject)
            .unwrap()
    );
    assert!(
        store
            .remove_administrator(&alice.issuer, &alice.subject)
            .unwrap()
    );
    assert!(
        !store
            .remove_administrator(&alice.issuer, &alice.subject)
            .unwrap()
    );
    assert!(
        !store
            .is_administrator(&alice.issuer, &alice.subject)
            .unwrap()
    );
    store
        .offer_administration(Some(([3; 32], 100)), random)
        .unwrap();
    store.offer_administration(None, random).unwrap();
    let taken = store
        .claim_administration(&[3; 32], &alice, 1, random)
        .unwrap();
    assert_eq!(taken, Claim::NoneOffered);
}

#[test]
fn nobody_writes_an_administrator_into_the_file() {
    let place = Place::new();
    let store = place.open();
    store
        .offer_administration(Some(([1; 32], 100)), random)
        .unwrap();
    let claimed = store.claim_administration(&[1; 32], &who("alice"), 1, random);
    assert_eq!(claimed.unwrap(), Claim::Granted);
    place.alter("UPDATE administrators SET subject = '00u-mallory'");
    let asked = store.is_administrator("https://okta.example", "00u-mallory");
    assert!(
        matches!(asked, Err(StoreError::Damaged { .. })),
        "{asked:?}"
    );
    store
        .offer_administration(Some(([1; 32], 100)), random)
        .unwrap();
    place.alter("UPDATE administrator_token SET body = (SELECT body FROM administrators)");
    let claimed = store.claim_administration(&[1; 32], &who("mallory"), 1, random);
    assert!(
        matches!(claimed, Err(StoreError::Damaged { .. })),
        "{claimed:?}"
    );
}
