//! What Entra ID sends, shaped as Microsoft's description of its provisioning service shows it, in both of its modes:
//! as it is by default, and with the flag `aadOptscim062020`.

use custos_scim::Change;
use serde_json::{Value, json};

use crate::dialogue::{Dialogue, GROUP, USER};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn with_alice() -> (Dialogue, String) {
    let mut entra = Dialogue::new();
    let created = entra.send(
        "POST /Users",
        &json!({
            "schemas": [USER, ENTERPRISE],
            "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
            "userName": "alice@example.com",
            "active": true,
            "emails": [{"primary": true, "type": "work", "value": "alice@example.com"}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Alice Archer", "familyName": "Archer", "givenName": "Alice"},
            "roles": [],
            ENTERPRISE: {"department": "R&D", "manager": {"value": "26118915"}},
        }),
    );
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.body["id"].as_str().unwrap().to_owned();
    (entra, id)
}

#[test]
fn the_connection_is_tested_by_a_user_who_does_not_exist() {
    let mut entra = Dialogue::new();
    let found = entra.get("/Users?filter=userName+eq+%22e3d1ed73-1d6c-4d79-9a3b-0b5a6a6f8b50%22");
    assert_eq!(
        (found.status, &found.body["totalResults"]),
        (200, &json!(0))
    );
    assert_eq!(entra.get("/Users/5171a35d82074e068ce2").refused(404), "");
}

#[test]
fn a_user_is_matched_by_name_and_by_key() {
    let (mut entra, id) = with_alice();
    for filter in [
        "userName eq \"ALICE@example.com\"",
        "externalId eq \"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef\"",
        "externalId%20eq%20%220a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef%22%20and%20active%20eq%20true",
    ] {
        let found = entra.get(&format!("/Users?aadOptscim062020&filter={filter}"));
        assert_eq!(found.ids(), [id.as_str()], "{filter}");
    }
    let other_case =
        entra.get("/Users?filter=externalId eq \"0A21F0F2-8D2A-4F8E-BF98-7363C4AED4EF\"");
    assert_eq!(other_case.ids(), [""; 0]);
}

#[test]
fn several_attributes_are_replaced_in_either_mode() {
    let by_path = json!([
        {"op": "Replace", "path": "displayName", "value": "Alicia"},
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "alicia@example.com"},
        {"op": "Replace", "path": "name.givenName", "value": "Alicia"},
        {"op": "Add", "path": "name.familyName", "value": "Baker"},
        {"op": "Replace", "path": "externalId", "value": "Eqpj"},
        {"op": "Add", "path": "nickName", "value": "Al"},
        {"op": "Replace", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "Eqpj"},
        {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "26118915"},
    ]);
    let without_path = json!([
        {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "alicia@example.com"},
        {"op": "replace", "value": {
            "displayName": "Alicia",
            "name.givenName": "Alicia",
            "name.familyName": "Baker",
            "externalId": "Eqpj",
            format!("{ENTERPRISE}:employeeNumber"): "Aklq",
        }},
    ]);
    let all_in_one = json!([{"op": "Add", "value": {
        "emails[type eq \"work\"].value": "alicia@example.com",
        "displayName": "Alicia", "name.givenName": "Alicia", "name.familyName": "Baker", "externalId": "Eqpj",
    }}]);
    for operations in [by_path, without_path, all_in_one] {
        let (mut entra, id) = with_alice();
        let updated = entra.patch(&format!("/Users/{id}"), &operations);
        assert_eq!(updated.status, 200, "{updated:?}");
        let expected = json!({
            "schemas": [USER], "id": id, "externalId": "Eqpj", "userName": "alice@example.com", "active": true,
            "displayName": "Alicia",
            "name": {"formatted": "Alice Archer", "givenName": "Alicia", "familyName": "Baker"},
            "emails": [{"value": "alicia@example.com", "type": "work", "primary": true}],
            "meta": updated.body["meta"],
        });
        assert_eq!(updated.body, expected);
        assert_eq!(updated.changes.len(), 1);
    }
}

