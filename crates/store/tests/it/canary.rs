//! What must not be readable is looked for in the raw bytes of every file of the database.

use std::fs;
use std::path::Path;

use crate::support::{Place, credential, random, resource, secret};

const PASSWORD: &str = "canary-upstream-Passw0rd";
const NODE_SECRET: &str = "canary-node-secret";

#[test]
fn no_file_contains_a_secret_in_clear() {
    let place = Place::new();
    let store = place.open();
    store
        .add_resource(&resource("postgres/shop"), &secret(PASSWORD), random)
        .unwrap();
    store
        .add_credential(&credential("alice", 7), random)
        .unwrap();
    store
        .put_secret("node", &secret(NODE_SECRET), random)
        .unwrap();
    // While open, the content is in the write-ahead log; afterwards in the file itself.
    assert_clean(place.directory.path());
    drop(store);
    assert_clean(place.directory.path());
    let store = place.open();
    assert!(
        store
            .remove_resource(&resource("postgres/shop").name)
            .unwrap()
    );
    drop(store);
    assert!(
        !found(place.directory.path(), b"db.internal.example"),
        "removed for good"
    );
}

fn assert_clean(directory: &Path) {
    assert!(
        found(directory, b"db.internal.example"),
        "the search finds what is in clear"
    );
    assert!(!found(directory, PASSWORD.as_bytes()));
    assert!(!found(directory, NODE_SECRET.as_bytes()));
    let verifier = credential("alice", 7).verifier;
    assert!(!found(directory, &verifier.stored_key));
    assert!(!found(directory, &verifier.server_key));
    let stored_key_json = serde_json::to_vec(&verifier.stored_key).unwrap();
    assert!(!found(directory, &stored_key_json));
    assert!(!found(directory, &[1; 32]), "nor the master key");
}

fn found(directory: &Path, needle: &[u8]) -> bool {
    let mut files = 0;
    let hit = fs::read_dir(directory).unwrap().any(|entry| {
        files += 1;
        fs::read(entry.unwrap().path())
            .unwrap()
            .windows(needle.len())
            .any(|part| part == needle)
    });
    assert!(files > 0);
    hit
}

#[test]
fn debug_and_errors_show_no_secret() {
    let place = Place::new();
    let store = place.open();
    let shop = resource("postgres/shop");
    store
        .add_resource(&shop, &secret(PASSWORD), random)
        .unwrap();
    let twice = store
        .add_resource(&shop, &secret(PASSWORD), random)
        .unwrap_err();
    let read = store.resource_with_password(&shop.name).unwrap().unwrap();
    place.alter("UPDATE resources SET password = x'00'");
    let damaged = store.upstream_password(&shop.name).unwrap_err();
    for text in [
        format!("{store:?}"),
        format!("{read:?}"),
        format!("{twice} {twice:?}"),
        format!("{damaged} {damaged:?}"),
        format!("{:?}", credential("alice", 7)),
    ] {
        assert!(!text.contains("canary"), "{text}");
        assert!(!text.contains("167"), "{text}");
    }
}
