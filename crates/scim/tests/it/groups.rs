//! What holds for groups whoever sends them.

use custos_scim::{Change, MAX_GROUP_MEMBERS, MAX_MEMBERS_LISTED};
use serde_json::json;

use crate::dialogue::{Dialogue, GROUP};

#[test]
fn names_are_unique_without_regard_to_case() {
    let mut source = Dialogue::new();
    let id = source.group("Developers", &[]);
    let twin = json!({"schemas": [GROUP], "displayName": "DEVELOPERS"});
    assert_eq!(
        source.send("POST /Groups", &twin).refused(409),
        "uniqueness"
    );
    assert_eq!(source.send(&format!("PUT /Groups/{id}"), &twin).status, 200);
    let other = source.group("Operators", &[]);
    let renaming = json!([{"op": "replace", "path": "displayName", "value": "developers"}]);
    assert_eq!(
        source
            .patch(&format!("/Groups/{other}"), &renaming)
            .refused(409),
        "uniqueness"
    );
}

#[test]
fn members_are_users_who_exist() {
    let mut source = Dialogue::new();
    let alice = source.user("alice");
    let group = source.group("Developers", &[&alice]);
    let nobody = json!([{"op": "add", "path": "members", "value": [{"value": "nobody"}]}]);
    assert_eq!(
        source
            .patch(&format!("/Groups/{group}"), &nobody)
            .refused(400),
        "invalidValue"
    );
    let itself =
        json!([{"op": "add", "path": "members", "value": [{"value": group, "type": "Group"}]}]);
    assert_eq!(
        source
            .patch(&format!("/Groups/{group}"), &itself)
            .refused(400),
        "invalidValue"
    );
    let created = json!({"schemas": [GROUP], "displayName": "X", "members": [{"value": "nobody"}]});
    assert_eq!(
        source.send("POST /Groups", &created).refused(400),
        "invalidValue"
    );
}

#[test]
fn a_replacement_without_members_empties_the_group() {
    let mut source = Dialogue::new();
    let alice = source.user("alice");
    let group = source.group("Developers", &[&alice]);
    let replaced = source.send(
        &format!("PUT /Groups/{group}"),
        &json!({"schemas": [GROUP], "displayName": "Developers"}),
    );
    let removed = Change::MemberRemoved {
        group_id: group,
        user_id: alice,
    };
    assert_eq!((replaced.status, &replaced.changes[1]), (200, &removed));
}

#[test]
fn a_patch_that_names_attributes_gets_them() {
    let mut source = Dialogue::new();
    let alice = source.user("alice");
    let group = source.group("Developers", &[]);
    let adding = json!([{"op": "add", "path": "members", "value": [{"value": alice}]}]);
    let patched = source.patch(&format!("/Groups/{group}?attributes=members"), &adding);
    let expected =
        json!({"schemas": [GROUP], "id": group, "members": [{"value": alice, "type": "User"}]});
    assert_eq!((patched.status, patched.body), (200, expected));
}

/// Fills a group past what requests could.
fn filled(source: &mut Dialogue, group: &str, count: usize) {
    let alice = source.user(&format!("model {count} of {group}"));
    let model = source.directory.users[&alice].clone();
    for n in 0..count {
        let mut user = model.clone();
        user.id = format!("{group}-{n}");
        user.user_name.clone_from(&user.id);
        source
            .directory
            .members
            .get_mut(group)
            .unwrap()
            .insert(user.id.clone());
        source.directory.users.insert(user.id.clone(), user);
    }
}

#[test]
fn groups_and_lists_of_groups_have_limits() {
    let mut source = Dialogue::new();
    let (first, second) = (source.group("First", &[]), source.group("Second", &[]));
    filled(&mut source, &first, MAX_MEMBERS_LISTED);
    let listed = source.get("/Groups");
    assert_eq!(
        listed.body["Resources"][0]["members"]
            .as_array()
            .unwrap()
            .len(),
        MAX_MEMBERS_LISTED
    );
    filled(&mut source, &second, 1);
    assert_eq!(source.get("/Groups").refused(400), "tooMany");
    assert_eq!(
        source.get("/Groups?excludedAttributes=members").ids().len(),
        2
    );
    assert_eq!(source.get("/Groups?count=1").ids(), [first.as_str()]);

    filled(&mut source, &first, MAX_GROUP_MEMBERS);
    let adding =
        json!([{"op": "add", "path": "members", "value": [{"value": format!("{second}-0")}]}]);
    assert_eq!(
        source
            .patch(&format!("/Groups/{first}"), &adding)
            .refused(400),
        "invalidValue"
    );
    let removing = json!([{"op": "remove", "path": format!("members[value eq \"{first}-7\"]")}]);
    assert_eq!(
        source
            .patch(&format!("/Groups/{first}"), &removing)
            .changes
            .len(),
        2
    );
    assert_eq!(
        source
            .patch(&format!("/Groups/{first}"), &adding)
            .changes
            .len(),
        2
    );
}