#[test]
fn a_user_is_disabled_and_restored_in_either_mode() {
    let off: [Value; 4] = [
        json!([{"op": "Replace", "path": "active", "value": "False"}]),
        json!([{"op": "replace", "path": "active", "value": false}]),
        json!([{"op": "Replace", "value": {"active": "false"}}]),
        json!([{"op": "Add", "path": "active", "value": "False"}, {"op": "Replace", "path": "title", "value": "x"}]),
    ];
    for operations in off {
        let (mut entra, id) = with_alice();
        let path = format!("/Users/{id}");
        let disabled = entra.patch(&path, &operations);
        assert_eq!(
            (disabled.status, &disabled.body["active"]),
            (200, &json!(false))
        );
        let ended: Vec<&str> = disabled
            .changes
            .iter()
            .filter_map(Change::ends_access_of)
            .collect();
        assert_eq!(ended, [id.as_str()]);
        // A disabled user is still found.
        assert_eq!(
            entra
                .get("/Users?filter=userName eq \"alice@example.com\"")
                .body["Resources"][0]["active"],
            false
        );
        let restored = entra.patch(
            &path,
            &json!([{"op": "Replace", "path": "active", "value": "True"}]),
        );
        assert_eq!(restored.changes[1], Change::UserActivated { user_id: id });
    }
}

#[test]
fn a_deleted_user_leaves_its_groups() {
    let (mut entra, id) = with_alice();
    let first = entra.group("Developers", &[&id]);
    let second = entra.group("Operators", &[&id]);
    let deleted = entra.delete(&format!("/Users/{id}"));
    assert_eq!(deleted.status, 204);
    let expected = [first, second].map(|group_id| Change::MemberRemoved {
        group_id,
        user_id: id.clone(),
    });
    assert_eq!(deleted.changes[..2], expected);
    assert!(matches!(&deleted.changes[2], Change::UserDeleted(user) if user.id == id));
    assert_eq!(entra.delete(&format!("/Users/{id}")).refused(404), "");
}

#[test]
fn a_group_is_created_read_without_members_and_changed_member_by_member() {
    let (mut entra, alice) = with_alice();
    let created = entra.send(
        "POST /Groups",
        &json!({
            "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
            "displayName": "Developers",
            "meta": {"resourceType": "Group"},
        }),
    );
    assert_eq!(
        (created.status, &created.body["members"]),
        (201, &json!([]))
    );
    let id = created.body["id"].as_str().unwrap().to_owned();
    let path = format!("/Groups/{id}");

    for target in [
        "/Groups?excludedAttributes=members&filter=displayName eq \"developers\"".to_owned(),
        "/Groups?excludedAttributes=members&filter=externalId eq \"8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159\"".to_owned(),
    ] {
        let found = entra.get(&target);
        assert_eq!(found.ids(), [id.as_str()]);
        assert_eq!(found.body["Resources"][0].get("members"), None);
    }
    assert_eq!(
        entra
            .get(&format!("{path}?excludedAttributes=members"))
            .body
            .get("members"),
        None
    );

    let member = json!([{"$ref": null, "value": alice}]);
    let added = entra.patch(
        &path,
        &json!([{"op": "Add", "path": "members", "value": member}]),
    );
    assert_eq!((added.status, &added.body), (204, &json!(null)));
    let expected = Change::MemberAdded {
        group_id: id.clone(),
        user_id: alice.clone(),
    };
    assert_eq!(added.changes[1], expected);
    let is_member =
        format!("/Groups?filter=id eq \"{id}\" and members eq \"{alice}\"&attributes=id");
    assert_eq!(
        entra.get(&is_member).body["Resources"],
        json!([{"schemas": [GROUP], "id": id}])
    );

    let removal = json!([{"op": "Remove", "path": "members", "value": member}]);
    let removed = entra.patch(&path, &removal);
    let expected = Change::MemberRemoved {
        group_id: id.clone(),
        user_id: alice.clone(),
    };
    assert_eq!(removed.changes[1], expected);
    assert_eq!(entra.patch(&path, &removal).changes, []);
    assert_eq!(entra.get(&is_member).ids(), [""; 0]);

    let renamed = entra.patch(
        &path,
        &json!([{"op": "Replace", "path": "displayName", "value": "Builders"}]),
    );
    assert_eq!((renamed.status, renamed.changes.len()), (204, 1));
    assert_eq!(entra.delete(&path).status, 204);
}
