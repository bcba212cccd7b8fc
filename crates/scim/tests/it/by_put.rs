//! A source that sends users whole, members one by one, and removes users by DELETE.

use serde_json::json;

use crate::dialogue::{Dialogue, USER};

#[test]
fn a_user_is_provisioned_put_into_a_role_and_deleted() {
    let mut source = Dialogue::new();
    let mut user = json!({
        "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": "alice@example.com",
        "externalId": "88124536",
        "name": {"givenName": "Alice", "familyName": "Archer", "formatted": "Alice Archer"},
        "displayName": "Alice Archer",
        "title": "",
        "emails": [{"value": "alice@example.com", "type": "work", "primary": true}],
        "phoneNumbers": [{"value": "", "type": "work"}],
        "active": true,
    });
    let created = source.send("POST /Users", &user);
    assert_eq!(created.status, 201);
    let id = created.body["id"].as_str().unwrap().to_owned();
    let group = source.group("Developers", &[]);
    let adding = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    assert_eq!(
        source
            .patch(&format!("/Groups/{group}"), &adding)
            .changes
            .len(),
        2
    );
    user["displayName"] = json!("Alicia Archer");
    let updated = source.send(&format!("PUT /Users/{id}"), &user);
    assert_eq!((updated.status, updated.changes.len()), (200, 1));
    assert_eq!(source.send(&format!("PUT /Users/{id}"), &user).changes, []);
    assert_eq!(source.delete(&format!("/Users/{id}")).changes.len(), 2);
}
