//! What Okta sends, shaped as its SCIM 2.0 protocol reference shows it.

use custos_scim::Change;
use serde_json::json;

use crate::dialogue::{Dialogue, GROUP, USER};

#[test]
fn a_user_is_looked_up_created_updated_and_deactivated() {
    let mut okta = Dialogue::new();
    let by_name = "/Users?filter=userName%20eq%20%22alice%40example.com%22&startIndex=1&count=100";
    let nobody = okta.get(by_name);
    assert_eq!(
        nobody.body,
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [],
        })
    );

    let profile = json!({
        "schemas": [USER],
        "userName": "alice@example.com",
        "name": {"givenName": "Alice", "familyName": "Archer"},
        "emails": [{"primary": true, "value": "alice@example.com", "type": "work"}],
        "displayName": "Alice Archer",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": true,
    });
    let created = okta.send("POST /Users", &profile);
    let id = created.body["id"].as_str().unwrap().to_owned();
    let location = format!("https://custos.example.com/scim/v2/Users/{id}");
    assert_eq!(
        (created.status, created.location.as_ref()),
        (201, Some(&location))
    );
    let mut expected = json!({
        "schemas": [USER],
        "id": id,
        "userName": "alice@example.com",
        "name": {"givenName": "Alice", "familyName": "Archer"},
        "emails": [{"primary": true, "value": "alice@example.com", "type": "work"}],
        "displayName": "Alice Archer",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "active": true,
        "meta": {
            "resourceType": "User",
            "created": "2026-11-21T03:46:29.000Z",
            "lastModified": "2026-11-21T03:46:29.000Z",
            "location": location,
        },
    });
    assert_eq!(created.body, expected);
    assert!(
        matches!(&created.changes[..], [Change::UserCreated(user)] if user.id == id && user.active)
    );
    assert_eq!(okta.get(by_name).body["Resources"], json!([expected]));

    assert_eq!(
        okta.send("POST /Users", &profile).refused(409),
        "uniqueness"
    );

    // Okta reads the user, changes what it has read, and sends all of it back.
    let mut read = okta.get(&format!("/Users/{id}")).body;
    read["name"]["middleName"] = json!("Excited");
    read["name"]["givenName"] = json!("Alicia");
    read["groups"] = json!([]);
    let updated = okta.send(&format!("PUT /Users/{id}"), &read);
    expected["name"]["givenName"] = json!("Alicia");
    expected["meta"]["lastModified"] = json!("2026-11-21T03:46:33.000Z");
    assert_eq!((updated.status, &updated.body), (200, &expected));
    assert!(matches!(&updated.changes[..], [Change::UserUpdated { .. }]));

    let off = okta.patch(
        &format!("/Users/{id}"),
        &json!([{"op": "replace", "value": {"active": false}}]),
    );
    assert_eq!((off.status, &off.body["active"]), (200, &json!(false)));
    assert_eq!(
        off.changes[1],
        Change::UserDeactivated {
            user_id: id.clone()
        }
    );
    assert_eq!(off.changes[1].ends_access_of(), Some(id.as_str()));
    let again = okta.patch(
        &format!("/Users/{id}"),
        &json!([{"op": "replace", "value": {"active": false}}]),
    );
    assert_eq!((again.status, again.changes), (200, vec![]));
    let on = okta.patch(
        &format!("/Users/{id}"),
        &json!([{"op": "replace", "value": {"active": true}}]),
    );
    assert_eq!(on.changes[1], Change::UserActivated { user_id: id });
}

#[test]
fn a_custom_integration_deactivates_by_put_without_external_id() {
    let mut okta = Dialogue::new();
    let mut profile =
        json!({"schemas": [USER], "userName": "alice", "externalId": "00u1", "active": true});
    let id = okta.send("POST /Users", &profile).body["id"]
        .as_str()
        .unwrap()
        .to_owned();
    profile = json!({
        "schemas": [USER], "id": id, "userName": "alice", "active": false, "groups": [], "meta": {"resourceType": "User"},
    });
    let off = okta.send(&format!("PUT /Users/{id}"), &profile);
    assert_eq!(off.body["externalId"], "00u1");
    assert_eq!(off.changes[1], Change::UserDeactivated { user_id: id });
}

#[test]
fn a_pushed_group_is_created_renamed_filled_and_deleted() {
    let mut okta = Dialogue::new();
    let (alice, bob) = (okta.user("alice@example.com"), okta.user("bob@example.com"));
    let group = json!({"schemas": [GROUP], "displayName": "Developers", "members": []});
    let created = okta.send("POST /Groups", &group);
    assert_eq!(
        (created.status, &created.body["members"]),
        (201, &json!([]))
    );
    let id = created.body["id"].as_str().unwrap().to_owned();
    let path = format!("/Groups/{id}");

    let renaming = json!([{"op": "replace", "value": {"id": id, "displayName": "Builders"}}]);
    let renamed = okta.patch(&path, &renaming);
    assert_eq!((renamed.status, renamed.body), (204, json!(null)));
    assert!(matches!(
        &renamed.changes[..],
        [Change::GroupUpdated { before, after }]
            if before.display_name == "Developers" && after.display_name == "Builders"
    ));
    // It renames again with each change of members: nothing is changed by that.
    assert_eq!(okta.patch(&path, &renaming).changes, []);

    let full = json!([{"op": "replace", "path": "members", "value": [
        {"value": alice, "display": "alice@example.com"}, {"value": bob, "display": "bob@example.com"},
    ]}]);
    assert_eq!(okta.patch(&path, &full).changes.len(), 3);
    let moving = json!([
        {"op": "remove", "path": format!("members[value eq \"{alice}\"]")},
        {"op": "add", "path": "members", "value": [{"value": bob, "display": "bob@example.com"}]},
    ]);
    let moved = okta.patch(&path, &moving).changes;
    let gone = Change::MemberRemoved {
        group_id: id.clone(),
        user_id: alice.clone(),
    };
    assert_eq!((moved.len(), &moved[1]), (2, &gone));
    assert_eq!(
        okta.get(&path).body["members"],
        json!([{"value": bob, "type": "User"}])
    );

    let put = json!({"schemas": [GROUP], "displayName": "Builders", "members": [{"value": alice, "display": "x"}]});
    let replaced = okta.send(&format!("PUT {path}"), &put);
    assert_eq!(
        replaced.body["members"],
        json!([{"value": alice, "type": "User"}])
    );
    assert_eq!(replaced.changes.len(), 3);
    // Empty members beside the name, without a path.
    let emptied = okta.patch(
        &path,
        &json!([{"op": "replace", "value": {"members": [], "id": id, "displayName": "Builders"}}]),
    );
    assert_eq!(emptied.changes[1], gone);

    let listed = okta.get("/Groups?startIndex=1&count=100");
    assert_eq!(listed.ids(), [id.as_str()]);
    let deleted = okta.delete(&path);
    assert_eq!((deleted.status, deleted.changes.len()), (204, 1));
    assert_eq!(okta.get(&path).refused(404), "");
}

#[test]
fn users_are_imported_page_by_page() {
    let mut okta = Dialogue::new();
    let ids: Vec<String> = (0..5).map(|n| okta.user(&format!("user{n}"))).collect();
    let mut imported = Vec::new();
    for start in [1, 3, 5, 7] {
        let page = okta.get(&format!("/Users?startIndex={start}&count=2"));
        assert_eq!(
            (&page.body["totalResults"], &page.body["startIndex"]),
            (&json!(5), &json!(start))
        );
        imported.extend(page.ids().into_iter().map(str::to_owned));
    }
    assert_eq!(imported, ids);
}
