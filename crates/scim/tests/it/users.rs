//! What holds for users whoever sends them.

use custos_scim::Change;
use serde_json::{Value, json};

use crate::dialogue::{Dialogue, USER};

#[test]
fn names_and_keys_are_unique() {
    let mut source = Dialogue::new();
    let alice = json!({"schemas": [USER], "userName": "Alice", "externalId": "1"});
    let id = source.send("POST /Users", &alice).body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let bob = source.user("bob");
    for twin in [
        json!({"schemas": [USER], "userName": "aLICE"}),
        json!({"schemas": [USER], "userName": "carol", "externalId": "1"}),
    ] {
        assert_eq!(source.send("POST /Users", &twin).refused(409), "uniqueness");
        assert_eq!(
            source
                .send(&format!("PUT /Users/{bob}"), &twin)
                .refused(409),
            "uniqueness"
        );
    }
    for twin in [json!({"userName": "alice"}), json!({"externalId": "1"})] {
        let patched = source.patch(
            &format!("/Users/{bob}"),
            &json!([{"op": "add", "value": twin}]),
        );
        assert_eq!(patched.refused(409), "uniqueness");
    }
    // A user is no twin of itself, and a key in another case is another key.
    let same = json!([{"op": "replace", "value": {"userName": "ALICE", "externalId": "1"}}]);
    assert_eq!(source.patch(&format!("/Users/{id}"), &same).status, 200);
    let other = json!({"schemas": [USER], "userName": "dave", "externalId": "x"});
    assert_eq!(source.send("POST /Users", &other).status, 201);
    let other = json!({"schemas": [USER], "userName": "erin", "externalId": "X"});
    assert_eq!(source.send("POST /Users", &other).status, 201);
}

#[test]
fn a_directory_that_finds_a_twin_itself_is_believed() {
    let mut source = Dialogue::new();
    source.directory.conflict = true;
    let alice = json!({"schemas": [USER], "userName": "alice"});
    assert_eq!(
        source.send("POST /Users", &alice).refused(409),
        "uniqueness"
    );
    assert_eq!(source.send("POST /Users", &alice).status, 201);
}

#[test]
fn the_id_is_ours() {
    let mut source = Dialogue::new();
    let forged =
        json!({"schemas": [USER], "id": "root", "userName": "alice", "meta": {"created": "1970"}});
    let created = source.send("POST /Users", &forged);
    let id = created.body["id"].as_str().unwrap().to_owned();
    assert_eq!(id, "01010101-0101-4101-8101-010101010101");
    let replaced = source.send(&format!("PUT /Users/{id}"), &forged);
    assert_eq!(
        (&replaced.body["id"], replaced.changes.len()),
        (&json!(id), 0)
    );
    let patched = source.patch(
        &format!("/Users/{id}"),
        &json!([{"op": "replace", "path": "id", "value": "root"}]),
    );
    assert_eq!(patched.refused(400), "mutability");
}

#[test]
fn a_user_may_be_inactive_from_the_start() {
    let mut source = Dialogue::new();
    let alice = json!({"schemas": [USER], "userName": "alice", "active": "False"});
    let created = source.send("POST /Users", &alice);
    assert_eq!(
        (created.status, &created.body["active"]),
        (201, &json!(false))
    );
    assert!(matches!(&created.changes[..], [Change::UserCreated(user)] if !user.active));
    // Sending the user again without a word about it does not open access.
    let id = created.body["id"].as_str().unwrap().to_owned();
    let silent = json!({"schemas": [USER], "userName": "alice", "displayName": "Alice"});
    let replaced = source.send(&format!("PUT /Users/{id}"), &silent);
    assert_eq!(
        (&replaced.body["active"], replaced.changes.len()),
        (&json!(false), 1)
    );
}

#[test]
fn operations_are_made_together_or_not_at_all() {
    let mut source = Dialogue::new();
    let id = source.user("alice");
    let patched = source.patch(
        &format!("/Users/{id}"),
        &json!([
            {"op": "replace", "path": "active", "value": false},
            {"op": "replace", "path": "displayName", "value": 5},
        ]),
    );
    assert_eq!(patched.refused(400), "invalidValue");
    assert_eq!(source.get(&format!("/Users/{id}")).body["active"], true);
    // Off and on again is no change.
    let patched = source.patch(
        &format!("/Users/{id}"),
        &json!([
            {"op": "replace", "path": "active", "value": false},
            {"op": "replace", "path": "active", "value": true},
        ]),
    );
    assert_eq!((patched.status, patched.changes), (200, vec![]));
}

#[test]
fn answers_hold_the_attributes_asked_for() {
    let mut source = Dialogue::new();
    let alice = json!({
        "schemas": [USER], "userName": "alice", "displayName": "Alice", "name": {"givenName": "Alice"},
        "emails": [{"value": "alice@example.com"}],
    });
    let id = source.send("POST /Users?attributes=userName", &alice).body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let names = |body: &Value| {
        let mut names: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    for (query, expected) in [
        (
            "",
            "active displayName emails id meta name schemas userName",
        ),
        (
            "attributes=userName,emails.value",
            "emails id schemas userName",
        ),
        (
            "attributes=urn:ietf:params:scim:schemas:core:2.0:User:active",
            "active id schemas",
        ),
        ("attributes=nickName", "id schemas"),
        (
            "excludedAttributes=meta,emails,id,schemas",
            "active displayName id name schemas userName",
        ),
    ] {
        assert_eq!(
            names(&source.get(&format!("/Users/{id}?{query}")).body),
            expected,
            "{query}"
        );
        let listed = source.get(&format!("/Users?{query}"));
        assert_eq!(names(&listed.body["Resources"][0]), expected, "{query}");
    }
}
