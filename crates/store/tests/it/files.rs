//! Files, modes, schema numbers, and what survives a restart.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use custos_store::{StoreError, UpstreamTls};
use rusqlite::Connection;

use crate::support::{Place, name, random, resource, secret};

#[test]
fn everything_survives_a_restart() {
    let place = Place::new();
    let mut shop = resource("postgres/shop");
    shop.database = Some("shop".to_owned());
    shop.ca_pem = Some("-----BEGIN CERTIFICATE-----\n".to_owned());
    let store = place.open();
    store
        .add_resource(&shop, &secret("päss\0word"), random)
        .unwrap();
    store
        .add_resource(&resource("postgres/a"), &secret(""), random)
        .unwrap();
    drop(store);
    let store = place.open();
    assert_eq!(store.resource(&shop.name).unwrap(), Some(shop.clone()));
    assert_eq!(
        store.upstream_password(&shop.name).unwrap().expose(),
        "päss\0word"
    );
    assert_eq!(
        store.resources().unwrap(),
        [resource("postgres/a"), shop.clone()]
    );
    assert!(store.remove_resource(&shop.name).unwrap());
    assert!(!store.remove_resource(&shop.name).unwrap());
    assert_eq!(store.resource(&shop.name).unwrap(), None);
    assert!(matches!(
        store.upstream_password(&shop.name),
        Err(StoreError::ResourceUnknown(_))
    ));
}

#[test]
fn an_unacceptable_or_repeated_resource_changes_nothing() {
    let place = Place::new();
    let store = place.open();
    let mut bare = resource("postgres/shop");
    (bare.tls, bare.allow_cleartext) = (UpstreamTls::Disable, true);
    let invalid = store.add_resource(&bare, &secret("x"), random);
    assert!(
        matches!(invalid, Err(StoreError::ResourceInvalid { .. })),
        "{invalid:?}"
    );
    assert_eq!(store.resources().unwrap(), []);
    store
        .add_resource(&resource("postgres/shop"), &secret("first"), random)
        .unwrap();
    let again = store.add_resource(&resource("postgres/shop"), &secret("second"), random);
    assert!(
        matches!(again, Err(StoreError::ResourceExists(_))),
        "{again:?}"
    );
    assert_eq!(
        store
            .upstream_password(&name("postgres/shop"))
            .unwrap()
            .expose(),
        "first"
    );
}

#[test]
fn a_resource_defined_anew_does_not_give_its_password_to_the_old_address() {
    let place = Place::new();
    let store = place.open();
    let old = resource("postgres/shop");
    store.add_resource(&old, &secret("old"), random).unwrap();
    assert_eq!(store.upstream_password_for(&old).unwrap().expose(), "old");
    assert!(store.remove_resource(&old.name).unwrap());
    let gone = store.upstream_password_for(&old);
    assert!(
        matches!(gone, Err(StoreError::ResourceUnknown(_))),
        "{gone:?}"
    );
    let mut new = old.clone();
    new.host = "other.internal".to_owned();
    store.add_resource(&new, &secret("new"), random).unwrap();
    let changed = store.upstream_password_for(&old);
    assert!(
        matches!(changed, Err(StoreError::ResourceChanged(_))),
        "{changed:?}"
    );
    assert_eq!(store.upstream_password_for(&new).unwrap().expose(), "new");
}

#[test]
fn all_files_are_the_owners_alone() {
    let place = Place::new();
    let store = place.open();
    store
        .add_resource(&resource("postgres/shop"), &secret("x"), random)
        .unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(place.directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o7777,
            0o600,
            "{entry:?}"
        );
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["control.db", "control.db-shm", "control.db-wal"]);
}

#[test]
fn a_file_open_to_others_is_refused() {
    let place = Place::new();
    drop(place.open());
    fs::set_permissions(place.path(), Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        place.try_open(1),
        Err(StoreError::FileMode { mode: 0o640, .. })
    ));
}

#[test]
fn a_later_schema_is_refused() {
    let place = Place::new();
    drop(place.open());
    place.alter("PRAGMA user_version = 1000");
    let error = place.try_open(1).unwrap_err();
    assert!(
        matches!(error, StoreError::NewerSchema { found: 1000, .. }),
        "{error:?}"
    );
}

#[test]
fn files_of_other_programs_are_refused_and_left_alone() {
    let place = Place::new();
    let other = Connection::open(place.path()).unwrap();
    other
        .execute_batch("CREATE TABLE theirs (a INTEGER)")
        .unwrap();
    drop(other);
    fs::set_permissions(place.path(), Permissions::from_mode(0o600)).unwrap();
    let before = fs::read(place.path()).unwrap();
    let error = place.try_open(1).unwrap_err();
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error:?}");
    assert_eq!(fs::read(place.path()).unwrap(), before);

    fs::write(
        place.path(),
        "a letter to somebody, long enough to be no empty database at all\n".repeat(20),
    )
    .unwrap();
    let before = fs::read(place.path()).unwrap();
    let error = place.try_open(1).unwrap_err();
    assert!(matches!(error, StoreError::Database { .. }), "{error:?}");
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_secret_is_made_once_for_all_callers() {
    let place = Place::new();
    let store = place.open();
    let made: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let store = store.clone();
                scope.spawn(move || {
                    let make = || secret(&format!("from {number}"));
                    store
                        .secret_or_create("shared", make, random)
                        .unwrap()
                        .expose()
                        .to_owned()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(made.iter().all(|text| *text == made[0]), "{made:?}");
    store
        .put_secret("shared", &secret("other"), random)
        .unwrap();
    assert_eq!(store.secret("shared").unwrap().unwrap().expose(), "other");
    assert!(store.secret("absent").unwrap().is_none());
    assert!(matches!(
        store.secret("No Name"),
        Err(StoreError::SecretName(_))
    ));
}
