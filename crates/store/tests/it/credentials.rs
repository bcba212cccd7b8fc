//! Connection credentials in the database.

use custos_store::{CANDIDATES_MAX, StoreError};

use crate::support::{Place, credential, random};

#[test]
fn found_by_name_and_by_id() {
    let place = Place::new();
    let store = place.open();
    let (first, second, other) = (
        credential("alice", 1),
        credential("alice", 2),
        credential("bob", 3),
    );
    for it in [&first, &second, &other] {
        store.add_credential(it, random).unwrap();
    }
    assert_eq!(
        store.credentials_named("alice").unwrap(),
        [second.clone(), first.clone()]
    );
    for nobody in ["Alice", "alice\0", "", "%"] {
        assert_eq!(store.credentials_named(nobody).unwrap(), [], "{nobody:?}");
    }
    assert_eq!(store.credential(other.id).unwrap(), Some(other.clone()));
    assert_eq!(store.credential(credential("x", 9).id).unwrap(), None);
    assert_eq!(store.credentials().unwrap(), [first, second, other]);
}

#[test]
fn revoked_once_and_sorted_last() {
    let place = Place::new();
    let store = place.open();
    let (first, second) = (credential("alice", 1), credential("alice", 2));
    store.add_credential(&first, random).unwrap();
    store.add_credential(&second, random).unwrap();
    assert!(store.revoke_credential(second.id, 77).unwrap());
    assert!(!store.revoke_credential(second.id, 78).unwrap(), "already");
    assert!(
        !store.revoke_credential(credential("x", 9).id, 78).unwrap(),
        "unknown"
    );
    let found = store.credentials_named("alice").unwrap();
    assert_eq!(found[0], first);
    assert_eq!(
        (found[1].id, found[1].revoked_utc_ns),
        (second.id, Some(77))
    );
    assert_eq!(store.live_credentials_count("alice", 500).unwrap(), 1);
    assert_eq!(
        store.live_credentials_count("alice", 1001).unwrap(),
        0,
        "expired at 1001"
    );
}

#[test]
fn expired_ones_are_deleted_only_when_asked() {
    let place = Place::new();
    let store = place.open();
    for number in 0..10 {
        store
            .add_credential(&credential("alice", number), random)
            .unwrap();
    }
    assert_eq!(
        store.delete_expired(1004).unwrap(),
        4,
        "1000, 1001, 1002, 1003"
    );
    assert_eq!(store.credentials_named("alice").unwrap().len(), 6);
}

#[test]
fn valid_ones_are_never_crowded_out() {
    let place = Place::new();
    let store = place.open();
    let valid = credential("alice", 5000);
    store.add_credential(&valid, random).unwrap();
    let extra = CANDIDATES_MAX as u64 + 5;
    for number in 0..extra {
        let mut revoked = credential("alice", 10_000 + number);
        revoked.revoked_utc_ns = (number % 2 == 0).then_some(1);
        revoked.expires_utc_ns = if number % 2 == 0 { 1_000_000 } else { 100 };
        store.add_credential(&revoked, random).unwrap();
    }
    let found = store.credentials_named("alice").unwrap();
    assert_eq!(found.len(), CANDIDATES_MAX);
    assert_eq!(found[0], valid);
}

#[test]
fn what_cannot_be_stored_is_refused() {
    let place = Place::new();
    let store = place.open();
    let mut late = credential("alice", 1);
    late.expires_utc_ns = u64::MAX;
    assert!(matches!(
        store.add_credential(&late, random),
        Err(StoreError::Time(u64::MAX))
    ));
    for login_name in ["", "a\nb", &"a".repeat(64)] {
        let nameless = credential(login_name, 1);
        assert!(matches!(
            store.add_credential(&nameless, random),
            Err(StoreError::LoginName)
        ));
    }
    store
        .add_credential(&credential("alice", 1), random)
        .unwrap();
    let twice = store.add_credential(&credential("alice", 1), random);
    assert!(
        matches!(twice, Err(StoreError::Database { .. })),
        "{twice:?}"
    );
    assert_eq!(store.credentials().unwrap().len(), 1);
}
