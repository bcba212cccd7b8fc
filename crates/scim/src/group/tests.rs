use serde_json::{Value, json};

use super::{Draft, Group};
use crate::patch::operations;
use crate::{MAX_MEMBERS_PER_REQUEST, ScimError, json as body};

fn object(value: &Value) -> body::Object {
    body::object(value.to_string().as_bytes()).unwrap()
}

fn draft() -> Draft {
    let group = Group {
        id: "g1".into(),
        external_id: None,
        display_name: "Developers".into(),
        created: 1,
        last_modified: 1,
    };
    Draft::new(group, ["a", "b", "c"].map(str::to_owned))
}

fn members(list: &Value) -> Result<String, ScimError> {
    let message = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": list,
    });
    let mut draft = draft();
    draft.patch(&operations(&object(&message))?)?;
    let members: Vec<String> = draft.members.into_iter().collect();
    Ok(members.join(" "))
}

fn one(operation: &Value) -> Result<String, ScimError> {
    members(&json!([operation]))
}

#[test]
fn members_are_added_replaced_and_removed() {
    for (operation, expected) in [
        (
            json!({"op": "Add", "path": "members", "value": [{"value": "d", "$ref": null}]}),
            "a b c d",
        ),
        (
            json!({"op": "add", "path": "members", "value": {"value": "d"}}),
            "a b c d",
        ),
        (
            json!({"op": "add", "path": "members", "value": [{"value": "a"}]}),
            "a b c",
        ),
        (
            json!({"op": "add", "value": {"members": [{"value": "d"}]}}),
            "a b c d",
        ),
        (
            json!({"op": "replace", "path": "members", "value": [{"value": "d"}, {"value": "d"}]}),
            "d",
        ),
        (json!({"op": "replace", "path": "members", "value": []}), ""),
        (
            json!({"op": "replace", "value": {"displayName": "X"}}),
            "a b c",
        ),
        (
            json!({"op": "replace", "value": {"id": "g1", "members": []}}),
            "",
        ),
        (
            json!({"op": "Remove", "path": "members", "value": [{"value": "b"}]}),
            "a c",
        ),
        (
            json!({"op": "remove", "path": "members", "value": []}),
            "a b c",
        ),
        (
            json!({"op": "remove", "path": "members", "value": [{"value": "z"}]}),
            "a b c",
        ),
        (json!({"op": "remove", "path": "members"}), ""),
        (
            json!({"op": "remove", "path": "members[value eq \"b\"]"}),
            "a c",
        ),
        (
            json!({"op": "remove", "path": "members[value eq \"z\"]"}),
            "a b c",
        ),
        (
            json!({"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"}),
            "c",
        ),
        (
            json!({"op": "add", "path": "owners", "value": [{"value": "d"}]}),
            "a b c",
        ),
    ] {
        assert_eq!(one(&operation), Ok(expected.to_owned()), "{operation}");
    }
}

#[test]
fn a_malformed_removal_removes_nobody() {
    for operation in [
        json!({"op": "remove", "path": "members", "value": null}),
        json!({"op": "remove", "path": "members", "value": "b"}),
        json!({"op": "remove", "path": "members", "value": ["b"]}),
        json!({"op": "remove", "path": "members", "value": [{}]}),
        json!({"op": "remove", "path": "members", "value": {"value": 5}}),
        json!({"op": "remove", "path": "members[value ne \"b\"]"}),
        json!({"op": "remove", "path": "members[display eq \"b\"]"}),
        json!({"op": "remove", "path": "members[value eq \"b\"].value"}),
        json!({"op": "remove", "path": "members.value"}),
        json!({"op": "remove", "value": {"members": [{"value": "b"}]}}),
        json!({"op": "remove"}),
        json!({"op": "replace", "path": "members"}),
        json!({"op": "replace", "path": "members[value eq \"b\"]", "value": {"value": "d"}}),
        json!({"op": "remove", "path": "displayName"}),
        json!({"op": "add", "path": "members", "value": [{"value": "d", "type": "Group"}]}),
    ] {
        assert!(one(&operation).is_err(), "{operation}");
    }
}

#[test]
fn a_replacement_without_members_has_none() {
    let mut draft = draft();
    draft.group.external_id = Some("x".into());
    draft
        .replace(&object(&json!({"displayName": "Ops"})))
        .unwrap();
    assert!(draft.members.is_empty());
    assert_eq!(draft.group.display_name, "Ops");
    assert_eq!(draft.group.external_id.as_deref(), Some("x"));
    for wrong in [
        json!({}),
        json!({"displayName": ""}),
        json!({"displayName": "X", "members": ["a"]}),
    ] {
        assert!(draft.replace(&object(&wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn members_named_by_one_request_have_a_limit() {
    let some = |count: usize| vec![json!({"value": "d"}); count];
    let two = |count: usize| {
        json!([
            {"op": "add", "path": "members", "value": some(MAX_MEMBERS_PER_REQUEST / 2)},
            {"op": "remove", "path": "members", "value": some(count)},
        ])
    };
    assert_eq!(
        members(&two(MAX_MEMBERS_PER_REQUEST / 2)),
        Ok("a b c".into())
    );
    let refused = members(&two(MAX_MEMBERS_PER_REQUEST / 2 + 1));
    assert_eq!(refused, Err(ScimError::Members));
}
